/* docs/settings.md, docs/commands.md and the manual page are what the tables say. */
#include "fixture.h"

static void check_page(const char *what)
{
    _cleanup_ran_ struct ran ran = run_command(&(struct run){ { "reference", what } });
    char path[512];

    snprintf(path, sizeof(path), DOCS_FOLDER "/%s.md", what);
    char *page = file_read(path);
    assert_int_equal(0, ran.code);
    if (strcmp(page, ran.out) != 0)
        fail_msg("docs/%s.md is out of date: doorward reference %s > docs/%s.md", what, what, what);
    free(page);
}

static void test_pages(void **state)
{
    (void)state;
    check_page("settings");
    check_page("commands");
}

/* groff takes a dot or a quote at the beginning of a line, and a backslash anywhere, for its own. */
static void test_manual(void **state)
{
    static const char *const PARTS[] = {
        "\n.SS doorward serve\n", "\n.SS doorward user create NAME\n", "\\fB\\-\\-email\\fR \\fIADDRESS\\fR\n",
        "\n.SS doorward key rotate", "\\fBDOORWARD_LISTEN\\fR\n", "\\fBDOORWARD_SECRET_KEY\\fR\n",
        "Default: as DOORWARD_LISTEN.\n", "\\fBdoorward user set\\-password admin\\fR", NULL,
    };
    _cleanup_ran_ struct ran ran = run_command(&(struct run){ { "reference", "manual" } });

    (void)state;
    assert_int_equal(0, ran.code);
    for (const char *const *part = PARTS; *part != NULL; part++)
        if (strstr(ran.out, *part) == NULL)
            fail_msg("no \"%s\"", *part);
    assert_null(strstr(ran.out, "doorward vectors"));
    assert_null(strchr(ran.out, '`'));
}

/* The end-to-end tests go through these. */
static void test_routes(void **state)
{
    _cleanup_ran_ struct ran ran = run_command(&(struct run){ { "reference", "routes" } });

    (void)state;
    assert_int_equal(0, ran.code);
    assert_non_null(strstr(ran.out, "{\"method\":\"GET\",\"path\":\"/healthz\",\"needs\":[]}\n"));
    assert_non_null(strstr(ran.out, "{\"method\":\"GET\",\"path\":\"/audit\",\"needs\":[\"permission read:audit\","
                                    "\"current principal\"]}\n"));
}

static void test_usage(void **state)
{
    _cleanup_ran_ struct ran ran = run_command(&(struct run){ { "reference", "poems" } });

    (void)state;
    assert_int_equal(2, ran.code);
    assert_string_equal("", ran.out);
}

CHECK_MAIN(cmocka_unit_test(test_pages), cmocka_unit_test(test_manual), cmocka_unit_test(test_routes),
           cmocka_unit_test(test_usage))
