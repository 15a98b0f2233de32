#include "cli/open.h"

#include "base/log.h"
#include "cli/password_policy.h"
#include "cli/secret_file.h"
#include "crypto/hash.h"
#include "identity/node.h"
#include "shared/redis/channel.h"
#include "storage/driver.h"

#include <errno.h>
#include <unistd.h>

static const struct storage_driver *const DRIVERS[] = { &STORAGE_SQLITE, &STORAGE_POSTGRES, NULL };

/* --- settings --------------------------------------------------------------------------------------------------- */

/* Each line of the report by itself: as the server's log, or for a person. */
static void tell_warnings(struct cli *cli, struct dw_str lines)
{
    while (lines.len > 0) {
        const char *end = memchr(lines.ptr, '\n', lines.len);
        const size_t n = end == NULL ? lines.len : (size_t)(end - lines.ptr);

        if (cli->command->is_server)
            log_event(LOG_WARNING, "setting", LOG_STR("message", dw_str_n(lines.ptr, n)));
        else
            cli_warn(cli, "%.*s", (int)n, lines.ptr);
        lines = dw_str_n(lines.ptr + n + (end != NULL), lines.len - n - (end != NULL));
    }
}

enum dw_err open_settings(const struct cli *cli, struct settings **ret_settings, struct settings_report *report)
{
    const char *overrides[2 * OPTIONS_MAX + 1] = { NULL };
    size_t n = 0;

    for (size_t i = 0; cli->command->options != NULL && cli->command->options[i].name != NULL; i++) {
        if (cli->command->options[i].setting == NULL || cli->values[i] == NULL)
            continue;
        overrides[n++] = cli->command->options[i].setting;
        overrides[n++] = cli->values[i];
    }
    const struct settings_sources sources = {
        .overrides = overrides, .environment = cli->environment, .env_file = SETTINGS_FILE,
    };
    return settings_load(&sources, ret_settings, report);
}

static enum dw_err load_settings(struct cli *cli, struct settings_report *report)
{
    const enum dw_err err = open_settings(cli, &cli->settings, report);

    if (err == DW_ERR_ARGUMENT || err == DW_ERR_SETTING) {
        cli->is_misused = err == DW_ERR_ARGUMENT;
        return cli_refuse(cli, err, "%.*s", (int)report->problems.len, report->problems.ptr);
    }
    return err;
}

static void set_up_log(struct cli *cli)
{
    const bool is_server = cli->command->is_server && cli->settings != NULL;

    if (is_server && cli_option(cli, "--dev") != NULL)
        log_setup(LOG_DEBUG, LOG_FORMAT_TEXT, STDERR_FILENO);
    else if (is_server)
        log_setup((enum log_level)cli->settings->log_level, (enum log_format)cli->settings->log_format, STDERR_FILENO);
    else
        log_setup(LOG_WARNING, cli->json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT, STDERR_FILENO);
}

enum dw_err open_needs(struct cli *cli)
{
    _cleanup_(settings_report_free) struct settings_report report = SETTINGS_REPORT_INIT;

    set_up_log(cli);
    if (cli->command->needs == NEEDS_NOTHING)
        return DW_OK;
    const enum dw_err err = load_settings(cli, &report);
    set_up_log(cli);
    tell_warnings(cli, buffer_str(&report.warnings));
    TRY(err);
    return cli->command->needs == NEEDS_IDENTITY ? open_identity(cli, OPEN_BESIDE) : DW_OK;
}

/* --- the secret ------------------------------------------------------------------------------------------------- */

static enum dw_err read_default_secret(struct cli *cli, struct dw_secret *ret_secret)
{
    bool is_open = false;
    const enum dw_err err = secret_file_read(SETTINGS_SECRET_FILE, ret_secret, &is_open);

    if (err == DW_ERR_IO)
        return cli_refuse(cli, err, SETTINGS_SECRET_FILE ": %s", strerror(errno));
    TRY(err);
    if (ret_secret->size < SECRET_MIN_SIZE)
        return cli_refuse(cli, DW_ERR_SETTING, SETTINGS_SECRET_FILE " is too short to be a secret key: restore it");
    if (is_open && cli->command->is_server)
        log_event(LOG_WARNING, "setting",
                  LOG_CSTR("message", SETTINGS_SECRET_FILE " may be read by others than its owner: chmod 600"));
    else if (is_open)
        cli_warn(cli, SETTINGS_SECRET_FILE " may be read by others than its owner: chmod 600");
    return DW_OK;
}

/* As set, or from the default file; ret_is_new: that was made now. */
static enum dw_err get_secret(struct cli *cli, bool may_make, struct dw_secret *ret_secret, bool *ret_is_new)
{
    enum dw_err err;

    if (cli->settings->secret_key.size > 0)
        return dw_secret_copy(dw_secret_borrow(&cli->settings->secret_key), ret_secret);
    err = read_default_secret(cli, ret_secret);
    if (err != DW_ERR_NOT_FOUND)
        return err;
    if (!may_make)
        return cli_refuse(cli, DW_ERR_NOT_FOUND, "there is no " SETTINGS_SECRET_FILE
                                                 " in this folder: run `doorward init` first");
    err = secret_file_make(SETTINGS_SECRET_FILE);
    if (err == DW_ERR_CONFLICT && access(SETTINGS_SECRET_FILE, F_OK) != 0)
        return cli_refuse(cli, DW_ERR_IO, SETTINGS_SECRET_FILE " is a link that leads nowhere");
    if (err == DW_ERR_IO)
        return cli_refuse(cli, err, "can't make " SETTINGS_SECRET_FILE ": %s", strerror(errno));
    *ret_is_new = err == DW_OK;
    if (err != DW_ERR_CONFLICT) /* another process that starts now was faster: its secret is as good */
        TRY(err);
    return read_default_secret(cli, ret_secret);
}

/* --- the database ----------------------------------------------------------------------------------------------- */

/* Whether the URL names a file that does not exist. */
static bool is_missing(const char *url)
{
    return strncmp(url, "sqlite:", 7) == 0 && access(url + 7, F_OK) != 0 && errno == ENOENT;
}

void open_database_label(const char *url, char ret_label[DATABASE_LABEL_SIZE])
{
    const char *host = strstr(url, "://");
    const size_t scheme = host == NULL ? 0 : (size_t)(host - url) + 3;

    if (host == NULL) {
        snprintf(ret_label, DATABASE_LABEL_SIZE, "%s", url);
        return;
    }
    host += 3;
    const size_t authority = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', authority);

    if (at != NULL)
        host = at + 1;
    snprintf(ret_label, DATABASE_LABEL_SIZE, "%.*s%.*s", (int)scheme, url, (int)strcspn(host, "?#"), host);
}

enum dw_err open_must_be_there(struct cli *cli)
{
    char label[DATABASE_LABEL_SIZE];

    if (!is_missing(cli->settings->database_url))
        return DW_OK;
    open_database_label(cli->settings->database_url, label);
    return cli_refuse(cli, DW_ERR_NOT_FOUND, "there is no database %s: run `doorward init` first", label);
}

enum dw_err open_storage(struct cli *cli, bool may_make)
{
    const struct settings *s = cli->settings;
    const struct storage_config config = {
        .url = s->database_url, .migrate = may_make,
        .readers = strncmp(s->database_url, "sqlite:", 7) == 0 ? 0 : (unsigned)s->database_connections,
        .patience_ms = s->database_timeout_s * 1000,
    };
    char label[DATABASE_LABEL_SIZE];
    enum dw_err err;

    if (!may_make)
        TRY(open_must_be_there(cli));
    open_database_label(config.url, label);
    err = storage_open(DRIVERS, &IDENTITY_SCHEMA, &config, &cli->storage);
    if (err == DW_ERR_DATABASE || err == DW_ERR_UNAVAILABLE)
        return cli_refuse(cli, err, "the database %s can't be opened; the line above says why", label);
    if (err == DW_ERR_SETTING)
        return cli_refuse(cli, err, SETTINGS_PREFIX "DATABASE_URL names no database; the line above says why");
    return err;
}

enum dw_err open_applied_version(struct cli *cli, int *ret_version)
{
    const char *url = cli->settings->database_url;
    char label[DATABASE_LABEL_SIZE];
    int known = 0, applied = 0;

    if (is_missing(url)) {
        *ret_version = 0;
        return DW_OK;
    }
    const enum dw_err err = storage_applied(DRIVERS, url, &applied);

    open_database_label(url, label);
    if (err != DW_OK)
        return cli_refuse(cli, err, "%s can't be opened, or it is no database of Doorward: see the line above", label);
    while (IDENTITY_SCHEMA.migrations[known].version != 0)
        known++;
    if (applied > known)
        return cli_refuse(cli, DW_ERR_DATABASE, "%s is newer than this program, or it is no database of Doorward",
                          label);
    *ret_version = applied;
    return DW_OK;
}

/* --- Redis ------------------------------------------------------------------------------------------------------ */

enum { REDIS_KEY_SIZE = 32 };

/* A server that is down stops nothing: it is looked for until it is there. */
static enum dw_err open_redis(struct cli *cli, const struct dw_secret *secret)
{
    _cleanup_(redis_address_free) struct redis_address address = { 0 };
    _cleanup_secret_ struct dw_secret key = { 0 };
    const char *problem = NULL;

    if (cli->settings->redis_url.size == 0)
        return DW_OK;
    TRY(redis_address_parse(dw_secret_borrow(&cli->settings->redis_url), &address, &problem));
    TRY(hkdf_sha256(secret, DW_STR("doorward redis"), REDIS_KEY_SIZE, &key));
    const enum dw_err err = redis_open(&(struct redis_config){ .address = &address, .key = &key }, &cli->redis);
    if (err == DW_ERR_UNSUPPORTED)
        return cli_refuse(cli, err, SETTINGS_PREFIX "REDIS_URL: the client library of Redis is missing; the line above "
                                    "has its name");
    return err;
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

enum dw_err open_passwords(struct cli *cli, unsigned workers)
{
    const struct settings *s = cli->settings;
    const struct dw_password_config config = {
        .preferred = (enum dw_password_scheme)s->password_scheme,
        .argon2_memory_kib = (uint32_t)(s->argon2_memory_bytes / 1024),
        .argon2_time = (uint32_t)s->argon2_time,
        .workers = workers != 0 ? workers : (unsigned)s->hash_workers,
    };
    const enum dw_err err = dw_passwords_new(&config, &cli->passwords);

    if (err == DW_ERR_NO_MEMORY)
        return cli_refuse(cli, err, "there is no memory for the hash workers: lower " SETTINGS_PREFIX
                                    "HASH_WORKERS or " SETTINGS_PREFIX "ARGON2_MEMORY");
    return err;
}

static enum dw_err open_accounts(struct cli *cli, enum open_as as, const struct dw_secret *secret, bool is_new_secret)
{
    const struct settings *s = cli->settings;
    char label[DATABASE_LABEL_SIZE];
    struct dw_password_policy policy;

    TRY(password_policy_open(cli, &policy));
    const struct identity_config config = {
        .issuer = s->issuer,
        .audience = s->audience,
        .algorithm = (enum dw_alg)s->jwt_algorithm,
        .access_ttl_s = s->access_ttl_s,
        .key_rotation_s = s->key_rotation_s,
        .key_lead_s = s->key_lead_s,
        .refresh_ttl_s = s->refresh_ttl_s,
        .refresh_grace_s = s->refresh_grace_s,
        .session_idle_s = s->session_idle_s,
        .session_ttl_s = s->session_ttl_s,
        .reauth_ttl_s = s->reauth_ttl_s,
        .refresh_family_ttl_s = s->refresh_family_ttl_s,
        .sessions_max = s->sessions_max,
        .api_key_overlap_s = s->api_key_overlap_s,
        .reset_ttl_s = s->reset_ttl_s,
        .verify_ttl_s = s->verify_ttl_s,
        .registration_open = s->registration_open != 0,
        .tells_suspicion = s->sign_in_notices != 0,
        .announce = as != OPEN_SERVER || storage_is_shared(cli->storage),
        .policy = policy,
    };
    const enum dw_err err = identity_open(cli->storage, cli->passwords, &config, secret, &cli->identity);

    if (err != DW_ERR_CRYPTO)
        return err;
    open_database_label(s->database_url, label);
    if (is_new_secret) {
        unlink(SETTINGS_SECRET_FILE);
        return cli_refuse(cli, err, "the keys in %s are sealed with another secret key, and " SETTINGS_SECRET_FILE
                                    " is missing: restore it", label);
    }
    return cli_refuse(cli, err, "the keys in %s are sealed with another secret key than this one", label);
}

enum dw_err open_identity(struct cli *cli, enum open_as as)
{
    _cleanup_secret_ struct dw_secret secret = { 0 };
    const bool may_make = as != OPEN_BESIDE;
    bool is_new_secret = false;

    TRY(open_storage(cli, may_make));
    TRY(get_secret(cli, may_make, &secret, &is_new_secret));
    TRY(open_passwords(cli, as == OPEN_SERVER ? 0 : 1));
    TRY(open_accounts(cli, as, &secret, is_new_secret));
    return as == OPEN_SERVER ? open_redis(cli, &secret) : DW_OK;
}

enum dw_err open_copy(struct cli *cli, const char *to, struct copy_report *report)
{
    return storage_copy(DRIVERS, &IDENTITY_SCHEMA, cli->settings->database_url, to, report);
}

enum dw_err open_inspection(const struct cli *cli, const struct statement *const *const *statements,
                            struct storage **ret_storage)
{
    const struct storage_schema schema = { IDENTITY_SCHEMA.migrations, statements };
    const struct storage_config config = { .url = cli->settings->database_url, .readers = 1 };

    return storage_open(DRIVERS, &schema, &config, ret_storage);
}

const struct file_calls *open_files(const struct cli *cli)
{
    return storage_files(DRIVERS, cli->settings->database_url);
}

static enum dw_err tell_by_redis(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret secret = { 0 };
    bool is_new_secret = false;
    void *carrier = NULL;

    TRY(get_secret(cli, false, &secret, &is_new_secret));
    TRY(open_redis(cli, &secret));
    TRY(redis_carrier_new(cli->redis, &carrier));
    return identity_tell_nodes(cli->identity, &REDIS_CHANNEL, carrier, redis_name(cli->redis));
}

/* Servers that trust their channel must hear on it what a command changed. */
static void tell_nodes(struct cli *cli)
{
    if (cli->identity == NULL || cli->command->is_server || !identity_has_changed(cli->identity) ||
        !storage_is_shared(cli->storage) || cli->settings->redis_url.size == 0)
        return;
    if (tell_by_redis(cli) != DW_OK)
        cli_warn(cli, "Redis could not be reached to tell the servers of the change: those that can reach the database "
                      "find it there");
}

void open_release(struct cli *cli)
{
    tell_nodes(cli);
    redis_close(&cli->redis);
    identity_close(&cli->identity);
    dw_passwords_free(&cli->passwords);
    dw_breached_passwords_free(&cli->breached);
    storage_close(&cli->storage);
}

void open_close(struct cli *cli)
{
    open_release(cli);
    settings_free(&cli->settings);
}
