#include "base/encoding.h"

enum { DAY_S = 86400, RFC3339_LENGTH = 20 };

struct civil {
    int64_t year;
    unsigned month, day;
};

/* Days since 1970-01-01 and the proleptic Gregorian calendar; a year is counted from March, so that February's odd
 * length comes last, and an era has 400 years of 146,097 days. */
static int64_t days_from_civil(struct civil date)
{
    const int64_t year = date.month <= 2 ? date.year - 1 : date.year;
    const int64_t era = (year >= 0 ? year : year - 399) / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static struct civil civil_from_days(int64_t days)
{
    const int64_t shifted = days + 719468;
    const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    const int64_t day_of_era = shifted - era * 146097;
    const int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned shifted_month = (unsigned)(5 * day_of_year + 2) / 153;
    struct civil date = {
        .year = year_of_era + era * 400,
        .month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9,
        .day = (unsigned)day_of_year - (153 * shifted_month + 2) / 5 + 1,
    };
    if (date.month <= 2)
        date.year++;
    return date;
}

static void put_two(char *text, unsigned number)
{
    text[0] = (char)('0' + number / 10);
    text[1] = (char)('0' + number % 10);
}

size_t rfc3339_format(int64_t unix_s, char ret_text[RFC3339_SIZE])
{
    const int64_t days = unix_s / DAY_S - (unix_s % DAY_S < 0 ? 1 : 0);
    const unsigned second_of_day = (unsigned)(unix_s - days * DAY_S);
    const struct civil date = civil_from_days(days);

    if (date.year < 0 || date.year > 9999)
        return (size_t)snprintf(ret_text, RFC3339_SIZE, "%lld-%02u-%02uT%02u:%02u:%02uZ", (long long)date.year,
                                date.month, date.day, second_of_day / 3600, second_of_day / 60 % 60,
                                second_of_day % 60);
    /* Every user on the wire has two of these: the digits by hand cost a tenth of snprintf(). */
    memcpy(ret_text, "yyyy-mm-ddThh:mm:ssZ", RFC3339_LENGTH + 1);
    put_two(&ret_text[0], (unsigned)date.year / 100);
    put_two(&ret_text[2], (unsigned)date.year % 100);
    put_two(&ret_text[5], date.month);
    put_two(&ret_text[8], date.day);
    put_two(&ret_text[11], second_of_day / 3600);
    put_two(&ret_text[14], second_of_day / 60 % 60);
    put_two(&ret_text[17], second_of_day % 60);
    return RFC3339_LENGTH;
}

/* Takes exactly `digits` digits off the front. */
static bool take_number(struct dw_str *text, unsigned digits, unsigned *ret_number)
{
    unsigned number = 0;

    if (text->len < digits)
        return false;
    for (unsigned i = 0; i < digits; i++) {
        const char c = text->ptr[i];
        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (unsigned)(c - '0');
    }
    *text = dw_str_n(text->ptr + digits, text->len - digits);
    *ret_number = number;
    return true;
}

/* Takes one character of `set` off the front. */
static bool take_char(struct dw_str *text, const char *set, char *ret_char)
{
    if (text->len == 0 || text->ptr[0] == '\0' || strchr(set, text->ptr[0]) == NULL)
        return false;
    *ret_char = text->ptr[0];
    *text = dw_str_n(text->ptr + 1, text->len - 1);
    return true;
}

static bool take_date(struct dw_str *text, struct civil *ret_date)
{
    static const unsigned char LENGTHS[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    unsigned year, month, day;
    char dash;

    if (!take_number(text, 4, &year) || !take_char(text, "-", &dash) || !take_number(text, 2, &month) ||
        !take_char(text, "-", &dash) || !take_number(text, 2, &day))
        return false;
    const bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 || day > LENGTHS[month - 1] + (month == 2 && is_leap ? 1u : 0u))
        return false;
    *ret_date = (struct civil){ year, month, day };
    return true;
}

/* No leap second (":60"): Unix time has none, so the two directions would not agree. The fraction is dropped. */
static bool take_time(struct dw_str *text, int64_t *ret_second_of_day)
{
    unsigned hour, minute, second;
    char mark;

    if (!take_number(text, 2, &hour) || !take_char(text, ":", &mark) || !take_number(text, 2, &minute) ||
        !take_char(text, ":", &mark) || !take_number(text, 2, &second) || hour > 23 || minute > 59 || second > 59)
        return false;
    if (take_char(text, ".", &mark)) {
        unsigned digit;
        if (!take_number(text, 1, &digit))
            return false;
        while (take_number(text, 1, &digit))
            continue;
    }
    *ret_second_of_day = (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return true;
}

static bool take_offset(struct dw_str *text, int64_t *ret_offset_s)
{
    unsigned hour = 0, minute = 0;
    char mark;

    if (!take_char(text, "Zz+-", &mark))
        return false;
    if (mark == '+' || mark == '-') {
        char colon;
        if (!take_number(text, 2, &hour) || !take_char(text, ":", &colon) || !take_number(text, 2, &minute) ||
            hour > 23 || minute > 59)
            return false;
    }
    *ret_offset_s = ((int64_t)hour * 3600 + (int64_t)minute * 60) * (mark == '-' ? -1 : 1);
    return true;
}

enum dw_err rfc3339_parse(struct dw_str text, int64_t *ret_unix_s)
{
    struct civil date;
    int64_t second_of_day, offset_s;
    char mark;

    if (!take_date(&text, &date) || !take_char(&text, "Tt", &mark) || !take_time(&text, &second_of_day) ||
        !take_offset(&text, &offset_s) || text.len > 0)
        return DW_ERR_ENCODING;
    *ret_unix_s = days_from_civil(date) * DAY_S + second_of_day - offset_s;
    return DW_OK;
}
