#include "../check.h"
#include <doorward.h>

/* Tables of channels that must not start, and what is said about them. */

static enum dw_err fine(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static enum dw_err take(struct dw_request *r, struct dw_str data, bool is_text)
{
    return DW_OK;
}

struct note {
    struct dw_str type;
};
static const struct dw_field NOTE_FIELDS[] = { { DW_FIELD(struct note, type), .type = DW_STRING }, { 0 } };
static const struct dw_model NOTE = { "Note", .size = sizeof(struct note), .fields = NOTE_FIELDS };
static const struct dw_ws_event NOTED = { "noted", &NOTE };
static const struct dw_ws_event ERROR_EVENT = { "error", NULL };

#define MESSAGES_OF(...) ((const struct dw_ws_message[]){ __VA_ARGS__, { 0 } })
#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define EVENTS_OF(event) ((const struct dw_ws_event *const[]){ (event), NULL })

static const struct row {
    const char *expected; /* in the problem; NULL: it starts */
    struct dw_ws_channel channel;
} ROWS[] = {
    { NULL, { .message = take } },
    { NULL, { .messages = MESSAGES_OF({ "a", fine, .needs = DW_PUBLIC }) } },
    { "takes no messages", { 0 } },
    { "a: needs are not stated", { .messages = MESSAGES_OF({ "a", fine }) } },
    { "a: no handler", { .messages = MESSAGES_OF({ "a", .needs = DW_PUBLIC }) } },
    { "a: this type stands twice",
      { .messages = MESSAGES_OF({ "a", fine, .needs = DW_PUBLIC }, { "a", fine, .needs = DW_PUBLIC }) } },
    { "auth: this type is taken", { .messages = MESSAGES_OF({ "auth", fine, .needs = DW_PUBLIC }) } },
    { ": this type is taken, or empty", { .messages = MESSAGES_OF({ "", fine, .needs = DW_PUBLIC }) } },
    { "a: model Note has a member \"type\"",
      { .messages = MESSAGES_OF({ "a", fine, .answer = &NOTE, .needs = DW_PUBLIC }) } },
    { "a: it needs the current principal", { .messages = MESSAGES_OF({ "a", fine, .needs = DW_SIGNED_IN }) } },
    { "model Note has a member \"type\"", { .message = take, .events = EVENTS_OF(&NOTED) } },
    { "an event whose type is taken", { .message = take, .events = EVENTS_OF(&ERROR_EVENT) } },
    { "no protocol that can be offered", { .message = take, .protocols = NAMES("chat", "a b") } },
    { "no protocol that can be offered", { .message = take, .protocols = NAMES("Bearer") } },
    { "no origin as browsers write it", { .message = take, .origins = NAMES("https://a.example/") } },
    { NULL, { .message = take, .origins = NAMES("*") } },
    { "takes_auth_message, but", { .message = take, .takes_auth_message = true } },
    { "codes to close with", { .message = take, .close_forbidden = 1000 } },
    { NULL, { .message = take, .close_forbidden = 4403 } },
    { "message_rate: \"often\"", { .message = take, .message_rate = "often" } },
    { "max_message_bytes", { .message = take, .max_message_bytes = (1 << 20) + 1 } },
    { "recheck_ms", { .message = take, .recheck_ms = 10 } },
    { "state_size", { .message = take, .state_size = 1 << 20 } },
    { "ping_s", { .message = take, .ping_s = 100000 } },
};

static void check_start(const struct dw_route *route, const char *expected)
{
    const struct dw_route routes[] = { *route, { 0 } };
    const struct dw_route *const tables[] = { routes, NULL };
    char problem[DW_PROBLEM_SIZE] = "";
    struct dw_app *app = NULL;

    const enum dw_err err =
        dw_app_new(&(struct dw_app_config){ .title = "Rooms", .version = "1", .routes = tables }, &app, problem);
    check_err(expected == NULL ? DW_OK : DW_ERR_TABLE, err, expected);
    if (expected != NULL && strstr(problem, expected) == NULL)
        fail_msg("expected \"%s\" in \"%s\"", expected, problem);
    const struct dw_str openapi = dw_app_openapi(app);
    if (app != NULL && memmem(openapi.ptr, openapi.len, "/rooms", strlen("/rooms")) != NULL)
        fail_msg("OpenAPI has no words for a WebSocket");
    dw_app_free(&app);
}

static void channels_that_must_not_start(void **state)
{
    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        const struct dw_route route = { DW_GET, "/rooms/{room}", .websocket = &ROWS[i].channel, .needs = DW_PUBLIC };
        check_start(&route, ROWS[i].expected);
    }
}

static void routes_that_must_not_start(void **state)
{
    const struct dw_ws_channel channel = { .message = take };
    const struct dw_route post = { DW_POST, "/rooms", .websocket = &channel, .needs = DW_PUBLIC };
    const struct dw_route both = { DW_GET, "/rooms", fine, .websocket = &channel, .needs = DW_PUBLIC };
    const struct dw_route query = { DW_GET, "/rooms", .websocket = &channel, .query = &NOTE, .needs = DW_PUBLIC };
    const struct dw_route open = { DW_GET, "/rooms", .websocket = &channel };

    check_start(&post, "begins with GET");
    check_start(&both, "no handler and no models");
    check_start(&query, "no handler and no models");
    check_start(&open, "needs are not stated");
}

/* Names that stand for nothing are harmless. */
static void handles_that_stand_for_nothing(void **state)
{
    const struct dw_ws_channel channel = { .message = take };
    const struct dw_route routes[] = { { DW_GET, "/rooms", .websocket = &channel, .needs = DW_PUBLIC }, { 0 } };
    const struct dw_route *const tables[] = { routes, NULL };
    struct dw_app *app = NULL;

    CHECK_OK(dw_app_new(&(struct dw_app_config){ .title = "Rooms", .version = "1", .routes = tables }, &app, NULL));
    const struct dw_ws nobody[] = { { NULL, 0 }, { app, 0 }, { app, 1 }, { app, UINT64_MAX } };
    for (size_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
        CHECK_ERR(DW_ERR_NOT_FOUND, dw_ws_send_text(nobody[i], DW_STR("x")));
        CHECK_ERR(DW_ERR_NOT_FOUND, dw_ws_close(nobody[i], DW_WS_NORMAL, DW_STR("")));
        CHECK_ERR(DW_ERR_NOT_FOUND, dw_ws_join(nobody[i], DW_STR("t")));
        dw_ws_leave(nobody[i], DW_STR("t"));
    }
    CHECK_ERR(DW_ERR_ENCODING, dw_ws_send_text(nobody[1], DW_STR("\xff")));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_ws_send_text(nobody[1], dw_str_n(NULL, 0)));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_ws_close(nobody[1], DW_WS_CUT, DW_STR("")));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_ws_close(nobody[1], DW_WS_PROTOCOL, DW_STR("")));
    CHECK_ERR(DW_ERR_ENCODING, dw_ws_close(nobody[1], DW_WS_NORMAL, DW_STR("\xff")));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_ws_send_event(nobody[1], &NOTED, NULL));
    CHECK_OK(dw_ws_publish_text(app, DW_STR("t"), DW_STR("x")));
    assert_int_equal(0, dw_ws_count(app, DW_STR("t")));
    dw_app_free(&app);
}

CHECK_MAIN(cmocka_unit_test(channels_that_must_not_start), cmocka_unit_test(routes_that_must_not_start),
           cmocka_unit_test(handles_that_stand_for_nothing))
