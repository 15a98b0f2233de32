/*
 * What a person does with her own account: register, see, change, delete it, change the password.
 *
 * Whose account it is comes from the credential, never from the request. Deleting it and changing the password ask for
 * the password once more, and changing the address does unless the sign-in is recent: a stolen access token alone must
 * not be enough.
 */
#include "identity/credential.h"
#include "protocol/account/login.h"
#include "protocol/first_factor.h"
#include "protocol/routes.h"

enum { REGISTER_BODY_MAX = 128 * 1024 }; /* room to say which member is too long */

/* --- registration ----------------------------------------------------------------------------------------------- */

static enum dw_err register_user(struct dw_request *r, const struct register_in *in, struct user *out)
{
    struct identity *identity = identity_of(r);
    const struct dw_secret password = secret_of(in->password);
    const struct actor stranger = caller_actor(r);
    const struct user_new new_user = {
        .username = in->username, .email = in->email, .full_name = in->full_name, .password = &password,
    };
    struct tenant tenant;

    if (!identity->config.registration_open)
        return DW_ERR_REGISTRATION;
    const enum dw_err found = tenant_find(identity, in->tenant, &tenant);

    if (found == DW_ERR_NOT_FOUND || (found == DW_OK && !tenant.is_active))
        return dw_fail_field(r, "body", "tenant", "tenant_unknown", "There is no such tenant");
    TRY(found);
    return refuse_password(r, user_create(identity, &tenant, &stranger, &new_user, dw_request_arena(r), out),
                           "password");
}

/* --- profile ---------------------------------------------------------------------------------------------------- */

/* Inline: the principal may borrow from the loop's own memory, so nothing here may wait. */
static enum dw_err show_me(struct dw_request *r, const void *in, struct user *out)
{
    *out = *caller(r);
    return DW_OK;
}

static enum dw_err change_me(struct dw_request *r, const struct profile_in *in, struct user *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    const struct user_change change = {
        .set_full_name = in->has_full_name, .full_name = in->full_name, .email = in->email, .is_active = -1,
    };

    /* Whoever has the address can have the password reset. */
    if (in->current_password.ptr != NULL || (in->email.ptr != NULL && !dw_str_eq(in->email, caller(r)->email)))
        TRY(recent_sign_in_confirm(r, in->current_password));
    return refuse_field(r, user_update(identity_of(r), &tenant, &me, me.id, &change, dw_request_arena(r), out),
                        "email");
}

static enum dw_err delete_me(struct dw_request *r, const struct password_in *in, void *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);

    TRY(password_confirm(r, in->password));
    TRY(user_delete(identity_of(r), &tenant, &me, me.id));
    return cookie_forget(r);
}

static enum dw_err change_password(struct dw_request *r, const struct password_change_in *in, void *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    const struct dw_secret wanted = secret_of(in->new_password);

    TRY(password_confirm(r, in->current_password));
    TRY(refuse_password(
        r, credential_set(identity_of(r), &tenant, &me, me.id, &wanted, dw_principal(r)->session), "new_password"));
    return cookie_renew(r);
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

const struct dw_route ACCOUNT_ROUTES[] = {
    { DW_POST, "/register", DW_HANDLER(register_user), .body = &REGISTER_IN, .answer = &USER, .needs = DW_PUBLIC,
      .status = 201, .lane = DW_HASHING, .max_body_bytes = REGISTER_BODY_MAX, .rate_limit = RATE_LIMIT_REGISTER,
      .id = "register", .tag = TAG_ACCOUNT, .summary = "Make an account",
      .description = "The role is always `user`, whatever is sent along. The password must have 8 characters, not be "
                     "among the most used ones, and not contain the user name or e-mail address.",
      .answers = ANSWERS({ 201, "The new account" }, { 400, "The user name or e-mail address is taken" },
                         { 403, "Registration is closed" }, ANSWER_RATE_OF_ADDRESS, ANSWER_BUSY) },
    { DW_GET, "/users/me", DW_HANDLER(show_me), .answer = &USER, .needs = DW_SIGNED_IN, .lane = DW_INLINE,
      .id = "show_me", .tag = TAG_ACCOUNT, .summary = "Who am I?",
      .description = "The account that the credential stands for, as it is now.",
      .answers = ANSWERS(ANSWER_USER) },
    { DW_PATCH, "/users/me", DW_HANDLER(change_me), .body = &PROFILE_IN, .answer = &USER, .needs = NEEDS_INTERACTIVE,
      .id = "change_me", .tag = TAG_ACCOUNT, .summary = "Change my profile",
      .description = "Only what is sent changes; `null` clears the full name. A new e-mail address is unverified, and "
                     "needs a recent sign-in or `current_password`.",
      .answers = ANSWERS(ANSWER_USER, { 400, "The e-mail address is taken, or `current_password` is wrong" },
                         ANSWER_REAUTHENTICATION, ANSWER_RATE, ANSWER_BUSY) },
    { DW_DELETE, "/users/me", DW_HANDLER(delete_me), .body = &PASSWORD_IN, .needs = NEEDS_INTERACTIVE,
      .lane = DW_HASHING, .id = "delete_me", .tag = TAG_ACCOUNT, .summary = "Delete my account",
      .description = "Needs the password once more. Every token of the account is dead at once.",
      .answers = ANSWERS({ 204, "Deleted" }, { 400, "Incorrect password" }, ANSWER_LAST_ADMIN, ANSWER_BUSY) },
    { DW_POST, "/users/me/password", DW_HANDLER(change_password), .body = &PASSWORD_CHANGE_IN,
      .needs = NEEDS_INTERACTIVE, .status = 204, .lane = DW_HASHING,
      .id = "change_password", .tag = TAG_ACCOUNT, .summary = "Change my password",
      .description = "Ends every other sign-in; the one that asks stays.",
      .answers = ANSWERS({ 204, "Changed" }, { 400, "Incorrect password" }, ANSWER_BUSY) },
    { 0 },
};
