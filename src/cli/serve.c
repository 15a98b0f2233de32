/* doorward serve: everything opened, the routes, the chores, and the loops until a signal. */
#include "base/log.h"
#include "cli/actions.h"
#include "cli/activation.h"
#include "cli/administrator.h"
#include "cli/certificate.h"
#include "cli/core_file.h"
#include "cli/keeper.h"
#include "cli/mailer.h"
#include "cli/measure.h"
#include "cli/metrics_listener.h"
#include "cli/notify.h"
#include "cli/open.h"
#include "cli/rate_store.h"
#include "cli/reload.h"
#include "cli/settle.h"
#include "protocol/protocol.h"
#include "shared/redis/redis.h"

#include <signal.h>
#include <sys/stat.h>

enum { OWASP_MIN_MEMORY = 7 * 1024 * 1024 };

static void warn(const char *message)
{
    log_event(LOG_WARNING, "setting", LOG_CSTR("message", message));
}

static bool is_default(const struct cli *cli, const char *name)
{
    return cli->settings->origins[setting_find(dw_str(name))].source == SOURCE_DEFAULT;
}

static bool has_any_port(const char *listen)
{
    const char *colon = strrchr(listen, ':');

    return colon != NULL && strcmp(colon, ":0") == 0;
}

/* What is allowed but seldom meant. */
static void tell_oddities(const struct cli *cli)
{
    if (cli_option(cli, "--dev") != NULL)
        warn("--dev: the log tells everything, as text, and a crash leaves a core file; not for production");
    if (cli->settings->argon2_memory_bytes < OWASP_MIN_MEMORY)
        warn(SETTINGS_PREFIX "ARGON2_MEMORY is below 7MiB: a stolen hash is guessed too fast; for tests alone");
    if (is_default(cli, "PUBLIC_URL") && has_any_port(cli->settings->listen))
        warn(SETTINGS_PREFIX "LISTEN leaves the port open and " SETTINGS_PREFIX "PUBLIC_URL is not set: clients are "
             "told port 0");
}

/* Who develops may want one. */
static void forbid_core_file(const struct cli *cli)
{
    if (cli_option(cli, "--dev") == NULL && core_file_forbid() != DW_OK)
        warn("core files can't be forbidden: a crash would leave keys and passwords in one");
}

/* A redirect to a place that the settings do not name, or that no request would ever be seen to come from. */
static enum dw_err check_redirect(struct cli *cli)
{
    const struct settings *s = cli->settings;

    if (s->https_redirect == 0)
        return DW_OK;
    if (!dw_str_starts_with(dw_str(s->public_url), DW_STR("https://")))
        return cli_refuse(cli, DW_ERR_SETTING, SETTINGS_PREFIX "HTTPS_REDIRECT: " SETTINGS_PREFIX
                          "PUBLIC_URL is not https");
    if (s->trusted_hosts != NULL && strcmp(s->trusted_hosts, "*") == 0)
        return cli_refuse(cli, DW_ERR_SETTING, SETTINGS_PREFIX "HTTPS_REDIRECT: with any host trusted ("
                          SETTINGS_PREFIX "TRUSTED_HOSTS=*) whoever writes Host would choose where clients go");
    if (s->trusted_proxies == NULL && s->tls_cert == NULL)
        warn(SETTINGS_PREFIX "HTTPS_REDIRECT without " SETTINGS_PREFIX "TRUSTED_PROXIES: nobody can tell that a "
             "request came by https, and every one is redirected");
    return DW_OK;
}

/* What the server's loops call back with. */
struct serving {
    struct cli *cli;
    struct protocol *protocol;
    struct reloader *reloader;
};

static void on_ready(void *argument, const char *address)
{
    const struct cli *cli = ((const struct serving *)argument)->cli;

    notify_tell(cli, "READY=1");
    log_event(LOG_INFO, "listening", LOG_CSTR("address", address), LOG_CSTR("public_url", cli->settings->public_url),
              LOG_CSTR("version", DOORWARD_VERSION));
    log_flush();
    memory_settle();
}

static void on_reload(void *argument)
{
    reloader_ask(((const struct serving *)argument)->reloader);
}

static void on_heartbeat(void *argument)
{
    notify_tell(((const struct serving *)argument)->cli, "WATCHDOG=1");
}

static void on_stop(void *argument)
{
    const struct serving *serving = argument;

    log_event(LOG_INFO, "stopping");
    notify_tell(serving->cli, "STOPPING=1");
    protocol_stop_soon(serving->protocol);
}

static bool redis_answers(void *redis)
{
    struct redis_state state;

    redis_state(redis, &state);
    return state.is_connected;
}

static enum dw_err make_app(struct cli *cli, struct protocol **ret_protocol)
{
    const bool is_apart = cli->settings->metrics_listen != NULL, has_token = cli->settings->metrics_token.size > 0;
    const struct dw_metrics metrics = { .token = has_token ? &cli->settings->metrics_token : NULL,
                                        .is_public = !has_token };
    const struct dw_rate_store *rate_store = NULL;

    if (cli->redis != NULL)
        TRY(rate_store_new(cli->arena, cli->redis, &rate_store));
    const struct protocol_config config = {
        .identity = cli->identity,
        .public_url = cli->settings->public_url,
        .issuer = cli->settings->issuer,
        .access_log = true, /* the level decides, which may change while it runs */
        .metrics = has_token || is_apart ? &metrics : NULL,
        .metrics_apart = is_apart,
        .redis_answers = cli->redis == NULL ? NULL : redis_answers,
        .redis = cli->redis,
        .rate_limit_login = cli->settings->rate_limit_login,
        .rate_limit_register = cli->settings->rate_limit_register,
        .rate_limit_forgot = cli->settings->rate_limit_forgot,
        .rate_limit_default = cli->settings->rate_limit_default,
        .rate_store = rate_store,
        .trusted_proxies = cli->settings->trusted_proxies,
        .trusted_hosts = cli->settings->trusted_hosts,
        .https_redirect = cli->settings->https_redirect != 0,
        .cors_origins = cli->settings->cors_origins,
        .cors_origin_pattern = cli->settings->cors_origin_pattern,
    };
    char problem[DW_PROBLEM_SIZE] = "";
    const enum dw_err err = protocol_app_new(&config, ret_protocol, problem);

    return err == DW_ERR_TABLE ? cli_refuse(cli, err, "routes or settings do not fit together: %s", problem) : err;
}

static enum dw_err start_mailer(struct cli *cli, struct mailer **ret_mailer)
{
    char problem[MAIL_PROBLEM_SIZE];
    const enum dw_err err = mailer_start(cli->identity, cli->settings, ret_mailer, problem);

    return err == DW_ERR_SETTING ? cli_refuse(cli, err, SETTINGS_PREFIX "MAIL_TEMPLATES: %s", problem) : err;
}

static enum dw_err serve(struct serving *serving, struct dw_tls *tls, int listen_fd)
{
    struct cli *cli = serving->cli;
    const struct settings *s = cli->settings;
    const unsigned watchdog_ms = notify_watchdog_ms(cli);
    const struct dw_server_config config = {
        .listen = s->listen,
        .listen_fd = listen_fd,
        .tls = tls,
        .loops = (unsigned)s->workers,
        .hashing_queue = (unsigned)s->hash_queue,
        /* More than hash at a time, as a request in this lane also waits for the database. */
        .hashing_workers = s->hash_workers == 0 ? 0 : 2 * (unsigned)s->hash_workers + 2,
        .on_ready = on_ready,
        .on_reload = on_reload,
        .on_heartbeat = watchdog_ms == 0 ? NULL : on_heartbeat,
        .heartbeat_ms = watchdog_ms,
        .on_ready_argument = serving,
        .stop_delay_s = (unsigned)s->stop_delay_s,
        .on_stop = on_stop,
        .on_stop_argument = serving,
    };
    const enum dw_err err = dw_serve(protocol_app(serving->protocol), &config);

    if (err == DW_ERR_SETTING && listen_fd != 0)
        return cli_refuse(cli, err, "the socket that was passed is not one that listens for TCP");
    if (err == DW_ERR_SETTING)
        return cli_refuse(cli, err, SETTINGS_PREFIX "LISTEN: \"%s\" is no address to listen on", s->listen);
    if (err == DW_ERR_IO)
        return cli_refuse(cli, err, "can't listen on %s: it is in use, or not allowed, or not an address of this "
                                    "machine", s->listen);
    return err;
}

enum dw_err action_serve(struct cli *cli)
{
    _cleanup_(protocol_app_free) struct protocol *protocol = NULL;
    _cleanup_(keeper_stop) struct keeper *keeper = NULL;
    _cleanup_(mailer_stop) struct mailer *mailer = NULL;
    _cleanup_(dw_tls_free) struct dw_tls *tls = NULL;
    _cleanup_(metrics_listener_stop) struct metrics_listener *metrics_listener = NULL;
    struct serving serving = { .cli = cli };
    int listen_fd;
    _cleanup_secret_ struct dw_secret password = { 0 };

    umask(S_IRWXG | S_IRWXO);
    signal(SIGPIPE, SIG_IGN); /* who reads the log may go away: until the end, not only while requests are served */
    tell_oddities(cli);
    forbid_core_file(cli);
    TRY(check_redirect(cli));
    TRY(measure_start(cli->settings));
    TRY(activation_socket(cli, &listen_fd));
    TRY(certificate_open(cli, &tls));
    TRY(open_identity(cli, OPEN_SERVER));
    measure_watch(cli);
    TRY(administrator_ensure(cli, &password));
    if (password.size > 0)
        TRY(administrator_print(cli, &password));
    dw_secret_free(&password);
    TRY(make_app(cli, &protocol));
    TRY(keeper_start(cli->identity, cli->redis, &keeper));
    TRY(start_mailer(cli, &mailer));
    if (protocol_operator_app(protocol) != NULL)
        TRY(metrics_listener_start(cli, protocol_operator_app(protocol), &metrics_listener));
    TRY(reloader_start(cli, tls, &serving.reloader));
    serving.protocol = protocol;
    const enum dw_err err = serve(&serving, tls, listen_fd);
    reloader_stop(&serving.reloader);
    TRY(err);
    log_event(LOG_INFO, "stopped");
    return DW_OK;
}
