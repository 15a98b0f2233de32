/* Any bytes as Host: what is taken reads the same when it is written again, and a redirect goes nowhere else. */
#include "fuzz.h"

#include <ctype.h>

static const struct dw_route ROUTES[] = { { DW_GET, "/", fuzz_fine, .needs = DW_PUBLIC }, { 0 } };

static void check_same(struct dw_str text)
{
    char again[512];
    struct host_pattern pattern;
    struct host first, second;

    if (host_parse(text, &first) != DW_OK)
        return;
    const bool has_port = !dw_str_is_absent(first.port);
    const int n = snprintf(again, sizeof(again), "%s%.*s%s%s%.*s", first.is_ipv6 ? "[" : "", (int)first.name.len,
        first.name.ptr, first.is_ipv6 ? "]" : "", has_port ? ":" : "", (int)first.port.len,
        has_port ? first.port.ptr : "");
    CLAIM(n > 0 && (size_t)n < sizeof(again));
    CLAIM(host_parse(dw_str(again), &second) == DW_OK);
    CLAIM(dw_str_eq(first.name, second.name) && dw_str_eq(first.port, second.port));
    for (size_t i = 0; i < first.name.len; i++)
        CLAIM(isalnum((unsigned char)first.name.ptr[i]) || strchr("-_.:", first.name.ptr[i]) != NULL);
    again[(size_t)n - (has_port ? first.port.len + 1 : 0)] = '\0';
    CLAIM(host_pattern_parse(dw_str(again), &pattern) == DW_OK && host_matches(&first, &pattern));
}

/* Whether the name is one that the application trusts, read in the simplest way. */
static bool is_ours(struct dw_str location)
{
    static const char *const STARTS[] = { "https://id.example.com/", "https://id.example.com:", "https://[" };

    for (size_t i = 0; i < ARRAY_SIZE(STARTS); i++)
        if (location.len > strlen(STARTS[i]) && strncasecmp(location.ptr, STARTS[i], strlen(STARTS[i])) == 0)
            return true;
    const char *end = location.len < 8 ? NULL : memchr(location.ptr + 8, '/', location.len - 8);
    const char *colon = end == NULL ? NULL : memchr(location.ptr + 8, ':', (size_t)(end - location.ptr) - 8);
    end = colon != NULL ? colon : end;
    return end != NULL && end - location.ptr > 8 + 12 && strncasecmp(end - 12, ".example.org", 12) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_app *app;
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct dw_call_header headers[] = { { "Host", dw_str_n(data, size) }, { 0 } };
    const struct dw_call call = { .method = DW_GET, .target = "/a?b", .headers = headers };
    struct host_pattern pattern;
    struct dw_called called;

    if (app == NULL)
        app = fuzz_app((struct dw_app_config){ .trusted_hosts = "id.example.com,*.example.org,[::1]",
                                               .https_redirect = true }, ROUTES);
    check_same(headers[0].value);
    (void)(host_pattern_parse(headers[0].value, &pattern) == DW_OK);
    if (size == 0 || dw_arena_new(1 << 20, &arena) != DW_OK)
        return 0;
    CLAIM(dw_call(app, &call, arena, &called) == DW_OK);
    CLAIM(called.status == 307 || called.status == 400);
    CLAIM(called.status == 400 || is_ours(dw_called_header(&called, "Location")));
    return 0;
}
