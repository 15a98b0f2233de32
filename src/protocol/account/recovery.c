/*
 * A forgotten password, and an address to be verified.
 *
 * Who asks is a stranger, so the answers tell nothing: /forgot-password answers the same for every address, after the
 * same work (identity/recovery.h). What a mail brought is the whole proof, and a reset signs nobody in.
 */
#include "identity/recovery.h"
#include "protocol/context.h"
#include "protocol/routes.h"

static enum dw_err forgot_password(struct dw_request *r, const struct forgot_in *in, struct msg_out *out)
{
    TRY(refuse_field(r, recovery_request(identity_of(r), in->tenant, in->email, dw_request_peer(r)), "email"));
    out->msg = DW_STR("If that email exists, a reset link has been sent.");
    return DW_OK;
}

static enum dw_err reset_password(struct dw_request *r, const struct reset_in *in, struct msg_out *out)
{
    const struct actor stranger = caller_actor(r);
    const struct dw_secret wanted = secret_of(in->new_password);

    TRY(refuse_password(r, recovery_reset(identity_of(r), &stranger, in->token, &wanted), "new_password"));
    out->msg = DW_STR("Password reset successful.");
    return DW_OK;
}

static enum dw_err verify_email(struct dw_request *r, const struct verify_in *in, struct msg_out *out)
{
    const struct actor stranger = caller_actor(r);

    TRY(recovery_verify(identity_of(r), &stranger, in->token));
    out->msg = DW_STR("Email verified.");
    return DW_OK;
}

static enum dw_err resend(struct dw_request *r, const void *in, struct msg_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    bool is_needless = false;
    int64_t wait_s = 0;
    const enum dw_err err = recovery_resend(identity_of(r), &tenant, &me, &is_needless, &wait_s);

    if (err == DW_ERR_RATE_LIMITED)
        dw_retry_after(r, (unsigned)wait_s);
    TRY(err);
    out->msg = is_needless ? DW_STR("The email is verified already.") : DW_STR("A verification mail has been sent.");
    return DW_OK;
}

#define ANSWER_BAD_TOKEN { 400, "The token is unknown, used, replaced by a newer one, or expired" }

const struct dw_route RECOVERY_ROUTES[] = {
    { DW_POST, "/forgot-password", DW_HANDLER(forgot_password), .body = &FORGOT_IN, .answer = &MSG_OUT,
      .needs = DW_PUBLIC, .no_store = true, .rate_limit = RATE_LIMIT_FORGOT,
      .id = "forgot_password", .tag = TAG_RECOVERY, .summary = "Ask for a link to set a new password",
      .description = "Answers the same, after the same work, whether the address has an account or not. At most three "
                     "mails an hour go to one account; the newest link alone is good, for an hour unless set "
                     "otherwise.",
      .answers = ANSWERS(ANSWER_RATE_OF_ADDRESS) },
    { DW_POST, "/reset-password", DW_HANDLER(reset_password), .body = &RESET_IN, .answer = &MSG_OUT,
      .needs = DW_PUBLIC, .lane = DW_HASHING, .no_store = true,
      .id = "reset_password", .tag = TAG_RECOVERY, .summary = "Set a new password with the token of the mail",
      .description = "Ends every sign-in of the account and signs nobody in; a second factor stays as it is. After a "
                     "password that is refused (422) the token is still good.",
      .answers = ANSWERS(ANSWER_BAD_TOKEN, ANSWER_BUSY) },
    { DW_POST, "/verify-email", DW_HANDLER(verify_email), .body = &VERIFY_IN, .answer = &MSG_OUT, .needs = DW_PUBLIC,
      .no_store = true,
      .id = "verify_email", .tag = TAG_RECOVERY, .summary = "Verify an e-mail address with the token of the mail",
      .description = "Needs no sign-in: whoever reads the mail may open it in another browser.",
      .answers = ANSWERS(ANSWER_BAD_TOKEN) },
    { DW_POST, "/verify-email/resend", DW_HANDLER(resend), .answer = &MSG_OUT, .needs = NEEDS_INTERACTIVE,
      .no_store = true,
      .id = "resend_verification", .tag = TAG_RECOVERY, .summary = "Send me another verification mail",
      .description = "The token of the mail before is dead from then on.",
      .answers = ANSWERS({ 429, "Three were sent within the hour: try again after `Retry-After` seconds" },
                         { 503, "Too many mails wait to be sent" }) },
    { 0 },
};
