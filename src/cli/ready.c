/*
 * doorward ready: asks the server of these settings whether it can serve, for health checks of containers.
 *
 * It goes to the address that the server listens on, under the name that clients use, so that DOORWARD_TRUSTED_HOSTS
 * lets it in. The certificate is not checked: it is this machine's own port, and what is asked is no secret.
 */
#include "base/buffer.h"
#include "base/curl_calls.h"
#include "cli/actions.h"
#include "cli/output.h"
#include "cli/settings.h"

enum { LIMIT_S = 4, ANSWER_MAX = 16 * 1024, URL_SIZE = 2048, STATUS_OK = 200, STATUS_REDIRECT = 307 };

static void cleanup_curl(CURL **curl)
{
    if (*curl != NULL)
        curl_calls_load()->curl_easy_cleanup(*curl);
}

static void cleanup_list(struct curl_slist **list)
{
    if (*list != NULL)
        curl_calls_load()->curl_slist_free_all(*list);
}

static size_t body_take(char *bytes, size_t size, size_t n, void *argument)
{
    struct buffer *body = argument;

    buffer_append(body, dw_str_n(bytes, size * n));
    return buffer_error(body) == DW_OK ? size * n : 0;
}

/* "::ADDRESS:PORT": whatever the URL says, this is where libcurl connects. Every address of the machine is this one. */
static void place_of(const char *listen, char ret_place[URL_SIZE])
{
    const char *colon = strrchr(listen, ':');
    struct dw_str host = dw_str_n(listen, colon == NULL ? 0 : (size_t)(colon - listen));

    if (host.len == 0 || dw_str_eq(host, DW_STR("0.0.0.0")))
        host = DW_STR("127.0.0.1");
    if (dw_str_eq(host, DW_STR("[::]")))
        host = DW_STR("[::1]");
    snprintf(ret_place, URL_SIZE, "::%.*s%s", (int)host.len, host.ptr, colon == NULL ? "" : colon);
}

static void url_of(const struct settings *s, char ret_url[URL_SIZE])
{
    const char *host = strstr(s->public_url, "://");

    host = host == NULL ? s->public_url : host + 3;
    snprintf(ret_url, URL_SIZE, "%s://%.*s/readyz", s->tls_cert != NULL ? "https" : "http", (int)strcspn(host, "/"),
             host);
}

static CURLcode ask(const struct curl_calls *lib, CURL *c, const char *url, const struct curl_slist *places,
                    struct buffer *body, long *ret_status)
{
    CURLcode code = CURLE_OK;

#define SET(option, value) code = code != CURLE_OK ? code : lib->curl_easy_setopt(c, (option), (value))
    SET(CURLOPT_URL, url);
    SET(CURLOPT_CONNECT_TO, places);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT, (long)LIMIT_S);
    SET(CURLOPT_SSL_VERIFYPEER, 0L);
    SET(CURLOPT_SSL_VERIFYHOST, 0L);
    SET(CURLOPT_WRITEFUNCTION, body_take);
    SET(CURLOPT_WRITEDATA, body);
#undef SET
    if (code == CURLE_OK)
        code = lib->curl_easy_perform(c);
    return code == CURLE_OK ? lib->curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, ret_status) : code;
}

enum dw_err action_ready(struct cli *cli)
{
    _cleanup_buffer_ struct buffer body = BUFFER_INIT(ANSWER_MAX), shown = BUFFER_INIT(ANSWER_MAX);
    const struct curl_calls *lib = curl_calls_load();
    _cleanup_(cleanup_curl) CURL *c = lib == NULL ? NULL : lib->curl_easy_init();
    _cleanup_(cleanup_list) struct curl_slist *places = NULL;
    char url[URL_SIZE], place[URL_SIZE];
    long status = 0;

    if (c == NULL)
        return cli_refuse(cli, DW_ERR_UNSUPPORTED, "libcurl is missing (Debian: libcurl4)");
    url_of(cli->settings, url);
    place_of(cli->settings->listen, place);
    places = lib->curl_slist_append(NULL, place);
    if (places == NULL)
        return DW_ERR_NO_MEMORY;
    const CURLcode code = ask(lib, c, url, places, &body, &status);

    if (code != CURLE_OK)
        return cli_refuse(cli, DW_ERR_UNAVAILABLE, "no answer from %s: %s", place + 2, lib->curl_easy_strerror(code));
    output_printable(&shown, buffer_str(&body), false);
    /* To https, by DOORWARD_HTTPS_REDIRECT: a proxy in front asks differently, and this is an answer. */
    if (status != STATUS_OK && status != STATUS_REDIRECT)
        return cli_refuse(cli, DW_ERR_UNAVAILABLE, "%s answers %ld: %.*s", place + 2, status, (int)shown.len,
                          shown.len > 0 ? shown.ptr : "");
    return output_said(cli, "ready");
}
