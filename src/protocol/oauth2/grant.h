/*
 * Grants of the token endpoint (RFC 6749 §4.3, §6): one row each. The dispatch and the metadata are made from it.
 */
#ifndef PROTOCOL_OAUTH2_GRANT_H
#define PROTOCOL_OAUTH2_GRANT_H

#include "identity/session.h"
#include "protocol/models.h"

struct grant {
    const char *type;
    /* client: the public client's name, absent for none. On a loop first: DW_ERR_WOULD_BLOCK before it has changed
     * anything, or app/suspend.h. */
    enum dw_err (*run)(struct dw_request *r, const struct token_form *form, struct dw_str client,
                       struct token_out *out);
};

extern const struct grant GRANTS[]; /* ends with a NULL type */

/* A pair as the endpoint answers it. */
struct token_out token_answer(const struct token_pair *pair);

#endif
