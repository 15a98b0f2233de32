#include "app/application.h"
#include "app/scheme.h"

/*
 * WWW-Authenticate (RFC 9110 §11.6.1, RFC 6750 §3, RFC 7617 §2, RFC 9470 §3): made from the error, the scheme that was
 * used or asked for, and the scopes on the path.
 */

static struct dw_str scopes_of(const struct app_state *s)
{
    if (s == NULL)
        return dw_str_n(NULL, 0);
    if (!dw_str_is_absent(s->challenge_scope) || s->failed == NULL)
        return s->challenge_scope;
    return s->failed->scopes;
}

/* What RFC 6750 §3.1 calls it; NULL when nothing was sent. */
static const char *error_of(const struct app_state *s, enum dw_err err)
{
    const char *oauth = dw_error_info(err)->oauth;

    if (err == DW_ERR_SCOPE || err == DW_ERR_SIGN_IN_STALE || err == DW_ERR_MFA_STALE)
        return oauth;
    if (oauth != NULL && (strcmp(oauth, "invalid_token") == 0 || strcmp(oauth, "invalid_grant") == 0))
        return "invalid_token";
    return s != NULL && s->is_credential_sent ? "invalid_token" : NULL;
}

static void bearer_write(const struct app_state *s, enum dw_err err, struct buffer *b)
{
    const struct dw_str scopes = scopes_of(s);
    const char *error = error_of(s, err);
    const char *separator = " ";

    buffer_append_literal(b, "Bearer");
    if (scopes.len > 0) {
        buffer_printf(b, "%sscope=\"%.*s\"", separator, (int)scopes.len, scopes.ptr);
        separator = ", ";
    }
    if (error != NULL)
        buffer_printf(b, "%serror=\"%s\"", separator, error);
    if (s != NULL && s->challenge_max_age_s > 0 && (err == DW_ERR_SIGN_IN_STALE || err == DW_ERR_MFA_STALE))
        buffer_printf(b, ", max_age=\"%lld\"", (long long)s->challenge_max_age_s);
}

/* A quoted-string (RFC 9110 §5.6.4). */
static void realm_write(const char *realm, struct buffer *b)
{
    buffer_append_literal(b, " realm=\"");
    for (const char *c = realm; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            buffer_append_char(b, '\\');
        buffer_append_char(b, *c);
    }
    buffer_append_char(b, '"');
}

static void basic_write(const char *realm, struct buffer *b)
{
    buffer_append_literal(b, "Basic");
    realm_write(realm, b);
    buffer_append_literal(b, ", charset=\"UTF-8\"");
}

/* A declaration has no nonce to give: who verifies digests makes the whole challenge (dw_challenge()). */
static void digest_write(const char *realm, struct buffer *b)
{
    buffer_append_literal(b, "Digest");
    if (realm != NULL)
        realm_write(realm, b);
}

static void scheme_challenge_write(const struct app_state *s, const struct dw_scheme *scheme, enum dw_err err,
                                   struct buffer *b)
{
    switch (scheme == NULL ? CHALLENGE_BEARER : scheme_kind(scheme)->challenge) {
    case CHALLENGE_BEARER:
        bearer_write(s, err, b);
        break;
    case CHALLENGE_BASIC:
        basic_write(scheme->realm == NULL ? "" : scheme->realm, b);
        break;
    case CHALLENGE_DIGEST:
        digest_write(scheme->realm, b);
        break;
    case CHALLENGE_API_KEY:
        buffer_append_literal(b, "APIKey");
        break;
    }
}

static void value_write(const struct app_state *s, enum dw_err err, struct buffer *b)
{
    const struct dw_scheme *scheme = s == NULL ? NULL : s->scheme;

    if (scheme == NULL && s != NULL && s->app->config.credentials != NULL)
        scheme = s->app->config.credentials[0];
    if (s != NULL && !dw_str_is_absent(s->challenge))
        buffer_append(b, s->challenge);
    else if (err == DW_ERR_CLIENT)
        basic_write("clients", b); /* RFC 6749 §5.2: the scheme that a client would have used */
    else
        scheme_challenge_write(s, scheme, err, b);
}

void challenge_write(struct dw_request *r, enum dw_err err)
{
    enum { CHALLENGE_MAX = 2048, STATUS_UNAUTHORIZED = 401, STATUS_FORBIDDEN = 403 };
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(CHALLENGE_MAX);
    const struct app_state *s = app_state(r);
    const int status = dw_error_info(err)->status;
    const bool is_set = s != NULL && !dw_str_is_absent(s->challenge);

    if (status != STATUS_UNAUTHORIZED && !(status == STATUS_FORBIDDEN && (err == DW_ERR_SCOPE || is_set)))
        return;
    value_write(s, err, &b);
    if (buffer_error(&b) == DW_OK)
        dw_answer_header(r, "WWW-Authenticate", buffer_str(&b));
    else
        dw_answer_header(r, "WWW-Authenticate", DW_STR("Bearer"));
}
