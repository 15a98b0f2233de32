/* What the stories about WebSockets talk to: rooms with rights, tokens that are made and revoked over HTTP, and counts
 * of what was opened and closed. websockets [LISTEN [CERTIFICATE KEY]] */
#include <doorward.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* --- tokens: kept in a table, and asked for with each message ----------------------------------------------------- */

enum { TOKENS_MAX = 16384, TOKEN_SIZE = DW_UUID_SIZE, NAME_MAX_SIZE = 32 };

static struct token {
    char text[TOKEN_SIZE];
    char name[NAME_MAX_SIZE], scope[NAME_MAX_SIZE], role[NAME_MAX_SIZE];
    int64_t expires_s;
    bool is_revoked;
} tokens[TOKENS_MAX];
static size_t n_tokens;
static pthread_mutex_t tokens_lock = PTHREAD_MUTEX_INITIALIZER;

static _Atomic unsigned n_opened, n_closed, last_code;

static struct token *token_find(struct dw_str text)
{
    for (size_t i = n_tokens; i-- > 0;)
        if (dw_str_eq(dw_str(tokens[i].text), text))
            return &tokens[i];
    return NULL;
}

static enum dw_err token_read(const struct token *token, struct dw_arena *arena, struct dw_principal *ret_principal)
{
    if (token == NULL)
        return DW_ERR_TOKEN_INVALID;
    if (token->is_revoked)
        return DW_ERR_TOKEN_REVOKED;
    if (token->expires_s != 0 && dw_clock_now_s() >= token->expires_s)
        return DW_ERR_TOKEN_EXPIRED;
    ret_principal->subject = ret_principal->username = dw_arena_copy(arena, dw_str(token->name));
    ret_principal->scope = dw_arena_copy(arena, dw_str(token->scope));
    ret_principal->role = dw_arena_copy(arena, dw_str(token->role));
    ret_principal->expires_s = token->expires_s;
    return DW_OK;
}

static enum dw_err authenticate(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
                                struct dw_principal *ret_principal)
{
    (void)scheme;
    pthread_mutex_lock(&tokens_lock);
    const enum dw_err err = token_read(token_find(credential), dw_request_arena(r), ret_principal);
    pthread_mutex_unlock(&tokens_lock);
    return err;
}

/* --- making and revoking them ------------------------------------------------------------------------------------- */

struct token_in {
    struct dw_str name, scope, role;
    int64_t expires_in;
};
static const struct dw_field TOKEN_IN_FIELDS[] = {
    { DW_FIELD(struct token_in, name), .type = DW_STRING, .flags = DW_REQUIRED, .max = NAME_MAX_SIZE - 1 },
    { DW_FIELD(struct token_in, scope), .type = DW_STRING, .max = NAME_MAX_SIZE - 1, .fallback = "" },
    { DW_FIELD(struct token_in, role), .type = DW_STRING, .max = NAME_MAX_SIZE - 1, .fallback = "" },
    { DW_FIELD(struct token_in, expires_in), .type = DW_INT },
    { 0 },
};
static const struct dw_model TOKEN_IN = { "TokenIn", .size = sizeof(struct token_in), .fields = TOKEN_IN_FIELDS };

struct token_text {
    struct dw_str token;
};
static const struct dw_field TOKEN_FIELDS[] = {
    { DW_FIELD(struct token_text, token), .type = DW_STRING, .flags = DW_REQUIRED },
    { 0 },
};
static const struct dw_model TOKEN = { "Token", .size = sizeof(struct token_text), .fields = TOKEN_FIELDS };

static enum dw_err make_token(struct dw_request *r, const struct token_in *in, struct token_text *out)
{
    pthread_mutex_lock(&tokens_lock);
    if (n_tokens == TOKENS_MAX) {
        pthread_mutex_unlock(&tokens_lock);
        return DW_ERR_LIMIT;
    }
    struct token *token = &tokens[n_tokens++];
    dw_uuid7(token->text);
    snprintf(token->name, sizeof(token->name), "%.*s", (int)in->name.len, in->name.ptr);
    snprintf(token->scope, sizeof(token->scope), "%.*s", (int)in->scope.len, in->scope.ptr);
    snprintf(token->role, sizeof(token->role), "%.*s", (int)in->role.len, in->role.ptr);
    token->expires_s = in->expires_in == 0 ? 0 : dw_clock_now_s() + in->expires_in;
    out->token = dw_arena_copy(dw_request_arena(r), dw_str(token->text));
    pthread_mutex_unlock(&tokens_lock);
    return DW_OK;
}

static enum dw_err revoke_token(struct dw_request *r, const struct token_text *in, void *out)
{
    (void)r;
    (void)out;
    pthread_mutex_lock(&tokens_lock);
    struct token *token = token_find(in->token);
    if (token != NULL)
        token->is_revoked = true;
    pthread_mutex_unlock(&tokens_lock);
    return token == NULL ? DW_ERR_NOT_FOUND : DW_OK;
}

struct facts {
    int64_t opened, closed, last_code, listeners;
};
static const struct dw_field FACTS_FIELDS[] = {
    { DW_FIELD(struct facts, opened), .type = DW_INT },
    { DW_FIELD(struct facts, closed), .type = DW_INT },
    { DW_FIELD(struct facts, last_code), .type = DW_INT },
    { DW_FIELD(struct facts, listeners), .type = DW_INT },
    { 0 },
};
static const struct dw_model FACTS = { "Facts", .size = sizeof(struct facts), .fields = FACTS_FIELDS };

static enum dw_err tell_facts(struct dw_request *r, const void *in, struct facts *out)
{
    (void)in;
    *out = (struct facts){ n_opened, n_closed, last_code,
                           (int64_t)dw_ws_count(dw_request_app(r), DW_STR("room lobby")) };
    return DW_OK;
}

static enum dw_err page(struct dw_request *r, const void *in, void *out)
{
    (void)in;
    (void)out;
    dw_answer_body_static(r, "text/html", DW_STR("<!doctype html><title>rooms</title>"));
    return DW_OK;
}

/* --- rooms -------------------------------------------------------------------------------------------------------- */

struct said {
    struct dw_str from, text;
};
static const struct dw_field SAID_FIELDS[] = {
    { DW_FIELD(struct said, from), .type = DW_STRING, .flags = DW_REQUIRED },
    { DW_FIELD(struct said, text), .type = DW_STRING, .flags = DW_REQUIRED },
    { 0 },
};
static const struct dw_model SAID_MODEL = { "Said", .size = sizeof(struct said), .fields = SAID_FIELDS };
static const struct dw_ws_event SAID = { "said", &SAID_MODEL };

struct say_in {
    struct dw_str text;
};
static const struct dw_field SAY_FIELDS[] = {
    { DW_FIELD(struct say_in, text), .type = DW_STRING, .flags = DW_REQUIRED, .min = 1, .max = 1000 },
    { 0 },
};
static const struct dw_model SAY_IN = { "SayIn", .size = sizeof(struct say_in), .fields = SAY_FIELDS,
                                        .refuse_unknown = true };

struct burst_in {
    int64_t n;
};
static const struct dw_field BURST_FIELDS[] = {
    { DW_FIELD(struct burst_in, n), .type = DW_INT, .flags = DW_REQUIRED, .min = 1, .max = 100000 },
    { 0 },
};
static const struct dw_model BURST_IN = { "BurstIn", .size = sizeof(struct burst_in), .fields = BURST_FIELDS };

struct guest {
    unsigned said;
};

static struct dw_str topic_of(struct dw_request *r)
{
    const struct dw_str room = dw_path_parameter(r, "room");

    return dw_arena_printf(dw_request_arena(r), "room %.*s", (int)room.len, room.ptr);
}

static enum dw_err enter(struct dw_request *r)
{
    n_opened++;
    return dw_ws_join(dw_ws_of(r), topic_of(r));
}

static enum dw_err come(struct dw_request *r)
{
    (void)r;
    n_opened++;
    return DW_OK;
}

static void leave(struct dw_request *r, unsigned code)
{
    (void)r;
    last_code = code;
    n_closed++;
}

static enum dw_err say(struct dw_request *r, const struct say_in *in, void *out)
{
    const struct said said = { dw_principal(r)->username, in->text };
    struct guest *guest = dw_ws_state(r);

    (void)out;
    guest->said++;
    return dw_ws_publish_event(dw_request_app(r), topic_of(r), &SAID, &said);
}

static enum dw_err whoami(struct dw_request *r, const void *in, struct said *out)
{
    const struct guest *guest = dw_ws_state(r);

    (void)in;
    *out = (struct said){ dw_principal(r)->username,
                          dw_arena_printf(dw_request_arena(r), "%u messages, blocking %d", guest->said,
                                          dw_request_may_block(r)) };
    return DW_OK;
}

static enum dw_err hush(struct dw_request *r, const void *in, void *out)
{
    (void)r;
    (void)in;
    (void)out;
    return DW_OK;
}

/* Large messages to the sender, who may not be reading. */
static enum dw_err burst(struct dw_request *r, const struct burst_in *in, void *out)
{
    enum { SIZE = 10000 };
    static char text[SIZE];

    (void)out;
    memset(text, 'x', sizeof(text));
    for (int64_t i = 0; i < in->n; i++)
        DW_TRY(dw_ws_send_text(dw_ws_of(r), dw_str_n(text, sizeof(text))));
    return DW_OK;
}

static const struct dw_ws_event *const EVENTS[] = { &SAID, NULL };
static const struct dw_ws_message MESSAGES[] = {
    { "say", DW_HANDLER(say), .body = &SAY_IN, .needs = DW_SCOPE("rooms:write"), .lane = DW_INLINE },
    { "whoami", DW_HANDLER(whoami), .answer = &SAID_MODEL, .needs = DW_PUBLIC, .lane = DW_INLINE },
    { "whoami_slowly", DW_HANDLER(whoami), .answer = &SAID_MODEL, .answer_type = "whoami", .needs = DW_PUBLIC },
    { "hush", hush, .needs = DW_ROLE("moderator"), .lane = DW_INLINE },
    { "burst", DW_HANDLER(burst), .body = &BURST_IN, .needs = DW_PUBLIC, .lane = DW_INLINE },
    { 0 },
};
static const struct dw_ws_channel ROOM = {
    .messages = MESSAGES, .events = EVENTS, .opened = enter, .closed = leave, .state_size = sizeof(struct guest),
};
static const char *const PROTOCOLS[] = { "rooms.v1", NULL };
static const char *const FRIENDS[] = { "https://friend.example", NULL };
static const struct dw_ws_channel BROWSER = {
    .messages = MESSAGES, .events = EVENTS, .opened = enter, .closed = leave, .state_size = sizeof(struct guest),
    .takes_auth_message = true, .auth_deadline_s = 3, .close_unauthenticated = 4401, .close_forbidden = 4403,
    .protocols = PROTOCOLS, .origins = FRIENDS,
};

/* --- no rights, and tight limits ---------------------------------------------------------------------------------- */

static enum dw_err echo(struct dw_request *r, struct dw_str data, bool is_text)
{
    return is_text ? dw_ws_send_text(dw_ws_of(r), data) : dw_ws_send_binary(dw_ws_of(r), data);
}

static const struct dw_ws_channel ECHO = { .message = echo, .lane = DW_INLINE };
static const struct dw_ws_channel TIGHT = {
    .message = echo, .lane = DW_INLINE, .max_message_bytes = 1000, .max_fragments = 4, .message_rate = "5/second",
    .ping_s = 1, .pong_s = 3, .opened = come, .closed = leave,
};

static const struct dw_route ROUTES[] = {
    { DW_GET, "/", page, .needs = DW_PUBLIC, .lane = DW_INLINE, .answer_type = "text/html",
      .content_security_policy = "default-src 'none'; connect-src *" },
    { DW_POST, "/tokens", DW_HANDLER(make_token), .body = &TOKEN_IN, .answer = &TOKEN, .needs = DW_PUBLIC,
      .lane = DW_INLINE },
    { DW_POST, "/revoke", DW_HANDLER(revoke_token), .body = &TOKEN, .needs = DW_PUBLIC, .lane = DW_INLINE },
    { DW_GET, "/facts", DW_HANDLER(tell_facts), .answer = &FACTS, .needs = DW_PUBLIC, .lane = DW_INLINE },
    { DW_GET, "/rooms/{room}", .websocket = &ROOM, .needs = DW_SIGNED_IN },
    { DW_GET, "/staff/{room}", .websocket = &BROWSER, .needs = DW_ROLE("moderator") },
    { DW_GET, "/browser/{room}", .websocket = &BROWSER, .needs = DW_SIGNED_IN },
    { DW_GET, "/echo", .websocket = &ECHO, .needs = DW_PUBLIC },
    { DW_GET, "/tight", .websocket = &TIGHT, .needs = DW_PUBLIC },
    { 0 },
};
static const struct dw_route *const TABLES[] = { ROUTES, NULL };
static const struct dw_scheme BEARER = { DW_SCHEME_HTTP_BEARER, .name = "Bearer" };
static const struct dw_scheme COOKIE = { DW_SCHEME_API_KEY_COOKIE, .name = "Cookie", .parameter = "session" };
static const struct dw_scheme QUERY = { DW_SCHEME_API_KEY_QUERY, .name = "Query", .parameter = "access_token" };
static const struct dw_scheme *const CREDENTIALS[] = { &BEARER, &COOKIE, &QUERY, NULL };

static void on_ready(void *argument, const char *address)
{
    (void)argument;
    printf("{\"listening\":\"%s\"}\n", address);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const struct dw_app_config config = { .title = "Rooms", .version = "1", .routes = TABLES,
                                          .credentials = CREDENTIALS, .authenticate = authenticate };
    struct dw_server_config server = { .listen = argc > 1 ? argv[1] : "127.0.0.1:0", .on_ready = on_ready };
    char problem[DW_TLS_PROBLEM_SIZE] = "";
    struct dw_app *app = NULL;

    enum dw_err err = argc > 3 ? dw_tls_new(argv[2], argv[3], &server.tls, problem) : DW_OK;
    if (err == DW_OK)
        err = dw_app_new(&config, &app, problem);
    if (err == DW_OK)
        err = dw_serve(app, &server);
    if (err != DW_OK)
        fprintf(stderr, "websockets: %s: %s\n", dw_error_info(err)->code, problem);
    dw_app_free(&app);
    dw_tls_free(&server.tls);
    fprintf(stderr, "{\"opened\":%u,\"closed\":%u}\n", n_opened, n_closed);
    return err == DW_OK ? 0 : 1;
}
