/*
 * A person's API keys: made, listed, rotated, revoked by their owner alone.
 *
 * All rows ask for a sign-in: a key that could make keys would outlive its own revocation. Those that show a secret ask
 * for a recent one, or for the password: a key outlives the token that made it. Another user's key does not exist here:
 * 404.
 */
#include "identity/api_key.h"
#include "protocol/first_factor.h"
#include "protocol/routes.h"

enum { NAME_MAX_CHARACTERS = 100, SCOPES_MAX = 64 };

/* --- models ------------------------------------------------------------------------------------------------------ */

struct api_key_in {
    struct dw_str name;
    struct dw_str scopes;
    bool has_expires_at;
    int64_t expires_at;
    struct dw_str current_password;
};

static const struct dw_model API_KEY_IN = {
    .name = "ApiKeyRequest", .size = sizeof(struct api_key_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct api_key_in, name), .type = DW_STRING, .flags = DW_REQUIRED, .min = 1,
          .max = NAME_MAX_CHARACTERS, .pattern = "[^\\x00-\\x1f\\x7f]*", .description = "What the key is for",
          .example = "nightly report" },
        { DW_FIELD(struct api_key_in, scopes), .type = DW_WORDS, .flags = DW_NULLABLE, .max = SCOPES_MAX,
          .description = "Permissions of the key, each one that the caller has; all that the caller has now when left "
                         "out", .example = "[\"read:users\"]" },
        { DW_FIELD(struct api_key_in, expires_at), .type = DW_TIME, .flags = DW_NULLABLE | DW_PRESENCE, .min = 1,
          .presence = offsetof(struct api_key_in, has_expires_at),
          .description = "When the key ends; never when left out", .example = "2030-01-01T00:00:00Z" },
        CURRENT_PASSWORD_FIELD(struct api_key_in),
        { 0 } },
};

struct api_keys_query {
    struct dw_str after;
    int64_t limit;
};

static const struct dw_model API_KEYS_QUERY = {
    .name = "ApiKeysQuery", .size = sizeof(struct api_keys_query),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct api_keys_query, limit), .type = DW_INT, .min = 1, .max = API_KEY_LIMIT, .fallback = "50",
          .description = "The most keys in one answer" },
        { DW_FIELD(struct api_keys_query, after), .type = DW_UUID,
          .description = "`next` of the answer before: where to go on" },
        { 0 } },
};

struct rotation_query {
    bool has_overlap;
    int64_t overlap;
};

static const struct dw_model ROTATION_QUERY = {
    .name = "RotationQuery", .size = sizeof(struct rotation_query),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct rotation_query, overlap), .type = DW_INT, .flags = DW_PRESENCE, .max = API_KEY_OVERLAP_MAX_S,
          .presence = offsetof(struct rotation_query, has_overlap),
          .description = "Seconds for which the key before goes on; 0 ends it at once. The server's setting when left "
                         "out (24 hours, unless changed)", .example = "3600" },
        { 0 } },
};

/* The members of a key; `at` is the path to them in the struct. */
#define KEY_FIELDS(type_name, at)                                                                                      \
    { DW_FIELD_AS(type_name, at id, "id"), .type = DW_UUID, .flags = DW_REQUIRED,                                      \
      .example = "01890a5d-ac96-774b-bcce-b302099a8057" },                                                             \
    { DW_FIELD_AS(type_name, at name, "name"), .type = DW_STRING, .flags = DW_REQUIRED, .example = "nightly report" }, \
    { DW_FIELD_AS(type_name, at prefix, "prefix"), .type = DW_STRING, .flags = DW_REQUIRED,                            \
      .description = "The public part, by which the key is told from others", .example = "5f0c2a9be81d4477" },         \
    { DW_FIELD_AS(type_name, at scopes, "scopes"), .type = DW_WORDS,                                                   \
      .description = "What the key was given; of this it may what its owner may at the time" },                        \
    { DW_FIELD_AS(type_name, at is_active, "is_active"), .type = DW_BOOL,                                              \
      .description = "false once it has expired", .example = "true" },                                                 \
    { DW_FIELD_AS(type_name, at created_at, "created_at"), .type = DW_TIME, .flags = DW_REQUIRED,                      \
      .example = "2026-11-22T17:05:49Z" },                                                                             \
    { DW_FIELD_AS(type_name, at expires_at, "expires_at"), .type = DW_TIME, .flags = DW_NULLABLE,                      \
      .description = "null: never", .example = "2030-01-01T00:00:00Z" },                                               \
    { DW_FIELD_AS(type_name, at last_used_at, "last_used_at"), .type = DW_TIME, .flags = DW_NULLABLE,                  \
      .description = "To the minute after a crash; null: never", .example = "2026-11-22T17:06:10Z" }

static const struct dw_model API_KEY = {
    .name = "ApiKey", .description = "A key without its secret", .size = sizeof(struct api_key),
    .fields = (const struct dw_field[]){ KEY_FIELDS(struct api_key, ), { 0 } },
};

static const struct dw_model API_KEY_MADE = {
    .name = "ApiKeyMade", .size = sizeof(struct api_key_made),
    .fields = (const struct dw_field[]){
        KEY_FIELDS(struct api_key_made, info.),
        { DW_FIELD(struct api_key_made, key), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "Send it as `X-API-Key`. It is shown now and never again" },
        { DW_FIELD(struct api_key_made, previous_expires_at), .type = DW_TIME, .flags = DW_NULLABLE,
          .description = "After a rotation: until when the key before goes on" },
        { 0 } },
};

struct api_keys_out {
    struct dw_list items; /* of struct api_key */
    struct dw_str next;
};

static const struct dw_model API_KEYS_OUT = {
    .name = "ApiKeys", .description = "A page, in the order of creation", .size = sizeof(struct api_keys_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct api_keys_out, items), .type = DW_LIST, .items = DW_OBJECT, .model = &API_KEY },
        { DW_FIELD(struct api_keys_out, next), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "To be sent as `after` for the next page; null at the end" },
        { 0 } },
};

/* --- handlers ---------------------------------------------------------------------------------------------------- */

/* The caller, in the terms of the domain. */
struct owner {
    struct tenant tenant;
    struct actor actor;
};

static struct owner owner_of(struct dw_request *r)
{
    return (struct owner){ .tenant = caller_tenant(r), .actor = caller_actor(r) };
}

static struct api_key_owner domain_owner(const struct owner *o)
{
    return (struct api_key_owner){ .tenant = &o->tenant, .user_id = o->actor.id, .actor = &o->actor };
}

static enum dw_err create_key(struct dw_request *r, const struct api_key_in *in, struct api_key_made *out)
{
    const struct owner me = owner_of(r);
    const struct api_key_owner owner = domain_owner(&me);
    const struct api_key_new new_key = {
        .name = in->name, .scopes = in->scopes, .may = dw_principal(r)->scope,
        .expires_s = in->has_expires_at ? in->expires_at : -1,
    };

    if (new_key.expires_s >= 0 && new_key.expires_s <= dw_clock_now_s())
        return dw_fail_field(r, "body", "expires_at", "datetime_future", "Input should be in the future");
    TRY(recent_sign_in_confirm(r, in->current_password));
    const enum dw_err err = api_key_create(identity_of(r), &owner, &new_key, dw_request_arena(r), out);

    if (err == DW_ERR_PERMISSION)
        return dw_fail(r, err, "Not enough permissions: a key can't have a scope that its owner has not");
    return err;
}

static enum dw_err list_keys(struct dw_request *r, const struct api_keys_query *in, struct api_keys_out *out)
{
    const struct owner me = owner_of(r);
    const struct api_key_owner owner = domain_owner(&me);
    struct api_key_page page;

    TRY(api_key_list(identity_of(r), &owner, in->after, (unsigned)in->limit, dw_request_arena(r), &page));
    out->items = (struct dw_list){ .items = page.keys, .n = page.n };
    if (page.has_more)
        out->next = page.keys[page.n - 1].id;
    return DW_OK;
}

static enum dw_err rotate_key(struct dw_request *r, const struct confirmation_in *in, struct api_key_made *out)
{
    const struct owner me = owner_of(r);
    const struct api_key_owner owner = domain_owner(&me);
    const struct rotation_query *query = dw_query(r);
    const int64_t overlap_s = query->has_overlap ? query->overlap : identity_of(r)->config.api_key_overlap_s;

    TRY(recent_sign_in_confirm(r, in->current_password));
    return api_key_rotate(identity_of(r), &owner, dw_path_parameter(r, "id"), overlap_s, dw_request_arena(r), out);
}

static enum dw_err revoke_key(struct dw_request *r, const void *in, void *out)
{
    const struct owner me = owner_of(r);
    const struct api_key_owner owner = domain_owner(&me);

    return api_key_revoke(identity_of(r), &owner, dw_path_parameter(r, "id"));
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

#define ANSWER_NO_SUCH_KEY { 404, "The caller has no such key" }

const struct dw_route API_KEY_ROUTES[] = {
    { DW_GET, "/users/me/api-keys", DW_HANDLER(list_keys), .query = &API_KEYS_QUERY, .answer = &API_KEYS_OUT,
      .needs = NEEDS_INTERACTIVE, .id = "list_api_keys", .tag = TAG_API_KEYS, .summary = "List my API keys",
      .description = "In the order of creation, page by page; never with their secrets." },
    { DW_POST, "/users/me/api-keys", DW_HANDLER(create_key), .body = &API_KEY_IN, .answer = &API_KEY_MADE,
      .needs = NEEDS_INTERACTIVE, .status = 201, .no_store = true,
      .id = "create_api_key", .tag = TAG_API_KEYS, .summary = "Make an API key",
      .description = "The answer holds the key, this once. It is sent as `X-API-Key` and stands for its owner with the "
                     "scopes that it was given; a right that the owner loses, the key loses. Needs a recent sign-in or "
                     "`current_password`.",
      .answers = ANSWERS({ 400, "`current_password` is wrong" },
                         { 403, "A scope that the caller has not, or the credential is an API key" },
                         ANSWER_REAUTHENTICATION, { 409, "The caller has too many keys" }, ANSWER_RATE, ANSWER_BUSY) },
    { DW_POST, "/users/me/api-keys/{id}/rotate", DW_HANDLER(rotate_key), .query = &ROTATION_QUERY,
      .body = &CONFIRMATION_IN, .is_body_optional = true,
      .answer = &API_KEY_MADE, .needs = NEEDS_INTERACTIVE, .no_store = true,
      .id = "rotate_api_key", .tag = TAG_API_KEYS, .summary = "Replace an API key's secret",
      .description = "The same key, with a new secret that is shown this once. The secret before goes on for the "
                     "overlap, so that programs can be told the new one. Needs a recent sign-in or `current_password`.",
      .answers = ANSWERS({ 400, "`current_password` is wrong" }, ANSWER_REAUTHENTICATION, ANSWER_NO_SUCH_KEY,
                         { 409, "The key has expired, or too many of its secrets still live" }, ANSWER_RATE,
                         ANSWER_BUSY) },
    { DW_DELETE, "/users/me/api-keys/{id}", DW_HANDLER(revoke_key), .needs = NEEDS_INTERACTIVE, .status = 204,
      .id = "revoke_api_key", .tag = TAG_API_KEYS, .summary = "Revoke an API key",
      .description = "With all of its secrets, at once.", .answers = ANSWERS(ANSWER_NO_SUCH_KEY) },
    { 0 },
};
