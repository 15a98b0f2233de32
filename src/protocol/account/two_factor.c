/*
 * Two-factor sign-in: setting it up, turning it on and off, and the second step of a sign-in (spec E9).
 *
 * The pending token is a scheme of its own: no other row reads it, and the row that does reads nothing else. What
 * changes the second factor asks for the password and a code, and what sets one up for a recent sign-in or the
 * password: a stolen access token alone must not be enough.
 */
#include "protocol/account/two_factor.h"

#include "base/json.h"
#include "identity/credential.h"
#include "protocol/account/login.h"
#include "protocol/oauth2/grant.h"
#include "protocol/first_factor.h"
#include "protocol/routes.h"
#include <doorward/otp.h>

enum { STATUS_FORBIDDEN = 403, CODE_MAX = 64, PASSWORD_MAX = 1024, ANSWER_MAX = 16 * 1024 };

/* --- messages --------------------------------------------------------------------------------------------------- */

struct code_in {
    struct dw_str code, current_password;
};

struct second_factor_in {
    struct dw_str code, recovery_code;
};

struct confirm_in {
    struct dw_str password, code;
};

struct setup_out {
    struct dw_str secret, provisioning_uri;
};

struct codes_out {
    struct dw_list recovery_codes; /* of struct dw_str */
};

#define CODE_FACTS .type = DW_SECRET, .max = CODE_MAX, .example = "123456"

static const struct dw_model CODE_IN = {
    .name = "SecondFactorCode", .size = sizeof(struct code_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct code_in, code), CODE_FACTS, .flags = DW_REQUIRED,
          .description = "What the authenticator app shows" },
        CURRENT_PASSWORD_FIELD(struct code_in),
        { 0 } },
};

static const struct dw_model SECOND_FACTOR_IN = {
    .name = "SecondFactor", .description = "One of the two.", .size = sizeof(struct second_factor_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct second_factor_in, code), CODE_FACTS, .description = "What the authenticator app shows" },
        { DW_FIELD(struct second_factor_in, recovery_code), .type = DW_SECRET, .max = CODE_MAX,
          .description = "One of the codes that were shown when two-factor sign-in was turned on; good for once",
          .example = "ABCD-EFGH-IJKL-MNOP" },
        { 0 } },
};

static const struct dw_model CONFIRM_IN = {
    .name = "SecondFactorConfirmation", .size = sizeof(struct confirm_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct confirm_in, password), .type = DW_SECRET, .max = PASSWORD_MAX, .flags = DW_REQUIRED,
          .description = "The caller's own" },
        { DW_FIELD(struct confirm_in, code), CODE_FACTS, .flags = DW_REQUIRED,
          .description = "What the authenticator app shows, or a recovery code" },
        { 0 } },
};

static const struct dw_model SETUP_OUT = {
    .name = "SecondFactorSetup", .size = sizeof(struct setup_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct setup_out, secret), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "Base32, to be typed into an app that can't scan",
          .example = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" },
        { DW_FIELD(struct setup_out, provisioning_uri), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "What the QR picture holds",
          .example = "otpauth://totp/id.example.com:ann%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP" },
        { 0 } },
};

static const struct dw_model CODES_OUT = {
    .name = "RecoveryCodes", .description = "Shown this once; each is good for one sign-in without the app.",
    .size = sizeof(struct codes_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct codes_out, recovery_codes), .type = DW_LIST, .items = DW_STRING, .flags = DW_REQUIRED },
        { 0 } },
};

/* --- the pending token ------------------------------------------------------------------------------------------ */

static const struct dw_scheme MFA_TOKEN = {
    .kind = DW_SCHEME_HTTP_BEARER,
    .name = "MfaToken",
    .description = "The `mfa_token` of a sign-in that waits for its second factor: five minutes, for this alone.",
    .bearer_format = "JWT",
};

static enum dw_err resolve_pending(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct dw_str token;

    TRY(dw_scheme_extract(r, &MFA_TOKEN, &token));
    return mfa_pending_read(identity_of(r), token, dw_request_arena(r), ret_value);
}

static const struct dw_dependency PENDING = {
    .name = "a sign-in that waits",
    .size = sizeof(struct mfa_pending),
    .schemes = (const struct dw_scheme *const[]){ &MFA_TOKEN, NULL },
    .resolve = resolve_pending,
    .refusal = "401 The token is no pending token, has expired or was used",
};

enum dw_err two_factor_ask(struct dw_request *r, const struct sign_in *sign_in, const struct first_factor *factor,
                           enum mfa_kind kind)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(ANSWER_MAX);
    const struct dw_error_info *info = dw_error_info(DW_ERR_MFA_REQUIRED);
    struct dw_str token;

    TRY(mfa_pending_issue(identity_of(r), sign_in, factor, kind, dw_request_arena(r), &token));
    buffer_append_char(&b, '{');
    json_write_member_str(&b, "error", dw_str(info->oauth));
    json_write_member_str(&b, "error_description", dw_str(info->message));
    json_write_member_str(&b, "detail", dw_str(info->message));
    json_write_member_str(&b, "mfa_token", token);
    buffer_append_char(&b, '}');
    TRY(buffer_error(&b));
    dw_answer_status(r, STATUS_FORBIDDEN);
    dw_answer_body(r, "application/json", buffer_str(&b));
    return DW_OK;
}

/* --- handlers --------------------------------------------------------------------------------------------------- */

/* By its address: the wait is set by the very call that `err` comes from. */
static enum dw_err pass(struct dw_request *r, enum dw_err err, const int64_t *wait_s)
{
    if (err == DW_ERR_MFA_PAUSED)
        dw_retry_after(r, (unsigned)*wait_s);
    return err;
}

/* Whether an Accept header (RFC 9110 §12.5.1) names the type, and not with q=0. "*" names nothing: JSON is the rule. */
static bool accept_names(struct dw_str accept, struct dw_str type)
{
    for (size_t start = 0, end; start < accept.len; start = end + 1) {
        for (end = start; end < accept.len && accept.ptr[end] != ',';)
            end++;
        while (start < end && (accept.ptr[start] == ' ' || accept.ptr[start] == '\t'))
            start++;
        const struct dw_str range = dw_str_n(accept.ptr + start, end - start);
        const char *refused = memmem(range.ptr, range.len, "q=0", 3);
        const bool is_refused = refused != NULL && (size_t)(refused - range.ptr) + 3 == range.len;

        if (range.len >= type.len && dw_str_eq_nocase(dw_str_n(range.ptr, type.len), type) && !is_refused &&
            (range.len == type.len || range.ptr[type.len] == ';' || range.ptr[type.len] == ' '))
            return true;
    }
    return false;
}

static const struct {
    const char *type;
    enum dw_err (*draw)(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_picture);
} PICTURES[] = {
    { "image/png", dw_qr_png },
    { "image/svg+xml", dw_qr_svg },
};

static enum dw_err set_up(struct dw_request *r, const struct confirmation_in *in, struct setup_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    struct mfa_setup setup;
    struct dw_str picture;

    TRY(recent_sign_in_confirm(r, in->current_password));
    TRY(mfa_set_up(identity_of(r), &tenant, &me, me.id, dw_request_arena(r), &setup));
    dw_answer_header(r, "Vary", DW_STR("Accept"));
    for (size_t i = 0; i < ARRAY_SIZE(PICTURES); i++) {
        if (!accept_names(dw_request_header(r, "Accept"), dw_str(PICTURES[i].type)))
            continue;
        TRY(PICTURES[i].draw(setup.uri, dw_request_arena(r), &picture));
        dw_answer_body(r, PICTURES[i].type, picture);
        return DW_OK;
    }
    *out = (struct setup_out){ .secret = setup.secret, .provisioning_uri = setup.uri };
    return DW_OK;
}

static enum dw_err codes_answer(struct dw_request *r, const struct mfa_codes *codes, struct codes_out *out)
{
    struct mfa_codes *kept = dw_arena_alloc(dw_request_arena(r), sizeof(*kept));

    if (kept == NULL)
        return DW_ERR_NO_MEMORY;
    *kept = *codes;
    out->recovery_codes = (struct dw_list){ kept->codes, MFA_RECOVERY_CODES };
    return DW_OK;
}

static enum dw_err enable(struct dw_request *r, const struct code_in *in, struct codes_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    struct mfa_codes codes;
    int64_t wait_s = 0;

    TRY(recent_sign_in_confirm(r, in->current_password));
    TRY(pass(r, mfa_enable(identity_of(r), &tenant, &me, me.id, in->code, dw_request_arena(r), &codes, &wait_s),
             &wait_s));
    TRY(cookie_renew(r));
    return codes_answer(r, &codes, out);
}

/* Six digits are the app's; all else is looked at as a recovery code. */
static struct mfa_proof proof_of(struct dw_str code)
{
    for (size_t i = 0; i < code.len; i++)
        if (code.ptr[i] < '0' || code.ptr[i] > '9')
            return (struct mfa_proof){ .recovery_code = code };
    return (struct mfa_proof){ .code = code };
}

static enum dw_err disable(struct dw_request *r, const struct confirm_in *in, struct detail_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    const struct mfa_proof proof = proof_of(in->code);
    int64_t wait_s = 0;

    TRY(password_confirm(r, in->password));
    TRY(pass(r, mfa_disable(identity_of(r), &tenant, &me, me.id, &proof, &wait_s), &wait_s));
    out->detail = DW_STR("Two-factor sign-in is off");
    return cookie_renew(r);
}

static enum dw_err renew_codes(struct dw_request *r, const struct confirm_in *in, struct codes_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    const struct mfa_proof proof = proof_of(in->code);
    struct mfa_codes codes;
    int64_t wait_s = 0;

    TRY(password_confirm(r, in->password));
    TRY(pass(r, mfa_renew_codes(identity_of(r), &tenant, &me, me.id, &proof, dw_request_arena(r), &codes, &wait_s),
             &wait_s));
    return codes_answer(r, &codes, out);
}

static enum dw_err verify(struct dw_request *r, const struct second_factor_in *in, struct token_out *out)
{
    const struct mfa_pending *pending = dw_get(r, &PENDING);
    const struct mfa_proof proof = { .code = in->code, .recovery_code = in->recovery_code };
    const struct device device = caller_device(r);
    struct sign_in sign_in;
    struct first_factor factor;
    struct token_pair pair;
    int64_t wait_s = 0;

    if ((in->code.ptr == NULL) == (in->recovery_code.ptr == NULL))
        return dw_fail_field(r, "body", "code", "one_of", "Either code or recovery_code is needed");
    TRY(pass(r, mfa_pending_redeem(identity_of(r), pending, &proof, &device, dw_request_arena(r), &sign_in, &factor,
                                   &wait_s), &wait_s));
    if (pending->kind != MFA_FOR_TOKENS)
        return cookie_sign_in_answer(r, &sign_in, &factor, pending->kind == MFA_FOR_COOKIE_REMEMBERED);
    TRY(session_open(identity_of(r), &sign_in, &factor, dw_request_arena(r), &pair));
    *out = token_answer(&pair);
    return DW_OK;
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

#define ANSWER_WRONG_CODE { 400, "Incorrect password, or invalid 2FA code" }
#define ANSWER_PAUSED { 429, "Five wrong codes in a row: wait as long as `Retry-After` says" }
#define ANSWER_WRONG_CONFIRMATION { 400, "`current_password` is wrong" }
#define ANSWER_OFF { 409, "Two-factor sign-in is not on" }

const struct dw_route TWO_FACTOR_ROUTES[] = {
    { DW_POST, "/2fa/setup", DW_HANDLER(set_up), .body = &CONFIRMATION_IN, .is_body_optional = true,
      .answer = &SETUP_OUT, .needs = NEEDS_INTERACTIVE, .no_store = true,
      .id = "two_factor_setup", .tag = TAG_TWO_FACTOR, .summary = "Set up an authenticator app",
      .description = "The secret as text and as the URI that apps read; with `Accept: image/png` (or `image/svg+xml`) "
                     "the URI as a QR picture. Nothing changes at sign-in before `/2fa/enable`; asked again until "
                     "then, it gives the same secret. Needs a recent sign-in or `current_password`.",
      .answers = ANSWERS(ANSWER_WRONG_CONFIRMATION, ANSWER_REAUTHENTICATION, ANSWER_RATE, ANSWER_BUSY,
                         { 409, "Two-factor sign-in is on already" }) },
    { DW_POST, "/2fa/enable", DW_HANDLER(enable), .body = &CODE_IN, .answer = &CODES_OUT, .needs = NEEDS_INTERACTIVE,
      .no_store = true,
      .id = "two_factor_enable", .tag = TAG_TWO_FACTOR, .summary = "Turn two-factor sign-in on",
      .description = "Needs a code of the app, which shows that it was set up right; that code is used up. The "
                     "recovery codes are shown this once. Needs a recent sign-in or `current_password`.",
      .answers = ANSWERS({ 400, "Invalid 2FA code, or `current_password` is wrong" }, ANSWER_REAUTHENTICATION,
                         { 409, "It is on already, or nothing was set up" },
                         { 429, "Five wrong codes in a row, or too many attempts: wait as long as `Retry-After` says" },
                         ANSWER_BUSY) },
    { DW_POST, "/2fa/verify", DW_HANDLER(verify), .body = &SECOND_FACTOR_IN, .answer = &TOKEN_OUT,
      .needs = DW_DEPENDS({ &PENDING, NULL }), .no_store = true,
      .id = "two_factor_verify", .tag = TAG_TWO_FACTOR, .summary = "The second step of a sign-in",
      .description = "With the `mfa_token` that `/token` or `/login` gave as bearer token. Answers as that one would "
                     "have without a second factor: with tokens, or with cookies.",
      .answers = ANSWERS({ 400, "Inactive user" },
                         { 401, "Invalid 2FA code, or the pending token is not valid (any more)" }, ANSWER_PAUSED) },
    { DW_POST, "/2fa/disable", DW_HANDLER(disable), .body = &CONFIRM_IN, .answer = &DETAIL_OUT,
      .needs = NEEDS_INTERACTIVE, .lane = DW_HASHING, .no_store = true,
      .id = "two_factor_disable", .tag = TAG_TWO_FACTOR, .summary = "Turn two-factor sign-in off",
      .description = "Needs the password and a code (of the app, or a recovery code). Secret and recovery codes are "
                     "deleted.",
      .answers = ANSWERS(ANSWER_WRONG_CODE, ANSWER_OFF, ANSWER_PAUSED, ANSWER_BUSY) },
    { DW_POST, "/2fa/recovery-codes", DW_HANDLER(renew_codes), .body = &CONFIRM_IN, .answer = &CODES_OUT,
      .needs = NEEDS_INTERACTIVE, .lane = DW_HASHING, .no_store = true,
      .id = "two_factor_recovery_codes", .tag = TAG_TWO_FACTOR, .summary = "New recovery codes",
      .description = "Needs the password and a code. The old recovery codes are void.",
      .answers = ANSWERS(ANSWER_WRONG_CODE, ANSWER_OFF, ANSWER_PAUSED, ANSWER_BUSY) },
    { 0 },
};
