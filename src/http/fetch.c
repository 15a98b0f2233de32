#include "http/fetch.h"

#include "base/buffer.h"
#include "base/curl_calls.h"
#include "base/log.h"

static void cleanup_curl(CURL **curl)
{
    if (*curl != NULL)
        curl_calls_load()->curl_easy_cleanup(*curl);
}

/* Fewer bytes taken than given ends the transfer. */
static size_t body_take(char *bytes, size_t size, size_t n, void *argument)
{
    struct buffer *body = argument;

    buffer_append(body, dw_str_n(bytes, size * n));
    return buffer_error(body) == DW_OK ? size * n : 0;
}

static CURLcode set_up(const struct curl_calls *lib, CURL *c, const char *url, struct buffer *body)
{
    CURLcode code = CURLE_OK;

#define SET(option, value) code = code != CURLE_OK ? code : lib->curl_easy_setopt(c, (option), (value))
    SET(CURLOPT_URL, url);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT, (long)FETCH_SECONDS_MAX);
    SET(CURLOPT_WRITEFUNCTION, body_take);
    SET(CURLOPT_WRITEDATA, body);
#undef SET
    return code;
}

enum dw_err http_fetch(const char *url, struct dw_arena *arena, struct dw_str *ret_body)
{
    enum { STATUS_OK = 200 };
    _cleanup_buffer_ struct buffer body = BUFFER_INIT(FETCH_BYTES_MAX);
    const struct curl_calls *lib = curl_calls_load();
    _cleanup_(cleanup_curl) CURL *c = lib == NULL ? NULL : lib->curl_easy_init();
    long status = 0;

    if (c == NULL)
        return DW_ERR_UNAVAILABLE;
    CURLcode code = set_up(lib, c, url, &body);
    if (code == CURLE_OK)
        code = lib->curl_easy_perform(c);
    if (code == CURLE_OK)
        code = lib->curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != STATUS_OK) {
        log_event(LOG_WARNING, "fetch_failed", LOG_CSTR("url", url), LOG_INT("status", status),
                  LOG_CSTR("reason", lib->curl_easy_strerror(code)));
        return DW_ERR_UNAVAILABLE;
    }
    *ret_body = dw_arena_copy(arena, dw_str_n(body.ptr == NULL ? "" : body.ptr, body.len));
    return dw_str_is_absent(*ret_body) ? DW_ERR_NO_MEMORY : DW_OK;
}
