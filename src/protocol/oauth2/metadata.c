/*
 * What clients read to find their way, and the keys by which anyone verifies our tokens. Both from memory, inline.
 */
#include "protocol/oauth2/metadata.h"

#include "base/buffer.h"
#include "identity/role.h"
#include "identity/signing_key.h"
#include "protocol/oauth2/grant.h"
#include "protocol/context.h"
#include "protocol/routes.h"

enum { WORDS_MAX = 4096 };

/* A key is published before it signs: a client that keeps the set for half of that time knows it by then, however the
 * nodes' clocks differ. */
enum { KEYS_AGE_MAX_S = 300 };

#define METADATA_CACHE_CONTROL "public, max-age=3600"

static void append_word(struct buffer *words, const char *word)
{
    if (words->len > 0)
        buffer_append_char(words, ' ');
    buffer_append(words, dw_str(word));
}

static struct dw_str join_scopes(struct dw_arena *arena)
{
    _cleanup_buffer_ struct buffer words = BUFFER_INIT(WORDS_MAX);

    for (const struct permission *p = PERMISSIONS; p->name != NULL; p++)
        append_word(&words, p->name);
    return buffer_error(&words) == DW_OK ? dw_arena_copy(arena, buffer_str(&words)) : dw_str_n(NULL, 0);
}

static struct dw_str join_grants(struct dw_arena *arena)
{
    _cleanup_buffer_ struct buffer words = BUFFER_INIT(WORDS_MAX);

    for (const struct grant *g = GRANTS; g->type != NULL; g++)
        append_word(&words, g->type);
    return buffer_error(&words) == DW_OK ? dw_arena_copy(arena, buffer_str(&words)) : dw_str_n(NULL, 0);
}

static struct dw_str join_url(struct dw_arena *arena, struct dw_str base, const char *path)
{
    return dw_arena_printf(arena, "%.*s%s", (int)base.len, base.ptr, path);
}

enum dw_err metadata_make(struct dw_arena *arena, const char *issuer, struct dw_str public_url,
                          struct metadata *ret_metadata)
{
    const struct metadata metadata = {
        .issuer = dw_arena_copy(arena, dw_str(issuer)),
        .token_endpoint = join_url(arena, public_url, "/token"),
        .jwks_uri = join_url(arena, public_url, "/.well-known/jwks.json"),
        .scopes_supported = join_scopes(arena),
        .response_types_supported = DW_STR(""),
        .grant_types_supported = join_grants(arena),
        .token_endpoint_auth_methods_supported = DW_STR("none"),
        .service_documentation = join_url(arena, public_url, "/docs"),
    };

    if (metadata.issuer.ptr == NULL || metadata.token_endpoint.ptr == NULL || metadata.jwks_uri.ptr == NULL ||
        metadata.scopes_supported.ptr == NULL || metadata.grant_types_supported.ptr == NULL ||
        metadata.service_documentation.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_metadata = metadata;
    return DW_OK;
}

/* --- handlers --------------------------------------------------------------------------------------------------- */

static enum dw_err show_metadata(struct dw_request *r, const void *in, struct metadata *out)
{
    dw_answer_header(r, "Cache-Control", DW_STR(METADATA_CACHE_CONTROL));
    *out = ((const struct protocol *)dw_context(r))->metadata;
    return DW_OK;
}

static enum dw_err show_keys(struct dw_request *r, const void *in, void *out)
{
    const int64_t lead_s = identity_of(r)->config.key_lead_s;
    struct dw_str json;

    TRY(signing_key_jwks(identity_of(r), dw_request_arena(r), &json));
    const struct dw_str age = dw_arena_printf(dw_request_arena(r), "public, max-age=%d",
                                              (int)MIN_OF(lead_s / 2, (int64_t)KEYS_AGE_MAX_S));

    dw_answer_header(r, "Cache-Control", age);
    dw_answer_body(r, "application/json", json);
    return DW_OK;
}

const struct dw_route METADATA_ROUTES[] = {
    { DW_GET, "/.well-known/jwks.json", DW_HANDLER(show_keys), .answer_type = "application/json", .needs = DW_PUBLIC,
      .lane = DW_INLINE, .id = "jwks", .tag = TAG_TOKENS, .summary = "Keys that verify access tokens",
      .description = "A JWK Set (RFC 7517 §5) of public keys. A new key is published before it signs, and an old one "
                     "stays until its last token has expired.",
      .answers = ANSWERS({ 200, "A JWK Set" }) },
    { DW_GET, "/.well-known/oauth-authorization-server", DW_HANDLER(show_metadata), .answer = &METADATA,
      .needs = DW_PUBLIC, .lane = DW_INLINE, .id = "metadata", .tag = TAG_TOKENS,
      .summary = "Authorization server metadata", .description = "RFC 8414.",
      .answers = ANSWERS({ 200, "The metadata" }) },
    { 0 },
};
