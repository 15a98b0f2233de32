/*
 * Credentials for tests: the token says who it is. "ann" is a user that may read users, "root" an administrator,
 * "narrow" an administrator whose token was granted only tasks:read, "late" a token that has expired.
 */
#ifndef APP_PRINCIPAL_FIXTURE_H
#define APP_PRINCIPAL_FIXTURE_H

#include "fixture.h"

static const struct dw_scheme BEARER = {
    .kind = DW_SCHEME_OAUTH2_PASSWORD, .name = "oauth2", .token_url = "/token",
    .scopes = (const struct dw_scope_doc[]){ { "tasks:read", "See tasks" }, { "read:users", "See users" }, { 0 } },
};
static const struct dw_scheme KEY = { .kind = DW_SCHEME_API_KEY_HEADER, .name = "key", .parameter = "X-API-Key" };
static const struct dw_scheme *const BEARER_OR_KEY[] = { &BEARER, &KEY, NULL };

static const struct {
    struct dw_str credential, role, permissions, scope;
} KNOWN[] = {
    { DW_STR_INIT("ann"), DW_STR_INIT("user"), DW_STR_INIT("read:users"), DW_STR_INIT("read:users tasks:read") },
    { DW_STR_INIT("root"), DW_STR_INIT("admin"), DW_STR_INIT("read:users delete:users"),
      DW_STR_INIT("read:users delete:users tasks:read tasks:write") },
    { DW_STR_INIT("narrow"), DW_STR_INIT("admin"), DW_STR_INIT("read:users delete:users"), DW_STR_INIT("tasks:read") },
};

static unsigned n_authenticated;

static inline enum dw_err authenticate_known(
    struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential, struct dw_principal *ret_principal)
{
    n_authenticated++;
    if (dw_str_eq(credential, DW_STR("late")))
        return DW_ERR_TOKEN_EXPIRED;
    if (dw_str_eq(credential, DW_STR("asleep")))
        return DW_ERR_USER_INACTIVE;
    for (size_t i = 0; i < ARRAY_SIZE(KNOWN); i++)
        if (dw_str_eq(credential, KNOWN[i].credential)) {
            *ret_principal = (struct dw_principal){ .subject = KNOWN[i].credential, .role = KNOWN[i].role,
                .permissions = KNOWN[i].permissions, .scope = KNOWN[i].scope };
            return DW_OK;
        }
    return DW_ERR_TOKEN_INVALID;
}

static const struct dw_app_config KNOWN_CALLERS = { .credentials = BEARER_OR_KEY, .authenticate = authenticate_known };

#endif
