#include "fixture.h"

/* A table of its own: what the parser hands on is what the command echoes. */
static enum dw_err echo(struct cli *cli)
{
    int64_t number;

    TRY(cli_option_int(cli, "--number", 0, 10, -1, &number));
    for (size_t i = 0; cli->command->options[i].name != NULL; i++)
        fprintf(cli->out, "%s=%s;", cli->command->options[i].name, cli->values[i] == NULL ? "-" : cli->values[i]);
    fprintf(cli->out, "%s;%s;%d", cli_argument(cli, 0), cli_argument(cli, 1) == NULL ? "-" : cli_argument(cli, 1),
            (int)number);
    return DW_OK;
}

static enum dw_err refuse(struct cli *cli)
{
    return cli_refuse(cli, DW_ERR_CONFLICT, "not \"%s\"\x1b[1m", cli_argument(cli, 0));
}

static enum dw_err fail_silently(struct cli *cli)
{
    (void)cli;
    return DW_ERR_USER_TAKEN;
}

static const struct option ECHO_OPTIONS[] = {
    { "--name", "TEXT", "a name", .is_required = true },
    { "--number", "N", "a number" },
    { "--flag", NULL, "a switch" },
    { NULL },
};

static const struct command TABLE[] = {
    { "say echo", echo, { "FIRST", "[SECOND]" }, ECHO_OPTIONS, .summary = "Echo what was given" },
    { "say no", refuse, { "WHAT" }, .summary = "Refuse" },
    { "fail", fail_silently, .summary = "Fail" },
    { "secret", fail_silently, .is_hidden = true, .summary = "Hidden" },
    { NULL },
};

struct row {
    const char *words[RUN_WORDS_MAX];
    int code;
    const char *out, *err; /* parts; NULL: the stream stays empty */
};

static const struct row ROWS[] = {
    { { "say", "echo", "--name", "x", "a" }, 0, "--name=x;--number=-;--flag=-;a;-;-1" },
    { { "say", "echo", "a", "b", "--name=x=y", "--flag", "--number", "7" }, 0, "--name=x=y;--number=7;--flag=;a;b;7" },
    { { "--json", "say", "--json", "echo", "--name", "--flag", "a" }, 0, "--name=--flag;--number=-;--flag=-;a;-" },
    { { "say", "echo", "--name", "x", "--", "--flag", "-" }, 0, ";--flag;-;" },
    { { "say", "echo", "--name", "x", "-43PDjbVAy" }, 0, ";-43PDjbVAy;-;" },
    { { "say", "echo", "--name", "", "" }, 0, "--name=;" },
    { { "say", "echo", "a" }, 2, NULL, "doorward: --name TEXT is missing\nusage: doorward say echo FIRST [SECOND]" },
    { { "say", "echo", "--name", "x" }, 2, NULL, "doorward: FIRST is missing" },
    { { "say", "echo", "--name", "x", "a", "b", "c" }, 2, NULL, "\"c\" is one argument too many" },
    { { "say", "echo", "a", "--name" }, 2, NULL, "--name needs a value: --name TEXT" },
    { { "say", "echo", "a", "--name", "x", "--name", "y" }, 2, NULL, "--name is given twice" },
    { { "say", "echo", "a", "--name", "x", "--flag=1" }, 2, NULL, "--flag takes no value" },
    { { "say", "echo", "a", "--name", "x", "--colour" }, 2, NULL, "no option \"--colour\"" },
    { { "say", "echo", "a", "--name", "x", "-x" }, 2, NULL, "no option \"-x\"" },
    { { "say", "echo", "a", "--name", "x", "--number", "11" }, 2, NULL, "--number needs a whole number from 0 to 10" },
    { { "say", "echo", "a", "--name", "x", "--number", "1x" }, 2, NULL, "--number needs a whole number" },
    { { "say", "echo", "a", "--name", "x", "--number", "" }, 2, NULL, "--number needs a whole number" },
    { { "say", "echo", "a", "--name", "x", "--number", " 1" }, 2, NULL, "--number needs a whole number" },
    { { "say", "echo", "a", "--name", "x", "--number", "99999999999999999999" }, 2, NULL, "--number needs" },
    { { "say", "no", "it" }, 1, NULL, "doorward: not \"it\"?[1m\n" },
    { { "say", "no", "it", "--json" }, 1, NULL, "{\"error\":\"conflict\",\"detail\":\"not \\\"it\\\"?[1m\"}\n" },
    { { "fail" }, 1, NULL, "doorward: Username or email already registered\n" },
    { { "fail", "--json" }, 1, NULL, "{\"error\":\"user_taken\",\"detail\":\"Username or email" },
    { { "fail", "x", "--json" }, 2, NULL, "{\"error\":\"usage\",\"detail\":\"\\\"x\\\" is one argument too many\"}\n" },
    { { "secret" }, 1, NULL, "already registered" },
    { { "--help" }, 0, "say echo FIRST [SECOND]" },
    { { "-h" }, 0, "Exit codes: 0 done, 1 refused, 2 wrong usage" },
    { { "help" }, 0, "say echo FIRST [SECOND]" },
    { { "help", "say", "echo" }, 0, "usage: doorward say echo FIRST [SECOND] --name TEXT [options]" },
    { { "say", "echo", "--help" }, 0, "  --number N " },
    { { "say", "--help", "echo" }, 0, "  --json " },
    { { "say", "--help" }, 0, "usage: doorward say COMMAND" },
    { { "say" }, 2, NULL, "doorward: \"say\" needs one more word" },
    { { NULL }, 2, NULL, "doorward: a command is needed" },
    { { "--json" }, 2, NULL, "{\"error\":\"usage\",\"detail\":\"a command is needed\"}" },
    { { "--frob" }, 2, NULL, "no option \"--frob\" without a command" },
    { { "sya", "echo" }, 2, NULL, "no command \"sya echo\"; did you mean \"say echo\"?" },
    { { "say", "ecko", "x" }, 2, NULL, "did you mean \"say echo\"?" },
    { { "fial" }, 2, NULL, "did you mean \"fail\"?" },
    { { "fial", "--help" }, 2, NULL, "did you mean \"fail\"?" },
    { { "something", "else" }, 2, NULL, "no command \"something else\"; doorward --help lists them" },
    { { "\x1b]0;x\x07" }, 2, NULL, "no command \"?]0;x?\"" },
    { { "--version" }, 0, "doorward " DOORWARD_VERSION "\n" },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct run run = { 0 };
        char label[160] = "doorward";

        memcpy(run.words, ROWS[i].words, sizeof(run.words));
        for (size_t w = 0; run.words[w] != NULL; w++)
            snprintf(label + strlen(label), sizeof(label) - strlen(label), " %s", run.words[w]);
        _cleanup_ran_ struct ran ran = run_table(&run, TABLE);
        if (ran.code != ROWS[i].code)
            fail_msg("%s: code %d, %s", label, ran.code, ran.err);
        check_contains(ran.out, ROWS[i].out == NULL ? "" : ROWS[i].out, label);
        check_contains(ran.err, ROWS[i].err == NULL ? "" : ROWS[i].err, label);
        if ((ROWS[i].out == NULL && *ran.out != '\0') || (ROWS[i].err == NULL && *ran.err != '\0'))
            fail_msg("%s: unexpected output: %s%s", label, ran.out, ran.err);
    }
}

static void test_hidden_is_not_listed(void **state)
{
    _cleanup_ran_ struct ran ran = run_table(&(struct run){ { "--help" } }, TABLE);

    (void)state;
    assert_null(strstr(ran.out, "secret"));
}

/* The program's own table: whole rows, in groups, and each has its help. */
static void test_own_table(void **state)
{
    (void)state;
    for (const struct command *c = COMMANDS; c->words != NULL; c++) {
        struct run run = { { "help" } };
        char words[64], usage[96];
        char *blank;

        snprintf(words, sizeof(words), "%s", c->words);
        blank = strchr(words, ' ');
        run.words[1] = words;
        run.words[2] = blank == NULL ? NULL : blank + 1;
        if (blank != NULL)
            *blank = '\0';
        assert_true(c->run != NULL && c->summary != NULL && c->summary[strlen(c->summary) - 1] != '.');
        _cleanup_ran_ struct ran ran = run_command(&run);
        assert_int_equal(0, ran.code);
        snprintf(usage, sizeof(usage), "usage: doorward %s", c->words);
        check_contains(ran.out, usage, c->words);
        for (size_t i = 0; c->options != NULL && c->options[i].name != NULL; i++) {
            assert_true(i < OPTIONS_MAX && strncmp(c->options[i].name, "--", 2) == 0 && c->options[i].meaning != NULL);
            check_contains(ran.out, c->options[i].name, c->words);
        }
    }
}

CHECK_MAIN(cmocka_unit_test(test_rows), cmocka_unit_test(test_hidden_is_not_listed), cmocka_unit_test(test_own_table))
