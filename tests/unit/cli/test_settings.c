#include "fixture.h"

#include "cli/settings.h"

#include <unistd.h>

enum { PAIRS_MAX = 6 };

#define SECRET "q8Zl0yXw3vTn5uRk7pJh2sGf9dBc4mAe"

/* A start: environment and .env; then what one setting is and where it is from, or what is told. */
struct row {
    const char *label;
    const char *environment[PAIRS_MAX];
    const char *env_file;
    const char *override; /* of LISTEN */
    enum dw_err err;
    const char *name, *text;
    enum setting_source source;
    const char *problem, *warning;
};

static const struct row ROWS[] = {
    { "defaults", .name = "LISTEN", .text = "127.0.0.1:8080", .source = SOURCE_DEFAULT },
    { "a default that follows", .name = "AUDIENCE", .text = "http://127.0.0.1:8080" },
    { "the URL of where it listens", { "DOORWARD_LISTEN=127.0.0.1:9" }, .name = "PUBLIC_URL",
      .text = "http://127.0.0.1:9" },
    { "the URL of every address", { "DOORWARD_LISTEN=:9" }, .name = "PUBLIC_URL", .text = "http://127.0.0.1:9" },
    { "the same in IPv4", { "DOORWARD_LISTEN=0.0.0.0:9" }, .name = "PUBLIC_URL", .text = "http://127.0.0.1:9" },
    { "the same in IPv6", { "DOORWARD_LISTEN=[::]:9" }, .name = "PUBLIC_URL", .text = "http://127.0.0.1:9" },
    { "a URL of its own", { "DOORWARD_LISTEN=:9", "DOORWARD_PUBLIC_URL=https://a.example" }, .name = "PUBLIC_URL",
      .text = "https://a.example", .source = SOURCE_ENVIRONMENT },
    { "two steps", { "DOORWARD_PUBLIC_URL=https://a.example" }, .name = "AUDIENCE", .text = "https://a.example" },
    { "in between", { "DOORWARD_PUBLIC_URL=https://a.example", "DOORWARD_ISSUER=urn:b" }, .name = "AUDIENCE",
      .text = "urn:b" },
    { "environment", { "HOME=/", "DOORWARD_LISTEN=:1", "DOORWARD_ISSUER=x=y" }, .name = "LISTEN", .text = ":1",
      .source = SOURCE_ENVIRONMENT },
    { "a value with =", { "DOORWARD_ISSUER=x=y" }, .name = "ISSUER", .text = "x=y", .source = SOURCE_ENVIRONMENT },
    { ".env", .env_file = "DOORWARD_LISTEN=:2\n", .name = "LISTEN", .text = ":2", .source = SOURCE_FILE },
    { "environment before .env", { "DOORWARD_LISTEN=:1" }, "DOORWARD_LISTEN=:2\n", .name = "LISTEN", .text = ":1",
      .source = SOURCE_ENVIRONMENT },
    { "command line before both", { "DOORWARD_LISTEN=:1" }, "DOORWARD_LISTEN=:2\n", ":3", .name = "LISTEN",
      .text = ":3", .source = SOURCE_COMMAND_LINE },
    { "a wrong command line", .override = "x", .err = DW_ERR_ARGUMENT,
      .problem = "DOORWARD_LISTEN=x (command line): allowed: ADDRESS:PORT" },
    { "a wrong value", { "DOORWARD_ACCESS_TTL=abc" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_ACCESS_TTL=abc (environment): allowed: 1s to 1d (30s, 15m, 12h, 7d)\n" },
    { "wrong in .env", .env_file = "\nDOORWARD_ACCESS_TTL=abc\n", .err = DW_ERR_SETTING,
      .problem = "DOORWARD_ACCESS_TTL=abc (.env, line 2): allowed: " },
    { "two wrong ones", { "DOORWARD_WORKERS=0" }, "DOORWARD_HASH_QUEUE=x\n", .err = DW_ERR_SETTING,
      .problem = "DOORWARD_HASH_QUEUE=x (.env, line 1): allowed: 1 to 65536\n"
                 "DOORWARD_WORKERS=0 (environment): allowed: 1 to 256\n" },
    { "empty is wrong", { "DOORWARD_ISSUER=" }, .err = DW_ERR_SETTING, .problem = "DOORWARD_ISSUER= (environment)" },
    { "control characters are not shown", { "DOORWARD_ISSUER=\x1b[31m" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_ISSUER=?[31m (environment)" },
    { "a wrong .env", .env_file = "DOORWARD_LISTEN = :2\n", .err = DW_ERR_SETTING,
      .problem = ".env, line 1: no blanks before =" },
    { "a secret", { "DOORWARD_SECRET_KEY=" SECRET }, .name = "SECRET_KEY", .text = "", .source = SOURCE_ENVIRONMENT },
    { "a wrong secret is not shown", { "DOORWARD_SECRET_KEY=hunter2" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_SECRET_KEY (environment): allowed: 32 to 1024 random" },
    { "a database's password is not shown", { "DOORWARD_DATABASE_URL=postgres://u:hunter2@h/d" },
      .err = DW_ERR_SETTING, .problem = "DOORWARD_DATABASE_URL (environment): write postgresql://" },
    { "a Redis's password is not shown", { "DOORWARD_REDIS_URL=redis://u:hunter2@h:x" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_REDIS_URL (environment): allowed: redis://" },
    { "Redis over TLS", { "DOORWARD_REDIS_URL=rediss://u:hunter2@h?ca=/ca.pem" }, .name = "REDIS_URL", .text = "",
      .source = SOURCE_ENVIRONMENT },
    { "half of a certificate for Redis", { "DOORWARD_REDIS_URL=rediss://u:hunter2@h?cert=/c" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_REDIS_URL (environment): a certificate and its key come together" },
    { "a Redis from a file", { "DOORWARD_REDIS_URL_FILE=redis" }, .name = "REDIS_URL", .text = "",
      .source = SOURCE_ENVIRONMENT },
    { "a secret from a file", { "DOORWARD_SECRET_KEY_FILE=good" }, .name = "SECRET_KEY", .text = "",
      .source = SOURCE_ENVIRONMENT },
    { "environment's file before .env", { "DOORWARD_SECRET_KEY_FILE=good" }, "DOORWARD_SECRET_KEY=short\n",
      .name = "SECRET_KEY", .text = "", .source = SOURCE_ENVIRONMENT },
    { "a secret file that others may read", { "DOORWARD_SECRET_KEY_FILE=open" }, .name = "SECRET_KEY", .text = "",
      .source = SOURCE_ENVIRONMENT, .warning = "open holds a secret, and others may read it: chmod 600" },
    { "a secret file that is not there", { "DOORWARD_SECRET_KEY_FILE=none" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_SECRET_KEY_FILE=none (environment): No such file" },
    { "a secret file with a bad secret", { "DOORWARD_SECRET_KEY_FILE=bad" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_SECRET_KEY_FILE=bad (environment): allowed: 32 to 1024" },
    { "both", { "DOORWARD_SECRET_KEY=" SECRET, "DOORWARD_SECRET_KEY_FILE=good" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_SECRET_KEY (environment): it is set itself and as _FILE" },
    { "a misspelt name", { "DOORWARD_ACESS_TTL=1h" }, .name = "ACCESS_TTL", .text = "15m",
      .warning = "DOORWARD_ACESS_TTL (environment): no such setting; did you mean DOORWARD_ACCESS_TTL?" },
    { "a name from elsewhere", .env_file = "DOORWARD_FROBNICATE=1\n", .name = "LISTEN", .text = "127.0.0.1:8080",
      .warning = "DOORWARD_FROBNICATE (.env, line 1): no such setting (doorward settings" },
    { "a metrics token", { "DOORWARD_METRICS_TOKEN=abcdefgh-1234567" }, .name = "METRICS_TOKEN", .text = "",
      .source = SOURCE_ENVIRONMENT },
    { "a metrics token that is too short", { "DOORWARD_METRICS_TOKEN=abcdefgh-123456" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_METRICS_TOKEN (environment): allowed: 16 to 1024 letters, digits and -._~+/=" },
    { "a metrics token that no header carries", { "DOORWARD_METRICS_TOKEN=abcdefgh 1234567" }, .err = DW_ERR_SETTING,
      .problem = "DOORWARD_METRICS_TOKEN (environment): allowed: 16 to 1024 letters, digits and -._~+/=" },
    { "_FILE is for secrets", { "DOORWARD_LISTEN_FILE=a" }, .name = "LISTEN", .text = "127.0.0.1:8080",
      .warning = "DOORWARD_LISTEN_FILE (environment): no such setting" },
    { "others' names are not ours", { "LISTEN=1", "PATH=/" }, "REDIS_URL=x\n", .name = "LISTEN",
      .text = "127.0.0.1:8080", .warning = "" },
};

static void check_loaded(const struct row *row, const struct settings *settings)
{
    const struct setting_origin *origin = &settings->origins[setting_find(dw_str(row->name))];

    assert_string_equal(row->text, origin->text);
    assert_int_equal(row->source, origin->source);
    if (strcmp(row->name, "SECRET_KEY") == 0)
        check_str(DW_STR(SECRET), dw_secret_borrow(&settings->secret_key), row->label);
}

static void check_row(const struct row *row)
{
    _cleanup_(settings_report_free) struct settings_report report = SETTINGS_REPORT_INIT;
    _cleanup_(settings_free) struct settings *settings = NULL;
    const char *overrides[] = { row->override == NULL ? NULL : "LISTEN", row->override, NULL };
    char *environment[PAIRS_MAX + 1] = { NULL };

    for (int i = 0; i < PAIRS_MAX && row->environment[i] != NULL; i++)
        environment[i] = strdup(row->environment[i]);
    unlink(SETTINGS_FILE);
    if (row->env_file != NULL)
        file_write(SETTINGS_FILE, row->env_file, 0600);
    const struct settings_sources sources = { overrides, environment, SETTINGS_FILE };
    const enum dw_err err = settings_load(&sources, &settings, &report);

    buffer_append_char(&report.problems, '\0');
    buffer_append_char(&report.warnings, '\0');
    check_err(row->err, err, row->label);
    if (row->problem != NULL)
        check_contains(report.problems.ptr, row->problem, row->label);
    else
        check_loaded(row, settings);
    if (row->warning != NULL && *row->warning != '\0')
        check_contains(report.warnings.ptr, row->warning, row->label);
    else
        assert_string_equal("", report.warnings.ptr);
    assert_null(strstr(report.problems.ptr, "hunter2"));
    for (int i = 0; environment[i] != NULL; i++)
        free(environment[i]);
}

static void test_loads(void **state)
{
    (void)state;
    file_write("good", SECRET "\n", 0600);
    file_write("redis", "redis://:hunter2@127.0.0.1/1\n", 0600);
    file_write("open", SECRET "\n", 0644);
    file_write("bad", "hunter2\n", 0600);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++)
        check_row(&ROWS[i]);
}

/* A secret in a .env that others may read is told. */
static void test_open_env_file(void **state)
{
    _cleanup_(settings_report_free) struct settings_report report = SETTINGS_REPORT_INIT;
    _cleanup_(settings_free) struct settings *settings = NULL;
    char *const environment[] = { NULL };
    const struct settings_sources sources = { .environment = environment, .env_file = SETTINGS_FILE };

    (void)state;
    file_write(SETTINGS_FILE, "DOORWARD_SECRET_KEY=" SECRET "\n", 0640);
    CHECK_OK(settings_load(&sources, &settings, &report));
    buffer_append_char(&report.warnings, '\0');
    check_contains(report.warnings.ptr, ".env holds a secret, and others may read it", "mode");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_enter, folder_leave)

CHECK_MAIN(IN_FOLDER(test_loads), IN_FOLDER(test_open_env_file))
