/*
 * What the handlers of all families share: the way from a request to the domain's terms.
 *
 * Whom a change concerns and in which tenant comes from the authenticated principal alone, never from the request's
 * text. All results borrow from the request.
 */
#ifndef PROTOCOL_CONTEXT_H
#define PROTOCOL_CONTEXT_H

#include "identity/user.h"
#include "protocol/edge.h"
#include "protocol/models.h"
#include "protocol/protocol.h"

#include <stdatomic.h>

enum { PROTOCOL_SCOPES_MAX = 32, PROTOCOL_CREDENTIALS_MAX = 4 };

struct protocol {
    struct identity *identity;
    struct dw_app *app, *operator_app; /* NULL: the latter's routes are among the former's */
    struct dw_arena *arena; /* of the strings here */
    struct metadata metadata;
    struct dw_scheme oauth2, api_key, session_cookie;
    struct dw_csrf csrf;
    struct edge edge;
    _Atomic bool is_stopping;
    bool (*redis_answers)(void *redis); /* NULL: there is none */
    void *redis;
    bool is_https; /* the public URL is: cookies are Secure and have the prefix */
    struct dw_scope_doc scopes[PROTOCOL_SCOPES_MAX + 1];
    const struct dw_scheme *credentials[PROTOCOL_CREDENTIALS_MAX + 1];
};

/*
 * .needs = NEEDS_INTERACTIVE: a person who signed in, not an API key: 403. For what decides over the account itself
 * (its password, address, sign-ins, keys, second factor), so that a key that leaks can't be turned into the account.
 * With more: DW_DEPENDS({ &INTERACTIVE, NULL }, { DW_ROLE_OF("admin"), NULL }).
 */
#define NEEDS_INTERACTIVE DW_DEPENDS({ &INTERACTIVE, NULL })
extern const struct dw_dependency INTERACTIVE;
/* Whether a sign-in stands behind the credential: an API key came from none, and names no session. */
bool is_interactive(struct dw_request *r);

/* Further answers of a row: .answers = ANSWERS({ 409, "…" }). */
#define ANSWERS(...) ((const struct dw_answer_doc[]){ __VA_ARGS__, { 0 } })

/* .rate_limit = RATE_LIMIT_LOGIN: every attempt to sign in counts, by client address. */
#define RATE_LIMIT_LOGIN "login"
/* Each call makes a hash or may send a mail, and asks for no credential. */
#define RATE_LIMIT_REGISTER "register"
#define RATE_LIMIT_FORGOT "forgot"
#define ANSWER_RATE_OF_ADDRESS { 429, "Too many from this address: again after `Retry-After` seconds" }
#define ANSWER_RATE \
    { 429, "Too many attempts from this address, or at this account: again after `Retry-After` seconds" }

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
/* The same for what the policy of passwords refuses, and for nothing else. */
enum dw_err refuse_password(struct dw_request *r, enum dw_err err, const char *field);

#endif
