#include "app/application.h"
#include "app/auth/auth.h"
#include "base/log.h"

/* --- the form and its answer ------------------------------------------------------------------------------------ */

#define FORM(member) DW_FIELD(struct dw_password_form, member)

enum { NAME_MAX_CHARACTERS = 254, SCOPE_MAX_CHARACTERS = 2048, PASSWORD_MAX_CHARACTERS = 4096 };

#define FORM_MEMBERS                                                                                                   \
    { FORM(username), .type = DW_STRING, .flags = DW_REQUIRED, .max = NAME_MAX_CHARACTERS },                           \
    { FORM(password), .type = DW_SECRET, .flags = DW_REQUIRED, .max = PASSWORD_MAX_CHARACTERS },                       \
    { FORM(scope), .type = DW_STRING, .max = SCOPE_MAX_CHARACTERS, .fallback = "", .description = "Space-separated" }, \
    { FORM(client_id), .type = DW_STRING, .max = NAME_MAX_CHARACTERS },                                                \
    { FORM(client_secret), .type = DW_SECRET, .max = PASSWORD_MAX_CHARACTERS },                                        \
    { 0 }

static const struct dw_field FORM_FIELDS[] = {
    { FORM(grant_type), .type = DW_STRING, .pattern = "password" },
    FORM_MEMBERS,
};

static const struct dw_field STRICT_FORM_FIELDS[] = {
    { FORM(grant_type), .type = DW_STRING, .flags = DW_REQUIRED, .pattern = "password" },
    FORM_MEMBERS,
};

const struct dw_model DW_OAUTH2_PASSWORD_FORM = {
    .name = "OAuth2PasswordForm",
    .description = "RFC 6749, section 4.3.2",
    .size = sizeof(struct dw_password_form),
    .fields = FORM_FIELDS,
};

const struct dw_model DW_OAUTH2_PASSWORD_FORM_STRICT = {
    .name = "OAuth2PasswordFormStrict",
    .description = "RFC 6749, section 4.3.2",
    .size = sizeof(struct dw_password_form),
    .fields = STRICT_FORM_FIELDS,
};

#define ANSWER(member) DW_FIELD(struct dw_token_answer, member)

static const struct dw_field ANSWER_FIELDS[] = {
    { ANSWER(access_token), .type = DW_STRING, .flags = DW_REQUIRED },
    { ANSWER(token_type), .type = DW_STRING, .flags = DW_REQUIRED, .example = "bearer" },
    { ANSWER(expires_in), .type = DW_INT, .flags = DW_REQUIRED, .description = "Seconds" },
    { ANSWER(refresh_token), .type = DW_STRING, .flags = DW_OMIT_ABSENT },
    { ANSWER(scope), .type = DW_STRING, .flags = DW_OMIT_ABSENT, .description = "Space-separated" },
    { 0 },
};

const struct dw_model DW_TOKEN_ANSWER = {
    .name = "TokenAnswer",
    .description = "RFC 6749, section 5.1",
    .size = sizeof(struct dw_token_answer),
    .fields = ANSWER_FIELDS,
};

/* --- who signs in ----------------------------------------------------------------------------------------------- */

/* A stored hash that can't be read is a fault of the store: told in the log, and not to the caller, who would learn
 * from it that there is such a user. */
static enum dw_err password_check(const struct dw_auth *auth, struct dw_request *r, const struct dw_user *user,
                                  const struct dw_secret *password, bool *ret_needs_rehash)
{
    bool matches = false;
    const enum dw_err err =
        dw_password_verify(auth->passwords, user->password_hash, password, &matches, ret_needs_rehash);

    if (err == DW_ERR_PASSWORD_FORMAT) {
        log_event(LOG_ERROR, "password_hash_unreadable",     LOG_STR("user", user->username));
        dw_password_verify_dummy(auth->passwords, password);
        return DW_ERR_SIGN_IN;
    }
    TRY(err);
    return matches ? DW_OK : DW_ERR_SIGN_IN;
}

static void hash_renew(const struct dw_auth *auth, struct dw_request *r, const struct dw_user *user,
                       const struct dw_secret *password)
{
    char encoded[DW_PASSWORD_ENCODED_MAX];

    if (auth->config.store_hash == NULL || dw_password_hash(auth->passwords, password, encoded) != DW_OK)
        return;
    const enum dw_err err = auth->config.store_hash(r, user, dw_str(encoded));
    if (err != DW_OK)
        log_event(LOG_WARNING, "password_hash_not_renewed", LOG_ERR(err));
}

enum dw_err dw_auth_sign_in(struct dw_auth *auth, struct dw_request *r, struct dw_str username, struct dw_str password,
                            struct dw_user *ret_user)
{
    _cleanup_secret_ struct dw_secret secret = { 0 };
    struct dw_user user = { 0 };
    bool needs_rehash = false;

    if (auth == NULL || r == NULL || ret_user == NULL || auth->config.find_user == NULL)
        return DW_ERR_ARGUMENT;
    if (!dw_request_may_hash(r))
        return DW_ERR_WOULD_BLOCK;
    TRY(dw_secret_copy(dw_str_n(password.ptr == NULL ? "" : password.ptr, password.len), &secret));
    const enum dw_err err = auth->config.find_user(r, username, &user);
    if (err != DW_OK && err != DW_ERR_NOT_FOUND)
        return err;
    if (err == DW_ERR_NOT_FOUND || user.password_hash.len == 0) {
        dw_password_verify_dummy(auth->passwords, &secret);
        return DW_ERR_SIGN_IN;
    }
    TRY(password_check(auth, r, &user, &secret, &needs_rehash));
    if (user.is_inactive)
        return DW_ERR_USER_INACTIVE;
    if (needs_rehash)
        hash_renew(auth, r, &user, &secret);
    *ret_user = user;
    return DW_OK;
}

/* --- what is granted -------------------------------------------------------------------------------------------- */

/* scope-token (RFC 6749 §3.3). */
static bool is_scope_list(struct dw_str scope)
{
    for (size_t i = 0; i < scope.len; i++)
        if (scope.ptr[i] < ' ' || scope.ptr[i] > '~' || scope.ptr[i] == '"' || scope.ptr[i] == '\\')
            return false;
    return true;
}

/* Those words of `asked` that `permitted` has, once each. */
static enum dw_err scope_intersect(struct dw_arena *arena, struct dw_str asked, struct dw_str permitted,
                                   struct dw_str *ret_scope)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(4 * SCOPE_MAX_CHARACTERS);

    for (size_t start = 0, end; start < asked.len; start = end + 1) {
        for (end = start; end < asked.len && asked.ptr[end] != ' ';)
            end++;
        const struct dw_str word = dw_str_n(asked.ptr + start, end - start);
        if (word.len == 0 || !dw_str_list_has(permitted, word) || (b.len > 0 && dw_str_list_has(buffer_str(&b), word)))
            continue;
        if (b.len > 0)
            buffer_append_char(&b, ' ');
        buffer_append(&b, word);
    }
    TRY(buffer_error(&b));
    *ret_scope = b.len == 0 ? DW_STR("") : dw_arena_copy(arena, buffer_str(&b));
    return dw_str_is_absent(*ret_scope) ? DW_ERR_NO_MEMORY : DW_OK;
}

enum dw_err dw_auth_grant(struct dw_auth *auth, struct dw_request *r, const struct dw_user *user, struct dw_str scope,
                          struct dw_token_answer *ret_answer)
{
    struct dw_str granted = { NULL, 0 }, token;

    if (auth == NULL || r == NULL || user == NULL || ret_answer == NULL)
        return DW_ERR_ARGUMENT;
    if (!is_scope_list(scope))
        return DW_ERR_SCOPE_UNKNOWN;
    if (scope.len > 0)
        TRY(scope_intersect(r->arena, scope, user->permissions, &granted));
    const struct dw_grant grant = {
        .subject = dw_str_is_absent(user->id) ? user->username : user->id,
        .scope = granted,
        .role = user->role,
        .tenant = user->tenant,
        .permissions = user->permissions,
    };
    TRY(dw_auth_token(auth, &grant, r->arena, &token));
    if (token.len > DW_TOKEN_WARN_BYTES)
        log_event(LOG_WARNING, "token_large", LOG_INT("bytes", (int64_t)token.len));
    *ret_answer = (struct dw_token_answer){
        .access_token = token,
        .token_type = DW_STR("bearer"),
        .expires_in = auth->config.access_ttl_s,
        .scope = dw_str_is_absent(granted) ? user->permissions : granted,
    };
    return DW_OK;
}

enum dw_err dw_auth_token_handler(struct dw_request *r, const void *in, void *out)
{
    const struct dw_password_form *form = in;
    struct dw_user user;

    if (r == NULL || r->state == NULL || in == NULL || out == NULL)
        return DW_ERR_ARGUMENT;
    struct dw_auth *auth = app_state(r)->app->config.auth;
    TRY(dw_auth_sign_in(auth, r, form->username, form->password, &user));
    return dw_auth_grant(auth, r, &user, form->scope, out);
}

/* --- registration ----------------------------------------------------------------------------------------------- */

enum dw_err dw_auth_hash_password(struct dw_auth *auth, struct dw_str username, struct dw_str password,
                                  char ret_encoded[DW_PASSWORD_ENCODED_MAX])
{
    _cleanup_secret_ struct dw_secret secret = { 0 };

    if (auth == NULL || auth->passwords == NULL || password.ptr == NULL || ret_encoded == NULL)
        return DW_ERR_ARGUMENT;
    TRY(dw_secret_copy(password, &secret));
    TRY(dw_password_check(&(struct dw_password_policy){ 0 }, &secret, &username, 1));
    return dw_password_hash(auth->passwords, &secret, ret_encoded);
}
