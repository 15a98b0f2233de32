/* Any bytes as Origin, method and headers of a preflight, a line each, and as an origin of the configuration. */
#include "fuzz.h"

#include "app/middleware/middleware.h"

#define APP "https://app.example.com"

static const struct dw_route ROUTES[] = { { DW_GET, "/", fuzz_fine, .needs = DW_PUBLIC }, { 0 } };
static const struct dw_cors EXACT = { .origins = (const char *const[]){ APP, NULL }, .credentials = true,
                                      .headers = (const char *const[]){ "*", NULL } };
static const struct dw_cors PATTERN = { .origin_pattern = "https://[a-z.-]+\\.example\\.com|null", .credentials = true,
                                        .headers = (const char *const[]){ "X-One", NULL } };

static bool is_allowed(const struct dw_cors *cors, struct dw_str origin)
{
    static const struct dw_str START = DW_STR_INIT("https://"), END = DW_STR_INIT(".example.com");

    if (cors == &EXACT)
        return dw_str_eq(origin, DW_STR(APP));
    if (origin.len <= START.len + END.len || !dw_str_starts_with(origin, START) ||
        !dw_str_eq(dw_str_n(origin.ptr + origin.len - END.len, END.len), END))
        return false;
    for (size_t i = START.len; i < origin.len - END.len; i++)
        if (!(origin.ptr[i] >= 'a' && origin.ptr[i] <= 'z') && origin.ptr[i] != '.' && origin.ptr[i] != '-')
            return false;
    return true;
}

/* Each line of the head is a name and a value: nothing was broken out of. */
static void check_head(struct dw_str head)
{
    for (size_t i = 0; i < head.len; i++) {
        const unsigned char c = (unsigned char)head.ptr[i];
        CLAIM(c >= ' ' || (c == '\r' && i + 1 < head.len && head.ptr[i + 1] == '\n') ||
            (c == '\n' && i > 0 && head.ptr[i - 1] == '\r'));
    }
    CLAIM(head.len < 2 || memmem(head.ptr, head.len, "\r\n\r\n", 4) == NULL);
}

static void check_call(struct dw_app *app, const struct dw_cors *cors, const struct dw_str lines[3])
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct dw_call_header headers[] = {
        { "Origin", lines[0] }, { "Access-Control-Request-Method", lines[1] },
        { "Access-Control-Request-Headers", lines[2] }, { 0 },
    };
    const enum dw_method methods[] = { DW_OPTIONS, DW_GET };

    CLAIM(dw_arena_new(1 << 22, &arena) == DW_OK);
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        const struct dw_call call = { .method = methods[i], .target = "/", .headers = headers };
        struct dw_called called;
        CLAIM(dw_call(app, &call, arena, &called) == DW_OK);
        const struct dw_str allowed = dw_called_header(&called, "Access-Control-Allow-Origin");
        check_head(called.head);
        CLAIM(called.status == 200 || called.status == 400 || called.status == 204);
        CLAIM(!dw_str_is_absent(allowed) == is_allowed(cors, lines[0]));
        CLAIM(dw_str_is_absent(allowed) || dw_str_eq(allowed, lines[0]));
        CLAIM(!dw_str_is_absent(dw_called_header(&called, "Vary")));
        CLAIM(cors_allows_origin(app, lines[0]) == is_allowed(cors, lines[0]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_app *exact, *pattern;
    struct dw_str rest = dw_str_n(data, size), lines[3] = { DW_STR_INIT(""), DW_STR_INIT("GET"), { NULL, 0 } };

    if (exact == NULL) {
        exact = fuzz_app((struct dw_app_config){ .cors = &EXACT }, ROUTES);
        pattern = fuzz_app((struct dw_app_config){ .cors = &PATTERN }, ROUTES);
    }
    if (size == 0 || size > 8000)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(lines) && fuzz_line(&rest, &lines[i]); i++)
        continue;
    check_call(exact, &EXACT, lines);
    check_call(pattern, &PATTERN, lines);
    if (origin_is_normal(lines[0]))
        CLAIM(memchr(lines[0].ptr, '/', lines[0].len) != NULL && !dw_str_eq(lines[0], DW_STR("null")));
    return 0;
}
