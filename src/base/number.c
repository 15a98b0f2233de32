#include "base/encoding.h"

#include <locale.h>
#include <threads.h>

/*
 * strtod() and printf() write and read the decimal point of the program's locale: after setlocale(LC_ALL, "") in a
 * German shell an answer would hold 0,5, which is no JSON, and 0.5 could not be read. So both are done in "C".
 */
static locale_t c_locale;
static once_flag c_locale_made = ONCE_FLAG_INIT;

static void c_locale_make(void)
{
    c_locale = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
}

/* Of this thread, until number_locale_leave(). Without memory for it the thread's own stays. */
static locale_t number_locale_enter(void)
{
    call_once(&c_locale_made, c_locale_make);
    return c_locale == (locale_t)0 ? (locale_t)0 : uselocale(c_locale);
}

static void number_locale_leave(locale_t before)
{
    if (before != (locale_t)0)
        uselocale(before);
}

size_t number_format(double value, char ret_text[NUMBER_TEXT_SIZE])
{
    enum { DIGITS_SHORT = 15, DIGITS_ALL = 17 };
    const locale_t before = number_locale_enter();
    int length = 0;

    for (int digits = DIGITS_SHORT; digits <= DIGITS_ALL; digits++) {
        length = snprintf(ret_text, NUMBER_TEXT_SIZE, "%.*g", digits, value);
        if (strtod(ret_text, NULL) == value)
            break;
    }
    number_locale_leave(before);
    return (size_t)length;
}

enum dw_err number_parse(struct dw_str text, double *ret_value)
{
    enum { NUMBER_MAX = 63 };
    char copy[NUMBER_MAX + 1], *end = copy;

    if (text.len == 0 || text.len > NUMBER_MAX)
        return DW_ERR_ENCODING;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    /* strtod() alone would also take hexadecimal, "inf" and blanks. */
    if (strspn(copy, "+-.0123456789eE") != text.len)
        return DW_ERR_ENCODING;
    const locale_t before = number_locale_enter();
    const double value = strtod(copy, &end);
    number_locale_leave(before);
    if (end != copy + text.len)
        return DW_ERR_ENCODING;
    *ret_value = value;
    return DW_OK;
}
