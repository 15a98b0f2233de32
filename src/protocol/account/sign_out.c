/* Ending sign-ins: the one whose credential is used, or all of a person's. Both hold over a restart. */
#include "protocol/account/login.h"
#include "protocol/routes.h"

static enum dw_err sign_out(struct dw_request *r, const void *in, struct detail_out *out)
{
    const struct dw_principal *principal = dw_principal(r);
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);

    TRY(session_sign_out(identity_of(r), &tenant, &me, me.id, principal->session, principal->token_id));
    TRY(cookie_forget(r));
    out->detail = DW_STR("Logged out");
    return DW_OK;
}

static enum dw_err sign_out_all(struct dw_request *r, const void *in, struct detail_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);

    TRY(session_sign_out_all(identity_of(r), &tenant, &me, me.id));
    TRY(cookie_forget(r));
    out->detail = DW_STR("Logged out everywhere");
    return DW_OK;
}

const struct dw_route SIGN_OUT_ROUTES[] = {
    { DW_POST, "/logout", DW_HANDLER(sign_out), .answer = &DETAIL_OUT, .needs = NEEDS_INTERACTIVE, .no_store = true,
      .id = "logout", .tag = TAG_TOKENS, .summary = "Sign out",
      .description = "Ends this sign-in: its cookie or refresh tokens, and every access token that came from it.",
      .answers = ANSWERS({ 200, "Signed out" }) },
    { DW_POST, "/logout/all", DW_HANDLER(sign_out_all), .answer = &DETAIL_OUT, .needs = NEEDS_INTERACTIVE,
      .no_store = true, .id = "logout_all", .tag = TAG_TOKENS, .summary = "Sign out everywhere",
      .description = "Ends every sign-in of the caller, on every device.",
      .answers = ANSWERS({ 200, "Signed out" }) },
    { 0 },
};
