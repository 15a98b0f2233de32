#include "app/auth/auth.h"

enum {
    AUTH_ARENA_LIMIT = 1 << 20,
    LEEWAY_MAX_S = 300,
    ACCESS_TTL_S = 900,
    KEYS_MAX_AGE_S = 3600,
};

#define ALGS_ASYMMETRIC                                                                                                \
    (DW_ALG_SET_ALL & ~(DW_ALG_BIT(DW_ALG_HS256) | DW_ALG_BIT(DW_ALG_HS384) | DW_ALG_BIT(DW_ALG_HS512)))

/* --- copies ----------------------------------------------------------------------------------------------------- */

static enum dw_err text_copy(struct dw_arena *arena, const char **text)
{
    if (*text == NULL)
        return DW_OK;
    *text = dw_arena_copy(arena, dw_str(*text)).ptr;
    return *text == NULL ? DW_ERR_NO_MEMORY : DW_OK;
}

static enum dw_err texts_copy(struct dw_auth *auth)
{
    struct dw_auth_config *c = &auth->config;
    const char **const texts[] = { &c->jwks_file, &c->jwks_url,    &c->issuer,      &c->audience,
                                   &c->type,      &c->scheme_name, &c->description, &c->token_url };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        TRY(text_copy(auth->arena, texts[i]));
    return DW_OK;
}

/* --- checks ----------------------------------------------------------------------------------------------------- */

static enum dw_err key_sources_check(const struct dw_auth_config *c, struct problem *p)
{
    const int n = (c->secret.len > 0) + (c->key != NULL) + (c->keys != NULL) + (c->jwks_file != NULL) +
                  (c->jwks_url != NULL);

    if (n == 0)
        return problem_say(p, "no key: give .secret, .key, .keys, .jwks_file or .jwks_url");
    if (n > 1)
        return problem_say(p, "more than one of .secret, .key, .keys, .jwks_file and .jwks_url");
    if (c->key != NULL && dw_key_alg(c->key) == DW_ALG_NONE_GIVEN)
        return problem_say(p, ".key is not pinned to an algorithm");
    if (c->keys != NULL && dw_keyset_size(c->keys) == 0)
        return problem_say(p, ".keys is empty");
    return DW_OK;
}

static bool is_loopback(struct dw_str origin)
{
    static const struct dw_str HOSTS[] = { DW_STR_INIT("http://localhost"), DW_STR_INIT("http://127.0.0.1"),
                                           DW_STR_INIT("http://[::1]") };

    for (size_t i = 0; i < ARRAY_SIZE(HOSTS); i++)
        if (dw_str_starts_with(origin, HOSTS[i]) &&
            (origin.len == HOSTS[i].len || origin.ptr[HOSTS[i].len] == ':'))
            return true;
    return false;
}

/* Who can change the keys on their way can sign in as anyone. */
static enum dw_err url_check(const struct dw_auth *auth, struct problem *p)
{
    const struct dw_auth_config *c = &auth->config;
    struct dw_str origin;

    if (c->jwks_url == NULL)
        return DW_OK;
    if (dw_origin_of_url(dw_str(c->jwks_url), auth->arena, &origin) != DW_OK ||
        memchr(origin.ptr, '@', origin.len) != NULL)
        return problem_say(p, ".jwks_url is no http or https URL");
    if (dw_str_starts_with(origin, DW_STR("http:")) && !c->allow_plain_http && !is_loopback(origin))
        return problem_say(p, ".jwks_url is not https: with .allow_plain_http it may be");
    return DW_OK;
}

static enum dw_err numbers_check(const struct dw_auth_config *c, struct problem *p)
{
    if (c->leeway_s < 0 || c->leeway_s > LEEWAY_MAX_S)
        return problem_say(p, ".leeway_s is none of 0 to %d", LEEWAY_MAX_S);
    if (c->access_ttl_s < 0)
        return problem_say(p, ".access_ttl_s is negative");
    if (c->keys_max_age_s < 0)
        return problem_say(p, ".keys_max_age_s is negative");
    return DW_OK;
}

/* --- making ----------------------------------------------------------------------------------------------------- */

static enum dw_err secret_key_make(struct dw_auth *auth, struct problem *p)
{
    const enum dw_alg alg = auth->config.secret_alg == DW_ALG_NONE_GIVEN ? DW_ALG_HS256 : auth->config.secret_alg;
    _cleanup_secret_ struct dw_secret octets = { 0 };

    TRY(dw_secret_copy(auth->config.secret, &octets));
    const enum dw_err err = dw_key_from_octets(&octets, alg, &auth->own_key);
    auth->config.secret = dw_str_n(NULL, 0);
    auth->key = auth->own_key;
    if (err == DW_ERR_KEY_TOO_WEAK)
        return problem_say(p, ".secret is too short for %s", dw_alg_name(alg));
    return err == DW_OK ? DW_OK : problem_say(p, ".secret can't be a key for .secret_alg");
}

static enum dw_err keys_make(struct dw_auth *auth, struct problem *p)
{
    auth->key = auth->config.key;
    auth->has_source = auth->config.jwks_file != NULL || auth->config.jwks_url != NULL;
    if (auth->config.secret.len > 0)
        return secret_key_make(auth, p);
    if (auth->config.jwks_file == NULL)
        return DW_OK;
    const enum dw_err err = auth_keys_load(auth);
    return err == DW_OK ? DW_OK
                        : problem_say(p, ".jwks_file %s: %s", auth->config.jwks_file, dw_error_info(err)->code);
}

static void rules_make(struct dw_auth *auth)
{
    const struct dw_auth_config *c = &auth->config;

    auth->rules = (struct dw_jwt_rules){
        .algs = auth->key != NULL ? DW_ALG_BIT(dw_key_alg(auth->key)) : c->algs == 0 ? ALGS_ASYMMETRIC : c->algs,
        .leeway_s = c->leeway_s,
        .issuer = dw_str(c->issuer),
        .audience = dw_str(c->audience),
        .type = dw_str(c->type),
    };
}

static void scheme_make(struct dw_auth *auth)
{
    const struct dw_auth_config *c = &auth->config;
    const bool signs_in = c->find_user != NULL;

    auth->scheme = (struct dw_scheme){
        .kind = signs_in ? DW_SCHEME_OAUTH2_PASSWORD : DW_SCHEME_HTTP_BEARER,
        .name = c->scheme_name != NULL ? c->scheme_name : signs_in ? "OAuth2PasswordBearer" : "HTTPBearer",
        .description = c->description,
        .token_url = signs_in ? (c->token_url != NULL ? c->token_url : "token") : NULL,
        .scopes = signs_in ? c->scopes : NULL,
        .bearer_format = "JWT",
    };
    auth->credentials[0] = &auth->scheme;
}

static enum dw_err passwords_make(struct dw_auth *auth)
{
    auth->passwords = auth->config.passwords;
    if (auth->passwords != NULL || auth->config.find_user == NULL)
        return DW_OK;
    TRY(dw_passwords_new(&(struct dw_password_config){ 0 }, &auth->own_passwords));
    auth->passwords = auth->own_passwords;
    return DW_OK;
}

static enum dw_err locks_make(struct dw_auth *auth)
{
    if (pthread_mutex_init(&auth->source.lock, NULL) != 0)
        return DW_ERR_NO_MEMORY;
    if (pthread_mutex_init(&auth->source.loading, NULL) != 0) {
        pthread_mutex_destroy(&auth->source.lock);
        return DW_ERR_NO_MEMORY;
    }
    auth->has_locks = true;
    return DW_OK;
}

static enum dw_err auth_make(struct dw_auth *auth, struct problem *p)
{
    struct dw_auth_config *c = &auth->config;

    TRY(key_sources_check(c, p));
    TRY(numbers_check(c, p));
    c->access_ttl_s = c->access_ttl_s == 0 ? ACCESS_TTL_S : c->access_ttl_s;
    c->keys_max_age_s = c->keys_max_age_s == 0 ? KEYS_MAX_AGE_S : c->keys_max_age_s;
    TRY(locks_make(auth));
    TRY(dw_arena_new(AUTH_ARENA_LIMIT, &auth->arena));
    TRY(texts_copy(auth));
    TRY(url_check(auth, p));
    TRY(keys_make(auth, p));
    rules_make(auth);
    scheme_make(auth);
    return passwords_make(auth);
}

enum dw_err dw_auth_new(const struct dw_auth_config *config, struct dw_auth **ret_auth,
                        char ret_problem[DW_PROBLEM_SIZE])
{
    struct problem p = { "" };
    enum dw_err err = DW_ERR_NO_MEMORY;

    if (config == NULL || ret_auth == NULL)
        return DW_ERR_ARGUMENT;
    _cleanup_(dw_auth_free) struct dw_auth *auth = calloc(1, sizeof(*auth));
    if (auth != NULL) {
        auth->config = *config;
        err = auth_make(auth, &p);
    }
    if (err == DW_OK)
        *ret_auth = TAKE_PTR(auth);
    else if (ret_problem != NULL)
        snprintf(ret_problem, DW_PROBLEM_SIZE, "%s", p.text[0] == '\0' ? dw_error_info(err)->code : p.text);
    return err;
}

void dw_auth_free(struct dw_auth **auth)
{
    if (auth == NULL || *auth == NULL)
        return;
    struct dw_auth *a = *auth;
    if (a->has_locks) {
        auth_source_free(a);
        pthread_mutex_destroy(&a->source.lock);
        pthread_mutex_destroy(&a->source.loading);
    }
    dw_key_free(&a->own_key);
    dw_passwords_free(&a->own_passwords);
    dw_arena_free(&a->arena);
    free(a);
    *auth = NULL;
}

struct dw_passwords *dw_auth_passwords(const struct dw_auth *auth)
{
    return auth == NULL ? NULL : auth->passwords;
}

const struct dw_scheme *dw_auth_scheme(const struct dw_auth *auth)
{
    return auth == NULL ? NULL : &auth->scheme;
}
