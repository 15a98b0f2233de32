#include "protocol/models.h"

#include "identity/user.h"

/* What user_key_of_name() takes, said beforehand. No '@': a name must not look like somebody's address. */
#define USERNAME_PATTERN "[A-Za-z0-9_][A-Za-z0-9._-]*"
/* Free text on one line. */
#define LINE_PATTERN "[^\\x00-\\x1f\\x7f]*"

enum {
    PASSWORD_MIN = 8, /* NIST SP 800-63B-4 §3.1.1.2; a higher setting is the policy's to check */
    PASSWORD_MAX = 1024,
    FULL_NAME_MAX = 200,
    SEARCH_MAX = 100,
    PAGE_MAX = 100,
    NOT_EMPTY = 1,
};

/* What several models say of the same member. */
#define TENANT_FACTS                                                                                                   \
    .type = DW_STRING, .min = NOT_EMPTY, .max = IDENTITY_NAME_MAX,                                                     \
    .description = "Slug of the tenant; `default` when left out", .example = "default"
#define FULL_NAME_FACTS                                                                                                \
    .type = DW_STRING, .max = FULL_NAME_MAX, .pattern = LINE_PATTERN, .description = "Free text, kept as typed",       \
    .example = "Ann Example"

/* --- in --------------------------------------------------------------------------------------------------------- */

const struct dw_model REGISTER_IN = {
    .name = "Register", .description = "A new account. Its role is always `user`.", .size = sizeof(struct register_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct register_in, username), .type = DW_STRING, .flags = DW_REQUIRED, .min = NOT_EMPTY,
          .max = IDENTITY_NAME_MAX, .pattern = USERNAME_PATTERN, .description = "Unique in the tenant, without case",
          .example = "ann" },
        { DW_FIELD(struct register_in, email), .type = DW_EMAIL, .flags = DW_REQUIRED,
          .description = "Unique in the tenant, without case", .example = "ann@example.com" },
        { DW_FIELD(struct register_in, password), .type = DW_SECRET, .flags = DW_REQUIRED, .min = PASSWORD_MIN,
          .max = PASSWORD_MAX,
          .description = "Any characters; not one of the most used passwords, and without the name or address in it",
          .example = "mind the purple gap" },
        { DW_FIELD(struct register_in, full_name), FULL_NAME_FACTS, .flags = DW_NULLABLE },
        { DW_FIELD(struct register_in, tenant), TENANT_FACTS },
        { 0 } },
};

/* Nothing is required here: what is missing depends on the grant and is said in OAuth2's words (RFC 6749 §5.2). */
const struct dw_model TOKEN_FORM = {
    .name = "TokenRequest", .description = "RFC 6749 §4.3.2 (password) and §6 (refresh_token)",
    .size = sizeof(struct token_form),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct token_form, grant_type), .type = DW_STRING,
          .description = "`password` or `refresh_token`", .example = "password" },
        { DW_FIELD(struct token_form, username), .type = DW_STRING,
          .description = "With `password`: user name or e-mail address", .example = "ann" },
        { DW_FIELD(struct token_form, password), .type = DW_SECRET, .description = "With `password`" },
        { DW_FIELD(struct token_form, scope), .type = DW_STRING,
          .description = "Space-separated permissions that the token shall carry; all that the user has when left out",
          .example = "read:users" },
        { DW_FIELD(struct token_form, refresh_token), .type = DW_SECRET, .description = "With `refresh_token`" },
        { DW_FIELD(struct token_form, client_id), .type = DW_STRING,
          .description = "Name of a public client; refreshing needs the same one" },
        { DW_FIELD(struct token_form, client_secret), .type = DW_SECRET,
          .description = "No client has a secret: one that is sent is refused" },
        { DW_FIELD(struct token_form, tenant), .type = DW_STRING,
          .description = "With `password`: slug of the tenant; `default` when left out" },
        { 0 } },
};

const struct dw_model REFRESH_IN = {
    .name = "Refresh", .size = sizeof(struct refresh_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct refresh_in, refresh_token), .type = DW_SECRET, .flags = DW_REQUIRED,
          .description = "The latest one; it is spent by this call" },
        { DW_FIELD(struct refresh_in, client_id), .type = DW_STRING,
          .description = "The client that signed in, where `/token` was told one" },
        { 0 } },
};

const struct dw_model PROFILE_IN = {
    .name = "ProfileChange", .description = "What is left out stays as it is.", .size = sizeof(struct profile_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct profile_in, full_name), FULL_NAME_FACTS, .flags = DW_NULLABLE | DW_PRESENCE,
          .presence = offsetof(struct profile_in, has_full_name) },
        { DW_FIELD(struct profile_in, email), .type = DW_EMAIL,
          .description = "A new address is unverified until it has been verified again", .example = "ann@example.com" },
        CURRENT_PASSWORD_FIELD(struct profile_in),
        { 0 } },
};

const struct dw_model CONFIRMATION_IN = {
    .name = "Confirmation", .size = sizeof(struct confirmation_in),
    .fields = (const struct dw_field[]){ CURRENT_PASSWORD_FIELD(struct confirmation_in), { 0 } },
};

const struct dw_model PASSWORD_IN = {
    .name = "PasswordConfirmation", .size = sizeof(struct password_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct password_in, password), .type = DW_SECRET, .flags = DW_REQUIRED,
          .description = "The caller's own" },
        { 0 } },
};

const struct dw_model PASSWORD_CHANGE_IN = {
    .name = "PasswordChange", .size = sizeof(struct password_change_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct password_change_in, current_password), .type = DW_SECRET, .flags = DW_REQUIRED },
        { DW_FIELD(struct password_change_in, new_password), .type = DW_SECRET, .flags = DW_REQUIRED,
          .min = PASSWORD_MIN, .max = PASSWORD_MAX, .description = "As at registration" },
        { 0 } },
};

const struct dw_model FORGOT_IN = {
    .name = "ForgottenPassword", .size = sizeof(struct forgot_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct forgot_in, email), .type = DW_EMAIL, .flags = DW_REQUIRED,
          .description = "The account's address, without case", .example = "ann@example.com" },
        { DW_FIELD(struct forgot_in, tenant), TENANT_FACTS },
        { 0 } },
};

const struct dw_model RESET_IN = {
    .name = "PasswordReset", .size = sizeof(struct reset_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct reset_in, token), .type = DW_SECRET, .flags = DW_REQUIRED,
          .description = "From the mail, good once" },
        { DW_FIELD(struct reset_in, new_password), .type = DW_SECRET, .flags = DW_REQUIRED, .min = PASSWORD_MIN,
          .max = PASSWORD_MAX, .description = "As at registration" },
        { 0 } },
};

const struct dw_model VERIFY_IN = {
    .name = "EmailVerification", .size = sizeof(struct verify_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct verify_in, token), .type = DW_SECRET, .flags = DW_REQUIRED,
          .description = "From the mail, good once" },
        { 0 } },
};

const struct dw_model USER_CHANGE_IN = {
    .name = "UserChange", .description = "What is left out stays as it is.", .size = sizeof(struct user_change_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct user_change_in, full_name), FULL_NAME_FACTS, .flags = DW_NULLABLE | DW_PRESENCE,
          .presence = offsetof(struct user_change_in, has_full_name) },
        { DW_FIELD(struct user_change_in, email), .type = DW_EMAIL, .description = "Unverified until it is verified",
          .example = "ann@example.com" },
        { DW_FIELD(struct user_change_in, is_active), .type = DW_BOOL, .flags = DW_PRESENCE,
          .presence = offsetof(struct user_change_in, has_is_active),
          .description = "`false` ends every sign-in of the user at once", .example = "true" },
        CURRENT_PASSWORD_FIELD(struct user_change_in),
        { 0 } },
};

const struct dw_model ROLE_IN = {
    .name = "RoleChange", .size = sizeof(struct role_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct role_in, role), .type = DW_STRING, .flags = DW_REQUIRED, .min = NOT_EMPTY,
          .max = IDENTITY_NAME_MAX, .description = "`user`, `moderator` or `admin`", .example = "moderator" },
        CURRENT_PASSWORD_FIELD(struct role_in),
        { 0 } },
};

const struct dw_model USERS_QUERY = {
    .name = "UsersQuery", .size = sizeof(struct users_query),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct users_query, q), .type = DW_STRING, .max = SEARCH_MAX,
          .description = "Part of the user name or e-mail address" },
        { DW_FIELD(struct users_query, role), .type = DW_STRING, .max = IDENTITY_NAME_MAX,
          .description = "Users of this role alone" },
        { DW_FIELD(struct users_query, is_active), .type = DW_BOOL, .flags = DW_PRESENCE,
          .presence = offsetof(struct users_query, has_is_active), .description = "Active or disabled users alone" },
        { DW_FIELD(struct users_query, limit), .type = DW_INT, .min = 1, .max = PAGE_MAX, .fallback = "50",
          .description = "The most users in one answer" },
        { DW_FIELD(struct users_query, after), .type = DW_UUID,
          .description = "`next` of the answer before: where to go on" },
        { 0 } },
};

/* --- out -------------------------------------------------------------------------------------------------------- */

/* DW_REQUIRED in an answer: never null. */

const struct dw_model USER = {
    .name = "User", .description = "An account as its owner and administrators see it", .size = sizeof(struct user),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct user, id), .type = DW_UUID, .flags = DW_REQUIRED,
          .example = "01890a5d-ac96-774b-bcce-b302099a8057" },
        { DW_FIELD(struct user, username), .type = DW_STRING, .flags = DW_REQUIRED, .example = "ann" },
        { DW_FIELD(struct user, email), .type = DW_EMAIL, .flags = DW_REQUIRED, .example = "ann@example.com" },
        { DW_FIELD(struct user, email_verified), .type = DW_BOOL, .example = "false" },
        { DW_FIELD(struct user, full_name), .type = DW_STRING, .flags = DW_NULLABLE, .example = "Ann Example" },
        { DW_FIELD(struct user, is_active), .type = DW_BOOL, .example = "true" },
        { DW_FIELD(struct user, role), .type = DW_STRING, .flags = DW_REQUIRED, .example = "user" },
        { DW_FIELD(struct user, permissions), .type = DW_WORDS,
          .description = "What the user may do: the role's permissions and the user's own" },
        { DW_FIELD(struct user, tenant), .type = DW_STRING, .flags = DW_REQUIRED, .example = "default" },
        { DW_FIELD(struct user, created_at), .type = DW_TIME, .flags = DW_REQUIRED, .example = "2026-11-22T17:05:49Z" },
        { DW_FIELD(struct user, last_login_at), .type = DW_TIME, .flags = DW_NULLABLE,
          .description = "null before the first sign-in", .example = "2026-11-22T17:06:10Z" },
        { DW_FIELD(struct user, mfa_enabled), .type = DW_BOOL, .example = "false" },
        { 0 } },
};

const struct dw_model TOKEN_OUT = {
    .name = "Token", .description = "RFC 6749 §5.1", .size = sizeof(struct token_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct token_out, access_token), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "JWT (RFC 9068): send it as `Authorization: Bearer …`" },
        { DW_FIELD(struct token_out, token_type), .type = DW_STRING, .flags = DW_REQUIRED, .example = "bearer" },
        { DW_FIELD(struct token_out, expires_in), .type = DW_INT,
          .description = "Seconds that the access token lives", .example = "900" },
        { DW_FIELD(struct token_out, refresh_token), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "Good for one refresh" },
        { DW_FIELD(struct token_out, scope), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "What was granted, space-separated", .example = "read:users" },
        { 0 } },
};

const struct dw_model USERS_OUT = {
    .name = "Users", .description = "A page, in the order of creation", .size = sizeof(struct users_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct users_out, items), .type = DW_LIST, .items = DW_OBJECT, .model = &USER },
        { DW_FIELD(struct users_out, next), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "To be sent as `after` for the next page; null at the end" },
        { 0 } },
};

const struct dw_model DETAIL_OUT = {
    .name = "Done", .size = sizeof(struct detail_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct detail_out, detail), .type = DW_STRING, .flags = DW_REQUIRED, .example = "Logged out" },
        { 0 } },
};

const struct dw_model MSG_OUT = {
    .name = "Message", .size = sizeof(struct msg_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct msg_out, msg), .type = DW_STRING, .flags = DW_REQUIRED,
          .example = "Password reset successful." },
        { 0 } },
};

const struct dw_model HEALTH_OUT = {
    .name = "Health", .size = sizeof(struct health_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct health_out, status), .type = DW_STRING, .flags = DW_REQUIRED, .example = "ok" },
        { 0 } },
};

static const struct dw_model READINESS_CHECKS = {
    .name = "ReadinessChecks", .size = sizeof(struct readiness_checks),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct readiness_checks, database), .type = DW_STRING, .flags = DW_REQUIRED, .example = "ok" },
        { DW_FIELD(struct readiness_checks, writes), .type = DW_STRING, .flags = DW_REQUIRED, .example = "ok" },
        { DW_FIELD(struct readiness_checks, keys), .type = DW_STRING, .flags = DW_REQUIRED, .example = "ok" },
        { DW_FIELD(struct readiness_checks, redis), .type = DW_STRING, .flags = DW_REQUIRED,
          .example = "not configured" },
        { DW_FIELD(struct readiness_checks, channel), .type = DW_STRING, .flags = DW_REQUIRED,
          .example = "not configured" },
        { 0 } },
};

const struct dw_model READINESS_OUT = {
    .name = "Readiness", .size = sizeof(struct readiness_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct readiness_out, status), .type = DW_STRING, .flags = DW_REQUIRED, .example = "ready" },
        { DW_FIELD(struct readiness_out, detail), .type = DW_STRING, .flags = DW_NULLABLE },
        { DW_FIELD(struct readiness_out, checks), .type = DW_OBJECT, .model = &READINESS_CHECKS },
        { 0 } },
};

const struct dw_model METADATA = {
    .name = "AuthorizationServerMetadata", .description = "RFC 8414 §2", .size = sizeof(struct metadata),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct metadata, issuer), .type = DW_STRING, .flags = DW_REQUIRED,
          .example = "https://id.example.com" },
        { DW_FIELD(struct metadata, token_endpoint), .type = DW_STRING, .flags = DW_REQUIRED,
          .example = "https://id.example.com/token" },
        { DW_FIELD(struct metadata, jwks_uri), .type = DW_STRING, .flags = DW_REQUIRED,
          .example = "https://id.example.com/.well-known/jwks.json" },
        { DW_FIELD(struct metadata, scopes_supported), .type = DW_WORDS },
        { DW_FIELD(struct metadata, response_types_supported), .type = DW_WORDS,
          .description = "Empty: there is no authorization endpoint" },
        { DW_FIELD(struct metadata, grant_types_supported), .type = DW_WORDS },
        { DW_FIELD(struct metadata, token_endpoint_auth_methods_supported), .type = DW_WORDS },
        { DW_FIELD(struct metadata, service_documentation), .type = DW_STRING, .flags = DW_REQUIRED,
          .example = "https://id.example.com/docs" },
        { 0 } },
};
