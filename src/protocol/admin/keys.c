/*
 * The keys that sign every tenant's access tokens, for the operator. Private halves never leave the database.
 */
#include "identity/signing_key.h"

#include "protocol/admin/rights.h"
#include "protocol/routes.h"

#define NEEDS_WORDS "For administrators of the tenant `default`, with all their rights in the credential. "

static const struct dw_model SIGNING_KEY = {
    .name = "SigningKey", .size = sizeof(struct signing_key_info),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct signing_key_info, kid), .type = DW_STRING, .flags = DW_REQUIRED },
        { DW_FIELD(struct signing_key_info, alg), .type = DW_STRING, .flags = DW_REQUIRED, .example = "ES256" },
        { DW_FIELD(struct signing_key_info, state), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "`next`: published, does not sign yet; `active`: signs; `retiring`: verifies until its last "
                         "token has expired",
          .example = "active" },
        { DW_FIELD(struct signing_key_info, created_at), .type = DW_TIME, .flags = DW_REQUIRED },
        { DW_FIELD(struct signing_key_info, starts_at), .type = DW_TIME, .flags = DW_NULLABLE,
          .description = "When the next key takes over by itself; null: when somebody asks for a rotation. Of the "
                         "other keys, when they took over; null: when they were made" },
        { DW_FIELD(struct signing_key_info, retires_at), .type = DW_TIME, .flags = DW_NULLABLE },
        { DW_FIELD(struct signing_key_info, public_jwk), .type = DW_RAW_JSON, .description = "RFC 7517" },
        { 0 } },
};

struct keys_out {
    struct dw_list items; /* of struct signing_key_info */
    struct dw_str next;
};

static const struct dw_model KEYS_OUT = {
    .name = "SigningKeys", .description = "All in one page", .size = sizeof(struct keys_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct keys_out, items), .type = DW_LIST, .items = DW_OBJECT, .model = &SIGNING_KEY },
        { DW_FIELD(struct keys_out, next), .type = DW_STRING, .flags = DW_NULLABLE, .description = "Always null" },
        { 0 } },
};

static enum dw_err list_keys(struct dw_request *r, const void *in, struct keys_out *out)
{
    struct signing_key_info *keys;
    size_t n;

    TRY(signing_key_list(identity_of(r), dw_request_arena(r), &keys, &n));
    out->items = (struct dw_list){ .items = keys, .n = n };
    return DW_OK;
}

static enum dw_err show_key(struct dw_request *r, struct dw_str kid, struct signing_key_info *out)
{
    struct signing_key_info *keys;
    size_t n;

    TRY(signing_key_list(identity_of(r), dw_request_arena(r), &keys, &n));
    for (size_t i = 0; i < n; i++) {
        if (dw_str_eq(keys[i].kid, kid)) {
            *out = keys[i];
            return DW_OK;
        }
    }
    return DW_ERR_NOT_FOUND; /* retired by somebody else a moment ago */
}

static enum dw_err prepare_key(struct dw_request *r, const void *in, struct signing_key_info *out)
{
    const struct actor me = caller_actor(r);
    struct dw_str kid;

    TRY(signing_key_prepare(identity_of(r), &me, dw_request_arena(r), &kid));
    return show_key(r, kid, out);
}

struct key_rotation_query {
    bool now;
};

static const struct dw_model KEY_ROTATION_QUERY = {
    .name = "KeyRotationQuery", .size = sizeof(struct key_rotation_query),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct key_rotation_query, now), .type = DW_BOOL, .fallback = "false",
          .description = "Do not wait until services know the key: the one that signs has leaked" },
        { 0 } },
};

static enum dw_err rotate_keys(struct dw_request *r, const struct key_rotation_query *in, struct signing_key_info *out)
{
    const struct actor me = caller_actor(r);
    struct dw_str kid;

    TRY(signing_key_rotate(identity_of(r), &me, in->now, dw_request_arena(r), &kid));
    return show_key(r, kid, out);
}

static enum dw_err retire_key(struct dw_request *r, const void *in, void *out)
{
    const struct actor me = caller_actor(r);
    const enum dw_err err = signing_key_retire(identity_of(r), &me, dw_path_parameter(r, "kid"));

    return err == DW_ERR_CONFLICT ? dw_fail(r, err, "This key signs: rotate first") : err;
}

const struct dw_route KEY_ROUTES[] = {
    { DW_GET, "/keys", DW_HANDLER(list_keys), .answer = &KEYS_OUT, .needs = NEEDS_OPERATOR, .id = "list_keys",
      .tag = TAG_ADMINISTRATION, .summary = "List signing keys", .description = NEEDS_WORDS "Public halves alone." },
    { DW_POST, "/keys", DW_HANDLER(prepare_key), .answer = &SIGNING_KEY, .needs = NEEDS_OPERATOR, .status = 201,
      .id = "prepare_key", .tag = TAG_ADMINISTRATION, .summary = "Make sure that there is a next signing key",
      .description = NEEDS_WORDS "Answers the next key, which is made and published when there is none of the "
                     "algorithm that is set. There is one from the start and again after each rotation, so that "
                     "services which cache the key set know it when it takes over." },
    { DW_POST, "/keys/rotate", DW_HANDLER(rotate_keys), .query = &KEY_ROTATION_QUERY, .answer = &SIGNING_KEY,
      .needs = NEEDS_OPERATOR, .id = "rotate_keys", .tag = TAG_ADMINISTRATION, .summary = "Sign with the next key",
      .description = NEEDS_WORDS "At once (`state` is `active`) when every service that caches the key set knows it: "
                     "it has been published for `DOORWARD_KEY_LEAD`, or since the first key has, as that of a new "
                     "installation. Otherwise (`next`) it takes over by itself when that is so, at `starts_at`. "
                     "Tokens of the old one stay good." },
    { DW_DELETE, "/keys/{kid}", DW_HANDLER(retire_key), .needs = NEEDS_OPERATOR, .status = 204, .id = "retire_key",
      .tag = TAG_ADMINISTRATION, .summary = "Take a signing key out at once",
      .description = NEEDS_WORDS "The tokens that it signed are refused from now on.",
      .answers = ANSWERS({ 404, "No such key" }, { 409, "It signs: rotate first" }) },
    { 0 },
};
