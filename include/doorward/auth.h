/*
 * The handler object: keys, lifetimes, users and revocation put together once; tokens made, verified and turned into
 * the current user from then on.
 *
 * Why: the parts (doorward/jose.h, doorward/password.h, doorward/app.h) are safe one by one, and every program joined
 * them anew. A program names its key and a function that finds a user; dw_app_config.auth then answers "who is it" for
 * every row, and DW_TOKEN_ROUTE() is its sign-in. A resource server names the issuer's key set instead (a file or a
 * URL). Defends against: algorithms that were not meant (pinned), tokens of another issuer, audience or purpose (`typ`,
 * claim `type`), expired and revoked ones, users that are gone, inactive or signed out everywhere; timing that tells
 * whether a user exists; a token that grants more than its user may; an issuer that is down (its last keys stay) or
 * that somebody wants to be asked without end (at most once a minute).
 * Does not: store anything, refresh tokens, or limit the rate of sign-ins (give the row a rate limit).
 *
 * Lifetime: an object outlives the applications that use it. What its configuration points to is copied, except keys,
 * passwords, contexts and scopes, which must live on. Threading: immutable outside, any number of threads may use it.
 */
#ifndef DOORWARD_AUTH_H
#define DOORWARD_AUTH_H

#include <doorward/app.h>
#include <doorward/jose.h>
#include <doorward/password.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- users ------------------------------------------------------------------------------------------------------ */

/* What the program knows of a user. Strings live as long as the request (in its arena, or for good). */
struct dw_user {
    struct dw_str id;            /* `sub` of tokens; absent: the username */
    struct dw_str username;
    struct dw_str password_hash; /* of dw_auth_hash_password(); absent: no password fits */
    struct dw_str role, tenant;
    struct dw_str permissions;   /* space-separated: what the user may do, and the scopes that can be granted */
    int64_t tokens_since_s;      /* tokens issued before are refused (password changed, signed out everywhere) */
    bool is_inactive;            /* 400 "Inactive user", at sign-in after a right password only */
    const void *record;          /* the program's own: dw_principal.user */
};

/* By name (of a sign-in), or by `sub` of a token. DW_ERR_NOT_FOUND when there is none; any other error ends the request
 * as it is. */
typedef enum dw_err dw_find_user(struct dw_request *r, struct dw_str name, struct dw_user *ret_user);

/* --- configuration ---------------------------------------------------------------------------------------------- */

/* Fetches a key set: the body of a 200 answer, in the arena. Called without a request, on any thread that may wait. */
typedef enum dw_err dw_fetch(void *context, const char *url, struct dw_arena *arena, struct dw_str *ret_body);

/* Zero members take the default in brackets. */
struct dw_auth_config {
    /* One of these. The first two make tokens as well, where the key can sign. */
    struct dw_str secret;         /* for .secret_alg; HS256 wants 32 bytes or more */
    const struct dw_key *key;     /* pinned to its algorithm */
    const struct dw_keyset *keys; /* verify alone, as all that follow */
    const char *jwks_file;        /* read again when it changes */
    const char *jwks_url;         /* https; fetched at the first token, and again for an unknown kid */

    enum dw_alg secret_alg;       /* [HS256] */
    dw_alg_set algs;              /* what is accepted of .keys, .jwks_… [every asymmetric algorithm] */
    const char *issuer;           /* `iss`: written, and asked for [not] */
    const char *audience;         /* `aud`: written, and asked for [not] */
    const char *type;             /* header `typ`: written, and asked for ["at+jwt" is written; that, "JWT" and none are
                                     taken]. A claim `type` other than "access" is refused in any case. */
    int64_t access_ttl_s;         /* of tokens made [900] */
    int64_t leeway_s;             /* of exp, nbf, iat when verifying; up to 300 [0] */

    /* Users. Without find_user the token alone says who it is: `sub`, `role`, `permissions`, `tenant` are believed. */
    dw_find_user *find_user;      /* by name; by `sub` as well without find_user_by_id */
    dw_find_user *find_user_by_id;
    /* Whether a token that is otherwise good was taken back (its id: claims->id). */
    enum dw_err (*is_revoked)(struct dw_request *r, const struct dw_claims *claims, bool *ret_is_revoked);
    /* A right password whose hash is outdated: the new one is to be stored. Its failure does not stop the sign-in. */
    enum dw_err (*store_hash)(struct dw_request *r, const struct dw_user *user, struct dw_str encoded);
    bool never_waits;             /* these functions may be called on an event loop; else workers do */
    struct dw_passwords *passwords; /* [a context of defaults is made where find_user is given] */

    /* How OpenAPI calls it. */
    const char *scheme_name;      /* ["OAuth2PasswordBearer" with find_user, else "HTTPBearer"] */
    const char *description;
    const char *token_url;        /* relative to the description ["token"] */
    const struct dw_scope_doc *scopes; /* those that a sign-in can ask for; ends with a NULL name; not copied */

    /* Key sets from elsewhere. */
    int64_t keys_max_age_s;       /* of a fetched set, when the issuer can be reached [3600] */
    bool allow_plain_http;        /* jwks_url may be http: on loopback it may anyway */
    dw_fetch *fetch;              /* [libcurl, loaded when first needed: HTTPS verified, no redirects, 10 s, 1 MiB] */
    void *fetch_context;
};

struct dw_auth;

/* DW_ERR_TABLE: ret_problem (may be NULL) says what is wrong. A key file must be readable; a URL is not asked yet. */
DW_API DW_MUST_USE enum dw_err dw_auth_new(const struct dw_auth_config *config, struct dw_auth **ret_auth,
                                           char ret_problem[DW_PROBLEM_SIZE]);
DW_API void dw_auth_free(struct dw_auth **auth);

/* --- tokens ----------------------------------------------------------------------------------------------------- */

/* What a token shall say. Absent members are left out. */
struct dw_grant {
    struct dw_str subject;       /* required */
    struct dw_str scope;         /* space-separated; absent: no such claim, as wide as the user's permissions */
    struct dw_str role, tenant, permissions;
    struct dw_str session, client; /* `sid`, `client_id` */
    const char *claims;          /* further members, as the text of a JSON object; must repeat none of the others */
    int64_t ttl_s;               /* 0: access_ttl_s */
};

/* A signed token with iss, sub, aud, exp, iat, nbf, jti, in the arena. DW_ERR_KEY_USE when the object only verifies. */
DW_API DW_MUST_USE enum dw_err dw_auth_token(struct dw_auth *auth, const struct dw_grant *grant,
                                             struct dw_arena *arena, struct dw_str *ret_token);
/* Signature and claims alone; no user, no revocation. Waits where keys must be fetched. ret_claims->key is NULL.
 * Errors: those of dw_jwt_verify(); DW_ERR_UNAVAILABLE while there are no keys at all. */
DW_API DW_MUST_USE enum dw_err dw_auth_verify(struct dw_auth *auth, struct dw_str token, struct dw_arena *arena,
                                              struct dw_claims *ret_claims);
/* Who the token stands for: all of the checks. What dw_app_config.auth does for every row; for programs that have an
 * `authenticate` of their own because they take other credentials too. DW_ERR_WOULD_BLOCK on an event loop. */
DW_API DW_MUST_USE enum dw_err dw_auth_authenticate(struct dw_auth *auth, struct dw_request *r, struct dw_str token,
                                                    struct dw_principal *ret_principal);
/* Fetches or reads the key set now. DW_OK for an object that has its keys. */
DW_API DW_MUST_USE enum dw_err dw_auth_refresh_keys(struct dw_auth *auth);
/* How the token is sent: for dw_app_config.credentials. Borrowed. */
DW_API const struct dw_scheme *dw_auth_scheme(const struct dw_auth *auth);

/*
 * A second object in the same application (another issuer): a dependency of one's own.
 *     static struct dw_auth *partner;
 *     static const struct dw_dependency PARTNER = { .name = "partner", .size = sizeof(struct dw_principal),
 *         .schemes = PARTNER_SCHEMES, .resolve = dw_auth_resolve, .parameter = &partner };
 * Gives a dw_principal; checks the scopes on the path.
 */
DW_API enum dw_err dw_auth_resolve(struct dw_request *r, const struct dw_dependency *self, void *ret_value);

/* --- sign-in by password ---------------------------------------------------------------------------------------- */

/* The OAuth2 password form (RFC 6749 §4.3.2) and its answer (§5.1). */
struct dw_password_form {
    struct dw_str grant_type, username, password, scope, client_id, client_secret;
};
struct dw_token_answer {
    struct dw_str access_token, token_type;
    int64_t expires_in;
    struct dw_str refresh_token; /* left out when absent: the program's own */
    struct dw_str scope;
};
DW_API extern const struct dw_model DW_OAUTH2_PASSWORD_FORM;        /* grant_type may be left out */
DW_API extern const struct dw_model DW_OAUTH2_PASSWORD_FORM_STRICT; /* grant_type=password must be sent */
DW_API extern const struct dw_model DW_TOKEN_ANSWER;

/* Whose name and password these are. DW_ERR_SIGN_IN for a wrong password and for an unknown user, after the same time;
 * DW_ERR_USER_INACTIVE. Hashes: DW_ERR_WOULD_BLOCK where dw_request_may_hash() is false. */
DW_API DW_MUST_USE enum dw_err dw_auth_sign_in(struct dw_auth *auth, struct dw_request *r, struct dw_str username,
                                               struct dw_str password, struct dw_user *ret_user);
/* A token for a user who signed in, with those scopes of `scope` that are among the user's permissions (without a claim
 * of scopes, and so as wide as the user's permissions, when it is empty). DW_ERR_SCOPE_UNKNOWN when it is malformed. */
DW_API DW_MUST_USE enum dw_err dw_auth_grant(struct dw_auth *auth, struct dw_request *r, const struct dw_user *user,
                                             struct dw_str scope, struct dw_token_answer *ret_answer);
/* Both, as a handler of dw_app_config.auth. */
DW_API enum dw_err dw_auth_token_handler(struct dw_request *r, const void *in, void *out);
/* A row that signs in: DW_TOKEN_ROUTE("/token", "sign-in"); the second names one of the application's rate limits, or
 * is NULL. */
#define DW_TOKEN_ROUTE(route_path, limit_name)                                                                         \
    { DW_POST, (route_path), dw_auth_token_handler, .form = &DW_OAUTH2_PASSWORD_FORM, .answer = &DW_TOKEN_ANSWER,      \
      .needs = DW_PUBLIC, .lane = DW_HASHING, .no_store = true, .oauth_errors = true, .id = "sign_in",                 \
      .summary = "Signs in with user name and password", .rate_limit = (limit_name) }

/* The context that passwords are hashed and verified in; borrowed. NULL for an object without users. */
DW_API struct dw_passwords *dw_auth_passwords(const struct dw_auth *auth);
/* For a registration: checks the password against the policy of doorward/password.h (8 characters or more, not common,
 * not the name) and hashes it. Waits. Errors: those of dw_password_check() and dw_password_hash(). */
DW_API DW_MUST_USE enum dw_err dw_auth_hash_password(struct dw_auth *auth, struct dw_str username,
                                                     struct dw_str password,
                                                     char ret_encoded[DW_PASSWORD_ENCODED_MAX]);

#ifdef __cplusplus
}
#endif
#endif
