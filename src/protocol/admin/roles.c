/*
 * Roles of a tenant and permissions of a user, for its administrators: what somebody may do, without a release.
 *
 * All of it asks for the role `admin`, and for `manage:roles` in the token's scope; a narrow token gives only what it
 * has itself, and takes nothing from those who have more (rights.h). A change counts with the next request.
 */
#include "identity/custom_role.h"
#include "protocol/admin/rights.h"
#include "protocol/first_factor.h"
#include "protocol/routes.h"

enum { PERMISSIONS_MAX = 64, PERMISSION_MAX_CHARS = 64 };

#define NEEDS_MANAGER DW_DEPENDS({ DW_ROLE_OF(ROLE_ADMIN), NULL }, { DW_PERMISSION_OF("manage:roles"), NULL })
#define NEEDS_WORDS "Needs the role `admin`, and `manage:roles` in the token's scope. "
#define OUTRANKED_WORDS "Whoever loses rights by it must not have more than the credential carries: otherwise 403. "
#define RECENT_WORDS "Asks for a recent sign-in or `current_password` as well, unless the credential is an API key."
#define ANSWER_CONFIRMATION                                                                                            \
    { 400, "`current_password` is wrong" }, ANSWER_REAUTHENTICATION, ANSWER_RATE, ANSWER_BUSY
#define PERMISSIONS_WORDS                                                                                              \
    "Names of two or more words joined by `:`, such as `reports:read`. Doorward's own mean what the documentation of "  \
    "`Authorize` says; others are for your services, which find them in the token"

/* --- models ------------------------------------------------------------------------------------------------------ */

struct permissions_in {
    struct dw_list permissions;
    struct dw_str current_password;
};

struct role_new_in {
    struct dw_str name;
    struct dw_list permissions;
};

static const struct dw_model PERMISSIONS_IN = {
    .name = "Permissions", .size = sizeof(struct permissions_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct permissions_in, permissions), .type = DW_LIST, .items = DW_STRING, .flags = DW_REQUIRED,
          .max = PERMISSIONS_MAX, .description = PERMISSIONS_WORDS },
        CURRENT_PASSWORD_FIELD(struct permissions_in),
        { 0 } },
};

static const struct dw_model ROLE_NEW_IN = {
    .name = "NewRole", .size = sizeof(struct role_new_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct role_new_in, name), .type = DW_STRING, .flags = DW_REQUIRED, .min = 1,
          .max = IDENTITY_NAME_MAX, .pattern = "[a-z][a-z0-9_-]*", .description = "Unique in the tenant",
          .example = "accountant" },
        { DW_FIELD(struct role_new_in, permissions), .type = DW_LIST, .items = DW_STRING, .flags = DW_REQUIRED,
          .max = PERMISSIONS_MAX, .description = PERMISSIONS_WORDS },
        { 0 } },
};

static const struct dw_model ROLE = {
    .name = "Role", .size = sizeof(struct custom_role),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct custom_role, name), .type = DW_STRING, .flags = DW_REQUIRED, .example = "accountant" },
        { DW_FIELD(struct custom_role, permissions), .type = DW_WORDS },
        { DW_FIELD(struct custom_role, built_in), .type = DW_BOOL,
          .description = "It can be neither changed nor deleted" },
        { 0 } },
};

struct roles_out {
    struct dw_list items; /* of struct custom_role */
    struct dw_str next;
};

static const struct dw_model ROLES_OUT = {
    .name = "Roles", .description = "All in one page", .size = sizeof(struct roles_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct roles_out, items), .type = DW_LIST, .items = DW_OBJECT, .model = &ROLE },
        { DW_FIELD(struct roles_out, next), .type = DW_STRING, .flags = DW_NULLABLE, .description = "Always null" },
        { 0 } },
};

/* --- handlers ---------------------------------------------------------------------------------------------------- */

/* What the caller may give. */
static enum dw_err read_permissions(struct dw_request *r, const struct dw_list *list, size_t max_bytes,
                                    struct dw_str *ret_permissions)
{
    struct dw_str permissions;
    const enum dw_err err = permissions_join(list->items, list->n, max_bytes, dw_request_arena(r), &permissions);

    if (err == DW_ERR_VALIDATION)
        return dw_fail_field(r, "body", "permissions", "permission_malformed",
                             "Permissions are lower-case words joined by ':', and there must not be too many");
    TRY(err);
    if (!has_rights(dw_principal(r), permissions))
        return DW_ERR_FORBIDDEN;
    *ret_permissions = permissions;
    return DW_OK;
}

static enum dw_err list_roles(struct dw_request *r, const void *in, struct roles_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    struct custom_role *roles;
    size_t n;

    TRY(custom_role_list(identity_of(r), &tenant, dw_request_arena(r), &roles, &n));
    out->items = (struct dw_list){ .items = roles, .n = n };
    return DW_OK;
}

static enum dw_err create_role(struct dw_request *r, const struct role_new_in *in, struct custom_role *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    struct custom_role role = { .name = in->name };

    TRY(read_permissions(r, &in->permissions, ROLE_PERMISSIONS_MAX_BYTES, &role.permissions));
    TRY(custom_role_create(identity_of(r), &tenant, &me, &role));
    *out = role;
    return DW_OK;
}

/* The role that the path names, when the caller may take from it what it gives. Of the built-in ones the domain says
 * that they can't be changed. */
static enum dw_err find_role(struct dw_request *r, const struct tenant *tenant)
{
    struct custom_role role;

    TRY(custom_role_find(identity_of(r), tenant, dw_path_parameter(r, "name"), dw_request_arena(r), &role));
    return role.built_in || has_rights(dw_principal(r), role.permissions) ? DW_OK : DW_ERR_FORBIDDEN;
}

static enum dw_err change_role(struct dw_request *r, const struct permissions_in *in, struct custom_role *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    struct custom_role role = { .name = dw_path_parameter(r, "name") };

    TRY(find_role(r, &tenant));
    TRY(read_permissions(r, &in->permissions, ROLE_PERMISSIONS_MAX_BYTES, &role.permissions));
    TRY(recent_sign_in_confirm(r, in->current_password));
    TRY(custom_role_update(identity_of(r), &tenant, &me, &role));
    *out = role;
    return DW_OK;
}

static enum dw_err delete_role(struct dw_request *r, const void *in, void *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);

    TRY(find_role(r, &tenant));
    return custom_role_delete(identity_of(r), &tenant, &me, dw_path_parameter(r, "name"));
}

static enum dw_err set_permissions(struct dw_request *r, const struct permissions_in *in, struct user *out)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    struct dw_str permissions, id;

    TRY(target_find(r, &tenant, &id));
    TRY(read_permissions(r, &in->permissions, DIRECT_PERMISSIONS_MAX_BYTES, &permissions));
    TRY(recent_sign_in_confirm(r, in->current_password));
    return user_set_permissions(identity_of(r), &tenant, &me, id, permissions, dw_request_arena(r), out);
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

const struct dw_route ROLE_ROUTES[] = {
    { DW_GET, "/roles", DW_HANDLER(list_roles), .answer = &ROLES_OUT, .needs = NEEDS_MANAGER, .id = "list_roles",
      .tag = TAG_ADMINISTRATION, .summary = "List roles", .description = NEEDS_WORDS "The built-in ones come first." },
    { DW_POST, "/roles", DW_HANDLER(create_role), .body = &ROLE_NEW_IN, .answer = &ROLE, .needs = NEEDS_MANAGER,
      .status = 201, .id = "create_role", .tag = TAG_ADMINISTRATION, .summary = "Make a role",
      .description = NEEDS_WORDS "Give it to users with `PUT /users/{id}/role`.",
      .answers = ANSWERS({ 409, "The name is taken, or there are too many roles" }) },
    { DW_PUT, "/roles/{name}", DW_HANDLER(change_role), .body = &PERMISSIONS_IN, .answer = &ROLE,
      .needs = NEEDS_MANAGER, .id = "change_role", .tag = TAG_ADMINISTRATION, .summary = "Change a role's permissions",
      .description = NEEDS_WORDS "Counts with the next request of everybody who has the role. " OUTRANKED_WORDS
                     RECENT_WORDS,
      .answers = ANSWERS(ANSWER_CONFIRMATION,
                         { 404, "No such role in the caller's tenant" }, { 409, "It is a built-in role" }) },
    { DW_DELETE, "/roles/{name}", DW_HANDLER(delete_role), .needs = NEEDS_MANAGER, .status = 204, .id = "delete_role",
      .tag = TAG_ADMINISTRATION, .summary = "Delete a role", .description = NEEDS_WORDS OUTRANKED_WORDS,
      .answers = ANSWERS({ 404, "No such role in the caller's tenant" },
                         { 409, "It is a built-in role, or users have it" }) },
    { DW_PUT, "/users/{id}/permissions", DW_HANDLER(set_permissions), .body = &PERMISSIONS_IN, .answer = &USER,
      .needs = NEEDS_MANAGER, .id = "set_permissions", .tag = TAG_ADMINISTRATION,
      .summary = "Give a user permissions of her own",
      .description = NEEDS_WORDS "They come on top of the role's, and replace those given before. Counts with the next "
                     "request. " OUTRANKED_WORDS RECENT_WORDS,
      .answers = ANSWERS(ANSWER_CONFIRMATION, ANSWER_NO_SUCH_USER) },
    { 0 },
};
