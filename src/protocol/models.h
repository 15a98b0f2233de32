/*
 * What is sent and answered, as data: one model a message.
 *
 * Defends against: mass assignment (what is not named here is not read), leaks (what is not named here is not written:
 * the user's model is declared over struct user, which holds no password and no hash).
 */
#ifndef PROTOCOL_MODELS_H
#define PROTOCOL_MODELS_H

#include <doorward/app.h>

/* --- in --------------------------------------------------------------------------------------------------------- */

struct register_in {
    struct dw_str username, email, password, full_name, tenant;
};

struct token_form {
    struct dw_str grant_type, username, password, scope, refresh_token, client_id, client_secret, tenant;
};

struct refresh_in {
    struct dw_str refresh_token, client_id;
};

struct profile_in {
    bool has_full_name;
    struct dw_str full_name; /* absent although sent: null, which clears it */
    struct dw_str email;
    struct dw_str current_password;
};

/* The body of rows that have nothing else to be told. */
struct confirmation_in {
    struct dw_str current_password;
};

struct password_in {
    struct dw_str password;
};

struct password_change_in {
    struct dw_str current_password, new_password;
};

struct forgot_in {
    struct dw_str email, tenant;
};

struct reset_in {
    struct dw_str token, new_password;
};

struct verify_in {
    struct dw_str token;
};

struct user_change_in {
    bool has_full_name;
    struct dw_str full_name;
    struct dw_str email;
    bool has_is_active, is_active;
    struct dw_str current_password;
};

struct role_in {
    struct dw_str role, current_password;
};

struct users_query {
    struct dw_str q, role, after;
    bool has_is_active, is_active;
    int64_t limit;
};

/* The member that confirms a change of an account (protocol/first_factor.h). */
enum { CURRENT_PASSWORD_MAX = 1024 };
#define CURRENT_PASSWORD_FIELD(type_name)                                                                              \
    { DW_FIELD(type_name, current_password), .type = DW_SECRET, .max = CURRENT_PASSWORD_MAX,                           \
      .description = "The caller's own; asked for when her sign-in is older than `DOORWARD_REAUTH_TTL` (15 minutes, "  \
                     "unless set otherwise), and always checked when it is sent" }

extern const struct dw_model CONFIRMATION_IN;
extern const struct dw_model FORGOT_IN, RESET_IN, VERIFY_IN;
extern const struct dw_model REGISTER_IN, TOKEN_FORM, REFRESH_IN, PROFILE_IN, PASSWORD_IN, PASSWORD_CHANGE_IN,
    USER_CHANGE_IN, ROLE_IN, USERS_QUERY;

/* --- out -------------------------------------------------------------------------------------------------------- */

/* USER is declared over struct user itself: a record goes out as it was loaded. */

struct token_out {
    struct dw_str access_token, token_type, refresh_token, scope;
    int64_t expires_in;
};

struct users_out {
    struct dw_list items; /* of struct user */
    struct dw_str next;
};

struct detail_out {
    struct dw_str detail;
};

/* What /forgot-password and its like say. */
struct msg_out {
    struct dw_str msg;
};

struct health_out {
    struct dw_str status;
};

struct readiness_out {
    struct dw_str status, detail;
    struct readiness_checks {
        struct dw_str database, writes, keys, redis, channel;
    } checks;
};

/* RFC 8414 §2 */
struct metadata {
    struct dw_str issuer, token_endpoint, jwks_uri, scopes_supported, response_types_supported, grant_types_supported,
        token_endpoint_auth_methods_supported, service_documentation;
};

extern const struct dw_model MSG_OUT;
extern const struct dw_model USER, TOKEN_OUT, USERS_OUT, DETAIL_OUT, HEALTH_OUT, READINESS_OUT, METADATA;

#endif
