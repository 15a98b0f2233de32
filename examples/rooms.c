/*
 * A chat: a WebSocket for each room, with rights for each room.
 *
 *     ROOMS_KEY=… rooms [ADDRESS]
 *
 * ROOMS_KEY (32 bytes or more) signs the tokens; whom to give them to is their issuer's business. A token's
 * `permissions` say what its holder may do where: "tea:enter", "tea:speak", "tea:moderate". A room is there as long as
 * somebody is in it. The credential is asked about again with every message: a token that expires ends its connection.
 */
#include <doorward.h>

#include <stdio.h>
#include <stdlib.h>

/* --- what is said ------------------------------------------------------------------------------------------------ */

struct words {
    struct dw_str from, text;
};
struct crowd {
    int64_t people;
};
/* Of a connection: closed() has no principal any more. */
struct visit {
    char name[64];
};

static const struct dw_field SAY_FIELDS[] = {
    { DW_FIELD(struct words, text), .type = DW_STRING, .flags = DW_REQUIRED, .min = 1, .max = 2000 }, { 0 },
};
static const struct dw_field SAID_FIELDS[] = {
    { DW_FIELD(struct words, from), .type = DW_STRING }, { DW_FIELD(struct words, text), .type = DW_STRING }, { 0 },
};
static const struct dw_field WHO_FIELDS[] = { { DW_FIELD(struct words, from), .type = DW_STRING }, { 0 } };
static const struct dw_field CROWD_FIELDS[] = { { DW_FIELD(struct crowd, people), .type = DW_INT }, { 0 } };
static const struct dw_model SAY_MODEL = { "Say", .size = sizeof(struct words), .fields = SAY_FIELDS };
static const struct dw_model SAID_MODEL = { "Said", .size = sizeof(struct words), .fields = SAID_FIELDS };
static const struct dw_model WHO_MODEL = { "Who", .size = sizeof(struct words), .fields = WHO_FIELDS };
static const struct dw_model CROWD_MODEL = { "Crowd", .size = sizeof(struct crowd), .fields = CROWD_FIELDS };
static const struct dw_ws_event SAID = { "said", &SAID_MODEL }, TOPIC = { "topic", &SAID_MODEL };
static const struct dw_ws_event ENTERED = { "entered", &WHO_MODEL }, LEFT = { "left", &WHO_MODEL };
static const struct dw_ws_event *const EVENTS[] = { &SAID, &TOPIC, &ENTERED, &LEFT, NULL };

/* --- who may do what --------------------------------------------------------------------------------------------- */

static enum dw_err has_right(const struct dw_facts *facts, const void *action, enum dw_verdict *ret_verdict)
{
    const struct dw_str room = dw_path_parameter(facts->request, "room");
    const struct dw_str right = dw_arena_printf(dw_request_arena(facts->request), "%.*s:%s", (int)room.len, room.ptr,
                                                (const char *)action);

    if (right.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_verdict = dw_str_list_has(facts->principal->permissions, right) ? DW_YES : DW_NO;
    return DW_OK;
}

static const struct dw_policy ENTER = { "may enter", DW_RULE_FUNCTION("enter the room", has_right, "enter") };
static const struct dw_policy SPEAK = { "may speak", DW_RULE_FUNCTION("speak in the room", has_right, "speak") };
static const struct dw_policy MODERATE = {
    "may moderate", DW_ANY(DW_RULE_ROLE("admin"), DW_RULE_FUNCTION("moderate the room", has_right, "moderate")),
};

/* --- what happens ------------------------------------------------------------------------------------------------ */

static enum dw_err tell(struct dw_request *r, const struct dw_ws_event *event, const char *from, struct dw_str text)
{
    const struct words words = { dw_str(from), text };

    return dw_ws_publish_event(dw_request_app(r), dw_path_parameter(r, "room"), event, &words);
}

static enum dw_err enter(struct dw_request *r)
{
    const struct dw_str name = dw_principal(r)->subject;
    struct visit *visit = dw_ws_state(r);

    if (name.len >= sizeof(visit->name))
        return DW_ERR_FORBIDDEN;
    memcpy(visit->name, name.ptr, name.len); /* the rest is zero */
    DW_TRY(dw_ws_join(dw_ws_of(r), dw_path_parameter(r, "room")));
    return tell(r, &ENTERED, visit->name, DW_STR(""));
}

/* However it ended: also when the line was cut, or the token had expired. */
static void leave(struct dw_request *r, unsigned code)
{
    (void)code;
    if (tell(r, &LEFT, ((const struct visit *)dw_ws_state(r))->name, DW_STR("")) != DW_OK)
        fprintf(stderr, "rooms: nobody was told that somebody left\n");
}

static enum dw_err say(struct dw_request *r, const struct words *in, void *out)
{
    (void)out;
    return tell(r, &SAID, ((const struct visit *)dw_ws_state(r))->name, in->text);
}

static enum dw_err set_topic(struct dw_request *r, const struct words *in, void *out)
{
    (void)out;
    return tell(r, &TOPIC, ((const struct visit *)dw_ws_state(r))->name, in->text);
}

static enum dw_err count(struct dw_request *r, const void *in, struct crowd *out)
{
    (void)in;
    out->people = (int64_t)dw_ws_count(dw_request_app(r), dw_path_parameter(r, "room"));
    return DW_OK;
}

/* --- the tables -------------------------------------------------------------------------------------------------- */

static const struct dw_ws_message MESSAGES[] = {
    { "say", DW_HANDLER(say), .body = &SAY_MODEL, .needs = DW_POLICY(&SPEAK), .lane = DW_INLINE },
    { "topic", DW_HANDLER(set_topic), .body = &SAY_MODEL, .needs = DW_POLICY(&MODERATE), .lane = DW_INLINE },
    { "count", DW_HANDLER(count), .answer = &CROWD_MODEL, .needs = DW_SIGNED_IN, .lane = DW_INLINE },
    { 0 },
};
static const struct dw_ws_channel ROOM = {
    .messages = MESSAGES, .events = EVENTS, .opened = enter, .closed = leave, .lane = DW_INLINE,
    .state_size = sizeof(struct visit), .takes_auth_message = true,
    .close_unauthenticated = 4401, .close_forbidden = 4403,
    .max_message_bytes = 8192, .message_rate = "20/second;300/minute",
};
static const struct dw_route ROUTES[] = {
    { DW_GET, "/rooms/{room}", .websocket = &ROOM, .needs = DW_POLICY(&ENTER) },
    { DW_GET, "/rooms/{room}/people", DW_HANDLER(count), .answer = &CROWD_MODEL, .needs = DW_POLICY(&ENTER) },
    { 0 },
};

int main(int argc, char **argv)
{
    const struct dw_auth_config tokens = { .secret = dw_str(getenv("ROOMS_KEY")) };
    const struct dw_server_config server = { .listen = argc > 1 ? argv[1] : "127.0.0.1:8085" };
    struct dw_app_config app = { .title = "Rooms", .version = "1", .routes = DW_ROUTES(ROUTES, DW_DOCS_ROUTES) };
    char problem[DW_PROBLEM_SIZE];
    const bool failed = dw_auth_new(&tokens, &app.auth, problem) || dw_app_run(&app, &server, problem);

    if (failed)
        fprintf(stderr, "rooms: %s\n", problem);
    dw_auth_free(&app.auth);
    return failed;
}
