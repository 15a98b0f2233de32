#include "app/application.h"
#include "app/scheme.h"

bool scopes_hold(struct dw_str granted, struct dw_str needed)
{
    for (size_t start = 0, end; start < needed.len; start = end + 1) {
        for (end = start; end < needed.len && needed.ptr[end] != ' ';)
            end++;
        if (!dw_str_list_has(granted, dw_str_n(needed.ptr + start, end - start)))
            return false;
    }
    return true;
}

static enum dw_err principal_authenticate(struct dw_request *r, struct app_state *s)
{
    const struct dw_app_config *config = &s->app->config;
    struct dw_principal principal = { 0 };
    struct dw_credential credential;

    if (config->credentials == NULL || config->authenticate == NULL)
        return DW_ERR_INTERNAL;
    TRY(scheme_find(r, config->credentials, &credential));
    TRY(config->authenticate(r, credential.scheme, credential.value, &principal));
    s->principal = principal;
    s->credential = credential.value;
    s->is_authenticated = true;
    return DW_OK;
}

/* Authenticated once a request, even where several sets of scopes are asked for: two answers could differ. */
static enum dw_err principal_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct app_state *s = app_state(r);

    if (!s->is_authenticated)
        TRY(principal_authenticate(r, s));
    if (!scopes_hold(s->principal.scope, dw_required_scopes(r)))
        return DW_ERR_SCOPE;
    *(struct dw_principal *)ret_value = s->principal;
    return DW_OK;
}

const struct dw_dependency DW_CURRENT_PRINCIPAL = {
    .name = "current principal",
    .size = sizeof(struct dw_principal),
    .resolve = principal_resolve,
};

const struct dw_use DW_USES_PRINCIPAL[] = { { &DW_CURRENT_PRINCIPAL, NULL }, { NULL, NULL } };

const struct dw_principal *dw_principal(struct dw_request *r)
{
    return dw_get(r, &DW_CURRENT_PRINCIPAL);
}

enum dw_err dw_resolve_role(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    const struct dw_principal *principal = dw_principal(r);

    if (principal == NULL || self == NULL || self->parameter == NULL)
        return DW_ERR_ARGUMENT;
    return dw_str_eq(principal->role, dw_str(self->parameter)) ? DW_OK : DW_ERR_ROLE;
}

/* The user must have it, and the credential must have been granted it: a narrow token stays narrow. */
enum dw_err dw_resolve_permission(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    const struct dw_principal *principal = dw_principal(r);

    if (principal == NULL || self == NULL || self->parameter == NULL)
        return DW_ERR_ARGUMENT;
    const struct dw_str permission = dw_str(self->parameter);
    if (!dw_str_list_has(principal->permissions, permission))
        return DW_ERR_PERMISSION;
    if (dw_str_list_has(principal->scope, permission))
        return DW_OK;
    app_state(r)->challenge_scope = permission;
    return DW_ERR_SCOPE;
}
