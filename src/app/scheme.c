#include "app/scheme.h"

#include "app/application.h"
#include "app/query.h"
#include "base/encoding.h"

/* token68 = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" (RFC 9110 §11.2, RFC 6750 §2.1). */
static const bool TOKEN68[256] = {
    ['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['-'] = true, ['.'] = true,
    ['_'] = true,         ['~'] = true,         ['+'] = true,         ['/'] = true,
};

static bool is_token68(struct dw_str s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    bool is_fine = true;
    size_t i = 0;

    while (s.len > 0 && p[s.len - 1] == '=')
        s.len--;
    /* Nearly all are fine, and this is done for every request: eight look-ups without a branch between them. */
    for (; i + 8 <= s.len; i += 8)
        is_fine &= TOKEN68[p[i]] & TOKEN68[p[i + 1]] & TOKEN68[p[i + 2]] & TOKEN68[p[i + 3]] & TOKEN68[p[i + 4]] &
                   TOKEN68[p[i + 5]] & TOKEN68[p[i + 6]] & TOKEN68[p[i + 7]];
    for (; i < s.len; i++)
        is_fine &= TOKEN68[p[i]];
    return is_fine && s.len > 0;
}

/* What follows the scheme's name in Authorization; DW_ERR_UNAUTHENTICATED when it is another scheme or nothing. */
static enum dw_err authorization_find(struct dw_request *r, struct dw_str name, struct dw_str *ret_rest)
{
    const struct dw_str header = dw_request_header(r, "Authorization");

    if (header.len <= name.len || !dw_str_eq_nocase(dw_str_n(header.ptr, name.len), name) ||
        header.ptr[name.len] != ' ')
        return DW_ERR_UNAUTHENTICATED;
    size_t start = name.len;
    while (start < header.len && header.ptr[start] == ' ')
        start++;
    if (start == header.len)
        return DW_ERR_UNAUTHENTICATED;
    *ret_rest = dw_str_n(header.ptr + start, header.len - start);
    return DW_OK;
}

static enum dw_err extract_bearer(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    TRY(authorization_find(r, DW_STR("Bearer"), ret_credential));
    return is_token68(*ret_credential) ? DW_OK : DW_ERR_TOKEN_INVALID;
}

/* RFC 7617: base64 of user ":" password in UTF-8, without control characters. */
static enum dw_err extract_basic(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    struct dw_str text;
    size_t size;

    TRY(authorization_find(r, DW_STR("Basic"), &text));
    char *decoded = dw_arena_alloc(r->arena, text.len);
    if (decoded == NULL)
        return DW_ERR_NO_MEMORY;
    if (base64_decode(text, true, decoded, text.len, &size) != DW_OK)
        return DW_ERR_TOKEN_INVALID;
    const struct dw_str credential = dw_str_n(decoded, size);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)decoded[i] < ' ' || decoded[i] == '\x7f')
            return DW_ERR_TOKEN_INVALID;
    if (size == 0 || memchr(decoded, ':', size) == NULL || !dw_str_is_utf8(credential))
        return DW_ERR_TOKEN_INVALID;
    *ret_credential = credential;
    return DW_OK;
}

/* RFC 7616 §3.4: a list of parameters. They are a challenge's answer, which is checked where the challenge was made. */
static enum dw_err extract_digest(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    TRY(authorization_find(r, DW_STR("Digest"), ret_credential));
    for (size_t i = 0; i < ret_credential->len; i++)
        if ((unsigned char)ret_credential->ptr[i] < ' ' || ret_credential->ptr[i] == '\x7f')
            return DW_ERR_TOKEN_INVALID;
    return DW_OK;
}

static enum dw_err present(struct dw_str value, struct dw_str *ret_credential)
{
    if (value.len == 0)
        return DW_ERR_UNAUTHENTICATED;
    *ret_credential = value;
    return DW_OK;
}

/* Sent twice, two readers could take two different keys. */
static enum dw_err extract_header(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    const struct dw_str name = dw_str(scheme->parameter);
    struct dw_str value = { NULL, 0 };

    for (unsigned i = 0; i < r->n_headers; i++) {
        if (!dw_str_eq_nocase(r->headers[i].name, name))
            continue;
        if (!dw_str_is_absent(value))
            return DW_ERR_TOKEN_INVALID;
        value = r->headers[i].value;
    }
    return present(value, ret_credential);
}

static enum dw_err extract_cookie(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    return present(dw_request_cookie(r, scheme->parameter), ret_credential);
}

static enum dw_err extract_query(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    struct dw_str value;

    if (query_find(r->arena, dw_request_query(r), dw_str(scheme->parameter), &value) != DW_OK)
        return DW_ERR_TOKEN_INVALID;
    return present(value, ret_credential);
}

/* --- the table -------------------------------------------------------------------------------------------------- */

/* clang-format off */
static const struct scheme_kind KINDS[] = {
    [DW_SCHEME_OAUTH2_PASSWORD] = { extract_bearer, CHALLENGE_BEARER,  "oauth2", NULL,     NULL,     "password" },
    [DW_SCHEME_HTTP_BEARER]     = { extract_bearer, CHALLENGE_BEARER,  "http",   "bearer", NULL,     NULL },
    [DW_SCHEME_HTTP_BASIC]      = { extract_basic,  CHALLENGE_BASIC,   "http",   "basic",  NULL,     NULL },
    [DW_SCHEME_API_KEY_HEADER]  = { extract_header, CHALLENGE_API_KEY, "apiKey", NULL,     "header", NULL },
    [DW_SCHEME_API_KEY_QUERY]   = { extract_query,  CHALLENGE_API_KEY, "apiKey", NULL,     "query",  NULL },
    [DW_SCHEME_API_KEY_COOKIE]  = { extract_cookie, CHALLENGE_API_KEY, "apiKey", NULL,     "cookie", NULL },
    [DW_SCHEME_HTTP_DIGEST]     = { extract_digest, CHALLENGE_DIGEST,  "http",   "digest", NULL,     NULL },
    [DW_SCHEME_OPENID_CONNECT]  = { extract_bearer, CHALLENGE_BEARER,  "openIdConnect", NULL, NULL,  NULL },
    [DW_SCHEME_OAUTH2_AUTHORIZATION_CODE] =
        { extract_bearer, CHALLENGE_BEARER, "oauth2", NULL, NULL, "authorizationCode" },
};
/* clang-format on */

const struct scheme_kind *scheme_kind(const struct dw_scheme *scheme)
{
    const bool is_one = scheme->kind >= DW_SCHEME_OAUTH2_PASSWORD && scheme->kind < ARRAY_SIZE(KINDS);

    return is_one ? &KINDS[scheme->kind] : NULL;
}

bool scheme_has_scopes(const struct dw_scheme *scheme)
{
    const struct scheme_kind *kind = scheme_kind(scheme);

    return kind != NULL && (kind->flow != NULL || scheme->kind == DW_SCHEME_OPENID_CONNECT);
}

static bool is_printable(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == '\x7f')
            return false;
    return true;
}

static enum dw_err url_check(const struct dw_scheme *scheme, const char *url, const char *member, struct problem *p)
{
    if (url == NULL || url[0] == '\0')
        return problem_say(p, "security scheme %s: %s is missing", scheme->name, member);
    return DW_OK;
}

enum dw_err scheme_check(const struct dw_scheme *scheme, struct problem *p)
{
    const struct scheme_kind *kind = scheme_kind(scheme);

    if (scheme->name == NULL || scheme->name[0] == '\0')
        return problem_say(p, "a security scheme without a name");
    if (!model_is_component_name(scheme->name))
        return problem_say(p, "security scheme %s: its name holds other than A-Z a-z 0-9 . _ -", scheme->name);
    if (kind == NULL)
        return problem_say(p, "security scheme %s: unknown kind", scheme->name);
    if (kind->in != NULL && (scheme->parameter == NULL || scheme->parameter[0] == '\0'))
        return problem_say(p, "security scheme %s: the parameter's name is missing", scheme->name);
    if (kind->in != NULL && scheme->kind != DW_SCHEME_API_KEY_QUERY && !http_is_token(dw_str(scheme->parameter)))
        return problem_say(p, "security scheme %s: %s is no name of a %s", scheme->name, scheme->parameter, kind->in);
    if (scheme->realm != NULL && !is_printable(scheme->realm))
        return problem_say(p, "security scheme %s: a control character in its realm", scheme->name);
    if (kind->flow != NULL)
        TRY(url_check(scheme, scheme->token_url, "token_url", p));
    if (scheme->kind == DW_SCHEME_OAUTH2_AUTHORIZATION_CODE)
        TRY(url_check(scheme, scheme->authorization_url, "authorization_url", p));
    if (scheme->kind == DW_SCHEME_OPENID_CONNECT)
        TRY(url_check(scheme, scheme->openid_url, "openid_url", p));
    return DW_OK;
}

/* --- public ----------------------------------------------------------------------------------------------------- */

static bool scheme_is_sane(const struct dw_scheme *scheme)
{
    return scheme_kind(scheme) != NULL && (scheme_kind(scheme)->in == NULL || scheme->parameter != NULL);
}

enum dw_err dw_scheme_extract(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str *ret_credential)
{
    struct dw_str credential = { NULL, 0 };

    if (r == NULL || scheme == NULL || ret_credential == NULL || !scheme_is_sane(scheme))
        return DW_ERR_ARGUMENT;
    const enum dw_err err = scheme_kind(scheme)->extract(r, scheme, &credential);
    struct app_state *s = app_state(r);
    /* The challenge of a 401 speaks of the scheme that was used, else of the first one that was asked for. */
    if (s != NULL && err != DW_ERR_UNAUTHENTICATED && !s->is_credential_sent) {
        s->is_credential_sent = true;
        s->scheme = scheme;
    } else if (s != NULL && s->scheme == NULL) {
        s->scheme = scheme;
    }
    if (err == DW_OK)
        *ret_credential = credential;
    return err;
}

/* --- as dependencies -------------------------------------------------------------------------------------------- */

enum dw_err scheme_find(struct dw_request *r, const struct dw_scheme *const *schemes, struct dw_credential *ret_found)
{
    struct dw_str value;

    for (; *schemes != NULL; schemes++) {
        const enum dw_err err = dw_scheme_extract(r, *schemes, &value);
        if (err == DW_OK)
            *ret_found = (struct dw_credential){ *schemes, value };
        if (err != DW_ERR_UNAUTHENTICATED)
            return err;
    }
    return DW_ERR_UNAUTHENTICATED;
}

enum dw_err dw_resolve_credential(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    if (r == NULL || self == NULL || self->schemes == NULL || self->size != sizeof(struct dw_credential) ||
        ret_value == NULL)
        return DW_ERR_ARGUMENT;
    return scheme_find(r, self->schemes, ret_value);
}

enum dw_err dw_resolve_credential_optional(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    const struct dw_scheme *asked_before = r == NULL || r->state == NULL ? NULL : app_state(r)->scheme;
    const enum dw_err err = dw_resolve_credential(r, self, ret_value);

    if (err != DW_ERR_UNAUTHENTICATED)
        return err;
    app_state(r)->scheme = asked_before; /* a challenge does not ask for what was not needed */
    return DW_OK;
}
