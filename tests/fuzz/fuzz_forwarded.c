/* Lines of X-Forwarded-For, X-Forwarded-Proto and Forwarded: whatever a client writes, what the trusted proxy adds at
 * the end is what is believed. A line begins with F (Forwarded), P (-Proto) or anything else (-For). */
#include "fuzz.h"

enum { LINES_MAX = 16 };

static const struct dw_route ROUTES[] = { { DW_GET, "/", fuzz_fine, .needs = DW_PUBLIC }, { 0 } };
static struct dw_app *app;

static struct dw_request *request_of(const char *peer, struct dw_str lines, struct dw_str added, bool is_standard)
{
    static const struct dw_str NAMES[] = { DW_STR_INIT("X-Forwarded-For"), DW_STR_INIT("Forwarded"),
                                           DW_STR_INIT("X-Forwarded-Proto") };
    struct dw_request *r = NULL;
    struct dw_str line;

    CLAIM(http_request_new(&r) == DW_OK);
    snprintf(r->peer, sizeof(r->peer), "%s", peer);
    while (r->n_headers < LINES_MAX && fuzz_line(&lines, &line)) {
        const size_t kind = line.len == 0 ? 0 : line.ptr[0] == 'F' ? 1 : line.ptr[0] == 'P' ? 2 : 0;
        if (added.len > 0 && kind == (is_standard ? 0 : 1))
            continue; /* both forms together are not believed at all */
        r->headers[r->n_headers++] = (struct http_header){ NAMES[kind],
            line.len == 0 ? line : dw_str_n(line.ptr + 1, line.len - 1) };
    }
    if (added.len > 0)
        r->headers[r->n_headers++] = (struct http_header){ NAMES[is_standard ? 1 : 0], added };
    CLAIM(http_request_set_target(r, DW_STR("/")) == DW_OK);
    return r;
}

static void check_peer(const char *peer, struct dw_str lines, struct dw_str added, bool is_standard,
    const char *expected)
{
    _cleanup_(http_request_free) struct dw_request *r = request_of(peer, lines, added, is_standard);
    size_t max_body = 0;
    struct ip ip;

    r->method = DW_GET;
    CLAIM(app->service.begin(app, r, &max_body) == DW_OK);
    CLAIM(ip_parse(dw_request_peer(r), &ip) == DW_OK);
    CLAIM(expected == NULL || strcmp(r->peer, expected) == 0);
    CLAIM(expected == NULL || strcmp(peer, "127.0.0.1") == 0 || !dw_request_is_https(r));
}

/* A proxy that adds to the last line instead of writing one of its own. */
static void check_appended(struct dw_str lines, struct dw_str added, bool is_standard)
{
    char text[4096];
    const int n = snprintf(text, sizeof(text), "%c%.*s, %.*s", is_standard ? 'F' : 'X', (int)lines.len, lines.ptr,
        (int)added.len, added.ptr);

    if (memchr(lines.ptr, '\n', lines.len) == NULL && n > 0 && (size_t)n < sizeof(text))
        check_peer("127.0.0.1", dw_str_n(text, (size_t)n), dw_str_n(NULL, 0), is_standard, "192.0.2.55");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dw_str lines = dw_str_n(data, size), none = { NULL, 0 };
    const struct dw_str usual = DW_STR("192.0.2.55"), standard = DW_STR("proto=https;for=\"192.0.2.55:80\"");

    if (app == NULL)
        app = fuzz_app((struct dw_app_config){ .trusted_proxies = "127.0.0.1, 10.0.0.0/8, 2001:db8::/32" }, ROUTES);
    if (size == 0 || memchr(data, '\0', size) != NULL)
        return 0;
    check_peer("127.0.0.1", lines, none, false, NULL);
    check_peer("192.0.2.1", lines, none, false, "192.0.2.1");
    check_peer("127.0.0.1", lines, usual, false, "192.0.2.55");
    check_peer("127.0.0.1", lines, standard, true, "192.0.2.55");
    check_appended(lines, usual, false);
    check_appended(lines, standard, true);
    return 0;
}
