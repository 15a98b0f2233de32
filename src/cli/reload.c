#include "cli/reload.h"

#include "base/log.h"
#include "cli/certificate.h"
#include "cli/notify.h"
#include "cli/open.h"
#include "cli/ticker.h"

#include <stdatomic.h>
#include <unistd.h>

enum { DAY_S = 86400 };

struct reloader {
    const struct cli *cli;
    struct dw_tls *tls;
    struct ticker *ticker;
    _Atomic bool is_asked;
    int64_t certificate_read_s; /* the ticker's */
};

/* --- settings --------------------------------------------------------------------------------------------------- */

static bool is_same(const struct setting *setting, size_t row, const struct settings *before,
                    const struct settings *now)
{
    const char *texts[] = { before->origins[row].text, now->origins[row].text };

    if (setting_is_secret(setting))
        return dw_secret_eq((const void *)((const char *)before + setting->offset),
                            (const void *)((const char *)now + setting->offset));
    return dw_str_eq(dw_str(texts[0]), dw_str(texts[1]));
}

/* Compared with those of the start, which the server goes on with. */
static void tell_changes(const struct settings *before, const struct settings *now)
{
    char message[128];

    for (size_t row = 0; SETTINGS[row].name != NULL; row++) {
        if (SETTINGS[row].is_live || is_same(&SETTINGS[row], row, before, now))
            continue;
        snprintf(message, sizeof(message), SETTINGS_PREFIX "%s has changed: that takes a restart", SETTINGS[row].name);
        log_event(LOG_WARNING, "setting", LOG_CSTR("message", message));
    }
}

static enum dw_err reload_settings(const struct cli *cli)
{
    _cleanup_(settings_report_free) struct settings_report report = SETTINGS_REPORT_INIT;
    _cleanup_(settings_free) struct settings *settings = NULL;
    const enum dw_err err = open_settings(cli, &settings, &report);

    if (err != DW_OK) {
        log_event(LOG_ERROR, "settings_kept", LOG_STR("message", buffer_str(&report.problems)), LOG_ERR(err));
        return err;
    }
    if (cli_option(cli, "--dev") == NULL)
        log_setup((enum log_level)settings->log_level, (enum log_format)settings->log_format, STDERR_FILENO);
    tell_changes(cli->settings, settings);
    return DW_OK;
}

/* --- turns ------------------------------------------------------------------------------------------------------ */

static void reload_certificate(struct reloader *reloader)
{
    reloader->certificate_read_s = dw_clock_now_s();
    certificate_reload(reloader->tls);
}

static void reload_all(struct reloader *reloader)
{
    notify_reloading(reloader->cli);
    const enum dw_err err = reload_settings(reloader->cli);
    if (reloader->tls != NULL)
        reload_certificate(reloader);
    log_event(LOG_INFO, "reloaded", LOG_CSTR("settings", err == DW_OK ? "read" : "kept"));
    notify_tell(reloader->cli, "READY=1");
}

static bool is_certificate_due(const struct reloader *reloader)
{
    return dw_tls_is_stale(reloader->tls) || dw_clock_now_s() - reloader->certificate_read_s >= DAY_S;
}

static void on_turn(void *argument)
{
    struct reloader *reloader = argument;

    if (atomic_exchange(&reloader->is_asked, false))
        reload_all(reloader);
    else if (reloader->tls != NULL && is_certificate_due(reloader))
        reload_certificate(reloader);
    log_flush();
}

/* --- life ------------------------------------------------------------------------------------------------------- */

enum dw_err reloader_start(const struct cli *cli, struct dw_tls *tls, struct reloader **ret_reloader)
{
    _cleanup_free_ struct reloader *reloader = calloc(1, sizeof(*reloader));

    if (reloader == NULL)
        return DW_ERR_NO_MEMORY;
    reloader->cli = cli;
    reloader->tls = tls;
    reloader->certificate_read_s = dw_clock_now_s();
    TRY(ticker_start((int64_t)RELOAD_EVERY_S * 1000, on_turn, reloader, &reloader->ticker));
    *ret_reloader = TAKE_PTR(reloader);
    return DW_OK;
}

void reloader_ask(struct reloader *reloader)
{
    atomic_store(&reloader->is_asked, true);
    ticker_nudge(reloader->ticker);
}

void reloader_stop(struct reloader **reloader)
{
    if (*reloader == NULL)
        return;
    ticker_stop(&(*reloader)->ticker);
    free(*reloader);
    *reloader = NULL;
}
