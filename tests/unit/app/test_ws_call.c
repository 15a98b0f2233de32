/* WebSockets in process: what a client says and hears, without a socket. */
#include "fixture.h"

#include <doorward/websocket.h>

static unsigned n_opened, n_closed, last_code;
static bool is_revoked;

struct say {
    struct dw_str text;
};
static const struct dw_model SAY = { "Say", .size = sizeof(struct say), .fields = (const struct dw_field[]){
    { DW_FIELD(struct say, text), .type = DW_STRING, .flags = DW_REQUIRED, .max = 10 }, { 0 } } };
static const struct dw_ws_event SAID = { "said", &SAY };

static enum dw_err opened(struct dw_request *r)
{
    n_opened++;
    *(int *)dw_ws_state(r) = 7;
    return dw_ws_join(dw_ws_of(r), dw_path_parameter(r, "room"));
}

static void closed(struct dw_request *r, unsigned code)
{
    assert_int_equal(*(int *)dw_ws_state(r), 7);
    assert_null(dw_principal(r));
    CHECK_ERR(DW_ERR_NOT_FOUND, dw_ws_send_text(dw_ws_of(r), DW_STR("nobody hears")));
    last_code = code;
    n_closed++;
}

static enum dw_err say(struct dw_request *r, const struct say *in, void *out)
{
    assert_true(dw_request_may_block(r) && dw_request_id(r).len > 0);
    return dw_ws_publish_event(dw_request_app(r), dw_path_parameter(r, "room"), &SAID, in);
}

static enum dw_err echo(struct dw_request *r, const struct say *in, struct say *out)
{
    *out = *in;
    return DW_OK;
}

static enum dw_err leave(struct dw_request *r, const void *in, void *out)
{
    return dw_ws_close(dw_ws_of(r), 4000, DW_STR("bye"));
}

static enum dw_err raw(struct dw_request *r, struct dw_str data, bool is_text)
{
    return is_text ? dw_ws_send_text(dw_ws_of(r), data) : dw_ws_send_binary(dw_ws_of(r), data);
}

static const struct dw_ws_message MESSAGES[] = {
    { "say", DW_HANDLER(say), .body = &SAY, .needs = DW_SCOPE("write") },
    { "echo", DW_HANDLER(echo), .body = &SAY, .answer = &SAY, .needs = DW_PUBLIC },
    { "leave", leave, .needs = DW_PUBLIC },
    { 0 },
};
static const struct dw_ws_event *const EVENTS[] = { &SAID, NULL };
static const struct dw_ws_channel ROOM = {
    .messages = MESSAGES, .events = EVENTS, .message = raw, .opened = opened, .closed = closed,
    .state_size = sizeof(int), .takes_auth_message = true, .close_unauthenticated = 4401, .close_forbidden = 4403,
    .max_message_bytes = 100, .message_rate = "5/minute", .max_unsent_bytes = 1000,
};

static enum dw_err plain(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/rooms/{room}", .websocket = &ROOM, .needs = DW_SCOPE("read") },
    { DW_GET, "/plain", plain, .needs = DW_PUBLIC },
    { 0 },
};

/* A token is a name of three letters and a scope. */
static enum dw_err known(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
                         struct dw_principal *ret_principal)
{
    if (is_revoked || credential.len < 3)
        return DW_ERR_TOKEN_INVALID;
    const struct dw_str scope = dw_str_n(credential.ptr + 3, credential.len - 3);
    ret_principal->subject = dw_str_n(credential.ptr, 3);
    ret_principal->scope = dw_str_eq(scope, DW_STR("both")) ? DW_STR("read write") : scope;
    ret_principal->expires_s = 2000;
    return DW_OK;
}

static const struct dw_scheme BEARER = { DW_SCHEME_HTTP_BEARER, .name = "Bearer" };
static const struct dw_scheme *const SCHEMES[] = { &BEARER, NULL };

/* --- helpers ------------------------------------------------------------------------------------------------------ */

static void make(struct fixture *f)
{
    dw_clock_set(1000);
    n_opened = n_closed = last_code = 0;
    is_revoked = false;
    fixture_make(f, (struct dw_app_config){ .credentials = SCHEMES, .authenticate = known }, ROUTES);
}

static int connect_to(struct fixture *f, const char *target, const char *token, struct dw_ws_client **ret_client)
{
    const struct dw_call_header headers[] = { { "Authorization", dw_str(token) }, { 0 } };
    const struct dw_call call = { .method = DW_GET, .target = target, .headers = token == NULL ? NULL : headers };

    CHECK_OK(dw_ws_call(f->app, &call, f->arena, ret_client, &f->called));
    return f->called.status;
}

static void check_heard(struct fixture *f, struct dw_ws_client *client, enum dw_ws_kind kind, unsigned code,
                        const char *data)
{
    struct dw_ws_received heard;

    CHECK_OK(dw_ws_client_receive(client, f->arena, &heard));
    if (heard.kind != kind || heard.code != code)
        fail_msg("%s: kind %d, code %u: %.*s", data == NULL ? "" : data, (int)heard.kind, heard.code,
                 (int)heard.data.len, heard.data.len > 0 ? heard.data.ptr : "");
    if (data != NULL)
        check_str(dw_str(data), heard.data, data);
}

#define ANN "Bearer annboth"
#define BOB "Bearer bobread"

/* --- stories ------------------------------------------------------------------------------------------------------ */

static void one_speaks_and_all_of_the_room_hear(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(dw_ws_client_free) struct dw_ws_client *ann = NULL, *bob = NULL, *elsewhere = NULL;

    make(&f);
    assert_int_equal(connect_to(&f, "/rooms/tea", ANN, &ann), 101);
    check_header(&f, "Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "RFC 6455 §1.3");
    assert_int_equal(connect_to(&f, "/rooms/tea", BOB, &bob), 101);
    assert_int_equal(connect_to(&f, "/rooms/gin", BOB, &elsewhere), 101);
    assert_int_equal(n_opened, 3);
    assert_int_equal(dw_ws_count(f.app, DW_STR("tea")), 2);
    check_heard(&f, ann, DW_WS_NOTHING, 0, NULL);
    CHECK_OK(dw_ws_client_send_text(ann, DW_STR("{\"type\":\"say\",\"text\":\"hello\"}")));
    check_heard(&f, ann, DW_WS_TEXT, 0, "{\"type\":\"said\",\"text\":\"hello\"}");
    check_heard(&f, bob, DW_WS_TEXT, 0, "{\"type\":\"said\",\"text\":\"hello\"}");
    check_heard(&f, bob, DW_WS_NOTHING, 0, NULL);
    check_heard(&f, elsewhere, DW_WS_NOTHING, 0, NULL);
    CHECK_OK(dw_ws_client_send_binary(bob, DW_STR("\0\xff")));
    struct dw_ws_received heard;
    CHECK_OK(dw_ws_client_receive(bob, f.arena, &heard));
    assert_int_equal(heard.kind, DW_WS_BINARY);
    check_str(DW_STR("\0\xff"), heard.data, "bytes");
}

static void what_goes_wrong_is_told_and_the_connection_kept(void **state)
{
    static const struct {
        const char *sent, *heard;
    } ROWS[] = {
        { "{\"type\":\"say\",\"text\":\"x\",\"id\":1}",
          "{\"type\":\"error\",\"id\":1,\"error\":\"insufficient_scope\",\"detail\":\"Not enough permissions\"}" },
        { "{\"type\":\"echo\",\"text\":\"x\",\"id\":\"a\"}", "{\"type\":\"echo\",\"id\":\"a\",\"text\":\"x\"}" },
        { "{\"type\":\"fly\"}", "{\"type\":\"error\",\"error\":\"not_found\",\"detail\":\"Unknown message type\"}" },
        { "{", "{\"type\":\"error\",\"error\":\"json_invalid\",\"detail\":\"JSON decode error\"}" },
    };
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(dw_ws_client_free) struct dw_ws_client *bob = NULL;

    make(&f);
    assert_int_equal(connect_to(&f, "/rooms/tea", BOB, &bob), 101);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        CHECK_OK(dw_ws_client_send_text(bob, dw_str(ROWS[i].sent)));
        check_heard(&f, bob, DW_WS_TEXT, 0, ROWS[i].heard);
    }
    assert_int_equal(n_closed, 0);
}

/* How a connection ends: by whom, and what both sides are told. */
static const struct {
    const char *label, *token, *sent;
    unsigned code;
    const char *reason;
    bool was_open;
} ENDS[] = {
    { "no token", NULL, "{\"type\":\"echo\"}", 4401, "Not authenticated", false },
    { "a bad token", "Bearer x", NULL, 4401, "Could not validate credentials", false },
    { "no right", "Bearer ann", NULL, 4403, "Not enough permissions", false },
    { "the handler", ANN, "{\"type\":\"leave\"}", 4000, "bye", true },
    { "no UTF-8", ANN, "\xff", 1007, "Text is no UTF-8", true },
    { "too long", ANN, "12345678901234567890123456789012345678901234567890"
                       "123456789012345678901234567890123456789012345678901", 1009, "The message is too big", true },
};

static void each_end_has_its_code(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ENDS); i++) {
        _cleanup_fixture_ struct fixture f = { 0 };
        _cleanup_(dw_ws_client_free) struct dw_ws_client *client = NULL;

        make(&f);
        assert_int_equal(connect_to(&f, "/rooms/tea", ENDS[i].token, &client), 101);
        if (ENDS[i].sent != NULL)
            CHECK_OK(dw_ws_client_send_text(client, dw_str(ENDS[i].sent)));
        check_heard(&f, client, DW_WS_CLOSED, ENDS[i].code, ENDS[i].reason);
        check_heard(&f, client, DW_WS_CLOSED, ENDS[i].code, ENDS[i].reason); /* and stays so */
        CHECK_ERR(DW_ERR_NOT_FOUND, dw_ws_client_send_text(client, DW_STR("{}")));
        dw_ws_client_recheck(client);
        assert_int_equal(n_closed, ENDS[i].was_open);
        assert_int_equal(last_code, ENDS[i].was_open ? ENDS[i].code : 0);
        assert_int_equal(dw_ws_count(f.app, DW_STR("tea")), 0);
    }
}

static void a_first_message_may_say_who_it_is(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(dw_ws_client_free) struct dw_ws_client *client = NULL;

    make(&f);
    assert_int_equal(connect_to(&f, "/rooms/tea", NULL, &client), 101);
    assert_int_equal(n_opened, 0);
    CHECK_OK(dw_ws_client_send_text(client, DW_STR("{\"type\":\"auth\",\"token\":\"annread\"}")));
    check_heard(&f, client, DW_WS_TEXT, 0, "{\"type\":\"authenticated\"}");
    assert_int_equal(n_opened, 1);
    /* Another person's token does not take the place of one's own. */
    CHECK_OK(dw_ws_client_send_text(client, DW_STR("{\"type\":\"auth\",\"token\":\"bobread\"}")));
    check_heard(&f, client, DW_WS_CLOSED, 4401, NULL);
    assert_int_equal(n_closed, 1);
}

static void rights_that_end_end_the_connection(void **state)
{
    for (int expires = 0; expires < 2; expires++) {
        _cleanup_fixture_ struct fixture f = { 0 };
        _cleanup_(dw_ws_client_free) struct dw_ws_client *ann = NULL;

        make(&f);
        assert_int_equal(connect_to(&f, "/rooms/tea", ANN, &ann), 101);
        dw_ws_client_recheck(ann);
        check_heard(&f, ann, DW_WS_NOTHING, 0, NULL);
        if (expires)
            dw_clock_set(2000);
        else
            is_revoked = true;
        dw_ws_client_recheck(ann);
        check_heard(&f, ann, DW_WS_CLOSED, 4401, expires ? "Token has expired" : "Could not validate credentials");
        assert_int_equal(last_code, 4401);
    }
}

static void limits_are_the_channels(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(dw_ws_client_free) struct dw_ws_client *chatty = NULL, *slow = NULL;

    make(&f);
    assert_int_equal(connect_to(&f, "/rooms/tea", BOB, &chatty), 101);
    for (int i = 0; i < 6; i++)
        CHECK_OK(dw_ws_client_send_text(chatty, DW_STR("{\"type\":\"echo\",\"text\":\"x\"}")));
    for (int i = 0; i < 5; i++)
        check_heard(&f, chatty, DW_WS_TEXT, 0, "{\"type\":\"echo\",\"text\":\"x\"}");
    check_heard(&f, chatty, DW_WS_CLOSED, 1008, "Too many messages");
    /* Who does not read what others publish. */
    assert_int_equal(connect_to(&f, "/rooms/gin", BOB, &slow), 101);
    for (int i = 0; i < 100; i++)
        CHECK_OK(dw_ws_publish_text(f.app, DW_STR("gin"), DW_STR("twenty bytes of text")));
    check_heard(&f, slow, DW_WS_CLOSED, 1008, "Messages are read too slowly");
    assert_int_equal(last_code, 1008);
}

static void a_client_closes_or_is_cut(void **state)
{
    static const struct {
        unsigned sent, code;
    } ROWS[] = { { 1000, 1000 }, { 4999, 4999 }, { 0, 1005 }, { 1005, 1002 }, { 5, 1002 } };
    _cleanup_fixture_ struct fixture f = { 0 };
    struct dw_ws_client *client = NULL;

    make(&f);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        assert_int_equal(connect_to(&f, "/rooms/tea", ANN, &client), 101);
        CHECK_OK(dw_ws_client_send_close(client, ROWS[i].sent));
        check_heard(&f, client, DW_WS_CLOSED, ROWS[i].code, NULL);
        assert_int_equal(last_code, ROWS[i].code);
        dw_ws_client_free(&client);
    }
    assert_int_equal(connect_to(&f, "/rooms/tea", ANN, &client), 101);
    dw_ws_client_free(&client);
    assert_null(client);
    dw_ws_client_free(&client);
    assert_int_equal(last_code, DW_WS_CUT);
    assert_int_equal(n_opened, n_closed);
}

static void what_is_no_websocket_gives_no_client(void **state)
{
    static const struct dw_call_header OLD[] = { { "sec-websocket-version", DW_STR_INIT("8") }, { 0 } };
    static const struct dw_call_header FOREIGN[] = { { "Origin", DW_STR_INIT("https://evil.example") }, { 0 } };
    const struct {
        struct dw_call call;
        int status;
    } ROWS[] = {
        { { .method = DW_GET, .target = "/plain" }, 204 },
        { { .method = DW_GET, .target = "/nowhere" }, 404 },
        { { .method = DW_POST, .target = "/rooms/tea" }, 405 },
        { { .method = DW_GET, .target = "/rooms/tea", .headers = OLD }, 426 },
        { { .method = DW_GET, .target = "/rooms/tea", .headers = FOREIGN }, 403 },
        { { .method = DW_GET, .target = NULL }, 400 },
    };
    _cleanup_fixture_ struct fixture f = { 0 };

    make(&f);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_ws_client *client = (struct dw_ws_client *)&f;

        CHECK_OK(dw_ws_call(f.app, &ROWS[i].call, f.arena, &client, &f.called));
        assert_int_equal(f.called.status, ROWS[i].status);
        assert_null(client);
    }
}

static enum dw_err be_eve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct dw_principal *eve = ret_value;

    eve->subject = DW_STR("eve");
    eve->scope = DW_STR("read write");
    return DW_OK;
}

static void another_current_user_for_a_test(void **state)
{
    static const struct dw_dependency EVE = { "eve", sizeof(struct dw_principal), .resolve = be_eve };
    _cleanup_fixture_ struct fixture f = { 0 };
    _cleanup_(dw_ws_client_free) struct dw_ws_client *client = NULL;

    make(&f);
    CHECK_OK(dw_app_override(f.app, &DW_CURRENT_PRINCIPAL, &EVE));
    assert_int_equal(connect_to(&f, "/rooms/tea", NULL, &client), 101);
    CHECK_OK(dw_ws_client_send_text(client, DW_STR("{\"type\":\"say\",\"text\":\"hi\"}")));
    check_heard(&f, client, DW_WS_TEXT, 0, "{\"type\":\"said\",\"text\":\"hi\"}");
}

CHECK_MAIN(cmocka_unit_test(one_speaks_and_all_of_the_room_hear),
           cmocka_unit_test(what_goes_wrong_is_told_and_the_connection_kept), cmocka_unit_test(each_end_has_its_code),
           cmocka_unit_test(a_first_message_may_say_who_it_is), cmocka_unit_test(rights_that_end_end_the_connection),
           cmocka_unit_test(limits_are_the_channels), cmocka_unit_test(a_client_closes_or_is_cut),
           cmocka_unit_test(what_is_no_websocket_gives_no_client), cmocka_unit_test(another_current_user_for_a_test))
