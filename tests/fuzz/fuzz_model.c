/* Any bytes as the JSON body of a model with every type: never a crash, an answer that is JSON, and what was taken is
 * taken again as it was written, to the same bytes; outside a request the model says the same. */
#include "fuzz.h"

#include "base/json.h"

struct inner {
    struct dw_str word;
    int64_t number;
};

struct all {
    struct dw_str text, secret, email, uuid, plain, choice, words, date;
    int64_t number, time;
    double real;
    bool flag, has_text;
    struct inner inner;
    struct dw_list strings, inners;
};

static const struct dw_field INNER_FIELDS[] = {
    { DW_FIELD(struct inner, word), .type = DW_STRING, .flags = DW_REQUIRED, .min = 1, .max = 8 },
    { DW_FIELD(struct inner, number), .type = DW_INT, .min = -5, .max = 1000 },
    { 0 },
};
static const struct dw_model INNER = { "Inner", .size = sizeof(struct inner), .fields = INNER_FIELDS };
static const char *const CHOICES[] = { "one", "two", NULL };
static const struct dw_field FIELDS[] = {
    { DW_FIELD(struct all, text), .type = DW_STRING, .flags = DW_PRESENCE | DW_OMIT_ABSENT, .max = 40,
      .presence = offsetof(struct all, has_text), .pattern = "[^x]*" },
    { DW_FIELD(struct all, secret), .type = DW_SECRET, .flags = DW_OMIT_ABSENT },
    { DW_FIELD(struct all, email), .type = DW_EMAIL, .flags = DW_OMIT_ABSENT },
    { DW_FIELD(struct all, uuid), .type = DW_UUID, .flags = DW_OMIT_ABSENT },
    { DW_FIELD(struct all, plain), .type = DW_PLAIN_TEXT, .flags = DW_OMIT_ABSENT },
    { DW_FIELD(struct all, choice), .type = DW_ENUM, .values = CHOICES, .flags = DW_OMIT_ABSENT },
    { DW_FIELD(struct all, words), .type = DW_WORDS },
    { DW_FIELD(struct all, date), .type = DW_DATE, .flags = DW_NULLABLE },
    { DW_FIELD(struct all, number), .type = DW_INT },
    { DW_FIELD(struct all, time), .type = DW_TIME, .flags = DW_NULLABLE },
    { DW_FIELD(struct all, real), .type = DW_NUMBER },
    { DW_FIELD(struct all, flag), .type = DW_BOOL, .fallback = "true" },
    { DW_FIELD(struct all, inner), .type = DW_OBJECT, .model = &INNER, .flags = DW_REQUIRED },
    { DW_FIELD(struct all, strings), .type = DW_LIST, .items = DW_STRING, .max = 4 },
    { DW_FIELD(struct all, inners), .type = DW_LIST, .items = DW_OBJECT, .model = &INNER, .max = 4 },
    { 0 },
};
static const struct dw_model ALL = { "All", .size = sizeof(struct all), .fields = FIELDS };

static enum dw_err echo(struct dw_request *r, const void *in, void *out)
{
    (void)r;
    memcpy(out, in, sizeof(struct all));
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_POST, "/", echo, .body = &ALL, .answer = &ALL, .needs = DW_PUBLIC },
    { 0 },
};

static struct dw_called post(struct dw_app *app, struct dw_arena *arena, struct dw_str body)
{
    static const struct dw_call_header HEADERS[] = { { "Content-Type", DW_STR_INIT("application/json") }, { 0 } };
    const struct dw_call call = { .method = DW_POST, .target = "/", .headers = HEADERS, .body = body };
    struct dw_called called;
    yyjson_val *root;

    CLAIM(dw_call(app, &call, arena, &called) == DW_OK);
    CLAIM(called.status == 200 || called.status == 422 || called.status == 413 || called.status == 400);
    CLAIM(json_parse(arena, called.body, JSON_DEPTH_DEFAULT, &root, NULL) == DW_OK);
    return called;
}

/* The same model outside a request. */
static void check_prepared(struct dw_arena *arena, struct dw_str json, const struct dw_called *called)
{
    static struct dw_prepared_model *prepared;
    struct dw_str written, issues = { NULL, 0 };
    yyjson_val *root;
    void *all = NULL;

    CLAIM(prepared != NULL || dw_model_new(&ALL, &prepared, NULL) == DW_OK);
    if (called->status != 200 && called->status != 422)
        return; /* too long for a request */
    const enum dw_err err = dw_model_parse(prepared, json, arena, &all, &issues);
    CLAIM((err == DW_OK) == (called->status == 200));
    CLAIM(dw_str_is_absent(issues) || json_parse(arena, issues, JSON_DEPTH_DEFAULT, &root, NULL) == DW_OK);
    CLAIM(err != DW_OK || (dw_model_write(prepared, all, arena, &written) == DW_OK &&
        dw_str_eq(written, called->body)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_app *app;
    _cleanup_arena_ struct dw_arena *arena = NULL;

    if (app == NULL)
        app = fuzz_app((struct dw_app_config){ 0 }, ROUTES);
    if (dw_arena_new(8 << 20, &arena) != DW_OK)
        return 0;
    const struct dw_called first = post(app, arena, dw_str_n(data, size));
    check_prepared(arena, dw_str_n(data, size), &first);
    if (first.status != 200)
        return 0;
    const struct dw_called second = post(app, arena, first.body);
    CLAIM(second.status == 200);
    CLAIM(dw_str_eq(first.body, second.body));
    return 0;
}
