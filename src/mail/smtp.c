#include "mail/smtp.h"

#include "base/curl_calls.h"
#include "base/log.h"

#include <arpa/inet.h>
#include <stdatomic.h>

enum { CONNECT_LIMIT_S = 10, TRANSFER_LIMIT_S = 30, URL_MAX = 1024, ADDRESS_SIZE = 512 };

struct smtp {
    CURL *curl;
    struct dw_secret url; /* NUL-terminated */
    char *ca_file;
    bool needs_tls;
    atomic_bool is_stopping;
    struct dw_str unsent; /* of the mail under way */
};

/* Not NULL where a handle of the library is at hand. */
static const struct curl_calls *lib(void)
{
    return curl_calls_load();
}

/* --- the URL ---------------------------------------------------------------------------------------------------- */

static void cleanup_url(CURLU **url)
{
    if (*url != NULL)
        lib()->curl_url_cleanup(*url);
}

static void cleanup_part(char **part)
{
    if (*part == NULL)
        return;
    dw_wipe(*part, strlen(*part));
    lib()->curl_free(*part);
}

/* Whether the server answers, and does not take this mail (5yz for good, RFC 5321 §4.2.1). Not knowing us is another
 * thing: then it takes none. */
static bool is_of_this_mail(CURLcode code, long answer)
{
    return answer / 100 == 5 && code != CURLE_LOGIN_DENIED && code != CURLE_USE_SSL_FAILED;
}

/* NULL when it is none. */
static CURLU *parse(const char *text)
{
    CURLU *url = lib() != NULL ? lib()->curl_url() : NULL;

    if (url != NULL && lib()->curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK) {
        lib()->curl_url_cleanup(url);
        return NULL;
    }
    return url;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    _cleanup_(cleanup_part) char *text = NULL;

    return lib()->curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

bool smtp_url_is_valid(struct dw_str text)
{
    char copy[URL_MAX + 1];
    bool is_valid = false;

    if (text.len > URL_MAX || (!dw_str_starts_with(text, DW_STR("smtp://")) &&
                               !dw_str_starts_with(text, DW_STR("smtps://"))))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f)
            return false;
    }
    snprintf(copy, sizeof(copy), "%.*s", (int)text.len, text.ptr);
    _cleanup_(cleanup_url) CURLU *url = parse(copy);
    dw_wipe(copy, sizeof(copy));
    if (url != NULL)
        is_valid = has_part(url, CURLUPART_HOST) && !has_part(url, CURLUPART_QUERY) &&
                   !has_part(url, CURLUPART_FRAGMENT) && !has_part(url, CURLUPART_OPTIONS);
    return is_valid;
}

static bool is_this_machine(const char *host)
{
    struct in_addr four;
    struct in6_addr six;

    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    if (strcmp(host, "[::1]") == 0 || strcmp(host, "localhost") == 0)
        return true;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static size_t give_bytes(char *to, size_t size, size_t n, void *argument)
{
    struct smtp *smtp = argument;
    const size_t given = MIN_OF(size * n, smtp->unsent.len);

    memcpy(to, smtp->unsent.ptr, given);
    smtp->unsent = dw_str_n(smtp->unsent.ptr + given, smtp->unsent.len - given);
    return given;
}

static int is_to_end(void *argument, curl_off_t d_total, curl_off_t d_now, curl_off_t u_total, curl_off_t u_now)
{
    struct smtp *smtp = argument;

    (void)d_total;
    (void)d_now;
    (void)u_total;
    (void)u_now;
    return atomic_load(&smtp->is_stopping);
}

static CURLcode set_up(struct smtp *smtp)
{
    CURL *c = smtp->curl;
    CURLcode code = CURLE_OK;

#define SET(option, value) code = code != CURLE_OK ? code : lib()->curl_easy_setopt(c, (option), (value))
    SET(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    SET(CURLOPT_URL, (const char *)smtp->url.bytes);
    SET(CURLOPT_USE_SSL, (long)(smtp->needs_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (smtp->ca_file != NULL)
        SET(CURLOPT_CAINFO, smtp->ca_file);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_LIMIT_S);
    SET(CURLOPT_TIMEOUT, (long)TRANSFER_LIMIT_S);
    SET(CURLOPT_UPLOAD, 1L);
    SET(CURLOPT_READFUNCTION, give_bytes);
    SET(CURLOPT_READDATA, smtp);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, is_to_end);
    SET(CURLOPT_XFERINFODATA, smtp);
#undef SET
    return code;
}

enum dw_err smtp_new(const struct dw_secret *url, const char *ca_file, struct smtp **ret_smtp)
{
    _cleanup_(smtp_free) struct smtp *smtp = calloc(1, sizeof(*smtp));
    char text[URL_MAX + 1];
    enum dw_err err = DW_ERR_SETTING;

    if (smtp == NULL || lib() == NULL)
        return smtp == NULL ? DW_ERR_NO_MEMORY : DW_ERR_UNSUPPORTED;
    snprintf(text, sizeof(text), "%.*s", (int)MIN_OF(url->size, (size_t)URL_MAX), (const char *)url->bytes);
    _cleanup_(cleanup_url) CURLU *parsed = parse(text);
    _cleanup_(cleanup_part) char *host = NULL;
    if (parsed != NULL && lib()->curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK)
        err = dw_secret_copy(dw_str_n(text, strlen(text) + 1), &smtp->url);
    dw_wipe(text, sizeof(text));
    TRY(err);
    smtp->ca_file = ca_file != NULL ? strdup(ca_file) : NULL;
    smtp->needs_tls = ca_file != NULL || !is_this_machine(host);
    smtp->curl = lib()->curl_easy_init();
    if (smtp->curl == NULL || (ca_file != NULL && smtp->ca_file == NULL) || set_up(smtp) != CURLE_OK)
        return DW_ERR_NO_MEMORY;
    *ret_smtp = TAKE_PTR(smtp);
    return DW_OK;
}

static void cleanup_list(struct curl_slist **list)
{
    if (*list != NULL)
        lib()->curl_slist_free_all(*list);
}

enum dw_err smtp_send(struct smtp *smtp, const char *from, const char *to, struct dw_str bytes)
{
    char sender[ADDRESS_SIZE], recipient[ADDRESS_SIZE];
    _cleanup_(cleanup_list) struct curl_slist *recipients = NULL;
    long answer = 0;

    if ((size_t)snprintf(sender, sizeof(sender), "<%s>", from) >= sizeof(sender) ||
        (size_t)snprintf(recipient, sizeof(recipient), "<%s>", to) >= sizeof(recipient))
        return DW_ERR_VALIDATION;
    recipients = lib()->curl_slist_append(NULL, recipient);
    if (recipients == NULL || lib()->curl_easy_setopt(smtp->curl, CURLOPT_MAIL_FROM, sender) != CURLE_OK ||
        lib()->curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, recipients) != CURLE_OK)
        return DW_ERR_NO_MEMORY;
    smtp->unsent = bytes;
    const CURLcode code = lib()->curl_easy_perform(smtp->curl);
    lib()->curl_easy_getinfo(smtp->curl, CURLINFO_RESPONSE_CODE, &answer);
    lib()->curl_easy_setopt(smtp->curl, CURLOPT_MAIL_RCPT, NULL);
    smtp->unsent = dw_str_n(NULL, 0);
    if (code == CURLE_OK)
        return DW_OK;
    log_event(LOG_WARNING, "smtp_failed", LOG_CSTR("reason", lib()->curl_easy_strerror(code)),
              LOG_INT("answer", answer));
    return is_of_this_mail(code, answer) ? DW_ERR_VALIDATION : DW_ERR_UNAVAILABLE;
}

void smtp_stop(struct smtp *smtp)
{
    atomic_store(&smtp->is_stopping, true);
}

void smtp_free(struct smtp **smtp)
{
    struct smtp *s = *smtp;

    if (s == NULL)
        return;
    if (s->curl != NULL)
        lib()->curl_easy_cleanup(s->curl);
    dw_secret_free(&s->url);
    free(s->ca_file);
    free(s);
    *smtp = NULL;
}
