/* Parsing of the command line and the way of one command: parse, open what it needs, run, tell. */
#include "cli/command.h"

#include "base/json.h"
#include "cli/help.h"
#include "cli/nearest.h"
#include "cli/open.h"
#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>

enum { CLI_ARENA_BYTES = 64 * 1024 * 1024, SAID_MAX_BYTES = 256 * 1024 };

/* The command line under the cursor. */
struct parser {
    struct cli *cli;
    const struct command *commands;
    char *const *argv;
    int argc, at;
    bool is_help, is_only_arguments;
    size_t n_arguments;
};

const char *cli_option(const struct cli *cli, const char *name)
{
    for (size_t i = 0; cli->command->options != NULL && cli->command->options[i].name != NULL; i++) {
        if (strcmp(cli->command->options[i].name, name) == 0)
            return cli->values[i];
    }
    return NULL;
}

struct dw_str cli_option_str(const struct cli *cli, const char *name)
{
    return dw_str(cli_option(cli, name));
}

enum dw_err cli_option_int(struct cli *cli, const char *name, int64_t min, int64_t max, int64_t fallback,
                           int64_t *ret_number)
{
    const char *text = cli_option(cli, name);
    char *end = NULL;

    if (text == NULL) {
        *ret_number = fallback;
        return DW_OK;
    }
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (errno != 0 || *text == '\0' || strchr("0123456789-", *text) == NULL || *end != '\0' || number < min ||
        number > max)
        return cli_misuse(cli, "%s needs a whole number from %lld to %lld", name, (long long)min, (long long)max);
    *ret_number = number;
    return DW_OK;
}

const char *cli_argument(const struct cli *cli, size_t i)
{
    return i < ARGUMENTS_MAX ? cli->arguments[i] : NULL;
}

/* --- what is told ----------------------------------------------------------------------------------------------- */

/* Foreign bytes must not steer a terminal. */
static struct dw_str DW_PRINTF(2, 0) printable(struct cli *cli, const char *format, va_list arguments)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(SAID_MAX_BYTES);
    char *text = NULL;

    if (vasprintf(&text, format, arguments) < 0)
        return dw_str_n(NULL, 0);
    output_printable(&b, dw_str(text), true);
    free(text);
    return dw_arena_copy(cli->arena, buffer_str(&b));
}

enum dw_err cli_refuse(struct cli *cli, enum dw_err err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    cli->problem = printable(cli, format, arguments);
    va_end(arguments);
    return err;
}

enum dw_err cli_misuse(struct cli *cli, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    cli->problem = printable(cli, format, arguments);
    va_end(arguments);
    cli->is_misused = true;
    return DW_ERR_ARGUMENT;
}

void cli_warn(struct cli *cli, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    const struct dw_str text = printable(cli, format, arguments);
    va_end(arguments);
    fprintf(cli->err, "doorward: warning: %.*s\n", (int)text.len, text.ptr);
}

/* What to say when the command itself said nothing: the table's message is for callers of the HTTP face, and says
 * nothing of our own failures. */
static struct dw_str words_of(enum dw_err err)
{
    static const struct {
        enum dw_err err;
        struct dw_str words;
    } ROWS[] = {
        { DW_ERR_NO_MEMORY, DW_STR_INIT("out of memory") },
        { DW_ERR_DATABASE, DW_STR_INIT("the database can't be used; the line above says why") },
        { DW_ERR_UNAVAILABLE, DW_STR_INIT("the database can't be used now; the line above says why") },
        { DW_ERR_BUSY, DW_STR_INIT("the database is too busy; try again") },
        { DW_ERR_CRYPTO, DW_STR_INIT("a cryptographic operation failed") },
        { DW_ERR_LIMIT, DW_STR_INIT("the input is too large") },
        { DW_ERR_UNSUPPORTED, DW_STR_INIT("this is not supported") },
        { DW_ERR_VALIDATION, DW_STR_INIT("a value is malformed") },
        { DW_ERR_IO, DW_STR_INIT("a file could not be read or written") },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        if (ROWS[i].err == err)
            return ROWS[i].words;
    }
    return dw_str(dw_error_info(err)->message);
}

/* Several lines of a problem (settings) become as many lines for a person, and one member for a machine. */
static void tell(struct cli *cli, enum dw_err err)
{
    struct dw_str detail = dw_str_is_absent(cli->problem) ? words_of(err) : cli->problem;
    _cleanup_buffer_ struct buffer json = BUFFER_INIT(1024 * 1024);

    while (detail.len > 0 && detail.ptr[detail.len - 1] == '\n')
        detail.len--;
    if (cli->json) {
        buffer_append_char(&json, '{');
        json_write_member_str(&json, "error", dw_str(cli->is_misused ? "usage" : dw_error_info(err)->code));
        json_write_member_str(&json, "detail", detail);
        fprintf(cli->err, "%.*s}\n", (int)json.len, json.ptr);
        return;
    }
    while (detail.len > 0) {
        const char *end = memchr(detail.ptr, '\n', detail.len);
        const size_t n = end == NULL ? detail.len : (size_t)(end - detail.ptr);

        fprintf(cli->err, "doorward: %.*s\n", (int)n, detail.ptr);
        detail = dw_str_n(detail.ptr + n + (end != NULL), detail.len - n - (end != NULL));
    }
    if (cli->is_misused && cli->command != NULL) {
        fputs("usage: ", cli->err);
        help_write_usage(cli->err, cli->command);
    }
}

/* --- parsing ---------------------------------------------------------------------------------------------------- */

/* --json and --help, wherever they stand. */
static bool take_global(struct parser *p, const char *word)
{
    if (strcmp(word, "--json") == 0)
        p->cli->json = true;
    else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        p->is_help = true;
    else
        return false;
    return true;
}

static bool has_words(const struct command *command, const char *first, const char *second)
{
    const size_t length = strlen(first);

    if (strncmp(command->words, first, length) != 0)
        return false;
    if (command->words[length] == '\0')
        return true;
    return command->words[length] == ' ' && second != NULL && strcmp(command->words + length + 1, second) == 0;
}

static enum dw_err unknown_command(struct parser *p, const char *first, const char *second)
{
    const struct command *nearest = p->commands;
    unsigned distance = UINT32_MAX;
    char words[96];

    snprintf(words, sizeof(words), "%.60s%s%.30s", first, second == NULL ? "" : " ", second == NULL ? "" : second);
    for (const struct command *c = p->commands; c->words != NULL; c++) {
        const struct dw_str typed = dw_str(strchr(c->words, ' ') == NULL ? first : words);
        const unsigned d = dw_str_is_absent(typed) ? distance : nearest_distance(typed, dw_str(c->words));

        nearest = d < distance && !c->is_hidden ? c : nearest;
        distance = d < distance && !c->is_hidden ? d : distance;
    }
    if (nearest_is_likely(distance, dw_str(words)))
        return cli_misuse(p->cli, "no command \"%s\"; did you mean \"%s\"?", words, nearest->words);
    return cli_misuse(p->cli, "no command \"%s\"; doorward --help lists them", words);
}

/* One or two words, with --json and --help in between; the cursor then stands behind them. */
static enum dw_err find_command(struct parser *p)
{
    const char *words[2] = { NULL, NULL };
    int ends[2] = { 0, 0 };

    for (int i = p->at, n = 0; i < p->argc && n < 2; i++) {
        if (take_global(p, p->argv[i]))
            continue;
        if (p->argv[i][0] == '-')
            break;
        words[n] = p->argv[i];
        ends[n++] = i + 1;
    }
    if (words[0] == NULL)
        return p->at < p->argc && p->argv[p->argc - 1][0] == '-' && !p->is_help && !p->cli->json
                   ? cli_misuse(p->cli, "no option \"%s\" without a command", p->argv[p->argc - 1])
                   : DW_OK;
    for (const struct command *c = p->commands; c->words != NULL; c++) {
        if (!has_words(c, words[0], words[1]))
            continue;
        p->cli->command = c;
        p->at = ends[strchr(c->words, ' ') != NULL];
        return DW_OK;
    }
    return DW_OK;
}

static enum dw_err take_option(struct parser *p)
{
    const char *word = p->argv[p->at];
    const char *equals = strchr(word, '=');
    const struct dw_str name = equals == NULL ? dw_str(word) : dw_str_n(word, (size_t)(equals - word));
    const struct option *options = p->cli->command->options;

    for (size_t i = 0; options != NULL && options[i].name != NULL; i++) {
        if (!dw_str_eq(name, dw_str(options[i].name)))
            continue;
        if (p->cli->values[i] != NULL)
            return cli_misuse(p->cli, "%s is given twice", options[i].name);
        if (options[i].argument == NULL && equals != NULL)
            return cli_misuse(p->cli, "%s takes no value", options[i].name);
        if (options[i].argument != NULL && equals == NULL && p->at + 1 == p->argc)
            return cli_misuse(p->cli, "%s needs a value: %s %s", options[i].name, options[i].name,
                              options[i].argument);
        p->cli->values[i] = options[i].argument == NULL ? "" : equals != NULL ? equals + 1 : p->argv[++p->at];
        return DW_OK;
    }
    return cli_misuse(p->cli, "no option \"%.*s\"", (int)MIN_OF(name.len, 60), name.ptr);
}

static enum dw_err take_argument(struct parser *p)
{
    if (p->n_arguments == ARGUMENTS_MAX || p->cli->command->arguments[p->n_arguments] == NULL)
        return cli_misuse(p->cli, "\"%.60s\" is one argument too many", p->argv[p->at]);
    p->cli->arguments[p->n_arguments++] = p->argv[p->at];
    return DW_OK;
}

static enum dw_err check_complete(struct parser *p)
{
    const struct command *c = p->cli->command;
    const char *missing = c->arguments[p->n_arguments];

    if (missing != NULL && missing[0] != '[')
        return cli_misuse(p->cli, "%s is missing", missing);
    for (size_t i = 0; c->options != NULL && c->options[i].name != NULL; i++) {
        if (c->options[i].is_required && p->cli->values[i] == NULL)
            return cli_misuse(p->cli, "%s %s is missing", c->options[i].name, c->options[i].argument);
    }
    return DW_OK;
}

/* A usage error is told in JSON also when --json stands behind it. */
static void look_for_json(struct parser *p)
{
    for (int i = p->at; i < p->argc && !p->is_only_arguments && strcmp(p->argv[i], "--") != 0; i++)
        p->cli->json |= strcmp(p->argv[i], "--json") == 0;
}

/* All options have two dashes. One dash and a long word, where an argument is expected, is that argument: key ids are
 * base64url and may begin so. */
static bool is_option(const struct parser *p, const char *word)
{
    const bool wants_argument = p->n_arguments < ARGUMENTS_MAX && p->cli->command->arguments[p->n_arguments] != NULL;

    if (p->is_only_arguments || word[0] != '-' || word[1] == '\0')
        return false;
    return word[1] == '-' || word[2] == '\0' || !wants_argument;
}

static enum dw_err take_words(struct parser *p)
{
    for (; p->at < p->argc; p->at++) {
        const char *word = p->argv[p->at];

        if (!p->is_only_arguments && strcmp(word, "--") == 0)
            p->is_only_arguments = true;
        else if (!p->is_only_arguments && take_global(p, word))
            continue;
        else if (is_option(p, word))
            TRY(take_option(p));
        else
            TRY(take_argument(p));
    }
    return p->is_help ? DW_OK : check_complete(p);
}

/* --- the way of one command -------------------------------------------------------------------------------------- */

/* Without a command: help that was asked for, or what is missing. */
static enum dw_err answer_without_command(struct parser *p)
{
    const char *first = NULL, *second = NULL;

    for (int i = p->at; i < p->argc; i++) {
        if (p->argv[i][0] == '-')
            continue;
        second = first != NULL && second == NULL ? p->argv[i] : second;
        first = first == NULL ? p->argv[i] : first;
    }
    if (p->is_help && first == NULL) {
        help_write_main(p->cli->out, p->commands);
        return DW_OK;
    }
    if (first == NULL) {
        help_write_main(p->cli->err, p->commands);
        return cli_misuse(p->cli, "a command is needed");
    }
    if (second == NULL && help_write_group(p->is_help ? p->cli->out : p->cli->err, p->commands, first))
        return p->is_help ? DW_OK : cli_misuse(p->cli, "\"%.60s\" needs one more word", first);
    return unknown_command(p, first, second);
}

/* An answer that nobody got was not given, whatever else went well. A reason of the command's own is told first. */
static enum dw_err flush_answer(struct cli *cli, enum dw_err err)
{
    if (err != DW_OK && (err != DW_ERR_IO || !dw_str_is_absent(cli->problem)))
        return err;
    const bool was_lost = ferror(cli->out) != 0;

    if (fflush(cli->out) == 0 && !was_lost)
        return err;
    return cli_refuse(cli, DW_ERR_IO, "the answer could not be written: %s", strerror(errno));
}

static enum dw_err parse_and_run(struct parser *p)
{
    struct cli *cli = p->cli;

    if (p->argc > 1 && strcmp(p->argv[1], "help") == 0) {
        p->is_help = true;
        p->at = 2;
    }
    TRY(find_command(p));
    if (cli->command == NULL)
        return answer_without_command(p);
    const enum dw_err err = take_words(p);
    if (err != DW_OK)
        look_for_json(p);
    TRY(err);
    if (p->is_help) {
        help_write_command(cli->out, cli->command);
        return DW_OK;
    }
    TRY(open_needs(cli));
    return flush_answer(cli, cli->command->run(cli));
}

int cli_run(struct cli *cli, const struct command *commands, int argc, char *const *argv)
{
    struct parser parser = { .cli = cli, .commands = commands, .argv = argv, .argc = argc, .at = 1 };
    enum dw_err err = dw_arena_new(CLI_ARENA_BYTES, &cli->arena);

    if (err == DW_OK && argc >= 2 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)) {
        fputs("doorward " DOORWARD_VERSION "\n", cli->out);
    } else if (err == DW_OK) {
        err = parse_and_run(&parser);
    }
    open_close(cli);
    if (err != DW_OK)
        tell(cli, err);
    dw_arena_free(&cli->arena);
    return err == DW_OK ? EXIT_DONE : cli->is_misused ? EXIT_USAGE : EXIT_REFUSED;
}
