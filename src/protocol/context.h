/*
 * What the handlers of all families share: the way from a request to the domain's terms.
 *
 * Whom a change concerns and in which tenant comes from the authenticated principal alone, never from the request's
 * text. All results borrow from the request.
 */
#ifndef PROTOCOL_CONTEXT_H
#define PROTOCOL_CONTEXT_H

#include "identity/user.h"
#include "protocol/models.h"
#include "protocol/protocol.h"

enum { PROTOCOL_SCOPES_MAX = 32 };

struct protocol {
    struct identity *identity;
    struct dw_app *app;
    struct dw_arena *arena; /* of the strings here */
    struct metadata metadata;
    struct dw_scheme oauth2;
    struct dw_scope_doc scopes[PROTOCOL_SCOPES_MAX + 1];
    const struct dw_scheme *credentials[2];
};

/* Further answers of a row: .answers = ANSWERS({ 409, "…" }). */
#define ANSWERS(...) ((const struct dw_answer_doc[]){ __VA_ARGS__, { 0 } })

/* The words for the answers that several rows give. */
#define ANSWER_USER { 200, "The user as it is now" }
#define ANSWER_NO_SUCH_USER { 404, "No such user in the caller's tenant" }
#define ANSWER_LAST_ADMIN { 409, "The last administrator can't be demoted, disabled or deleted" }
#define ANSWER_BUSY { 503, "Too many passwords are waiting to be hashed: try again after `Retry-After` seconds" }

static inline struct identity *identity_of(const struct dw_request *r)
{
    return ((const struct protocol *)dw_context(r))->identity;
}

/* The caller's own record. Only in rows that need a principal. */
const struct user *caller(struct dw_request *r);
struct tenant caller_tenant(struct dw_request *r);
/* For the audit log: who and from where. Of a stranger (a public row): the address alone. */
struct actor caller_actor(struct dw_request *r);
struct device caller_device(struct dw_request *r);

/* A secret that was parsed into the request's arena, which is wiped when the request ends: not to be freed. */
static inline struct dw_secret secret_of(struct dw_str text)
{
    return (struct dw_secret){ .bytes = (unsigned char *)text.ptr, .size = text.len };
}

/* What the domain refuses about one member of the body becomes a 422 in the form of the models'; other errors pass. */
enum dw_err refuse_field(struct dw_request *r, enum dw_err err, const char *field);

#endif
