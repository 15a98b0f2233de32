/* A person's devices: where she is signed in, and ending one. Another user's sign-in does not exist here: 404. */
#include "identity/sign_in_list.h"
#include "protocol/account/login.h"
#include "protocol/routes.h"

/* --- models ------------------------------------------------------------------------------------------------------ */

struct sessions_query {
    struct dw_str after;
    int64_t limit;
};

static const struct dw_model SESSIONS_QUERY = {
    .name = "SessionsQuery", .size = sizeof(struct sessions_query),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct sessions_query, limit), .type = DW_INT, .min = 1, .max = 100, .fallback = "50",
          .description = "The most sign-ins in one answer" },
        { DW_FIELD(struct sessions_query, after), .type = DW_UUID,
          .description = "`next` of the answer before: where to go on" },
        { 0 } },
};

struct session_out {
    struct sign_in_entry entry;
    bool current;
};

static const char *const KINDS[] = { "cookie", "token", NULL };

static const struct dw_model SESSION_OUT = {
    .name = "Session", .size = sizeof(struct session_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD_AS(struct session_out, entry.id, "id"), .type = DW_UUID, .flags = DW_REQUIRED,
          .description = "The `sid` of its access tokens", .example = "01890a5d-ac96-774b-bcce-b302099a8057" },
        { DW_FIELD_AS(struct session_out, entry.kind, "kind"), .type = DW_ENUM, .values = KINDS, .flags = DW_REQUIRED,
          .example = "cookie" },
        { DW_FIELD(struct session_out, current), .type = DW_BOOL, .description = "This request's own",
          .example = "true" },
        { DW_FIELD_AS(struct session_out, entry.address, "address"), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "From where it was opened", .example = "192.0.2.7" },
        { DW_FIELD_AS(struct session_out, entry.user_agent, "user_agent"), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "What the browser or program called itself" },
        { DW_FIELD_AS(struct session_out, entry.client_id, "client_id"), .type = DW_STRING, .flags = DW_REQUIRED,
          .example = "doorward" },
        { DW_FIELD_AS(struct session_out, entry.created_at, "created_at"), .type = DW_TIME, .flags = DW_REQUIRED,
          .example = "2026-11-22T17:05:49Z" },
        { DW_FIELD_AS(struct session_out, entry.last_seen_at, "last_seen_at"), .type = DW_TIME, .flags = DW_REQUIRED,
          .description = "Its last request (by cookie, to the minute) or refresh", .example = "2026-11-22T17:06:10Z" },
        { DW_FIELD_AS(struct session_out, entry.expires_at, "expires_at"), .type = DW_TIME, .flags = DW_REQUIRED,
          .description = "The end of its lifetime, however much it is used (by cookie) or unless it is refreshed",
          .example = "2026-11-23T17:05:49Z" },
        { 0 } },
};

struct sessions_out {
    struct dw_list items; /* of struct session_out */
    struct dw_str next;
};

static const struct dw_model SESSIONS_OUT = {
    .name = "Sessions", .description = "A page, the newest first", .size = sizeof(struct sessions_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct sessions_out, items), .type = DW_LIST, .items = DW_OBJECT, .model = &SESSION_OUT },
        { DW_FIELD(struct sessions_out, next), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "To be sent as `after` for the next page; null at the end" },
        { 0 } },
};

/* --- handlers ---------------------------------------------------------------------------------------------------- */

static enum dw_err list_sessions(struct dw_request *r, const struct sessions_query *in, struct sessions_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct dw_str current = dw_principal(r)->session;
    struct sign_in_page page;

    TRY(sign_in_list(identity_of(r), &tenant, dw_principal(r)->subject, in->after, (unsigned)in->limit,
                     dw_request_arena(r), &page));
    struct session_out *items = dw_arena_alloc(dw_request_arena(r), (page.n + 1) * sizeof(*items));

    if (items == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; i < page.n; i++)
        items[i] = (struct session_out){ page.entries[i], dw_str_eq(page.entries[i].id, current) };
    out->items = (struct dw_list){ .items = items, .n = page.n };
    if (page.has_more)
        out->next = page.entries[page.n - 1].id;
    return DW_OK;
}

static enum dw_err end_session(struct dw_request *r, const void *in, void *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    const struct dw_str id = dw_path_parameter(r, "id");

    TRY(sign_in_end(identity_of(r), &tenant, &me, me.id, id));
    return dw_str_eq(id, dw_principal(r)->session) ? cookie_forget(r) : DW_OK;
}

const struct dw_route SESSION_ROUTES[] = {
    { DW_GET, "/users/me/sessions", DW_HANDLER(list_sessions), .query = &SESSIONS_QUERY, .answer = &SESSIONS_OUT,
      .needs = NEEDS_INTERACTIVE, .id = "list_sessions", .tag = TAG_ACCOUNT, .summary = "My devices",
      .description = "Where the caller is signed in, by cookie or by tokens, the newest first." },
    { DW_DELETE, "/users/me/sessions/{id}", DW_HANDLER(end_session), .needs = NEEDS_INTERACTIVE,
      .id = "end_session", .tag = TAG_ACCOUNT, .summary = "Sign a device out",
      .description = "Its cookie, its refresh tokens and every access token that came from it are dead at once.",
      .answers = ANSWERS({ 404, "The caller has no such sign-in" }) },
    { 0 },
};
