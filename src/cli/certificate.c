#include "cli/certificate.h"

#include "base/encoding.h"
#include "base/log.h"
#include "cli/settings.h"

#include <sys/stat.h>

enum { DAY_S = 86400, SOON_DAYS = 14 };

/* Debian keeps keys readable to the group ssl-cert: that is nobody's mistake. */
static void tell_open_key(const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && (status.st_mode & S_IRWXO) != 0)
        log_event(LOG_WARNING, "setting", LOG_CSTR("message", SETTINGS_PREFIX "TLS_KEY: everybody on this machine may "
                                                              "read the key: chmod o-rwx"), LOG_CSTR("file", path));
}

enum dw_err certificate_open(struct cli *cli, struct dw_tls **ret_tls)
{
    const struct settings *s = cli->settings;
    char problem[DW_TLS_PROBLEM_SIZE] = "";

    if (s->tls_cert == NULL && s->tls_key == NULL)
        return DW_OK;
    if (s->tls_key == NULL)
        return cli_refuse(cli, DW_ERR_SETTING, SETTINGS_PREFIX "TLS_CERT needs " SETTINGS_PREFIX "TLS_KEY");
    if (s->tls_cert == NULL)
        return cli_refuse(cli, DW_ERR_SETTING, SETTINGS_PREFIX "TLS_KEY needs " SETTINGS_PREFIX "TLS_CERT");
    const enum dw_err err = dw_tls_new(s->tls_cert, s->tls_key, ret_tls, problem);
    if (err != DW_OK)
        return problem[0] == '\0' ? err : cli_refuse(cli, err, SETTINGS_PREFIX "TLS_CERT, " SETTINGS_PREFIX
                                                     "TLS_KEY: %s", problem);
    tell_open_key(s->tls_key);
    certificate_tell(*ret_tls);
    return DW_OK;
}

void certificate_tell(struct dw_tls *tls)
{
    const int64_t expires_s = dw_tls_expires_s(tls), days = (expires_s - dw_clock_now_s()) / DAY_S;
    char expires[RFC3339_SIZE];

    (void)rfc3339_format(expires_s, expires);
    log_event(days < SOON_DAYS ? LOG_WARNING : LOG_INFO, "certificate", LOG_CSTR("expires", expires),
              LOG_INT("days_left", days));
}

void certificate_reload(struct dw_tls *tls)
{
    char problem[DW_TLS_PROBLEM_SIZE] = "";
    const enum dw_err err = dw_tls_reload(tls, problem);

    if (err == DW_OK)
        certificate_tell(tls);
    else
        log_event(LOG_ERROR, "certificate_kept", LOG_CSTR("message", problem), LOG_ERR(err));
}
