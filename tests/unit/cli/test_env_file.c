#include "fixture.h"

#include "cli/env_file.h"

/* A file: the value of X in it (NULL: not there), or what its refusal must say. */
struct row {
    const char *text, *value, *problem;
};

static const struct row ROWS[] = {
    { "", NULL },
    { "\n\n  \n# X=1\n   # X=2\n", NULL },
    { "X=1", "1" },
    { "X=1\n", "1" },
    { "X=1\r\n", "1" },
    { "\xef\xbb\xbfX=1\n", "1" },
    { "Y=2\nX=1\nZ=3\n", "1" },
    { "  X=1   \n", "1" },
    { "X=\n", "" },
    { "X=  \n", "" },
    { "X= # nothing\n", "" },
    { "export X=1\n", "1" },
    { "export\tX=1\n", "1" },
    { "X=a#b\n", "a#b" },
    { "X=a #b\n", "a" },
    { "X=sqlite:a.db?x=y&z\n", "sqlite:a.db?x=y&z" },
    { "X='a b # \"c\" $d \\n'\n", "a b # \"c\" $d \\n" },
    { "X='' # empty\n", "" },
    { "X=\"a b\"\n", "a b" },
    { "X=\"a\\n\\t\\r\\\\\\\"\\$\\`b\"  # c\n", "a\n\t\r\\\"$`b" },
    { "X=\"gr\xc3\xbc\xc3\x9f\"\n", "gr\xc3\xbc\xc3\x9f" },
    { "lower_9=1\nX=1\n", "1" },
    { "X\n", .problem = "line 1: a name of letters" },
    { "A=1\n\nX 1\n", .problem = "line 3: no blanks before =" },
    { "X =1\n", .problem = "line 1: no blanks before =" },
    { "X= 1\n", .problem = "line 1: no blanks after =" },
    { "=1\n", .problem = "line 1: a name is needed" },
    { "9X=1\n", .problem = "line 1: a name is needed" },
    { "X-Y=1\n", .problem = "line 1: a name of letters" },
    { "export\n", .problem = "line 1: a name of letters" },
    { "X='a\n'\n", .problem = "line 1: the closing ' is missing" },
    { "X=\"a\n", .problem = "line 1: the closing \" is missing" },
    { "X=\"a\\\n", .problem = "line 1: only \\n" },
    { "X=\"a\\q\"\n", .problem = "line 1: only \\n" },
    { "X=\"$HOME\"\n", .problem = "line 1: nothing is expanded" },
    { "X=\"`id`\"\n", .problem = "line 1: nothing is expanded" },
    { "X=$HOME\n", .problem = "line 1: quotes, backslashes" },
    { "X=a'b'\n", .problem = "line 1: quotes, backslashes" },
    { "X=a b\n", .problem = "line 1: something stands after" },
    { "X='a'b\n", .problem = "line 1: something stands after" },
    { "X='a'#b\n", .problem = "line 1: something stands after" },
    { "X=1\nX=1\n", .problem = "line 2: this name stands further up" },
    { "X=\xff\n", .problem = "line 1: this is not text" },
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_arena_ struct dw_arena *arena = NULL;
        const struct row *row = &ROWS[i];
        char problem[ENV_PROBLEM_SIZE] = "";
        struct env_file file;

        CHECK_OK(dw_arena_new(1 << 20, &arena));
        const enum dw_err err = env_file_parse(dw_str(row->text), arena, &file, problem);
        check_err(row->problem == NULL ? DW_OK : DW_ERR_SETTING, err, row->text);
        if (row->problem != NULL) {
            check_contains(problem, row->problem, row->text);
            continue;
        }
        const struct env_entry *entry = env_file_find(&file, DW_STR("X"));
        assert_true((entry == NULL) == (row->value == NULL));
        if (entry != NULL)
            check_str(dw_str(row->value), entry->value, row->text);
    }
}

static void test_nul_is_refused(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    char problem[ENV_PROBLEM_SIZE] = "";
    struct env_file file;

    (void)state;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_ERR(DW_ERR_SETTING, env_file_parse(DW_STR("A=1\nX=a\0b\n"), arena, &file, problem));
    check_contains(problem, "line 2: this is not text", "NUL");
}

static void test_too_many_names_are_refused(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    char problem[ENV_PROBLEM_SIZE] = "", *text = calloc(ENV_FILE_MAX_LINES + 2, 16);
    struct env_file file;
    size_t length = 0;

    (void)state;
    assert_non_null(text);
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    for (int i = 0; i <= ENV_FILE_MAX_LINES; i++)
        length += (size_t)snprintf(text + length, 16, "N%d=1\n", i);
    CHECK_ERR(DW_ERR_SETTING, env_file_parse(dw_str(text), arena, &file, problem));
    check_contains(problem, "more than 512 names", "limit");
    free(text);
}

CHECK_MAIN(cmocka_unit_test(test_rows), cmocka_unit_test(test_nul_is_refused),
           cmocka_unit_test(test_too_many_names_are_refused))
