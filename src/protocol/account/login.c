#include "protocol/account/login.h"

#include "identity/cookie_session.h"
#include "protocol/account/two_factor.h"
#include "protocol/first_factor.h"
#include "protocol/routes.h"

/* --- models ------------------------------------------------------------------------------------------------------ */

struct login_in {
    struct dw_str username, password, tenant;
    bool remember;
};

static const struct dw_model LOGIN_IN = {
    .name = "Login", .size = sizeof(struct login_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct login_in, username), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "User name or e-mail address", .example = "ann" },
        { DW_FIELD(struct login_in, password), .type = DW_SECRET, .flags = DW_REQUIRED },
        { DW_FIELD(struct login_in, remember), .type = DW_BOOL, .fallback = "false",
          .description = "Stay signed in for 30 days, also when the browser is closed" },
        { DW_FIELD(struct login_in, tenant), .type = DW_STRING,
          .description = "Slug of the tenant; `default` when left out", .example = "default" },
        { 0 } },
};

struct login_out {
    struct user user;
    struct dw_str csrf_token;
};

static const struct dw_model LOGIN_OUT = {
    .name = "LoggedIn", .size = sizeof(struct login_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct login_out, user), .type = DW_OBJECT, .model = &USER },
        { DW_FIELD(struct login_out, csrf_token), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "To be sent as `X-CSRF-Token` with every request that changes something" },
        { 0 } },
};

/* --- cookies ----------------------------------------------------------------------------------------------------- */

static const struct protocol *protocol_of(const struct dw_request *r)
{
    return dw_context(r);
}

static enum dw_err set_session_cookie(struct dw_request *r, const struct cookie_value *value)
{
    const struct protocol *protocol = protocol_of(r);
    const struct dw_cookie cookie = { .name = protocol->session_cookie.parameter, .value = value->text,
                                      .max_age_s = value->max_age_s, .is_secure = protocol->is_https };

    return dw_answer_cookie(r, &cookie);
}

static enum dw_err set_csrf_cookie(struct dw_request *r, struct dw_str token, int64_t max_age_s)
{
    const struct protocol *protocol = protocol_of(r);
    const struct dw_cookie cookie = { .name = protocol->csrf.cookie, .value = token, .max_age_s = max_age_s,
                                      .is_secure = protocol->is_https, .for_scripts = true };

    return dw_answer_cookie(r, &cookie);
}

bool cookie_is_credential(struct dw_request *r)
{
    const struct dw_principal *principal = dw_principal(r);

    /* Other sign-ins come with a token's id, and an API key is no sign-in. */
    return principal != NULL && principal->session.len > 0 && principal->token_id.len == 0;
}

enum dw_err cookie_forget(struct dw_request *r)
{
    const struct cookie_value gone = { .text = DW_STR(""), .max_age_s = -1 };

    if (!cookie_is_credential(r))
        return DW_OK;
    /* Whatever pages of this origin kept for her goes as well; "cookies" would take those of neighbouring hosts. */
    dw_answer_header(r, "Clear-Site-Data", DW_STR("\"cache\", \"storage\""));
    TRY(set_session_cookie(r, &gone));
    return set_csrf_cookie(r, gone.text, gone.max_age_s);
}

enum dw_err cookie_renew(struct dw_request *r)
{
    const struct actor me = caller_actor(r);
    struct cookie_value value;

    if (!cookie_is_credential(r))
        return DW_OK;
    TRY(cookie_session_renew(identity_of(r), caller(r), dw_principal(r)->session, RENEW_ALWAYS, &me,
                             dw_request_arena(r), &value));
    return set_session_cookie(r, &value);
}

/* --- restoring --------------------------------------------------------------------------------------------------- */

/* After a change of rights, which somebody else made: whoever saw the old value must not have the new rights. */
static enum dw_err renew_stale(struct dw_request *r, const struct principal *p)
{
    const struct actor actor = { .id = p->user->id, .address = dw_request_peer(r) };
    struct cookie_value value;

    TRY(cookie_session_renew(identity_of(r), p->user, p->session, RENEW_STALE, &actor, dw_request_arena(r), &value));
    return value.text.len > 0 ? set_session_cookie(r, &value) : DW_OK;
}

enum dw_err cookie_restore(struct dw_request *r, struct dw_str credential, struct principal *ret_principal)
{
    struct principal p;
    bool is_stale = false;

    if (!cookie_session_is_formed(credential)) {
        dw_challenge(r, "Bearer");
        return DW_ERR_TOKEN_INVALID;
    }
    if (!dw_request_may_block(r))
        return DW_ERR_WOULD_BLOCK;
    const enum dw_err err = cookie_session_restore(identity_of(r), credential, dw_request_arena(r), &p, &is_stale);

    /* No HTTP scheme is behind a cookie; what a program could send instead is a bearer token. */
    if (dw_error_info(err)->status == 401)
        dw_challenge(r, "Bearer");
    TRY(err);
    TRY(dw_csrf_check(r, &protocol_of(r)->csrf, p.session));
    if (is_stale)
        TRY(renew_stale(r, &p));
    *ret_principal = p;
    return DW_OK;
}

/* --- signing in -------------------------------------------------------------------------------------------------- */

enum dw_err cookie_sign_in_answer(struct dw_request *r, const struct sign_in *sign_in,
                                  const struct first_factor *factor, bool is_remembered)
{
    const struct protocol *protocol = protocol_of(r);
    const struct dw_str brought = dw_request_cookie(r, protocol->session_cookie.parameter);
    struct cookie_session session;
    struct login_out out;

    TRY(cookie_session_open(identity_of(r), sign_in, factor, is_remembered, dw_request_arena(r), &session));
    TRY(cookie_session_end(identity_of(r), brought, sign_in->device.address));
    TRY(dw_csrf_token(&protocol->csrf, session.id, dw_request_arena(r), &out.csrf_token));
    TRY(set_session_cookie(r, &session.value));
    TRY(set_csrf_cookie(r, out.csrf_token, session.value.max_age_s));
    out.user = session.user;
    return dw_answer_model(r, &LOGIN_OUT, &out);
}

static enum dw_err log_in(struct dw_request *r, const struct login_in *in, void *out)
{
    const struct dw_secret password = secret_of(in->password);
    struct sign_in sign_in = { .login = in->username, .password = &password, .device = caller_device(r) };
    struct first_factor factor;

    /* No session protects this row: another page could sign a person in as somebody else. */
    TRY(dw_csrf_check_origin(r, &protocol_of(r)->csrf));
    TRY(dw_rate_limit_count(r, RATE_LIMIT_LOGIN));
    const enum dw_err err = first_factor_check(r, in->tenant, &sign_in, &factor);

    if (err == DW_ERR_SIGN_IN)
        return dw_fail(r, DW_ERR_UNAUTHENTICATED, dw_error_info(err)->message);
    TRY(err);
    if (factor.user.mfa_enabled)
        return two_factor_ask(r, &sign_in, &factor, in->remember ? MFA_FOR_COOKIE_REMEMBERED : MFA_FOR_COOKIE);
    return cookie_sign_in_answer(r, &sign_in, &factor, in->remember);
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

const struct dw_route LOGIN_ROUTES[] = {
    { DW_POST, "/login", DW_HANDLER(log_in), .body = &LOGIN_IN, .answer = &LOGIN_OUT, .needs = DW_PUBLIC,
      .lane = DW_HASHING, .no_store = true,
      .id = "login", .tag = TAG_TOKENS, .summary = "Sign in by cookie",
      .description = "For browsers: sets a session cookie that scripts can't read, and a CSRF cookie that they can. "
                     "Its value goes back as `X-CSRF-Token` with every request that the cookie authenticates and that "
                     "changes something. A session that the browser had before is ended.",
      .answers = ANSWERS({ 400, "The user is inactive (told only after the right password)" },
                         { 401, "Incorrect user name or password" },
                         { 403, "`mfa_required`: right so far; `mfa_token` is good for `/2fa/verify`, which then sets "
                                "the cookies. Or another site's page asked (`Origin`, `Sec-Fetch-Site`)" },
                         ANSWER_RATE, ANSWER_BUSY) },
    { 0 },
};
