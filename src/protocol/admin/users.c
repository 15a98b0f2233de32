/*
 * Users of a tenant, for those who administer it.
 *
 * Besides the permission that a row asks for, nobody may act upon a user who may do more than she may herself
 * (target_find()). Another tenant's users don't exist here: 404.
 */
#include "identity/custom_role.h"
#include "identity/mfa.h"
#include "identity/session.h"
#include "protocol/admin/rights.h"
#include "protocol/first_factor.h"
#include "protocol/routes.h"

#define OUTRANKED "Whoever is changed must not have more rights than the caller: otherwise 403."

/* --- seeing ----------------------------------------------------------------------------------------------------- */

static enum dw_err list_users(struct dw_request *r, const struct users_query *in, struct users_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct user_filter filter = {
        .query = in->q, .role = in->role, .after = in->after, .limit = (unsigned)in->limit,
        .is_active = in->has_is_active ? in->is_active : -1,
    };
    struct user_page page;

    TRY(user_list(identity_of(r), &tenant, &filter, dw_request_arena(r), &page));
    out->items = (struct dw_list){ .items = page.users, .n = page.n };
    if (page.has_more)
        out->next = page.users[page.n - 1].id;
    return DW_OK;
}

static enum dw_err show_user(struct dw_request *r, const void *in, struct user *out)
{
    const struct tenant tenant = caller_tenant(r);

    return user_get(identity_of(r), &tenant, dw_path_parameter(r, "id"), dw_request_arena(r), out);
}

/* --- changing --------------------------------------------------------------------------------------------------- */

static enum dw_err change_user(struct dw_request *r, const struct user_change_in *in, struct user *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    const struct user_change change = {
        .set_full_name = in->has_full_name, .full_name = in->full_name, .email = in->email,
        .is_active = in->has_is_active ? in->is_active : -1,
    };
    struct dw_str id;

    TRY(target_find(r, &tenant, &id));
    if (in->current_password.ptr != NULL || in->email.ptr != NULL)
        TRY(recent_sign_in_confirm(r, in->current_password));
    return refuse_field(r, user_update(identity_of(r), &tenant, &me, id, &change, dw_request_arena(r), out), "email");
}

static enum dw_err delete_user(struct dw_request *r, const void *in, void *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    struct dw_str id;

    TRY(target_find(r, &tenant, &id));
    return user_delete(identity_of(r), &tenant, &me, id);
}

static enum dw_err set_role(struct dw_request *r, const struct role_in *in, struct user *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    const struct user_change change = { .is_active = -1, .role = in->role };
    struct custom_role role;
    struct dw_str id;
    const enum dw_err err = custom_role_find(identity_of(r), &tenant, in->role, dw_request_arena(r), &role);

    if (err == DW_ERR_NOT_FOUND)
        return dw_fail_field(r, "body", "role", "role_unknown", "There is no such role in the tenant");
    TRY(err);
    TRY(target_find(r, &tenant, &id));
    if (!has_rights(dw_principal(r), role.permissions))
        return DW_ERR_FORBIDDEN;
    TRY(recent_sign_in_confirm(r, in->current_password));
    return user_update(identity_of(r), &tenant, &me, id, &change, dw_request_arena(r), out);
}

static enum dw_err sign_user_out(struct dw_request *r, const void *in, struct detail_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    struct dw_str id;

    TRY(target_find(r, &tenant, &id));
    TRY(session_sign_out_all(identity_of(r), &tenant, &me, id));
    out->detail = DW_STR("Logged out everywhere");
    return DW_OK;
}

/* One's own is not a stranger's to turn off: /2fa/disable asks for the password and a code. */
static enum dw_err reset_second_factor(struct dw_request *r, const struct confirmation_in *in, void *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    struct dw_str id;

    TRY(target_find(r, &tenant, &id));
    if (dw_str_eq(id, me.id))
        return dw_fail(r, DW_ERR_FORBIDDEN, "Your own second factor is turned off at /2fa/disable");
    TRY(recent_sign_in_confirm(r, in->current_password));
    return mfa_reset(identity_of(r), &tenant, &me, id);
}

/* --- rows ------------------------------------------------------------------------------------------------------- */

const struct dw_route USER_ROUTES[] = {
    { DW_GET, "/users", DW_HANDLER(list_users), .query = &USERS_QUERY, .answer = &USERS_OUT,
      .needs = DW_PERMISSION("read:users"), .id = "list_users", .tag = TAG_ADMINISTRATION, .summary = "List users",
      .description = "Needs `read:users`. The users of the caller's tenant, in the order of creation, page by page.",
      .answers = ANSWERS({ 200, "A page" }) },
    { DW_GET, "/users/{id}", DW_HANDLER(show_user), .answer = &USER, .needs = DW_PERMISSION("read:users"),
      .id = "show_user", .tag = TAG_ADMINISTRATION, .summary = "See a user", .description = "Needs `read:users`.",
      .answers = ANSWERS(ANSWER_USER, ANSWER_NO_SUCH_USER) },
    { DW_PATCH, "/users/{id}", DW_HANDLER(change_user), .body = &USER_CHANGE_IN, .answer = &USER,
      .needs = DW_PERMISSION("write:users"), .id = "change_user", .tag = TAG_ADMINISTRATION,
      .summary = "Change, disable or enable a user",
      .description = "Needs `write:users`. A disabled user's sign-ins end at once. " OUTRANKED " A new address asks "
                     "for a recent sign-in or `current_password` as well, unless the credential is an API key.",
      .answers = ANSWERS(ANSWER_USER, { 400, "The e-mail address is taken, or `current_password` is wrong" },
                         ANSWER_REAUTHENTICATION, ANSWER_NO_SUCH_USER, ANSWER_LAST_ADMIN, ANSWER_RATE, ANSWER_BUSY) },
    { DW_DELETE, "/users/{id}", DW_HANDLER(delete_user), .needs = DW_PERMISSION("delete:users"), .status = 204,
      .id = "delete_user", .tag = TAG_ADMINISTRATION, .summary = "Delete a user",
      .description = "Needs `delete:users`. Every token of the user is dead at once. " OUTRANKED,
      .answers = ANSWERS({ 204, "Deleted" }, ANSWER_NO_SUCH_USER, ANSWER_LAST_ADMIN) },
    { DW_PUT, "/users/{id}/role", DW_HANDLER(set_role), .body = &ROLE_IN, .answer = &USER,
      .needs = DW_DEPENDS({ DW_ROLE_OF(ROLE_ADMIN), NULL }, { DW_PERMISSION_OF("manage:roles"), NULL }),
      .id = "set_role", .tag = TAG_ADMINISTRATION, .summary = "Give a user a role",
      .description = "Needs the role `admin`, and `manage:roles` in the token's scope. Tokens that the user holds have "
                     "the new role's rights from now on, not those that they were issued with. Asks for a recent "
                     "sign-in or `current_password` as well, unless the credential is an API key.",
      .answers = ANSWERS(ANSWER_USER, { 400, "`current_password` is wrong" }, ANSWER_REAUTHENTICATION,
                         ANSWER_NO_SUCH_USER, ANSWER_LAST_ADMIN, ANSWER_RATE, ANSWER_BUSY) },
    { DW_POST, "/users/{id}/logout", DW_HANDLER(sign_user_out), .answer = &DETAIL_OUT,
      .needs = DW_PERMISSION("write:users"), .id = "logout_user", .tag = TAG_ADMINISTRATION,
      .summary = "Sign a user out everywhere",
      .description = "Needs `write:users`. Ends every sign-in of the user, on every device. " OUTRANKED,
      .answers = ANSWERS({ 200, "Signed out" }, ANSWER_NO_SUCH_USER) },
    { DW_DELETE, "/users/{id}/2fa", DW_HANDLER(reset_second_factor), .body = &CONFIRMATION_IN,
      .is_body_optional = true, .status = 204,
      .needs = DW_DEPENDS({ DW_ROLE_OF(ROLE_ADMIN), NULL }, { DW_PERMISSION_OF("write:users"), NULL },
                          { &INTERACTIVE, NULL }),
      .id = "reset_second_factor", .tag = TAG_ADMINISTRATION, .summary = "Turn off a second factor that was lost",
      .description = "Needs the role `admin`, `write:users` in the token's scope, and a sign-in that is recent (or "
                     "`current_password`). Make sure who asks. Every sign-in of the user ends, and the user is told "
                     "by mail. " OUTRANKED,
      .answers = ANSWERS({ 204, "Off" }, { 400, "`current_password` is wrong" }, ANSWER_REAUTHENTICATION,
                         { 403, "It is the caller's own" }, ANSWER_NO_SUCH_USER,
                         { 409, "Two-factor sign-in is not on" }, ANSWER_RATE, ANSWER_BUSY) },
    { 0 },
};
