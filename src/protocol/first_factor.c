#include "protocol/first_factor.h"

#include "identity/guard.h"

enum dw_err first_factor_check(struct dw_request *r, struct dw_str tenant, struct sign_in *sign_in,
                               struct first_factor *ret_factor)
{
    struct identity *identity = identity_of(r);
    int64_t wait_s = 0;
    enum dw_err err = tenant_find(identity, tenant, &sign_in->tenant);

    if (err == DW_ERR_NOT_FOUND)
        sign_in->tenant = (struct tenant){ 0 }; /* nobody is in it */
    else
        TRY(err);
    err = session_first_factor(identity, sign_in, dw_request_arena(r), ret_factor);
    if (err == DW_ERR_RATE_LIMITED) {
        TRY(guard_wait(identity, sign_in, &wait_s));
        dw_retry_after(r, (unsigned)MAX_OF(wait_s, 1));
    }
    return err;
}
