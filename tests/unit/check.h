/*
 * What every unit test needs: cmocka, and checks on our own types that name both sides when they differ.
 */
#ifndef UNIT_CHECK_H
#define UNIT_CHECK_H

#include <doorward/base.h>

/* cmocka's header wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Shows the error codes by name. `label` says which row of a table it was. */
static inline void check_err(enum dw_err expected, enum dw_err actual, const char *label)
{
    if (expected != actual)
        fail_msg("%s: expected %s, got %s", label == NULL ? "" : label, dw_error_info(expected)->code,
                 dw_error_info(actual)->code);
}

static inline void check_str(struct dw_str expected, struct dw_str actual, const char *label)
{
    if (!dw_str_eq(expected, actual))
        fail_msg("%s: expected \"%.*s\" (%zu), got \"%.*s\" (%zu)", label == NULL ? "" : label, (int)expected.len,
                 expected.ptr == NULL ? "" : expected.ptr, expected.len, (int)actual.len,
                 actual.ptr == NULL ? "" : actual.ptr, actual.len);
}

#define CHECK_OK(expression) check_err(DW_OK, (expression), #expression)
#define CHECK_ERR(expected, expression) check_err((expected), (expression), #expression)

/* main() of a test file: CHECK_MAIN(cmocka_unit_test(a), cmocka_unit_test(b)) */
#define CHECK_MAIN(...)                                                                                                \
    int main(void)                                                                                                     \
    {                                                                                                                  \
        const struct CMUnitTest tests[] = { __VA_ARGS__ };                                                             \
        return cmocka_run_group_tests(tests, NULL, NULL);                                                              \
    }

#endif
