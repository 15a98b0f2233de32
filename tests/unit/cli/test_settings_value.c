#include "fixture.h"

#include "base/log.h"
#include "cli/settings.h"

#define WRONG INT64_MIN
#define TEXT (INT64_MIN + 1)

/* A value of a setting: the number that it means, that it is taken as text, or what its refusal must say. */
struct row {
    const char *name, *text;
    int64_t number;
    const char *problem;
};

static const struct row ROWS[] = {
    { "ACCESS_TTL", "15m", 900 },
    { "ACCESS_TTL", "900", 900 },
    { "ACCESS_TTL", "900s", 900 },
    { "ACCESS_TTL", "1h", 3600 },
    { "ACCESS_TTL", "1d", 86400 },
    { "ACCESS_TTL", "2d", WRONG, "1s to 1d (30s, 15m, 12h, 7d)" },
    { "ACCESS_TTL", "0", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "-5s", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "+5s", WRONG, "1s to 1d" },
    { "ACCESS_TTL", " 5s", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "5s ", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "5 s", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "m", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "1.5h", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "1M", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "0x10", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "99999999999999999999", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "9223372036854775807d", WRONG, "1s to 1d" },
    { "ACCESS_TTL", "18446744073709551617", WRONG, "1s to 1d" }, /* 1 after 64 bits */
    { "REFRESH_GRACE", "0", 0 },
    { "REFRESH_GRACE", "60s", 60 },
    { "REFRESH_GRACE", "61s", WRONG, "0 to 1m" },
    { "ARGON2_MEMORY", "19MiB", 19 << 20 },
    { "ARGON2_MEMORY", "19456KiB", 19 << 20 },
    { "ARGON2_MEMORY", "19922944", 19 << 20 },
    { "ARGON2_MEMORY", "1GiB", 1 << 30 },
    { "ARGON2_MEMORY", "2GiB", WRONG, "64KiB to 1GiB" },
    { "ARGON2_MEMORY", "19MB", WRONG, "64KiB to 1GiB (64KiB, 19MiB, 1GiB)" },
    { "ARGON2_MEMORY", "19m", WRONG, "64KiB to 1GiB" },
    { "PASSWORD_MIN", "8", 8 },
    { "PASSWORD_MIN", "7", WRONG, "8 to 128" },
    { "PASSWORD_MIN", "129", WRONG, "8 to 128" },
    { "PASSWORD_MIN", "8s", WRONG, "8 to 128" },
    { "HASH_WORKERS", "0", WRONG, "1 to 256" },
    { "JWT_ALGORITHM", "EdDSA", DW_ALG_EDDSA },
    { "JWT_ALGORITHM", "ES256", DW_ALG_ES256 },
    { "JWT_ALGORITHM", "HS256", WRONG, "published keys are asymmetric; allowed: ES256, ES384" },
    { "JWT_ALGORITHM", "none", WRONG, "tokens are always signed" },
    { "JWT_ALGORITHM", "ES257", WRONG, "allowed: ES256, ES384, ES512, RS256" },
    { "PASSWORD_SCHEME", "bcrypt", DW_PASSWORD_BCRYPT },
    { "PASSWORD_SCHEME", "md5", WRONG, "argon2id, scrypt, bcrypt" },
    { "LOG_LEVEL", "debug", LOG_DEBUG },
    { "LOG_LEVEL", "INFO", LOG_INFO },
    { "LOG_LEVEL", "loud", WRONG, "error, warning, info, debug" },
    { "LOG_FORMAT", "text", LOG_FORMAT_TEXT },
    { "REGISTRATION", "closed", 0 },
    { "REGISTRATION", "open", 1 },
    { "REGISTRATION", "yes", WRONG, "open, closed" },
    { "LISTEN", "127.0.0.1:8080", TEXT },
    { "LISTEN", "[::1]:8080", TEXT },
    { "LISTEN", ":0", TEXT },
    { "LISTEN", "localhost:65535", TEXT },
    { "LISTEN", "127.0.0.1", WRONG, "ADDRESS:PORT" },
    { "LISTEN", "127.0.0.1:", WRONG, "ADDRESS:PORT" },
    { "LISTEN", "127.0.0.1:65536", WRONG, "ADDRESS:PORT" },
    { "LISTEN", "127.0.0.1:80a", WRONG, "ADDRESS:PORT" },
    { "LISTEN", "::1:8080", WRONG, "[IPV6]:PORT" },
    { "LISTEN", "8080", WRONG, "ADDRESS:PORT" },
    { "LISTEN", "", WRONG, "ADDRESS:PORT" },
    { "TRUSTED_HOSTS", "*", TEXT },
    { "TRUSTED_HOSTS", "id.example.com, *.example.org,[::1],127.0.0.1", TEXT },
    { "TRUSTED_HOSTS", "id.example.com:443", WRONG, "names without a port" },
    { "TRUSTED_HOSTS", "*,id.example.com", WRONG, "names without a port" },
    { "TRUSTED_HOSTS", "id.example.com,", WRONG, "names without a port" },
    { "TRUSTED_HOSTS", "", WRONG, "names without a port" },
    { "HTTPS_REDIRECT", "on", 1 },
    { "HTTPS_REDIRECT", "OFF", 0 },
    { "HTTPS_REDIRECT", "true", 1 },
    { "HTTPS_REDIRECT", "1", WRONG, "on, off, true, false" },
    { "CORS_ORIGINS", "*", TEXT },
    { "CORS_ORIGINS", "https://app.example.com, http://localhost:5173", TEXT },
    { "CORS_ORIGINS", "https://app.example.com/", WRONG, "origins, such as" },
    { "CORS_ORIGINS", "*,https://app.example.com", WRONG, "origins, such as" },
    { "CORS_ORIGINS", "null", WRONG, "origins, such as" },
    { "CORS_ORIGINS", "app.example.com", WRONG, "origins, such as" },
    { "CORS_ORIGIN_PATTERN", "https://[a-z]+\\.example\\.com", TEXT },
    { "CORS_ORIGIN_PATTERN", "(", WRONG, "a regular expression" },
    { "CORS_ORIGIN_PATTERN", "a b", WRONG, "a regular expression" },
    { "CORS_ORIGIN_PATTERN", "", WRONG, "a regular expression" },
    { "MAIL_FROM", "accounts@id.example.com", TEXT },
    { "MAIL_FROM", "Accounts <accounts@id.example.com>", WRONG, "an e-mail address alone" },
    { "SMTP_URL", "http://mail.example.com", WRONG, "smtp:// or smtps://" },
    { "SMTP_URL", "", WRONG, "smtp:// or smtps://" },
    { "RESET_TTL", "90m", 5400 },
    { "RESET_TTL", "59s", WRONG, "1m to 1d" },
    { "PUBLIC_URL", "https://id.example.com", TEXT },
    { "PUBLIC_URL", "http://127.0.0.1:8080/auth", TEXT },
    { "PUBLIC_URL", "https://id.example.com/", WRONG, "without a slash at the end" },
    { "PUBLIC_URL", "id.example.com", WRONG, "http://HOST" },
    { "PUBLIC_URL", "ftp://id.example.com", WRONG, "http://HOST" },
    { "PUBLIC_URL", "https://", WRONG, "http://HOST" },
    { "PUBLIC_URL", "https://:80", WRONG, "http://HOST" },
    { "PUBLIC_URL", "https://a/?x", WRONG, "http://HOST" },
    { "PUBLIC_URL", "https://a#x", WRONG, "http://HOST" },
    { "PUBLIC_URL", "https://user:pass@a", WRONG, "http://HOST" },
    { "PUBLIC_URL", "https://a b", WRONG, "http://HOST" },
    { "PUBLIC_URL", "https://a\r\nX: y", WRONG, "http://HOST" },
    { "DATABASE_URL", "sqlite:doorward.db", TEXT },
    { "DATABASE_URL", "sqlite:/var/lib/doorward/a b.db", TEXT },
    { "DATABASE_URL", "sqlite:", WRONG, "starts with sqlite:" },
    { "DATABASE_URL", "postgresql://u:p@h/d?sslmode=verify-full", TEXT },
    { "DATABASE_URL", "postgresql://", WRONG, "starts with sqlite:, postgresql://" },
    { "DATABASE_URL", "postgres://u:p@h/d", WRONG, "write postgresql://; allowed: starts with sqlite:, postgresql://" },
    { "DATABASE_URL", "doorward.db", WRONG, "starts with sqlite:" },
    { "ISSUER", "https://id.example.com/", TEXT },
    { "ISSUER", "", WRONG, "1 to 255 printable" },
    { "ISSUER", "two words", WRONG, "without blanks" },
    { "SECRET_KEY", "q8Zl0yXw3vTn5uRk7pJh2sGf9dBc4mAe", TEXT },
    { "SECRET_KEY", "q8Zl0yXw3vTn5uRk7pJh2sGf9dBc4mA", WRONG, "32 to 1024 random" },
    { "SECRET_KEY", "changemechangemechangemechangeme", WRONG, "not random" },
    { "SECRET_KEY", "", WRONG, "32 to 1024 random" },
};

static bool takes(const struct row *row, struct settings *settings, char *problem)
{
    const int number = setting_find(dw_str(row->name));

    assert_true(number >= 0);
    return setting_store(&SETTINGS[number], dw_str(row->text), settings, problem);
}

static const void *stored(const struct setting *setting, const struct settings *settings)
{
    return (const char *)settings + setting->offset;
}

static void check_row(const struct row *row, struct settings *settings)
{
    const struct setting *setting = &SETTINGS[setting_find(dw_str(row->name))];
    char problem[SETTING_PROBLEM_SIZE] = "", label[128];
    const bool taken = takes(row, settings, problem);

    snprintf(label, sizeof(label), "%s=%s", row->name, row->text);
    if (taken != (row->number != WRONG))
        fail_msg("%s: %s", label, taken ? "taken" : problem);
    if (row->number == WRONG)
        check_contains(problem, row->problem, label);
    else if (row->number != TEXT)
        assert_int_equal(row->number, *(const int64_t *)stored(setting, settings));
    else if (setting->type == SETTING_SECRET)
        check_str(dw_str(row->text), dw_secret_borrow(&settings->secret_key), label);
    else
        assert_string_equal(row->text, *(const char *const *)stored(setting, settings));
    if (setting->type == SETTING_SECRET && *row->text != '\0')
        assert_null(strstr(problem, row->text));
}

static void test_values(void **state)
{
    _cleanup_(settings_free) struct settings *settings = calloc(1, sizeof(*settings));

    (void)state;
    assert_non_null(settings);
    CHECK_OK(dw_arena_new(1 << 20, &settings->arena));
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_row(&ROWS[i], settings);
}

/* The table itself: each default is a value that its own row takes, each name stands once. */
static void test_table(void **state)
{
    _cleanup_(settings_free) struct settings *settings = calloc(1, sizeof(*settings));
    char problem[SETTING_PROBLEM_SIZE];

    (void)state;
    assert_non_null(settings);
    CHECK_OK(dw_arena_new(1 << 20, &settings->arena));
    for (int i = 0; SETTINGS[i].name != NULL; i++) {
        const struct setting *s = &SETTINGS[i];
        const int ways = (s->initial != NULL) + (s->follows != NULL) + (s->otherwise != NULL);

        if (s->initial != NULL && !setting_store(s, dw_str(s->initial), settings, problem))
            fail_msg("%s: its own default is refused: %s", s->name, problem);
        if (ways != 1 || s->meaning == NULL || setting_find(dw_str(s->name)) != i)
            fail_msg("%s: the row is wrong", s->name);
        if (s->follows != NULL && setting_find(dw_str(s->follows)) >= i)
            fail_msg("%s follows a setting that is not above it", s->name);
    }
}

static void test_format(void **state)
{
    static const struct {
        enum setting_type type;
        int64_t value;
        const char *text;
    } FORMATS[] = {
        { SETTING_DURATION, 0, "0" },       { SETTING_DURATION, 90, "90s" },         { SETTING_DURATION, 900, "15m" },
        { SETTING_DURATION, 604800, "7d" }, { SETTING_SIZE, 19 << 20, "19MiB" },     { SETTING_SIZE, 1000, "1000B" },
        { SETTING_INT, 86400, "86400" },    { SETTING_SIZE, (int64_t)1 << 30, "1GiB" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(FORMATS); i++) {
        char text[32];

        setting_format_number(FORMATS[i].type, FORMATS[i].value, text, sizeof(text));
        assert_string_equal(FORMATS[i].text, text);
    }
}

CHECK_MAIN(cmocka_unit_test(test_values), cmocka_unit_test(test_table), cmocka_unit_test(test_format))
