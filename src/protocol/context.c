#include "protocol/context.h"

enum { USER_AGENT_MAX = 256 };

bool is_interactive(struct dw_request *r)
{
    return dw_principal(r)->session.len > 0;
}

static enum dw_err resolve_interactive(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    return is_interactive(r) ? DW_OK : DW_ERR_INTERACTIVE;
}

const struct dw_dependency INTERACTIVE = {
    .name = "a sign-in",
    .uses = DW_USES_PRINCIPAL,
    .resolve = resolve_interactive,
    .refusal = "403 The credential is an API key, and this needs a sign-in",
};

const struct user *caller(struct dw_request *r)
{
    return dw_principal(r)->user;
}

struct tenant caller_tenant(struct dw_request *r)
{
    const struct user *user = caller(r);
    struct tenant tenant = { .is_active = true }; /* or the caller would not have come here */

    snprintf(tenant.id, sizeof(tenant.id), "%.*s", (int)user->tenant_id.len, user->tenant_id.ptr);
    snprintf(tenant.slug, sizeof(tenant.slug), "%.*s", (int)user->tenant.len, user->tenant.ptr);
    return tenant;
}

struct actor caller_actor(struct dw_request *r)
{
    const struct dw_principal *principal = dw_principal(r);

    return (struct actor){
        .id = principal == NULL ? dw_str_n(NULL, 0) : principal->subject,
        .address = dw_request_peer(r),
        .session = principal == NULL ? dw_str_n(NULL, 0) : principal->session,
    };
}

struct device caller_device(struct dw_request *r)
{
    struct dw_str agent = dw_request_header(r, "User-Agent");

    /* Shown in lists of devices later: what is no text has nothing to show. */
    agent.len = MIN_OF(agent.len, USER_AGENT_MAX);
    if (!dw_str_is_utf8(agent))
        agent = dw_str_n(NULL, 0);
    return (struct device){ .address = dw_request_peer(r), .user_agent = agent };
}

enum dw_err refuse_field(struct dw_request *r, enum dw_err err, const char *field)
{
    const struct dw_error_info *info = dw_error_info(err);

    if (info->status != 422)
        return err;
    return dw_fail_field(r, "body", field, info->code, info->message);
}

enum dw_err refuse_password(struct dw_request *r, enum dw_err err, const char *field)
{
    switch (err) {
    case DW_ERR_PASSWORD_NUL:
    case DW_ERR_PASSWORD_LONG:
    case DW_ERR_PASSWORD_SHORT:
    case DW_ERR_PASSWORD_COMMON:
    case DW_ERR_PASSWORD_PERSONAL:
    case DW_ERR_PASSWORD_CONTEXT:
    case DW_ERR_PASSWORD_BREACHED:
        return refuse_field(r, err, field);
    default:
        return err;
    }
}
