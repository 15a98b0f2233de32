#include "protocol/first_factor.h"

#include "identity/credential.h"
#include "identity/guard.h"
#include "identity/recent_sign_in.h"

static enum dw_err tell_wait(struct dw_request *r, const struct sign_in *attempt)
{
    int64_t wait_s = 0;

    TRY(guard_wait(identity_of(r), attempt, &wait_s));
    dw_retry_after(r, (unsigned)MAX_OF(wait_s, 1));
    return DW_ERR_RATE_LIMITED;
}

enum dw_err first_factor_check(struct dw_request *r, struct dw_str tenant, struct sign_in *sign_in,
                               struct first_factor *ret_factor)
{
    struct identity *identity = identity_of(r);
    enum dw_err err = tenant_find(identity, tenant, &sign_in->tenant);

    if (err == DW_ERR_NOT_FOUND)
        sign_in->tenant = (struct tenant){ 0 }; /* nobody is in it */
    else
        TRY(err);
    err = session_first_factor(identity, sign_in, dw_request_arena(r), ret_factor);
    return err == DW_ERR_RATE_LIMITED ? tell_wait(r, sign_in) : err;
}

enum dw_err password_confirm(struct dw_request *r, struct dw_str text)
{
    struct identity *identity = identity_of(r);
    const struct dw_secret password = secret_of(text);
    const struct sign_in attempt = { .tenant = caller_tenant(r), .login = caller(r)->username, .password = &password,
                                     .device = caller_device(r) };
    int64_t wait_s = 0;

    TRY(guard_wait(identity, &attempt, &wait_s));
    if (wait_s > 0)
        return tell_wait(r, &attempt);
    enum dw_err err = credential_confirm(identity, &attempt.tenant, caller(r)->id, &password);

    if (err == DW_ERR_PASSWORD_WRONG) {
        const enum dw_err counted = guard_record_failure(identity, &attempt, err);

        err = counted == DW_OK ? err : counted;
    } else if (err == DW_OK) {
        TRY(guard_wait(identity, &attempt, &wait_s));
        err = wait_s > 0 ? DW_ERR_RATE_LIMITED : DW_OK;
    }
    return err == DW_ERR_RATE_LIMITED ? tell_wait(r, &attempt) : err;
}

enum dw_err recent_sign_in_confirm(struct dw_request *r, struct dw_str current_password)
{
    const struct tenant tenant = caller_tenant(r);
    const struct actor me = caller_actor(r);
    const struct dw_str session = dw_principal(r)->session;

    if (!is_interactive(r))
        return DW_OK;
    if (current_password.ptr == NULL)
        return recent_sign_in_check(identity_of(r), me.id, session);
    if (!dw_request_may_hash(r))
        return DW_ERR_WOULD_BLOCK;
    TRY(dw_rate_limit_count(r, RATE_LIMIT_LOGIN));
    TRY(password_confirm(r, current_password));
    return recent_sign_in_renew(identity_of(r), &tenant, &me, session);
}
