/* Any bytes as Cookie lines, and as the name and value of a cookie to set: what is set is read back. */
#include "fuzz.h"

static struct dw_str name_to_set, value_to_set;

static enum dw_err set(struct dw_request *r, const void *in, void *out)
{
    char name[64];

    (void)in, (void)out;
    if (name_to_set.len >= sizeof(name) || memchr(name_to_set.ptr, '\0', name_to_set.len) != NULL)
        return DW_OK;
    memcpy(name, name_to_set.ptr, name_to_set.len);
    name[name_to_set.len] = '\0';
    const struct dw_cookie cookie = { .name = name, .value = value_to_set, .is_secure = true };
    return dw_answer_cookie(r, &cookie) == DW_OK ? DW_OK : DW_ERR_BAD_REQUEST;
}

static const struct dw_route ROUTES[] = { { DW_GET, "/", set, .needs = DW_PUBLIC }, { 0 } };

static bool is_within(struct dw_str slice, struct dw_str whole)
{
    return dw_str_is_absent(slice) || (slice.ptr >= whole.ptr && slice.ptr + slice.len <= whole.ptr + whole.len);
}

static void check_read(struct dw_str line)
{
    static const char *const NAMES[] = { "session", "csrf", "__Host-session", "a", "" };
    _cleanup_(http_request_free) struct dw_request *r = NULL;

    CLAIM(http_request_new(&r) == DW_OK);
    r->headers[r->n_headers++] = (struct http_header){ DW_STR("cookie"), line };
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        const struct dw_str value = dw_request_cookie(r, NAMES[i]);
        CLAIM(is_within(value, line));
        CLAIM(value.len == 0 || memchr(value.ptr, ';', value.len) == NULL);
    }
}

/* What a browser would send back of "name=value; Path=/; …". */
static void check_sent_back(struct dw_str line)
{
    _cleanup_(http_request_free) struct dw_request *r = NULL;
    char name[64];

    CLAIM(memmem(line.ptr, line.len, "; Path=/; SameSite=Lax", 22) != NULL);
    CLAIM(http_request_new(&r) == DW_OK);
    const char *end = memchr(line.ptr, ';', line.len);
    r->headers[r->n_headers++] = (struct http_header){ DW_STR("Cookie"),
        dw_str_n(line.ptr, (size_t)(end - line.ptr)) };
    snprintf(name, sizeof(name), "%.*s", (int)name_to_set.len, name_to_set.ptr);
    CLAIM(dw_str_eq(dw_request_cookie(r, name), value_to_set));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_app *app;
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct dw_call call = { .method = DW_GET, .target = "/" };
    struct dw_str rest = dw_str_n(data, size);
    struct dw_called called;

    if (size == 0)
        return 0;
    if (app == NULL)
        app = fuzz_app((struct dw_app_config){ 0 }, ROUTES);
    check_read(rest);
    value_to_set = DW_STR("");
    (void)fuzz_line(&rest, &name_to_set);
    (void)fuzz_line(&rest, &value_to_set);
    CLAIM(dw_arena_new(1 << 20, &arena) == DW_OK);
    CLAIM(dw_call(app, &call, arena, &called) == DW_OK);
    const struct dw_str line = dw_called_header(&called, "Set-Cookie");
    if (!dw_str_is_absent(line))
        check_sent_back(line);
    return 0;
}
