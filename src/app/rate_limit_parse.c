#include <doorward/rate_limit.h>

#include "base/cleanup.h"

struct unit {
    const char *name;
    int64_t seconds;
};

static const struct unit UNITS[] = {
    { "second", 1 },        { "minute", 60 },           { "hour", 3600 },
    { "day", 24 * 3600 },   { "month", 30 * 24 * 3600 }, { "year", 12 * 30 * 24 * 3600 },
};

static void skip_blanks(struct dw_str *rest)
{
    while (rest->len > 0 && (rest->ptr[0] == ' ' || (rest->ptr[0] >= '\t' && rest->ptr[0] <= '\r')))
        *rest = dw_str_n(rest->ptr + 1, rest->len - 1);
}

static bool take_number(struct dw_str *rest, uint32_t *ret_number)
{
    enum { DIGITS_MAX = 9 };
    uint32_t number = 0;
    size_t n = 0;

    for (; n < rest->len && rest->ptr[n] >= '0' && rest->ptr[n] <= '9'; n++) {
        if (n == DIGITS_MAX)
            return false;
        number = number * 10 + (uint32_t)(rest->ptr[n] - '0');
    }
    if (n == 0)
        return false;
    *rest = dw_str_n(rest->ptr + n, rest->len - n);
    *ret_number = number;
    return true;
}

static bool take_word(struct dw_str *rest, struct dw_str word)
{
    if (rest->len < word.len || !dw_str_eq_nocase(dw_str_n(rest->ptr, word.len), word))
        return false;
    *rest = dw_str_n(rest->ptr + word.len, rest->len - word.len);
    return true;
}

static const struct unit *take_unit(struct dw_str *rest)
{
    for (size_t i = 0; i < ARRAY_SIZE(UNITS); i++)
        if (take_word(rest, dw_str(UNITS[i].name))) {
            (void)take_word(rest, DW_STR("s")); /* the plural may be written or not */
            return &UNITS[i];
        }
    return NULL;
}

static bool take_rate(struct dw_str *rest, struct dw_rate *ret_rate)
{
    struct dw_rate rate = { .multiples = 1 };

    skip_blanks(rest);
    if (!take_number(rest, &rate.amount))
        return false;
    skip_blanks(rest);
    if (!take_word(rest, DW_STR("/")) && !take_word(rest, DW_STR("per")))
        return false;
    skip_blanks(rest);
    if (rest->len > 0 && rest->ptr[0] >= '0' && rest->ptr[0] <= '9' && !take_number(rest, &rate.multiples))
        return false;
    rate.multiples = MAX_OF(rate.multiples, 1u);
    skip_blanks(rest);
    const struct unit *unit = take_unit(rest);
    skip_blanks(rest);
    if (unit == NULL)
        return false;
    rate.unit = unit->name;
    rate.seconds = rate.multiples * unit->seconds;
    *ret_rate = rate;
    return true;
}

enum dw_err dw_rates_parse(struct dw_str text, struct dw_rate ret_rates[DW_RATES_MAX], size_t *ret_n)
{
    struct dw_rate rates[DW_RATES_MAX];
    struct dw_str rest = text;
    size_t n = 0;

    if (ret_rates == NULL || ret_n == NULL)
        return DW_ERR_ARGUMENT;
    for (;;) {
        if (n == DW_RATES_MAX)
            return DW_ERR_LIMIT;
        if (!take_rate(&rest, &rates[n++]))
            return DW_ERR_VALIDATION;
        if (rest.len == 0)
            break;
        if (strchr(",;|", rest.ptr[0]) == NULL || rest.ptr[0] == '\0')
            return DW_ERR_VALIDATION;
        rest = dw_str_n(rest.ptr + 1, rest.len - 1);
    }
    memcpy(ret_rates, rates, n * sizeof(*rates));
    *ret_n = n;
    return DW_OK;
}
