/*
 * The token endpoint: RFC 6749 with the password and refresh_token grants, and the JSON form of a refresh.
 *
 * Defends against: telling accounts or tenants apart (one text, one status, one hash's time), client secrets that seem
 * to be checked (there is no client registry: a secret is refused, a name is a public client's and only recorded),
 * tokens in caches (no-store).
 */
#include "protocol/oauth2/grant.h"

#include "app/suspend.h"
#include "identity/rotation.h"
#include "protocol/account/two_factor.h"
#include "protocol/context.h"
#include "protocol/first_factor.h"
#include "protocol/routes.h"

enum { CLIENT_ID_MAX = 64 };

/* --- grants ----------------------------------------------------------------------------------------------------- */

static enum dw_err grant_password(struct dw_request *r, const struct token_form *form, struct dw_str client,
                                  struct token_out *out)
{
    const struct dw_secret password = secret_of(form->password);
    struct first_factor factor;
    struct token_pair pair;
    struct sign_in sign_in = { .login = form->username, .password = &password, .scope = form->scope,
                               .client_id = client, .device = caller_device(r) };

    if (!dw_request_may_hash(r))
        return DW_ERR_WOULD_BLOCK; /* before it is counted */
    if (form->username.len == 0 || form->password.len == 0)
        return dw_fail(r, DW_ERR_BAD_REQUEST, "username and password are required");
    TRY(dw_rate_limit_count(r, RATE_LIMIT_LOGIN));
    TRY(first_factor_check(r, form->tenant, &sign_in, &factor));
    if (factor.user.mfa_enabled) /* answered already: there is no pair */
        return two_factor_ask(r, &sign_in, &factor, MFA_FOR_TOKENS);
    TRY(session_open(identity_of(r), &sign_in, &factor, dw_request_arena(r), &pair));
    *out = token_answer(&pair);
    return DW_OK;
}

/* RFC 6749 §5.2: invalid_grant is a 400 there; its 401 is for clients that fail to authenticate. */
static enum dw_err refresh_failed(struct dw_request *r, enum dw_err err)
{
    if (dw_route(r)->oauth_errors && (err == DW_ERR_REFRESH_INVALID || err == DW_ERR_REFRESH_REUSED))
        return dw_fail(r, DW_ERR_SIGN_IN, dw_error_info(err)->message);
    return err;
}

static enum dw_err refresh_end(struct dw_request *r, void *rotation, void *out)
{
    struct token_pair pair;
    const enum dw_err err = rotation_end(rotation, dw_request_may_block(r), &pair);

    if (err != DW_OK)
        return refresh_failed(r, err);
    *(struct token_out *)out = token_answer(&pair);
    return DW_OK;
}

/* On a loop the rest is refresh_end()'s, when the database has written: no thread waits for it. */
static enum dw_err refresh(struct dw_request *r, struct dw_str token, struct dw_str client, struct dw_str scope,
                           struct token_out *out)
{
    const struct device device = caller_device(r);
    struct rotation *rotation;
    const enum dw_err err = rotation_begin(identity_of(r), token, client, scope, &device, dw_request_arena(r),
                                           &rotation);

    if (err != DW_OK)
        return refresh_failed(r, err);
    if (suspend_is_possible(r)) {
        suspend(r, refresh_end, rotation);
        return rotation_post(rotation, suspend_over, r);
    }
    if (!dw_request_may_block(r))
        return DW_ERR_WOULD_BLOCK;
    rotation_write(rotation);
    return refresh_end(r, rotation, out);
}

static enum dw_err grant_refresh(struct dw_request *r, const struct token_form *form, struct dw_str client,
                                 struct token_out *out)
{
    if (form->refresh_token.len == 0)
        return dw_fail(r, DW_ERR_BAD_REQUEST, "refresh_token is required");
    return refresh(r, form->refresh_token, client, form->scope, out);
}

const struct grant GRANTS[] = {
    { "password", grant_password },
    { "refresh_token", grant_refresh },
    { NULL, NULL },
};

static const struct grant *grant_find(struct dw_str type)
{
    for (const struct grant *g = GRANTS; g->type != NULL; g++)
        if (dw_str_eq(type, dw_str(g->type)))
            return g;
    return NULL;
}

/* --- clients ---------------------------------------------------------------------------------------------------- */

/* VSCHAR (RFC 6749 appendix A.1), and short, as it is stored with each sign-in. */
static bool is_client_id(struct dw_str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] < 0x20 || id.ptr[i] > 0x7e)
            return false;
    return id.len <= CLIENT_ID_MAX;
}

/* Swagger UI always sends HTTP Basic, also with both of its fields left empty: that is no client. */
static bool is_empty_basic(const struct dw_request *r)
{
    return dw_str_eq(dw_request_header(r, "Authorization"), DW_STR("Basic Og=="));
}

/* The name of the public client that asks; absent for none. */
static enum dw_err client_identify(struct dw_request *r, struct dw_str form_id, struct dw_str form_secret,
                                   struct dw_str *ret_client)
{
    struct dw_str id = form_id, secret = form_secret;

    const enum dw_err err = is_empty_basic(r) ? DW_OK : dw_client_credentials(r, form_id, form_secret, &id, &secret);

    if (err == DW_ERR_CLIENT || secret.len > 0) {
        dw_challenge(r, "Basic realm=\"doorward\""); /* RFC 6749 §5.2 */
        return DW_ERR_CLIENT;
    }
    TRY(err);
    if (!is_client_id(id))
        return dw_fail(r, DW_ERR_BAD_REQUEST, "client_id must be at most 64 visible ASCII characters");
    *ret_client = id.len > 0 ? id : dw_str_n(NULL, 0);
    return DW_OK;
}

/* --- handlers --------------------------------------------------------------------------------------------------- */

struct token_out token_answer(const struct token_pair *pair)
{
    return (struct token_out){
        .access_token = pair->access_token, .token_type = DW_STR("bearer"), .expires_in = pair->expires_in,
        .refresh_token = pair->refresh_token, .scope = pair->scope,
    };
}

static enum dw_err issue_token(struct dw_request *r, const struct token_form *form, struct token_out *out)
{
    const struct grant *grant = grant_find(form->grant_type);
    struct dw_str client = { NULL, 0 };

    if (form->grant_type.len == 0)
        return dw_fail(r, DW_ERR_BAD_REQUEST, "grant_type is required");
    if (grant == NULL)
        return DW_ERR_GRANT_TYPE;
    TRY(client_identify(r, form->client_id, form->client_secret, &client));
    return grant->run(r, form, client, out);
}

static enum dw_err refresh_token(struct dw_request *r, const struct refresh_in *in, struct token_out *out)
{
    if (!is_client_id(in->client_id))
        return dw_fail_field(r, "body", "client_id", "client_id", "At most 64 visible ASCII characters");
    return refresh(r, in->refresh_token, in->client_id, dw_str_n(NULL, 0), out);
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

const struct dw_route TOKEN_ROUTES[] = {
    { DW_POST, "/token", DW_HANDLER(issue_token), .form = &TOKEN_FORM, .answer = &TOKEN_OUT, .needs = DW_PUBLIC,
      .lane = DW_HASHING, .tries_loop = true, .no_store = true, .oauth_errors = true,
      .id = "token", .tag = TAG_TOKENS, .summary = "Sign in, or refresh (OAuth2)",
      .description = "Takes a form, as OAuth2 asks. `grant_type=password` with `username` (or the e-mail address) and "
                     "`password` starts a sign-in; `grant_type=refresh_token` with `refresh_token` goes on with one. "
                     "An unknown name and a wrong password get the same answer.",
      .answers = ANSWERS({ 200, "A pair of tokens" },
                         { 400, "`invalid_grant`: incorrect user name or password, an inactive user (told only after "
                                "the right password), or a refresh token that is not valid; `invalid_request`, "
                                "`unsupported_grant_type`, `invalid_scope`" },
                         { 401, "`invalid_client`: a client secret was sent, and no client has one" },
                         { 403, "`mfa_required`: right so far; `mfa_token` is good for `/2fa/verify`" }, ANSWER_RATE,
                         ANSWER_BUSY) },
    { DW_POST, "/token/refresh", DW_HANDLER(refresh_token), .body = &REFRESH_IN, .answer = &TOKEN_OUT,
      .needs = DW_PUBLIC, .tries_loop = true, .no_store = true,
      .id = "refresh", .tag = TAG_TOKENS, .summary = "Refresh (JSON)",
      .description = "Spends the refresh token and gives a new pair. A token that was spent before ends the whole "
                     "sign-in, since somebody else has a copy of it; only a client that asks again within a few "
                     "seconds gets the same successor once more.",
      .answers = ANSWERS({ 200, "A new pair" },
                         { 401, "The refresh token is not valid (any more), or was used before" }) },
    { 0 },
};
