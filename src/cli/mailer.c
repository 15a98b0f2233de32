#include "cli/mailer.h"

#include "base/log.h"
#include "base/metrics.h"
#include "cli/ticker.h"
#include "identity/notice.h"
#include "identity/outbox.h"
#include "identity/recovery.h"
#include "mail/sender.h"

#include <time.h>

enum { LINK_SIZE = 512, TIME_SIZE = 32 };

struct mailer {
    struct identity *identity;
    const struct settings *settings;
    struct mail_templates *templates;
    struct mail_sender *sender;
    struct ticker *ticker;
    bool has_failed[2];
    unsigned turns;
};

/* Series of MAILS. */
enum { MAIL_SENT, MAIL_FAILED };
static const char *const MAIL_RESULTS[] = { [MAIL_SENT] = "sent", [MAIL_FAILED] = "failed" };
static struct dw_metric MAILS = {
    .name = "doorward_mails_total", .kind = DW_COUNTER, .help = "Attempts to send a mail.",
    .labels = { { "result", MAIL_RESULTS, ARRAY_SIZE(MAIL_RESULTS) } },
};

static _Atomic int64_t n_waiting = -1; /* as of the last count; -1: none yet */

static bool read_waiting(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    *ret_value = atomic_load_explicit(&n_waiting, memory_order_relaxed);
    return *ret_value >= 0;
}

static struct dw_metric OUTBOX_WAITING = {
    .name = "doorward_outbox_waiting", .kind = DW_GAUGE, .read = read_waiting,
    .help = "Mails that wait to be sent, of all nodes, as of the last count.",
};
struct dw_metric *const MAILER_METRICS[] = { &MAILS, &OUTBOX_WAITING, NULL };

/* Where the link of a mail leads, under the public URL. What stands here carries a token; other kinds are notices. */
static const struct kind {
    const char *name;
    const char *path;
} KINDS[] = {
    { "reset", "/reset-password" },
    { "verify", "/verify-email" },
};

/* NULL for a notice. */
static const char *path_of(struct dw_str kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++) {
        if (dw_str_eq(kind, dw_str(KINDS[i].name)))
            return KINDS[i].path;
    }
    return NULL;
}

static void format_time(int64_t at_s, char ret_text[TIME_SIZE])
{
    const time_t t = (time_t)at_s;
    struct tm tm;

    if (gmtime_r(&t, &tm) == NULL || strftime(ret_text, TIME_SIZE, "%Y-%m-%d %H:%M UTC", &tm) == 0)
        ret_text[0] = '\0';
}

/* --- one mail --------------------------------------------------------------------------------------------------- */

static enum dw_err send_rendered(struct mailer *m, const struct outbox_mail *mail, const struct mail_value *values)
{
    const struct mail_template *t = mail_template_find(m->templates, mail->kind);
    _cleanup_buffer_ struct buffer subject = BUFFER_INIT(1024), text = BUFFER_INIT(MAIL_MESSAGE_MAX_BYTES / 4),
                                   html = BUFFER_INIT(MAIL_MESSAGE_MAX_BYTES / 4);

    if (t == NULL)
        return DW_ERR_TABLE;
    TRY(mail_render(t->subject, values, MAIL_PLAIN, &subject));
    TRY(mail_render(t->text, values, MAIL_PLAIN, &text));
    TRY(mail_render(t->html, values, MAIL_HTML, &html));
    const struct mail_message message = {
        .id = mail->id, .from = dw_str(m->settings->mail_from), .to = mail->to, .subject = buffer_str(&subject),
        .text = buffer_str(&text), .html = buffer_str(&html), .date_s = mail->created_s,
    };

    return mail_send(m->sender, &message);
}

/* The token stands in the link's fragment: a browser keeps that to itself, where a query would go into logs and to
 * other sites as the referrer. */
static enum dw_err send_link(struct mailer *m, const struct outbox_mail *mail, const char *path)
{
    char link[LINK_SIZE], expires[TIME_SIZE];

    if ((size_t)snprintf(link, sizeof(link), "%s%s#token=%.*s", m->settings->public_url, path,
                         (int)mail->payload.len, mail->payload.ptr) >= sizeof(link))
        return DW_ERR_TABLE;
    format_time(mail->expires_s, expires);
    const struct mail_value values[] = {
        { "username", mail->username }, { "service", dw_str(m->settings->public_url) }, { "link", dw_str(link) },
        { "token", mail->payload },     { "expires", dw_str(expires) },                 { NULL },
    };
    const enum dw_err err = send_rendered(m, mail, values);

    dw_wipe(link, sizeof(link));
    return err;
}

static enum dw_err send_notice(struct mailer *m, const struct outbox_mail *mail)
{
    char when[TIME_SIZE];
    struct dw_str from, detail;

    format_time(mail->created_s, when);
    notice_parse(mail->payload, &from, &detail);
    const struct mail_value values[] = {
        { "username", mail->username },
        { "service", dw_str(m->settings->public_url) },
        { "when", dw_str(when) },
        { "from", from.len > 0 ? from : DW_STR("the server's own machine") },
        { "detail", detail },
        { NULL },
    };

    return send_rendered(m, mail, values);
}

static enum dw_err send_one(void *argument, const struct outbox_mail *mail)
{
    struct mailer *m = argument;
    const char *path = path_of(mail->kind);
    const enum dw_err err = path != NULL ? send_link(m, mail, path) : send_notice(m, mail);

    metric_add(&MAILS, err == DW_OK ? MAIL_SENT : MAIL_FAILED, 1);
    TRY(err);
    log_event(LOG_INFO, "mail_sent", LOG_STR("mail", mail->id), LOG_STR("kind", mail->kind));
    return DW_OK;
}

/* --- the thread ------------------------------------------------------------------------------------------------- */

/* The first failure and the recovery are told, not each. */
static void tell(bool *has_failed, const char *what, enum dw_err err)
{
    if (err != DW_OK && !*has_failed)
        log_event(LOG_WARNING, "mailer_failed", LOG_CSTR("work", what), LOG_ERR(err));
    else if (err == DW_OK && *has_failed)
        log_event(LOG_INFO, "mailer_recovered", LOG_CSTR("work", what));
    *has_failed = err != DW_OK;
}

/* Now and then, when somebody may look. */
static void count_waiting(struct mailer *m)
{
    int64_t n = 0;

    if (!metric_is_on(&OUTBOX_WAITING) || m->turns++ % MAILER_COUNT_TURNS != 0)
        return;
    if (outbox_count(m->identity, &n) == DW_OK)
        atomic_store_explicit(&n_waiting, n, memory_order_relaxed);
}

static void turn(void *argument)
{
    struct mailer *m = argument;

    tell(&m->has_failed[0], "requests", recovery_work(m->identity));
    tell(&m->has_failed[1], "outbox", outbox_run(m->identity, send_one, m));
    count_waiting(m);
    log_flush();
}

enum dw_err mailer_start(struct identity *identity, const struct settings *settings, struct mailer **ret_mailer,
                         char ret_problem[MAIL_PROBLEM_SIZE])
{
    _cleanup_(mailer_stop) struct mailer *mailer = calloc(1, sizeof(*mailer));
    const struct mail_sender_config config = {
        .smtp_url = &settings->smtp_url, .smtp_ca_file = settings->smtp_ca, .folder = MAILER_FOLDER,
    };

    ret_problem[0] = '\0';
    if (mailer == NULL)
        return DW_ERR_NO_MEMORY;
    mailer->identity = identity;
    mailer->settings = settings;
    TRY(mail_templates_load(settings->mail_templates, &mailer->templates, ret_problem));
    TRY(mail_sender_new(&config, &mailer->sender));
    TRY(ticker_start(MAILER_TURN_MS, turn, mailer, &mailer->ticker));
    *ret_mailer = TAKE_PTR(mailer);
    return DW_OK;
}

void mailer_stop(struct mailer **mailer)
{
    struct mailer *m = *mailer;

    if (m == NULL)
        return;
    if (m->sender != NULL)
        mail_sender_stop(m->sender);
    ticker_stop(&m->ticker);
    mail_sender_free(&m->sender);
    mail_templates_free(&m->templates);
    free(m);
    *mailer = NULL;
}
