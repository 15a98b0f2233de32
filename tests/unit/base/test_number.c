/* Numbers as text, in whatever language the program speaks. */
#include "../check.h"

#include "base/encoding.h"

#include <locale.h>

static const struct {
    double value;
    const char *text;
} NUMBERS[] = {
    { 0, "0" },       { -0.0, "-0" },       { 1, "1" },
    { -0.5, "-0.5" }, { 0.1, "0.1" },       { 0.1 + 0.2, "0.30000000000000004" },
    { 1e300, "1e+300" }, { 5e-324, "4.94065645841247e-324" }, { 1.7976931348623157e308, "1.7976931348623157e+308" },
};

static void check_both_ways(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(NUMBERS); i++) {
        char text[NUMBER_TEXT_SIZE];
        double value = 7;

        check_str(dw_str(NUMBERS[i].text), dw_str_n(text, number_format(NUMBERS[i].value, text)), NUMBERS[i].text);
        CHECK_OK(number_parse(dw_str(NUMBERS[i].text), &value));
        assert_true(value == NUMBERS[i].value);
    }
}

static void a_number_comes_back_as_it_was(void **state)
{
    check_both_ways();
}

static void what_is_no_number_is_refused(void **state)
{
    static const struct dw_str REFUSED[] = {
        DW_STR_INIT(""),     DW_STR_INIT(" 1"),  DW_STR_INIT("1 "), DW_STR_INIT("0,5"),   DW_STR_INIT("0x10"),
        DW_STR_INIT("inf"),  DW_STR_INIT("nan"), DW_STR_INIT("1e"), DW_STR_INIT("1.2.3"), DW_STR_INIT("--1"),
        DW_STR_INIT("1\0"),  DW_STR_INIT("e"),   DW_STR_INIT("."),  DW_STR_INIT("1_000"), { NULL, 0 },
        DW_STR_INIT("1000000000000000000000000000000000000000000000000000000000000000"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++) {
        double value = 7;

        CHECK_ERR(DW_ERR_ENCODING, number_parse(REFUSED[i], &value));
        assert_true(value == 7);
    }
}

/* A language in which a half is 0,5, made by the C library's own tool; false where that can't be done. */
static bool speak_with_commas(const char *folder)
{
    static const char SOURCE[] = "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n";
    char path[64], command[160];

    snprintf(path, sizeof(path), "%s/source", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(SOURCE, 1, sizeof(SOURCE) - 1, file), sizeof(SOURCE) - 1);
    fclose(file);
    /* It warns of all that the language lacks besides numbers, and says so by its exit status. */
    snprintf(command, sizeof(command), "localedef -c -i %s %s/commas >/dev/null 2>&1; true", path, folder);
    assert_int_equal(system(command), 0);
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_NUMERIC, "commas") != NULL;
}

static void the_language_of_the_program_makes_no_difference(void **state)
{
    char folder[] = "/tmp/doorward-number-XXXXXX", command[96], half[NUMBER_TEXT_SIZE];

    assert_non_null(mkdtemp(folder));
    const bool has_commas = speak_with_commas(folder);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    if (!has_commas)
        skip();
    snprintf(half, sizeof(half), "%g", 0.5);
    assert_string_equal(half, "0,5");
    check_both_ways();
    snprintf(half, sizeof(half), "%g", 0.5);
    assert_string_equal(half, "0,5"); /* it is the program's again */
    setlocale(LC_NUMERIC, "C");
}

CHECK_MAIN(cmocka_unit_test(a_number_comes_back_as_it_was), cmocka_unit_test(what_is_no_number_is_refused),
           cmocka_unit_test(the_language_of_the_program_makes_no_difference))
