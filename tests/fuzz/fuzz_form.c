/* Any bytes as a form, as a query and as client credentials; the first line is the target's query, the second one the
 * Authorization header, the rest the body. */
#include "fuzz.h"

#include "base/json.h"

struct form {
    struct dw_str grant_type, client_id, client_secret, name;
    int64_t limit;
    bool flag;
    struct dw_list tags;
};

static const struct dw_field FIELDS[] = {
    { DW_FIELD(struct form, grant_type), .type = DW_STRING },
    { DW_FIELD(struct form, client_id), .type = DW_STRING },
    { DW_FIELD(struct form, client_secret), .type = DW_SECRET },
    { DW_FIELD(struct form, name), .type = DW_STRING, .min = 2, .max = 10, .fallback = "nobody" },
    { DW_FIELD(struct form, limit), .type = DW_INT, .min = 1, .max = 100, .fallback = "50" },
    { DW_FIELD(struct form, flag), .type = DW_BOOL },
    { DW_FIELD(struct form, tags), .type = DW_LIST, .items = DW_STRING, .max = 3 },
    { 0 },
};
static const struct dw_model FORM = { "Form", .size = sizeof(struct form), .fields = FIELDS };

static enum dw_err use(struct dw_request *r, const struct form *in, void *out)
{
    const struct form *query = dw_query(r);
    struct dw_str id, secret;

    (void)out;
    CLAIM(query != NULL && query->limit >= 1 && query->limit <= 100 && in->limit >= 1 && in->limit <= 100);
    CLAIM(in->tags.n <= 3 && in->name.len >= 2);
    CLAIM(dw_str_is_utf8(in->name) && memchr(in->name.ptr, '\0', in->name.len) == NULL);
    return dw_client_credentials(r, in->client_id, in->client_secret, &id, &secret);
}

static const struct dw_route ROUTES[] = {
    { DW_POST, "/", DW_HANDLER(use), .form = &FORM, .query = &FORM, .needs = DW_PUBLIC, .oauth_errors = true },
    { 0 },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_app *app;
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str rest = dw_str_n(data, size), query = DW_STR(""), authorization = { NULL, 0 };
    struct dw_called called;
    yyjson_val *root;

    if (app == NULL)
        app = fuzz_app((struct dw_app_config){ 0 }, ROUTES);
    if (size == 0 || memchr(data, '\0', size) != NULL || dw_arena_new(8 << 20, &arena) != DW_OK)
        return 0;
    (void)(fuzz_line(&rest, &query) && fuzz_line(&rest, &authorization));
    const struct dw_call_header headers[] = {
        { "Content-Type", DW_STR("application/x-www-form-urlencoded") },
        { dw_str_is_absent(authorization) ? NULL : "Authorization", authorization }, { 0 },
    };
    const struct dw_str target = dw_arena_printf(arena, "/?%.*s", (int)query.len, query.ptr);
    const struct dw_call call = { .method = DW_POST, .target = target.ptr, .headers = headers, .body = rest };
    CLAIM(dw_call(app, &call, arena, &called) == DW_OK);
    CLAIM(called.status == 204 || called.status == 400 || called.status == 401 || called.status == 413);
    CLAIM(called.status == 204 || json_parse(arena, called.body, JSON_DEPTH_DEFAULT, &root, NULL) == DW_OK);
    return 0;
}
