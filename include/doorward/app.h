/*
 * Applications: routes, dependencies, security schemes, scopes and roles, as tables; OpenAPI from them and from their
 * models (doorward/model.h).
 *
 * Why: a route is one row. The row drives dispatch, parsing, validation, authentication, authorization, limits and
 * documentation, so that none of them can be forgotten; a route that does not say what it needs does not start.
 * Four questions, four places: what was sent (scheme), who is it (authentication), may they (needs), do it (handler).
 * Defends against: unguarded routes, unvalidated input, fields that leak (an answer holds what its model declares and
 * nothing else).
 *
 * Lifetime: tables are borrowed and must outlive the application (make them static const, at file scope). Threading: an
 * application is immutable once it serves; handlers run on many threads at the same time.
 */
#ifndef DOORWARD_APP_H
#define DOORWARD_APP_H

#include <doorward/base.h>
#include <doorward/http.h>
#include <doorward/metrics.h>
#include <doorward/middleware.h>
#include <doorward/model.h>
#include <doorward/rate_limit.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- who is calling --------------------------------------------------------------------------------------------- */

enum dw_scheme_kind {
    DW_SCHEME_OAUTH2_PASSWORD = 1, /* Authorization: Bearer; flow "password" in OpenAPI */
    DW_SCHEME_HTTP_BEARER,         /* Authorization: Bearer */
    DW_SCHEME_HTTP_BASIC,          /* Authorization: Basic */
    DW_SCHEME_API_KEY_HEADER,
    DW_SCHEME_API_KEY_QUERY,
    DW_SCHEME_API_KEY_COOKIE,
    DW_SCHEME_OAUTH2_AUTHORIZATION_CODE, /* Authorization: Bearer; flow "authorizationCode" */
    DW_SCHEME_HTTP_DIGEST,               /* Authorization: Digest; a declaration, nothing is verified (RFC 7616) */
    DW_SCHEME_OPENID_CONNECT,            /* Authorization: Bearer; the flows are behind .openid_url */
};

struct dw_scope_doc {
    const char *name, *description;
};

/* Where a credential is found and how OpenAPI calls it. A scheme extracts only; it validates nothing. */
struct dw_scheme {
    enum dw_scheme_kind kind;
    const char *name;        /* in OpenAPI's securitySchemes */
    const char *description;
    const char *parameter;   /* API keys: the header's, parameter's or cookie's name */
    const char *realm;       /* Basic, Digest */
    const char *token_url, *refresh_url;     /* OAuth2 */
    const struct dw_scope_doc *scopes;       /* OAuth2; ends with a NULL name */
    const char *bearer_format;               /* HTTP bearer: "JWT" */
    const char *authorization_url;           /* OAuth2 authorization code */
    const char *openid_url;                  /* OpenID Connect: of the provider's discovery document */
};

/* The credential of `scheme` in the request, borrowed; DW_ERR_UNAUTHENTICATED when there is none, DW_ERR_TOKEN_INVALID
 * when what was sent can't be one. For Basic: the decoded "user:password"; for Digest: what follows that word. */
DW_API DW_MUST_USE enum dw_err dw_scheme_extract(struct dw_request *r, const struct dw_scheme *scheme,
                                                 struct dw_str *ret_credential);

/* Who a credential stood for. Filled in by the application's `authenticate`. Strings live as long as the request. */
struct dw_principal {
    struct dw_str subject;     /* user id */
    struct dw_str username;
    struct dw_str tenant;
    struct dw_str role;
    struct dw_str permissions; /* space-separated: what the user may do now */
    struct dw_str scope;       /* space-separated: what the credential was granted */
    struct dw_str session;     /* the sign-in that the credential came from */
    struct dw_str token_id;    /* jti */
    struct dw_str client;
    int64_t expires_s;
    int64_t authenticated_s;   /* when the user signed in (`auth_time`); 0: not known */
    int64_t mfa_s;             /* when a second factor was last shown (`amr` has "mfa"); 0: not known, or never */
    const void *user;          /* the application's own record */
};

/* --- dependencies ----------------------------------------------------------------------------------------------- */

struct dw_dependency;

/* A dependency that is asked for, and the scopes that this use adds. */
struct dw_use {
    const struct dw_dependency *dependency;
    const char *const *scopes; /* NULL-terminated, or NULL */
};

/*
 * Something that a handler needs: made once a request (for each set of scopes), in the order of need, released in
 * reverse order when the request ends. Parameters make it a family: the same functions, another `parameter`.
 */
struct dw_dependency {
    const char *name;
    size_t size;                 /* of the value, zeroed, in the request's arena; 0 for a mere check */
    const struct dw_use *uses;   /* sub-dependencies; ends with a NULL dependency; may be NULL */
    const struct dw_scheme *const *schemes; /* those that it extracts, for OpenAPI; NULL-terminated; may be NULL */
    enum dw_err (*resolve)(struct dw_request *r, const struct dw_dependency *self, void *ret_value);
    void (*release)(struct dw_request *r, const struct dw_dependency *self, void *value); /* may be NULL */
    const void *parameter;
    const char *refusal; /* for the documentation: "403 when the role is another" */
};

/* A credential as it was sent, unverified, and the scheme that found it; both absent where none was sent and none is
 * needed. */
struct dw_credential {
    const struct dw_scheme *scheme;
    struct dw_str value;
};

/*
 * A credential as a dependency of one's own: the first of .schemes by which something was sent. 401 when nothing was;
 * the second gives an absent credential instead (auto_error off). Several in one list: any of them will do; several
 * dependencies on a row: all of them must be there.
 *     static const struct dw_dependency TOKEN_OR_KEY = { DW_CREDENTIAL(&BEARER, &KEY) };
 *     static const struct dw_dependency TOKEN_IF_ANY = { DW_CREDENTIAL_OPTIONAL(&BEARER) };
 */
DW_API enum dw_err dw_resolve_credential(struct dw_request *r, const struct dw_dependency *self, void *ret_value);
DW_API enum dw_err dw_resolve_credential_optional(struct dw_request *r, const struct dw_dependency *self,
                                                  void *ret_value);
#define DW_SCHEME_LIST(...) ((const struct dw_scheme *const[]){ __VA_ARGS__, NULL })
#define DW_CREDENTIAL(...)                                                                                             \
    .name = "credential", .size = sizeof(struct dw_credential), .schemes = DW_SCHEME_LIST(__VA_ARGS__),                \
    .resolve = dw_resolve_credential
#define DW_CREDENTIAL_OPTIONAL(...)                                                                                    \
    .name = "optional credential", .size = sizeof(struct dw_credential), .schemes = DW_SCHEME_LIST(__VA_ARGS__),       \
    .resolve = dw_resolve_credential_optional

/* The value of a dependency of this route (or of one beneath it); NULL when the route does not need it. */
DW_API const void *dw_get(struct dw_request *r, const struct dw_dependency *dependency);
/* Space-separated: all scopes on the path to the dependency that is being resolved. Absent when there are none. */
DW_API struct dw_str dw_required_scopes(struct dw_request *r);

/* The principal: extracts with the application's schemes in order, authenticates, checks the scopes on the path.
 * 401 with WWW-Authenticate; 403 with scope="…" when the credential was granted too little. Gives a dw_principal. */
DW_API extern const struct dw_dependency DW_CURRENT_PRINCIPAL;
/* Short for dw_get(r, &DW_CURRENT_PRINCIPAL). */
DW_API const struct dw_principal *dw_principal(struct dw_request *r);

/* What DW_ROLE_OF() and DW_PERMISSION_OF() resolve: the principal has the role, the permission that self->parameter
 * names. DW_ERR_ROLE, DW_ERR_PERMISSION, DW_ERR_SCOPE. */
DW_API enum dw_err dw_resolve_role(struct dw_request *r, const struct dw_dependency *self, void *ret_value);
DW_API enum dw_err dw_resolve_permission(struct dw_request *r, const struct dw_dependency *self, void *ret_value);
DW_API extern const struct dw_use DW_USES_PRINCIPAL[];

/* --- what a route needs ----------------------------------------------------------------------------------------- */

enum dw_needs_kind { DW_NEEDS_UNSTATED, DW_NEEDS_NOTHING, DW_NEEDS_ALL };

struct dw_needs {
    enum dw_needs_kind kind;
    const struct dw_use *uses; /* all of them, in order; ends with a NULL dependency */
};

#define DW_USE_LIST(...) ((const struct dw_use[]){ __VA_ARGS__, { NULL, NULL } })
#define DW_SCOPE_LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define DW_ROLE_OF(role_name)                                                                                          \
    (&(const struct dw_dependency){ .name = "role " role_name, .uses = DW_USES_PRINCIPAL,                              \
                                    .resolve = dw_resolve_role, .parameter = (role_name) })
#define DW_PERMISSION_OF(permission_name)                                                                              \
    (&(const struct dw_dependency){ .name = "permission " permission_name, .uses = DW_USES_PRINCIPAL,                  \
                                    .resolve = dw_resolve_permission, .parameter = (permission_name) })

/* .needs = DW_PUBLIC: anyone. */
#define DW_PUBLIC { DW_NEEDS_NOTHING, NULL }
/* .needs = DW_SIGNED_IN: any authenticated caller. */
#define DW_SIGNED_IN { DW_NEEDS_ALL, DW_USE_LIST({ &DW_CURRENT_PRINCIPAL, NULL }) }
/* .needs = DW_SCOPE("tasks:read", …): a caller whose credential was granted all of these. */
#define DW_SCOPE(...) { DW_NEEDS_ALL, DW_USE_LIST({ &DW_CURRENT_PRINCIPAL, DW_SCOPE_LIST(__VA_ARGS__) }) }
/* .needs = DW_ROLE("admin"): a caller with this role. */
#define DW_ROLE(role_name) { DW_NEEDS_ALL, DW_USE_LIST({ DW_ROLE_OF(role_name), NULL }) }
/* .needs = DW_PERMISSION("read:users"): the user has it now, and the credential's scope does not leave it out. */
#define DW_PERMISSION(permission_name) { DW_NEEDS_ALL, DW_USE_LIST({ DW_PERMISSION_OF(permission_name), NULL }) }
/* .needs = DW_DEPENDS({ &CURRENT_USER, NULL }, …): what the program made itself. */
#define DW_DEPENDS(...) { DW_NEEDS_ALL, DW_USE_LIST(__VA_ARGS__) }

/* --- routes ----------------------------------------------------------------------------------------------------- */

/*
 * `in`: the struct of the row's body or form model, else of its query model, else NULL. `out`: zeroed, of the answer
 * model, written as JSON when DW_OK is returned; else NULL. An error becomes the answer of its row.
 */
typedef enum dw_err dw_handler(struct dw_request *r, const void *in, void *out);
/* A handler declared with its own struct types. */
#define DW_HANDLER(function) ((dw_handler *)(function))

/* Where the row runs. The zero value may wait; DW_INLINE promises not to (dependencies that must wait move it). */
enum dw_lane { DW_WORKER, DW_INLINE, DW_HASHING };

struct dw_ws_channel;

/* A further answer, for the documentation. */
struct dw_answer_doc {
    int status;
    const char *description;
};

struct dw_route {
    enum dw_method method;
    const char *path; /* "/users/{id}" */
    dw_handler *handler;
    const struct dw_model *body;   /* application/json */
    bool is_body_optional;         /* none at all is as good as {} */
    const struct dw_model *form;   /* application/x-www-form-urlencoded */
    const struct dw_model *query;
    const struct dw_model *headers; /* a member x_token is the header X-Token; other headers are ignored */
    const struct dw_model *cookies; /* other cookies are ignored */
    const struct dw_model *segments; /* of the path: members are named as in .path */
    const struct dw_model *answer;
    bool answer_is_list; /* a JSON array of them: `out` is then a struct dw_list, its items of the answer's struct */
    struct dw_needs needs;
    int status;        /* of success; 0: 200, or 204 without an answer model and without a body */
    enum dw_lane lane;
    bool tries_loop; /* the handler is called on the loop first: DW_ERR_WOULD_BLOCK, before it has changed anything,
                      * sends it to its lane */
    size_t max_body_bytes; /* 0: 64 KiB */
    bool no_store;     /* Cache-Control: no-store on every answer */
    bool oauth_errors; /* errors in the form of RFC 6749 §5.2, with `detail` beside it */
    bool hidden;       /* not in OpenAPI */
    const char *content_security_policy; /* NULL: nothing may be loaded, nothing may frame it */
    const char *answer_type;             /* media type of an answer that the handler writes itself */
    const char *id, *summary, *description, *tag;
    const char *const *more_tags; /* NULL-terminated, besides .tag */
    const struct dw_answer_doc *answers; /* ends with status 0 */
    const char *rate_limit; /* one of dw_app_config.rate_limits, besides the default one; NULL: none of its own */
    const struct dw_ws_channel *websocket; /* instead of a handler: <doorward/websocket.h> */
};

/* A segment of the path by its name in the row, percent-decoded; absent when the row has none of that name. */
DW_API struct dw_str dw_path_parameter(const struct dw_request *r, const char *name);
/* The struct of the row's query model; NULL without one. And of its models of headers, cookies and segments. */
DW_API const void *dw_query(const struct dw_request *r);
DW_API const void *dw_headers(const struct dw_request *r);
DW_API const void *dw_cookies(const struct dw_request *r);
DW_API const void *dw_segments(const struct dw_request *r);
/* The row itself, and what dw_app_config.context was. */
DW_API const struct dw_route *dw_route(const struct dw_request *r);
DW_API void *dw_context(const struct dw_request *r);
/* The application that serves the request, and the prefix that it is mounted at; "" when it is not mounted. The path of
 * the request begins with the prefix as the client wrote it (maybe percent-encoded). */
DW_API const struct dw_app *dw_request_app(const struct dw_request *r);
DW_API struct dw_str dw_request_mount(const struct dw_request *r);

/* Errors with words of one's own: `return dw_fail(r, DW_ERR_CONFLICT, "…")`. `text` is static or in the arena. */
DW_API enum dw_err dw_fail(struct dw_request *r, enum dw_err err, const char *text);
/* Adds one entry to a 422's `detail`: loc is [place, field]; returns DW_ERR_VALIDATION. */
DW_API enum dw_err dw_fail_field(struct dw_request *r, const char *place, const char *field, const char *type,
                                 const char *message);
/* WWW-Authenticate of a 401 or 403, instead of the one that is made from the error and the scopes. */
DW_API void dw_challenge(struct dw_request *r, const char *value);
/* Retry-After of an error answer. Headers and a body that a handler set are forgotten when it returns an error. */
DW_API void dw_retry_after(struct dw_request *r, unsigned seconds);

/* The answer as another model than the row's own: one by which some row of the application answers (DW_ERR_ARGUMENT
 * otherwise). Nothing of `out` is kept. */
DW_API DW_MUST_USE enum dw_err dw_answer_model(struct dw_request *r, const struct dw_model *model, const void *out);

/* --- cookies ---------------------------------------------------------------------------------------------------- */

/* Always SameSite=Lax and Path=/, never a Domain. */
struct dw_cookie {
    const char *name;    /* with "__Host-" at its start is_secure must be set (RFC 6265bis §4.1.3.2) */
    struct dw_str value; /* RFC 6265 §4.1.1 */
    int64_t max_age_s;   /* 0: until the browser ends; negative: it forgets the cookie now; at most 400 days */
    bool is_secure;      /* the public URL is https */
    bool for_scripts;    /* not HttpOnly */
};

/* Sets a cookie, also when the answer becomes an error. DW_ERR_ARGUMENT when it breaks the rules above; 4 KiB a request
 * at the most (DW_ERR_LIMIT). */
DW_API DW_MUST_USE enum dw_err dw_answer_cookie(struct dw_request *r, const struct dw_cookie *cookie);

/* --- CSRF --------------------------------------------------------------------------------------------------------- */

/*
 * For what a cookie authenticates, and for nothing else: a browser sends cookies whoever made it ask, and nobody else's
 * page can add a header. The token is bound to the session (HMAC), so that one from another session, or one that a
 * neighbouring host set as a cookie, is worth nothing.
 */
struct dw_csrf {
    const struct dw_secret *key; /* 32 bytes or more, for this alone */
    struct dw_str origin;        /* of the application's own pages: dw_origin_of_url() */
    const char *cookie;          /* where the browser keeps the token, for scripts to read */
    const char *header;          /* where it must come back: "X-CSRF-Token" */
};

/* A new token for a session (its id, at most 256 bytes), in the arena. Any number of them are good at the same time. */
DW_API DW_MUST_USE enum dw_err dw_csrf_token(const struct dw_csrf *csrf, struct dw_str session, struct dw_arena *arena,
                                             struct dw_str *ret_token);
/* DW_ERR_CSRF for a request other than GET, HEAD, OPTIONS whose token is missing, wrong (compared in constant time) or
 * another session's, or differs from the cookie where that is sent; and what dw_csrf_check_origin() refuses. */
DW_API DW_MUST_USE enum dw_err dw_csrf_check(struct dw_request *r, const struct dw_csrf *csrf, struct dw_str session);
/* DW_ERR_CSRF when Origin or Sec-Fetch-Site say that another origin's page asks; what is not sent says nothing. For
 * rows that no session protects yet, as a sign-in. */
DW_API DW_MUST_USE enum dw_err dw_csrf_check_origin(struct dw_request *r, const struct dw_csrf *csrf);
/* The origin of an http or https URL as browsers write it (RFC 6454 §6.2), in the arena; DW_ERR_ARGUMENT for others. */
DW_API DW_MUST_USE enum dw_err dw_origin_of_url(struct dw_str url, struct dw_arena *arena, struct dw_str *ret_origin);

/* Counts the request against a limit of dw_app_config.rate_limits, for a handler that does so only sometimes:
 * DW_ERR_RATE_LIMITED, to be returned; the answer then has its Retry-After. With a store (dw_app_config.rate_store)
 * DW_ERR_WOULD_BLOCK on an event loop, to be returned too: the handler is called again on a worker. */
DW_API DW_MUST_USE enum dw_err dw_rate_limit_count(struct dw_request *r, const char *name);

/* --- applications ----------------------------------------------------------------------------------------------- */

struct dw_auth;

struct dw_app_config {
    const char *title, *version, *description;
    const struct dw_route *const *routes; /* NULL-terminated list of tables, each ending with a NULL path */
    void *context;                        /* what dw_context() gives */
    /* Who is calling, by the handler object of doorward/auth.h: gives the two members below where they are NULL. */
    struct dw_auth *auth;
    /* Schemes by which DW_CURRENT_PRINCIPAL finds a credential, tried in this order; NULL-terminated. */
    const struct dw_scheme *const *credentials;
    /* Turns a credential into a principal. DW_ERR_WOULD_BLOCK on an event loop when it would have to wait: the request
     * is then handed to a worker and asked again. */
    enum dw_err (*authenticate)(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
                                struct dw_principal *ret_principal);
    bool is_https;   /* the public URL is https: answers carry Strict-Transport-Security */
    bool access_log; /* one line a request */
    /* What a policy refuses with another status than 404 tells in its detail which rule decided: for programs whose
     * callers are their own people. */
    bool explain_denials;
    const char *server_url; /* OpenAPI's servers[0]; NULL: "/" */
    /* Read at once, as the next two, and need not live on. Limits; ends with a NULL name; the one named "default" holds
     * for every request. */
    const struct dw_rate_limit *rate_limits;
    /* Where they are counted; of mounted applications, too. NULL: in the memory of this process. With
     * one, a request under a limit is handed to a worker. */
    const struct dw_rate_store *rate_store;
    /* Addresses and networks of proxies, "127.0.0.1, 10.0.0.0/8": what they say of the client (X-Forwarded-For and
     * -Proto, Forwarded) is believed, and dw_request_peer() is then the client's address. NULL: none. */
    const char *trusted_proxies;
    /* Names under which clients reach it, "id.example.com, *.example.com, [::1]"; without a port, which may be any. A
     * request for another one is 400 "Invalid host header". Read at once. NULL or "*": any. */
    const char *trusted_hosts;
    /* A request that did not come by https is sent there: 307 to the same host, path and query. Needs trusted_hosts, as
     * else whoever writes Host would choose the place. */
    bool https_redirect;
    /* A request for "example.com" is sent to "www.example.com", 307, where that name alone is a trusted host. */
    bool www_redirect;
    const struct dw_cors *cors;     /* NULL: pages of other origins may read nothing */
    const struct dw_mount *mounts;  /* NULL: none */
    const struct dw_metrics *metrics; /* requests are counted, and DW_METRICS_ROUTES shows it; NULL: neither */
};

/*
 * A table for dw_app_config.routes: GET /metrics, the text format 0.0.4 or OpenMetrics 1.0, as Accept asks. Shows this
 * application's requests and what is counted for the whole process. 404 in an application without .metrics; 401 with
 * WWW-Authenticate without the right token. Not in the description. Never waits for anything.
 */
DW_API extern const struct dw_route DW_METRICS_ROUTES[];

/* .routes = DW_ROUTES(TASK_ROUTES, ADMIN_ROUTES): for as long as the block that it stands in. */
#define DW_ROUTES(...) ((const struct dw_route *const[]){ __VA_ARGS__, NULL })

/*
 * Checks every table and makes the application: unstated needs, unknown or doubled routes, cycles of dependencies,
 * patterns that don't compile, names that are missing. On DW_ERR_TABLE ret_problem says which row and why.
 */
DW_API DW_MUST_USE enum dw_err dw_app_new(const struct dw_app_config *config, struct dw_app **ret_app,
                                          char ret_problem[DW_PROBLEM_SIZE]);
DW_API void dw_app_free(struct dw_app **app);
/* Makes the application, serves it until SIGINT or SIGTERM (dw_serve(); NULL: all its defaults) and frees it. On any
 * error ret_problem (may be NULL) says in words what is wrong: for a program whose main() does nothing else. */
DW_API DW_MUST_USE enum dw_err dw_app_run(const struct dw_app_config *config, const struct dw_server_config *server,
                                          char ret_problem[DW_PROBLEM_SIZE]);
/* The OpenAPI 3.1 document, made when the application was; borrowed. */
DW_API struct dw_str dw_app_openapi(const struct dw_app *app);
/* The application mounted at this prefix ("/shop", or "/shop/admin" of one mounted in that one), for dw_app_openapi()
 * and dw_app_override(); owned by `app`. NULL when there is none. */
DW_API struct dw_app *dw_app_mounted(struct dw_app *app, const char *prefix);
/* For tests: from now on `replacement` is resolved where `dependency` is asked for; NULL takes it back. Not while
 * serving. DW_ERR_ARGUMENT when their value sizes differ. */
DW_API DW_MUST_USE enum dw_err dw_app_override(struct dw_app *app, const struct dw_dependency *dependency,
                                               const struct dw_dependency *replacement);

/* --- OAuth2 client credentials ---------------------------------------------------------------------------------- */

/* Client credentials of the form or of HTTP Basic (RFC 6749 §2.3.1; each part form-decoded); both at once, or a broken
 * Basic header, is DW_ERR_CLIENT. No credentials: DW_OK and absent strings. */
DW_API DW_MUST_USE enum dw_err dw_client_credentials(struct dw_request *r, struct dw_str form_id,
                                                     struct dw_str form_secret, struct dw_str *ret_id,
                                                     struct dw_str *ret_secret);

#ifdef __cplusplus
}
#endif
#endif
