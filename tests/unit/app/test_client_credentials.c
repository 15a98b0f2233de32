/* RFC 6749 §2.3.1: in the form or in HTTP Basic, never both. */
#include "fixture.h"

static struct dw_str form_id, form_secret;
static enum dw_err result;

static enum dw_err read_client(struct dw_request *r, const void *in, void *out)
{
    struct dw_str id, secret;

    result = dw_client_credentials(r, form_id, form_secret, &id, &secret);
    if (result == DW_OK)
        dw_answer_body(r, "text/plain",
                       dw_arena_printf(dw_request_arena(r), "%.*s|%.*s", (int)id.len, id.ptr == NULL ? "" : id.ptr,
                                       (int)secret.len, secret.ptr == NULL ? "" : secret.ptr));
    return DW_OK;
}

static const struct dw_route ROUTES[] = { { DW_POST, "/", read_client, .needs = DW_PUBLIC }, { 0 } };

static void test_table(void **state)
{
    static const struct {
        const char *header, *id, *secret;
        enum dw_err expected;
        const char *body;
    } ROWS[] = {
        { NULL, NULL, NULL, DW_OK, "|" },
        { NULL, "app", "s", DW_OK, "app|s" },
        { NULL, "app", NULL, DW_OK, "app|" },
        { "Bearer x", "app", NULL, DW_OK, "app|" },
        { "Basic YXBwOnM=", NULL, NULL, DW_OK, "app|s" },
        { "bASIC   YXBwOnM=", NULL, NULL, DW_OK, "app|s" },
        /* "a%3Ab:c+d": form-encoded parts. */
        { "Basic YSUzQWI6YytkJTI1", NULL, NULL, DW_OK, "a:b|c d%" },
        { "Basic YXBwOnM=", "app", NULL, DW_OK, "app|s" },
        { "Basic YXBwOnM=", "other", NULL, DW_ERR_CLIENT, NULL },
        { "Basic YXBwOnM=", "app", "s", DW_ERR_CLIENT, NULL },
        { "Basic YXBwOnM=", NULL, "s", DW_ERR_CLIENT, NULL },
        { "Basic", NULL, NULL, DW_ERR_CLIENT, NULL },
        { "Basic YXBw", NULL, NULL, DW_ERR_CLIENT, NULL },
        { "Basic OnM=", NULL, NULL, DW_ERR_CLIENT, NULL },
        { "Basic ???", NULL, NULL, DW_ERR_CLIENT, NULL },
        { "Basic YSV6OnM=", NULL, NULL, DW_ERR_CLIENT, NULL },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    fixture_make(&f, (struct dw_app_config){ 0 }, ROUTES);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const char *label = ROWS[i].header == NULL ? "no header" : ROWS[i].header;
        const struct dw_call_header headers[] = {
            { ROWS[i].header == NULL ? NULL : "Authorization", dw_str(ROWS[i].header) }, { 0 }
        };
        form_id = dw_str(ROWS[i].id);
        form_secret = dw_str(ROWS[i].secret);
        fixture_call(&f, DW_POST, "/", headers, NULL);
        check_err(ROWS[i].expected, result, label);
        if (ROWS[i].body != NULL)
            check_body(&f, ROWS[i].body, label);
    }
    CHECK_ERR(DW_ERR_ARGUMENT, dw_client_credentials(NULL, form_id, form_secret, &form_id, &form_secret));
}

CHECK_MAIN(cmocka_unit_test(test_table))
