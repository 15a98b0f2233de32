/* One value of a setting: from text into the struct, and back into words. */
#include "cli/settings.h"

#include "app/host.h"
#include "app/pattern.h"
#include "base/ip.h"
#include "base/list.h"
#include <doorward/rate_limit.h>

#include "mail/message.h"
#include "mail/smtp.h"
#include "shared/redis/address.h"

#include <inttypes.h>

struct unit {
    const char *text;
    int64_t factor;
};

/* The largest first, as setting_format_number() takes the first that divides. */
static const struct unit TIME_UNITS[] = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 }, { "", 1 } };
static const struct unit SIZE_UNITS[] = { { "GiB", 1 << 30 }, { "MiB", 1 << 20 }, { "KiB", 1 << 10 }, { "B", 1 },
                                          { "", 1 } };
static const struct unit NO_UNITS[] = { { "", 1 } };

static const struct unit *units_of(enum setting_type type, size_t *ret_n)
{
    *ret_n = type == SETTING_DURATION ? ARRAY_SIZE(TIME_UNITS) : type == SETTING_SIZE ? ARRAY_SIZE(SIZE_UNITS) : 1;
    return type == SETTING_DURATION ? TIME_UNITS : type == SETTING_SIZE ? SIZE_UNITS : NO_UNITS;
}

/* Digits, then a unit of the type. */
static bool parse_number(enum setting_type type, struct dw_str text, int64_t *ret_number)
{
    size_t n_units, i = 0;
    const struct unit *units = units_of(type, &n_units);
    int64_t number = 0;

    for (; i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++) {
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, text.ptr[i] - '0', &number))
            return false;
    }
    for (size_t u = 0; i > 0 && u < n_units; u++) {
        if (dw_str_eq(dw_str_n(text.ptr + i, text.len - i), dw_str(units[u].text)))
            return !__builtin_mul_overflow(number, units[u].factor, ret_number);
    }
    return false;
}

void setting_format_number(enum setting_type type, int64_t value, char *ret_text, size_t size)
{
    size_t n_units, u = 0;
    const struct unit *units = units_of(type, &n_units);

    while (value != 0 && u + 1 < n_units && value % units[u].factor != 0)
        u++;
    if (value == 0)
        u = n_units - 1;
    snprintf(ret_text, size, "%" PRId64 "%s", value / units[u].factor, units[u].text);
}

static void append(char *text, const char *more)
{
    const size_t length = strlen(text);

    snprintf(text + length, SETTING_PROBLEM_SIZE - length, "%s", more);
}

static void allowed_choices(const struct setting *setting, char *ret_text)
{
    const bool is_scheme = setting->type == SETTING_DATABASE;

    snprintf(ret_text, SETTING_PROBLEM_SIZE, is_scheme ? "starts with " : "");
    for (const struct setting_choice *c = setting->choices; c->text != NULL; c++) {
        if (c->refused != NULL)
            continue;
        if (c != setting->choices)
            append(ret_text, ", ");
        append(ret_text, c->text);
    }
}

static void allowed_numbers(const struct setting *setting, char *ret_text)
{
    static const char *const EXAMPLES[] = {
        [SETTING_DURATION] = " (30s, 15m, 12h, 7d)", [SETTING_SIZE] = " (64KiB, 19MiB, 1GiB)", [SETTING_INT] = "",
    };
    char least[32], most[32];

    setting_format_number(setting->type, setting->min, least, sizeof(least));
    setting_format_number(setting->type, setting->max, most, sizeof(most));
    snprintf(ret_text, SETTING_PROBLEM_SIZE, "%s to %s%s", least, most, EXAMPLES[setting->type]);
}

void setting_allowed(const struct setting *setting, char ret_text[SETTING_PROBLEM_SIZE])
{
    switch (setting->type) {
    case SETTING_CHOICE:
    case SETTING_DATABASE:
        allowed_choices(setting, ret_text);
        break;
    case SETTING_DURATION:
    case SETTING_SIZE:
    case SETTING_INT:
        allowed_numbers(setting, ret_text);
        break;
    case SETTING_ADDRESS:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "ADDRESS:PORT, [IPV6]:PORT or :PORT");
        break;
    case SETTING_URL:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "http://HOST or https://HOST, with a port or a path if need be, "
                                                 "without a slash at the end");
        break;
    case SETTING_TEXT:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "%" PRId64 " to %" PRId64 " printable characters without blanks",
                 setting->min, setting->max);
        break;
    case SETTING_SMTP:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "smtp:// or smtps://, USER:PASSWORD@ if need be, a host, and a port "
                                                 "if need be");
        break;
    case SETTING_REDIS:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "redis:// or rediss://, USER:PASSWORD@ if need be, a host, a port and "
                                                 "/DATABASE if need be; or unix:/PATH; then ?db= and &timeout_ms= if "
                                                 "need be, and with rediss:// &ca=, &cert= and &key=");
        break;
    case SETTING_MAIL_ADDRESS:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "an e-mail address alone");
        break;
    case SETTING_RATES:
        snprintf(ret_text, SETTING_PROBLEM_SIZE,
                 "none, or up to %d limits such as 10/minute, 100 per hour;10 per second", DW_RATES_MAX);
        break;
    case SETTING_NETWORKS:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "addresses and networks, such as 127.0.0.1,10.0.0.0/8,2001:db8::/32");
        break;
    case SETTING_HOSTS:
        snprintf(ret_text, SETTING_PROBLEM_SIZE,
                 "`*`, or names without a port, such as `id.example.com,*.example.org`");
        break;
    case SETTING_ORIGINS:
        snprintf(ret_text, SETTING_PROBLEM_SIZE,
                 "`*`, or origins, such as `https://app.example.com,http://localhost:5173`");
        break;
    case SETTING_PATTERN:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "a regular expression (PCRE2) without blanks");
        break;
    case SETTING_TOKEN:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "%" PRId64 " to %" PRId64 " letters, digits and -._~+/=",
                 setting->min, setting->max);
        break;
    case SETTING_SECRET:
        snprintf(ret_text, SETTING_PROBLEM_SIZE, "%" PRId64 " to %" PRId64 " random characters", setting->min,
                 setting->max);
        break;
    }
}

static bool wrong(const struct setting *setting, char *ret_problem)
{
    char allowed[SETTING_PROBLEM_SIZE];

    setting_allowed(setting, allowed);
    snprintf(ret_problem, SETTING_PROBLEM_SIZE, "allowed: %.*s", SETTING_PROBLEM_SIZE - 16, allowed);
    return false;
}

/* The member of the row; the offset was taken with offsetof(). */
static void *member(const struct setting *setting, struct settings *settings)
{
    return (char *)settings + setting->offset;
}

static bool keep_text(const struct setting *setting, struct dw_str text, struct settings *settings, char *ret_problem)
{
    const struct dw_str copy = dw_arena_copy(settings->arena, text);

    if (copy.ptr == NULL) {
        snprintf(ret_problem, SETTING_PROBLEM_SIZE, "there is no memory for it");
        return false;
    }
    *(const char **)member(setting, settings) = copy.ptr;
    return true;
}

static bool is_visible(struct dw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
            return false;
    }
    return true;
}

static bool is_address(struct dw_str text)
{
    const char *colon = memrchr(text.ptr, ':', text.len);
    const size_t host = colon == NULL ? 0 : (size_t)(colon - text.ptr);
    int64_t port;

    if (colon == NULL || !is_visible(text) ||
        !parse_number(SETTING_INT, dw_str_n(colon + 1, text.len - host - 1), &port) || port > 65535)
        return false;
    /* An IPv6 address has colons of its own: without brackets its end would be taken for the port. */
    return memchr(text.ptr, ':', host) == NULL || (text.ptr[0] == '[' && text.ptr[host - 1] == ']');
}

static bool is_url(struct dw_str text)
{
    const struct dw_str schemes[] = { DW_STR("http://"), DW_STR("https://") };

    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        const size_t skip = schemes[i].len;

        if (!dw_str_starts_with(text, schemes[i]))
            continue;
        return text.len > skip && text.len <= 255 && is_visible(text) && strchr("/:", text.ptr[skip]) == NULL &&
               text.ptr[text.len - 1] != '/' && memchr(text.ptr, '?', text.len) == NULL &&
               memchr(text.ptr, '#', text.len) == NULL && memchr(text.ptr, '@', text.len) == NULL &&
               memchr(text.ptr, '"', text.len) == NULL && memchr(text.ptr, '\\', text.len) == NULL;
    }
    return false;
}

/* The row that is the text, or, for a database, how it starts. */
static const struct setting_choice *find_choice(const struct setting *setting, struct dw_str text)
{
    for (const struct setting_choice *c = setting->choices; c->text != NULL; c++) {
        if (setting->type == SETTING_DATABASE ? dw_str_starts_with(text, dw_str(c->text))
                                              : dw_str_eq_nocase(text, dw_str(c->text)))
            return c;
    }
    return NULL;
}

static bool store_choice(const struct setting *setting, struct dw_str text, struct settings *settings,
                         char *ret_problem)
{
    const struct setting_choice *choice = find_choice(setting, text);
    char allowed[SETTING_PROBLEM_SIZE];

    if (choice == NULL || (setting->type == SETTING_DATABASE && text.len == strlen(choice->text)))
        return wrong(setting, ret_problem);
    if (choice->refused != NULL) {
        setting_allowed(setting, allowed);
        snprintf(ret_problem, SETTING_PROBLEM_SIZE, "%s; allowed: %.200s", choice->refused, allowed);
        return false;
    }
    if (setting->type == SETTING_DATABASE)
        return keep_text(setting, text, settings, ret_problem);
    *(int64_t *)member(setting, settings) = choice->value;
    return true;
}

static bool store_number(const struct setting *setting, struct dw_str text, struct settings *settings,
                         char *ret_problem)
{
    int64_t number;

    if (!parse_number(setting->type, text, &number) || number < setting->min || number > setting->max)
        return wrong(setting, ret_problem);
    *(int64_t *)member(setting, settings) = number;
    return true;
}

static bool is_rates(struct dw_str text)
{
    enum { AMOUNT_MAX = 1000000, WINDOW_S_MAX = 366 * 24 * 3600 };
    struct dw_rate rates[DW_RATES_MAX];
    size_t n = 0;

    if (dw_str_eq(text, DW_STR("none")))
        return true;
    if (dw_rates_parse(text, rates, &n) != DW_OK)
        return false;
    for (size_t i = 0; i < n; i++)
        if (rates[i].amount < 1 || rates[i].amount > AMOUNT_MAX || rates[i].seconds > WINDOW_S_MAX)
            return false;
    return true;
}

static bool is_mail_address(struct dw_str text)
{
    char address[MAIL_ADDRESS_SIZE];

    return mail_address(text, address) == DW_OK;
}

static bool is_network(struct dw_str entry)
{
    struct ip_range range;

    return ip_range_parse(entry, &range) == DW_OK;
}

static bool is_host(struct dw_str entry)
{
    struct host_pattern pattern;

    return host_pattern_parse(entry, &pattern) == DW_OK;
}

static bool is_list(struct dw_str text, bool (*is_entry)(struct dw_str entry))
{
    while (!dw_str_is_absent(text))
        if (!is_entry(list_take(&text)))
            return false;
    return true;
}

static bool is_everything(struct dw_str text)
{
    return dw_str_eq(text, DW_STR("*"));
}

static bool is_pattern(struct dw_str text)
{
    struct problem problem;
    struct pattern *pattern = NULL;

    if (text.len == 0 || !is_visible(text) || pattern_new(text, &problem, &pattern) != DW_OK)
        return false;
    pattern_free(&pattern);
    return true;
}

/* Whether the text is one of a type that is kept as it is written. */
static bool is_text_of(const struct setting *setting, struct dw_str text)
{
    switch (setting->type) {
    case SETTING_ADDRESS:
        return is_address(text);
    case SETTING_URL:
        return is_url(text);
    case SETTING_RATES:
        return is_rates(text);
    case SETTING_NETWORKS:
        return is_list(text, is_network);
    case SETTING_HOSTS:
        return is_everything(text) || is_list(text, is_host);
    case SETTING_ORIGINS:
        return is_everything(text) || is_list(text, origin_is_normal);
    case SETTING_PATTERN:
        return is_pattern(text);
    case SETTING_MAIL_ADDRESS:
        return is_mail_address(text);
    default:
        return text.len >= (size_t)setting->min && text.len <= (size_t)setting->max && is_visible(text);
    }
}

/* Few different characters mean that it was typed, or copied from an example. */
static bool is_random_looking(struct dw_str text)
{
    bool seen[256] = { false };
    unsigned different = 0;

    for (size_t i = 0; i < text.len; i++) {
        different += !seen[(unsigned char)text.ptr[i]];
        seen[(unsigned char)text.ptr[i]] = true;
    }
    return different >= 10;
}

static bool keep_secret(const struct setting *setting, struct dw_str text, struct settings *settings,
                        char *ret_problem)
{
    struct dw_secret *secret = member(setting, settings);

    dw_secret_free(secret);
    if (dw_secret_copy(text, secret) == DW_OK)
        return true;
    snprintf(ret_problem, SETTING_PROBLEM_SIZE, "there is no memory for it");
    return false;
}

/* RFC 6750 §2.1. */
static bool is_token(const struct setting *setting, struct dw_str text)
{
    static const char ALLOWED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=";

    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '\0' || strchr(ALLOWED, text.ptr[i]) == NULL)
            return false;
    return text.len >= (size_t)setting->min && text.len <= (size_t)setting->max;
}

static bool store_secret(const struct setting *setting, struct dw_str text, struct settings *settings,
                         char *ret_problem)
{
    if (text.len < (size_t)setting->min || text.len > (size_t)setting->max)
        return wrong(setting, ret_problem);
    if (!is_random_looking(text)) {
        snprintf(ret_problem, SETTING_PROBLEM_SIZE, "it is not random: leave it out, and one is made");
        return false;
    }
    return keep_secret(setting, text, settings, ret_problem);
}

static bool store_redis(const struct setting *setting, struct dw_str text, struct settings *settings,
                        char *ret_problem)
{
    _cleanup_(redis_address_free) struct redis_address address = { 0 };
    const char *problem = NULL;

    if (redis_address_parse(text, &address, &problem) == DW_OK)
        return keep_secret(setting, text, settings, ret_problem);
    snprintf(ret_problem, SETTING_PROBLEM_SIZE, "%s", problem);
    return false;
}

bool setting_is_secret(const struct setting *setting)
{
    return setting->type == SETTING_SECRET || setting->type == SETTING_SMTP || setting->type == SETTING_REDIS ||
           setting->type == SETTING_TOKEN;
}

bool setting_store(const struct setting *setting, struct dw_str text, struct settings *settings,
                   char ret_problem[SETTING_PROBLEM_SIZE])
{
    switch (setting->type) {
    case SETTING_ADDRESS:
    case SETTING_URL:
    case SETTING_RATES:
    case SETTING_NETWORKS:
    case SETTING_HOSTS:
    case SETTING_ORIGINS:
    case SETTING_PATTERN:
    case SETTING_MAIL_ADDRESS:
    case SETTING_TEXT:
        return is_text_of(setting, text) ? keep_text(setting, text, settings, ret_problem)
                                         : wrong(setting, ret_problem);
    case SETTING_CHOICE:
    case SETTING_DATABASE:
        return store_choice(setting, text, settings, ret_problem);
    case SETTING_DURATION:
    case SETTING_SIZE:
    case SETTING_INT:
        return store_number(setting, text, settings, ret_problem);
    case SETTING_SMTP:
        return smtp_url_is_valid(text) ? keep_secret(setting, text, settings, ret_problem)
                                       : wrong(setting, ret_problem);
    case SETTING_TOKEN:
        return is_token(setting, text) ? keep_secret(setting, text, settings, ret_problem)
                                       : wrong(setting, ret_problem);
    case SETTING_REDIS:
        return store_redis(setting, text, settings, ret_problem);
    case SETTING_SECRET:
        return store_secret(setting, text, settings, ret_problem);
    }
    return false;
}
