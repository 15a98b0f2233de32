/* doorward doctor: what the settings say. */
#include "cli/certificate.h"
#include "cli/doctor.h"
#include "mail/template.h"

enum { DAY_S = 86400, CERTIFICATE_SOON_DAYS = 21, OWASP_MIN_MEMORY = 7 * 1024 * 1024 };

static bool is_given(const struct doctor *d, const char *name)
{
    return d->cli->settings->origins[setting_find(dw_str(name))].source != SOURCE_DEFAULT;
}

static void tell_lines(struct doctor *d, enum finding_level level, const char *mend, struct dw_str lines)
{
    while (lines.len > 0) {
        const char *end = memchr(lines.ptr, '\n', lines.len);
        const size_t n = end == NULL ? lines.len : (size_t)(end - lines.ptr);

        if (n > 0)
            doctor_found(d, level, mend, "%.*s", (int)n, lines.ptr);
        lines = dw_str_n(lines.ptr + n + (end != NULL), lines.len - n - (end != NULL));
    }
}

/* Read again, for what is told of them: misspelt names with the nearest, values with what is allowed. */
static void check_settings(struct doctor *d)
{
    _cleanup_(settings_report_free) struct settings_report report = SETTINGS_REPORT_INIT;
    struct settings *settings = NULL;
    const enum dw_err err = open_settings(d->cli, &settings, &report);

    tell_lines(d, FINDING_ERROR, "`doorward settings` and docs/settings.md tell what each one means",
               buffer_str(&report.problems));
    tell_lines(d, FINDING_WARNING, NULL, buffer_str(&report.warnings));
    if (err != DW_OK && report.problems.len == 0)
        doctor_found(d, FINDING_ERROR, NULL, "the settings can't be read: %s", dw_error_info(err)->message);
    settings_free(&settings);
}

static void check_address(struct doctor *d)
{
    const struct settings *s = d->cli->settings;
    const bool is_https = strncmp(s->public_url, "https://", 8) == 0;

    if (!doctor_is_public(d))
        return;
    if (!is_https)
        doctor_found(d, FINDING_ERROR,
                     "put TLS in front (docs/operations/proxies.md) or give DOORWARD_TLS_CERT, and set "
                     "DOORWARD_PUBLIC_URL to https://…",
                     "clients come by plain http: passwords and tokens can be read on the way, and cookies are sent in "
                     "the clear");
    if (is_https && s->tls_cert == NULL && s->trusted_proxies == NULL)
        doctor_found(d, FINDING_WARNING, "name the proxy that ends TLS in DOORWARD_TRUSTED_PROXIES",
                     "DOORWARD_PUBLIC_URL is https, this server has no certificate, and no proxy is trusted: all "
                     "clients seem to come from the proxy, and share one rate limit");
    if (!is_given(d, "PUBLIC_URL"))
        doctor_found(d, FINDING_WARNING, "set DOORWARD_PUBLIC_URL to what clients write",
                     "DOORWARD_PUBLIC_URL is not set: links in mails and the tokens' issuer come from the address to "
                     "listen on");
}

static void check_certificate(struct doctor *d)
{
    struct dw_tls *tls = NULL;

    if (d->cli->settings->tls_cert == NULL && d->cli->settings->tls_key == NULL)
        return;
    if (certificate_open(d->cli, &tls) != DW_OK) {
        doctor_failed(d, "renew it, or give the files that belong together", "the certificate can't be used");
        return;
    }
    const int64_t days = (dw_tls_expires_s(tls) - dw_clock_now_s()) / DAY_S;

    if (days < CERTIFICATE_SOON_DAYS)
        doctor_found(d, days < 3 ? FINDING_ERROR : FINDING_WARNING,
                     "renew it; a replaced file is taken up within a minute",
                     "the certificate expires in %lld days", (long long)days);
    dw_tls_free(&tls);
}

/* Metrics tell no secret, but how many sign in, fail and wait is nobody else's business. */
static void check_metrics(struct doctor *d)
{
    const struct settings *s = d->cli->settings;

    if (s->metrics_listen != NULL && s->metrics_token.size == 0 && !doctor_is_own_address(s->metrics_listen))
        doctor_found(d, FINDING_NOTE, "a private address and a firewall, or DOORWARD_METRICS_TOKEN_FILE",
                     "whoever reaches %s may read the metrics", s->metrics_listen);
}

/* "0.0.0.0/0" and "::/0" among networks. */
static bool trusts_everyone(const char *proxies)
{
    for (const char *at = proxies; (at = strstr(at, "/0")) != NULL; at += 2) {
        if (at[2] == '\0' || at[2] == ',' || at[2] == ' ')
            return true;
    }
    return false;
}

static void check_proxies(struct doctor *d)
{
    const char *proxies = d->cli->settings->trusted_proxies;

    if (proxies != NULL && trusts_everyone(proxies))
        doctor_found(d, FINDING_ERROR, "name the proxies' own addresses in DOORWARD_TRUSTED_PROXIES",
                     "every client is trusted as a proxy: it may claim any address, and rate limits by address do "
                     "not hold");
}

static void check_browsers(struct doctor *d)
{
    const struct settings *s = d->cli->settings;

    if (s->cors_origins != NULL && strcmp(s->cors_origins, "*") == 0)
        doctor_found(d, FINDING_WARNING, "list the origins of your own pages in DOORWARD_CORS_ORIGINS",
                     "pages of every origin may call (without cookies)");
    if (doctor_is_public(d) && (s->trusted_hosts == NULL || strcmp(s->trusted_hosts, "*") == 0))
        doctor_found(d, FINDING_WARNING, "set DOORWARD_TRUSTED_HOSTS to the host of DOORWARD_PUBLIC_URL",
                     "requests for any host name are answered");
}

static void check_limits(struct doctor *d)
{
    const struct settings *s = d->cli->settings;

    if (strcmp(s->rate_limit_login, "none") == 0)
        doctor_found(d, doctor_is_public(d) ? FINDING_ERROR : FINDING_WARNING,
                     "set DOORWARD_RATE_LIMIT_LOGIN, 10/minute is the default",
                     "one address may try to sign in as often as it likes");
    if (doctor_is_public(d) && strcmp(s->rate_limit_default, "none") == 0)
        doctor_found(d, FINDING_NOTE, "set DOORWARD_RATE_LIMIT_DEFAULT, such as 100/second",
                     "one address may ask as often as it likes for what is not a sign-in");
    if (s->argon2_memory_bytes < OWASP_MIN_MEMORY)
        doctor_found(d, FINDING_ERROR, "leave DOORWARD_ARGON2_MEMORY at its default, 19MiB",
                     "DOORWARD_ARGON2_MEMORY is below 7MiB: a stolen hash is guessed too fast");
    if (doctor_is_public(d) && s->registration_open != 0)
        doctor_found(d, FINDING_NOTE, "DOORWARD_REGISTRATION=closed, if only an administrator is to make accounts",
                     "anyone may register");
}

static void check_templates(struct doctor *d)
{
    struct mail_templates *templates = NULL;
    char problem[MAIL_PROBLEM_SIZE] = "";

    if (mail_templates_load(d->cli->settings->mail_templates, &templates, problem) != DW_OK)
        doctor_found(d, FINDING_ERROR, "mend the file, or take it away for the built-in text",
                     "DOORWARD_MAIL_TEMPLATES: %s", problem);
    mail_templates_free(&templates);
}

const struct check DOCTOR_SETTINGS_CHECKS[] = {
    { "settings", "unknown names, wrong values, files that others may read", CHECK_NOTHING, check_settings, 0 },
    { "address", "https, and the address that clients use", CHECK_SETTINGS, check_address, 0 },
    { "certificate", "its files, its key, when it expires", CHECK_SETTINGS, check_certificate, 0 },
    { "metrics", "who may read them", CHECK_SETTINGS, check_metrics, 0 },
    { "proxies", "who may tell a client's address", CHECK_SETTINGS, check_proxies, 0 },
    { "browsers", "origins and host names", CHECK_SETTINGS, check_browsers, 0 },
    { "limits", "rate limits, the cost of a guess, registration", CHECK_SETTINGS, check_limits, 0 },
    { "templates", "the texts of mails", CHECK_SETTINGS, check_templates, 0 },
    { NULL },
};
