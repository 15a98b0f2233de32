/*
 * Errors: one row each.
 *
 * Why: the caller must be told little, the log must be told all, and both must come from one fact. A row holds the
 * symbol, the short code (for logs, `doorward vectors` and tests), the HTTP status, the OAuth2 error code (RFC 6749
 * §5.2, RFC 6750 §3.1; NULL where there is none) and the message that is safe to show to anyone.
 * It does not carry detail: what exactly went wrong is logged where it is known, never sent.
 */
#ifndef DOORWARD_ERROR_H
#define DOORWARD_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DW_API __attribute__((visibility("default")))
#define DW_MUST_USE __attribute__((warn_unused_result))
#define DW_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define DW_API
#define DW_MUST_USE
#define DW_PRINTF(text, first)
#endif

/* Texts that several rows share: a caller must not be able to tell these rows apart. */
#define DW_TEXT_CREDENTIALS "Could not validate credentials"
#define DW_TEXT_INTERNAL "Internal Server Error"

/*    symbol                     short code                status  OAuth2 code               message */
#define DW_ERRORS(X)                                                                                                   \
    X(DW_OK,                     "ok",                       200, NULL,                      "OK")                      \
    /* ours: bugs, resources, dependencies */                                                                          \
    X(DW_ERR_INTERNAL,           "internal",                 500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_NO_MEMORY,          "no_memory",                500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_ARGUMENT,           "argument",                 500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_TABLE,              "bad_table",                500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_IO,                 "io",                       500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_CRYPTO,             "crypto",                   500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_DATABASE,           "database",                 500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_CONSTRAINT,         "constraint",               409, NULL,                      "Conflict")                \
    X(DW_ERR_WOULD_BLOCK,        "would_block",              500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_LIMIT,              "limit",                    500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_UNSUPPORTED,        "unsupported",              500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_SETTING,            "setting",                  500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_BUSY,               "busy",                     503, "temporarily_unavailable", "Service Unavailable")     \
    X(DW_ERR_UNAVAILABLE,        "unavailable",              503, "temporarily_unavailable", "Service Unavailable")     \
    /* HTTP: what was sent can't be read */                                                                            \
    X(DW_ERR_BAD_REQUEST,        "bad_request",              400, "invalid_request",         "Bad Request")             \
    X(DW_ERR_HOST,               "host_invalid",             400, "invalid_request",         "Invalid host header")     \
    X(DW_ERR_NOT_FOUND,          "not_found",                404, NULL,                      "Not Found")               \
    X(DW_ERR_METHOD,             "method_not_allowed",       405, NULL,                      "Method Not Allowed")      \
    X(DW_ERR_TIMEOUT,            "timeout",                  408, NULL,                      "Request Timeout")         \
    X(DW_ERR_CONFLICT,           "conflict",                 409, NULL,                      "Conflict")                \
    X(DW_ERR_BODY_TOO_LARGE,     "body_too_large",           413, "invalid_request",         "Content Too Large")       \
    X(DW_ERR_URI_TOO_LONG,       "uri_too_long",             414, NULL,                      "URI Too Long")            \
    X(DW_ERR_MEDIA_TYPE,         "media_type",               415, "invalid_request",         "Unsupported Media Type")  \
    X(DW_ERR_VALIDATION,         "validation",               422, "invalid_request",         "Unprocessable Content")   \
    X(DW_ERR_UPGRADE,            "upgrade_required",         426, "invalid_request",         "Upgrade Required")        \
    X(DW_ERR_RATE_LIMITED,       "rate_limited",             429, "slow_down",               "Too Many Requests")       \
    X(DW_ERR_HEADERS_TOO_LARGE,  "headers_too_large",        431, NULL,             "Request Header Fields Too Large")  \
    X(DW_ERR_HTTP_VERSION,       "http_version",             505, NULL,                "HTTP Version Not Supported")    \
    /* encodings and JSON */                                                                                           \
    X(DW_ERR_ENCODING,           "encoding",                 400, "invalid_request",         "Bad Request")             \
    X(DW_ERR_JSON,               "json_invalid",             422, "invalid_request",         "JSON decode error")       \
    X(DW_ERR_JSON_DUPLICATE,     "json_duplicate_name",      422, "invalid_request",         "JSON decode error")       \
    X(DW_ERR_JSON_DEPTH,         "json_too_deep",            422, "invalid_request",         "JSON decode error")       \
    /* who is calling */                                                                                               \
    X(DW_ERR_UNAUTHENTICATED,    "not_authenticated",        401, NULL,                      "Not authenticated")       \
    X(DW_ERR_TOKEN_INVALID,      "token_invalid",            401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_TOKEN_EXPIRED,      "token_expired",            401, "invalid_token",           "Token has expired")       \
    X(DW_ERR_TOKEN_NOT_YET,      "token_not_yet_valid",      401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_TOKEN_ISSUER,       "token_wrong_issuer",       401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_TOKEN_AUDIENCE,     "token_wrong_audience",     401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_TOKEN_SUBJECT,      "token_wrong_subject",      401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_TOKEN_TYPE,         "token_wrong_type",         401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_TOKEN_CLAIM,        "token_claim",              401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_TOKEN_TOO_LARGE,    "token_too_large",          401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_TOKEN_REVOKED,      "token_revoked",            401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_TOKEN_SUPERSEDED,   "token_superseded",         401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_USER_GONE,          "user_gone",                401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_USER_INACTIVE,      "user_inactive",            400, "invalid_grant",           "Inactive user")           \
    /* JOSE: all of them look alike from outside */                                                                    \
    X(DW_ERR_JOSE_MALFORMED,     "jose_malformed",           401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_JOSE_ALGORITHM,     "jose_algorithm",           401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_JOSE_CRITICAL,      "jose_critical_header",     401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_JOSE_NO_KEY,        "jose_no_key",              401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_JOSE_SIGNATURE,     "jose_signature",           401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_JOSE_DECRYPTION,    "jose_decryption",          401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_KEY_MALFORMED,      "key_malformed",            400, "invalid_request",         "Bad Request")             \
    X(DW_ERR_KEY_TYPE,           "key_type",                 400, "invalid_request",         "Bad Request")             \
    X(DW_ERR_KEY_TOO_WEAK,       "key_too_weak",             400, "invalid_request",         "Bad Request")             \
    X(DW_ERR_KEY_USE,            "key_use",                  400, "invalid_request",         "Bad Request")             \
    X(DW_ERR_API_KEY,            "api_key_invalid",          401, "invalid_token",           DW_TEXT_CREDENTIALS)       \
    X(DW_ERR_API_KEY_EXPIRED,    "api_key_expired",          401, "invalid_token",           "API key has expired")     \
    /* may they */                                                                                                     \
    X(DW_ERR_FORBIDDEN,          "forbidden",                403, NULL,                      "Not enough permissions")  \
    X(DW_ERR_SCOPE,              "insufficient_scope",       403, "insufficient_scope",      "Not enough permissions")  \
    X(DW_ERR_ROLE,               "role_required",            403, NULL,                      "Not enough permissions")  \
    X(DW_ERR_PERMISSION,         "permission_required",      403, NULL,                      "Not enough permissions")  \
    X(DW_ERR_INTERACTIVE,        "sign_in_required",         403, NULL,                                                 \
      "This needs a sign-in: an API key can't do it")                                                                  \
    X(DW_ERR_REAUTHENTICATION,   "reauthentication",         403, NULL,                                                 \
      "Sign in again, or send current_password")                                                                       \
    /* RFC 9470 */                                                                                                     \
    X(DW_ERR_SIGN_IN_STALE,      "sign_in_too_old",          401, "insufficient_user_authentication",                   \
      "A more recent sign-in is needed")                                                                               \
    X(DW_ERR_MFA_STALE,          "mfa_too_old",              401, "insufficient_user_authentication",                   \
      "A recent second factor is needed")                                                                              \
    X(DW_ERR_CSRF,               "csrf",                     403, NULL,             "CSRF token missing or invalid")     \
    /* passwords */                                                                                                    \
    X(DW_ERR_PASSWORD_FORMAT,    "password_hash_format",     500, "server_error",            DW_TEXT_INTERNAL)          \
    X(DW_ERR_PASSWORD_NUL,       "password_nul",             422, "invalid_request", "The password contains a NUL byte") \
    X(DW_ERR_PASSWORD_LONG,      "password_too_long",        422, "invalid_request", "The password is too long")         \
    X(DW_ERR_PASSWORD_SHORT,     "password_too_short",       422, "invalid_request", "The password is too short")        \
    X(DW_ERR_PASSWORD_COMMON,    "password_common",          422, "invalid_request",                                    \
      "The password is among the most used ones")                                                                      \
    X(DW_ERR_PASSWORD_PERSONAL,  "password_personal",        422, "invalid_request",                                    \
      "The password contains the user name or e-mail address")                                                         \
    X(DW_ERR_PASSWORD_CONTEXT,   "password_context",         422, "invalid_request",                                    \
      "The password contains a name of the service")                                                                   \
    X(DW_ERR_PASSWORD_BREACHED,  "password_breached",        422, "invalid_request",                                    \
      "The password is known from a breach")                                                                           \
    /* accounts and grants */                                                                                          \
    X(DW_ERR_USER_TAKEN,         "user_taken",               400, NULL,   "Username or email already registered")       \
    X(DW_ERR_SIGN_IN,            "sign_in_failed",           400, "invalid_grant",  "Incorrect username or password")   \
    X(DW_ERR_PASSWORD_EXPIRED,   "password_expired",         400, "invalid_grant",                                      \
      "The one-time password has expired: have another one set")                                                       \
    X(DW_ERR_PASSWORD_WRONG,     "password_wrong",           400, "invalid_grant",  "Incorrect password")               \
    X(DW_ERR_REGISTRATION,       "registration_closed",      403, NULL,             "Registration is closed")           \
    X(DW_ERR_LAST_ADMIN,         "last_administrator",       409, NULL,                                                 \
      "The last administrator can't be demoted, disabled or deleted")                                                  \
    X(DW_ERR_RECOVERY_TOKEN,     "recovery_token_invalid",   400, NULL,             "Invalid or expired token")         \
    X(DW_ERR_API_KEY_LIMIT,      "api_key_limit",            409, NULL,                                                 \
      "There are too many API keys: revoke one first")                                                                 \
    X(DW_ERR_API_KEY_ENDED,      "api_key_ended",            409, NULL, "The API key has expired: make a new one")      \
    X(DW_ERR_API_KEY_ROTATED,    "api_key_rotated",          409, NULL,                                                 \
      "The API key was rotated too often: wait for an overlap to end, or rotate with overlap=0")                       \
    X(DW_ERR_ROLE_TAKEN,         "role_taken",              409, NULL, "There is a role of this name")                 \
    X(DW_ERR_ROLE_BUILT_IN,      "role_built_in",           409, NULL, "A built-in role can't be changed or deleted")  \
    X(DW_ERR_ROLE_IN_USE,        "role_in_use",             409, NULL,                                                  \
      "Users have this role: give them another one first")                                                             \
    X(DW_ERR_ROLE_LIMIT,         "role_limit",              409, NULL, "There are too many roles")                     \
    X(DW_ERR_TENANT_TAKEN,       "tenant_taken",            409, NULL, "There is a tenant of this slug")               \
    X(DW_ERR_TENANT_DEFAULT,     "tenant_default",          409, NULL, "The default tenant can't be disabled")         \
    X(DW_ERR_REFRESH_INVALID,    "refresh_invalid",          401, "invalid_grant",  "Invalid refresh token")            \
    X(DW_ERR_REFRESH_REUSED,     "refresh_reused",           401, "invalid_grant",  "Refresh token reuse detected")     \
    X(DW_ERR_MFA_REQUIRED,       "mfa_required",             403, "mfa_required",   "A second factor is needed")        \
    X(DW_ERR_MFA_CODE,           "mfa_code_wrong",           400, "invalid_grant",  "Invalid 2FA code")                 \
    X(DW_ERR_MFA_REFUSED,        "mfa_refused",              401, "invalid_grant",  "Invalid 2FA code")                 \
    X(DW_ERR_MFA_PAUSED,         "mfa_paused",               429, "slow_down",                                          \
      "Too many wrong codes: try again later")                                                                         \
    X(DW_ERR_MFA_ON,             "mfa_is_on",                409, NULL,             "Two-factor sign-in is on already") \
    X(DW_ERR_MFA_OFF,            "mfa_is_off",               409, NULL,             "Two-factor sign-in is not set up") \
    X(DW_ERR_GRANT_TYPE,         "grant_type",               400, "unsupported_grant_type", "Unsupported grant type")   \
    X(DW_ERR_CLIENT,             "invalid_client",           401, "invalid_client", "Client authentication failed")     \
    X(DW_ERR_SCOPE_UNKNOWN,      "invalid_scope",            400, "invalid_scope",  "The scope is malformed")

#define DW_ERROR_SYMBOL(symbol, code, status, oauth, message) symbol,
enum dw_err { DW_ERRORS(DW_ERROR_SYMBOL) DW_ERR_COUNT };
#undef DW_ERROR_SYMBOL

/* One row of the table above. All members have static storage; oauth may be NULL. */
struct dw_error_info {
    const char *code;
    int status;
    const char *oauth;
    const char *message;
};

/* The row of `err`; an unknown value gives the row of DW_ERR_INTERNAL. Never NULL. Any thread. */
DW_API const struct dw_error_info *dw_error_info(enum dw_err err);

/* Return early with the error of a fallible expression. */
#define DW_TRY(expression)                                                                                             \
    do {                                                                                                               \
        const enum dw_err dw_try_err = (expression);                                                                   \
        if (dw_try_err != DW_OK)                                                                                       \
            return dw_try_err;                                                                                         \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
