#include "jose/claims.h"

enum { CLAIMS_DEPTH = JSON_DEPTH_DEFAULT, LEEWAY_MAX_S = 300, ABSENT_S = -1 };

/* The largest integer that every JSON reader holds exactly (RFC 8259 §6). */
#define NUMERIC_DATE_MAX 9007199254740991

enum claim_kind { CLAIM_TEXT, CLAIM_DATE, CLAIM_AUDIENCE };

/* The registered claims (RFC 7519 §4.1): their type and where they go. */
static const struct registered {
    char name[4];
    enum claim_kind kind;
    size_t offset;
} REGISTERED[] = {
    { "iss", CLAIM_TEXT, offsetof(struct dw_claims, issuer) },
    { "sub", CLAIM_TEXT, offsetof(struct dw_claims, subject) },
    { "jti", CLAIM_TEXT, offsetof(struct dw_claims, id) },
    { "exp", CLAIM_DATE, offsetof(struct dw_claims, expires_s) },
    { "nbf", CLAIM_DATE, offsetof(struct dw_claims, not_before_s) },
    { "iat", CLAIM_DATE, offsetof(struct dw_claims, issued_s) },
    { "aud", CLAIM_AUDIENCE, 0 },
};

/* --- reading --- */

/* RFC 7519 §2: seconds, a fraction is allowed (and dropped). */
static bool read_date(yyjson_val *value, int64_t *ret_date)
{
    if (yyjson_is_uint(value) && yyjson_get_uint(value) <= NUMERIC_DATE_MAX) {
        *ret_date = (int64_t)yyjson_get_uint(value);
        return true;
    }
    const double real = yyjson_is_real(value) ? yyjson_get_real(value) : -1;
    if (!(real >= 0 && real <= (double)NUMERIC_DATE_MAX))
        return false;
    *ret_date = (int64_t)real;
    return true;
}

static bool is_audience(yyjson_val *value)
{
    size_t i, n;
    yyjson_val *item;

    if (yyjson_is_str(value))
        return true;
    if (!yyjson_is_arr(value))
        return false;
    yyjson_arr_foreach(value, i, n, item)
        if (!yyjson_is_str(item))
            return false;
    return true;
}

static bool read_claim(const struct registered *row, yyjson_val *value, struct dw_claims *claims)
{
    void *place = (char *)claims + row->offset;

    switch (row->kind) {
    case CLAIM_TEXT:
        *(struct dw_str *)place = json_str(value);
        return yyjson_is_str(value);
    case CLAIM_DATE:
        return read_date(value, place);
    case CLAIM_AUDIENCE:
        break;
    }
    return is_audience(value);
}

enum dw_err claims_read(struct dw_arena *arena, struct dw_claims *ret_claims)
{
    yyjson_val *root = NULL, *name, *value;
    bool good = true;
    size_t i, n;

    ret_claims->expires_s = ret_claims->not_before_s = ret_claims->issued_s = ABSENT_S;
    const enum dw_err err = json_parse(arena, ret_claims->json, CLAIMS_DEPTH, &root, NULL);
    if (err != DW_OK || !yyjson_is_obj(root))
        return err == DW_ERR_NO_MEMORY ? err : DW_ERR_TOKEN_CLAIM;
    ret_claims->parsed = root;
    yyjson_obj_foreach(root, i, n, name, value) {
        if (yyjson_get_len(name) != sizeof REGISTERED[0].name - 1)
            continue;
        for (size_t row = 0; row < ARRAY_SIZE(REGISTERED); row++)
            if (memcmp(yyjson_get_str(name), REGISTERED[row].name, sizeof REGISTERED[0].name - 1) == 0)
                good = read_claim(&REGISTERED[row], value, ret_claims) && good;
    }
    return good ? DW_OK : DW_ERR_TOKEN_CLAIM;
}

/* --- rules --- */

static enum dw_err check_times(const struct dw_claims *claims, const struct dw_jwt_rules *rules)
{
    const int64_t now_s = rules->now_s != 0 ? rules->now_s : dw_clock_now_s();
    const int64_t leeway_s = rules->leeway_s;

    if (leeway_s < 0 || leeway_s > LEEWAY_MAX_S)
        return DW_ERR_ARGUMENT;
    if (claims->expires_s == ABSENT_S && !rules->allow_no_expiry)
        return DW_ERR_TOKEN_CLAIM;
    if (claims->expires_s != ABSENT_S && now_s - leeway_s >= claims->expires_s) /* "on or after": §4.1.4 */
        return DW_ERR_TOKEN_EXPIRED;
    if (claims->not_before_s != ABSENT_S && now_s + leeway_s < claims->not_before_s)
        return DW_ERR_TOKEN_NOT_YET;
    if (claims->issued_s != ABSENT_S && now_s + leeway_s < claims->issued_s)
        return DW_ERR_TOKEN_NOT_YET;
    return DW_OK;
}

static bool has_audience(yyjson_val *aud, struct dw_str audience)
{
    size_t i, n;
    yyjson_val *item;

    if (yyjson_is_str(aud))
        return dw_str_eq(json_str(aud), audience);
    yyjson_arr_foreach(aud, i, n, item)
        if (dw_str_eq(json_str(item), audience))
            return true;
    return false;
}

/* RFC 7515 §4.1.9: a type without a slash stands for "application/" and itself. */
static struct dw_str short_type(struct dw_str typ)
{
    static const struct dw_str prefix = DW_STR_INIT("application/");

    if (typ.len <= prefix.len || !dw_str_eq_nocase(dw_str_n(typ.ptr, prefix.len), prefix))
        return typ;
    const struct dw_str rest = dw_str_n(typ.ptr + prefix.len, typ.len - prefix.len);
    return memchr(rest.ptr, '/', rest.len) == NULL ? rest : typ;
}

static enum dw_err check_required(yyjson_val *root, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++) {
        yyjson_val *value = json_get(root, *names);
        if (value == NULL || yyjson_is_null(value))
            return DW_ERR_TOKEN_CLAIM;
    }
    return DW_OK;
}

enum dw_err claims_check(const struct dw_claims *claims, struct dw_str typ, const struct dw_jwt_rules *rules)
{
    yyjson_val *root = (yyjson_val *)(uintptr_t)claims->parsed;

    TRY(check_times(claims, rules));
    if (!dw_str_is_absent(rules->type) &&
        (dw_str_is_absent(typ) || !dw_str_eq_nocase(short_type(rules->type), short_type(typ))))
        return DW_ERR_TOKEN_TYPE;
    if (!dw_str_is_absent(rules->issuer) &&
        (dw_str_is_absent(claims->issuer) || !dw_str_eq(rules->issuer, claims->issuer)))
        return DW_ERR_TOKEN_ISSUER;
    if (!dw_str_is_absent(rules->audience) && !has_audience(json_get(root, "aud"), rules->audience))
        return DW_ERR_TOKEN_AUDIENCE;
    if (!dw_str_is_absent(rules->subject) &&
        (dw_str_is_absent(claims->subject) || !dw_str_eq(rules->subject, claims->subject)))
        return DW_ERR_TOKEN_SUBJECT;
    return check_required(root, rules->require);
}

/* --- the sign-in --- */

int64_t claims_authenticated_s(const struct dw_claims *claims)
{
    int64_t at_s;

    return read_date(json_get((yyjson_val *)(uintptr_t)claims->parsed, "auth_time"), &at_s) ? at_s : 0;
}

int64_t claims_mfa_s(const struct dw_claims *claims)
{
    yyjson_val *methods = json_get((yyjson_val *)(uintptr_t)claims->parsed, "amr"), *method;
    size_t i, n;

    yyjson_arr_foreach(methods, i, n, method)
        if (dw_str_eq(json_str(method), DW_STR("mfa")))
            return claims_authenticated_s(claims);
    return 0;
}

/* --- access by name --- */

static yyjson_val *claim(const struct dw_claims *claims, const char *name)
{
    return claims == NULL ? NULL : json_get((yyjson_val *)(uintptr_t)claims->parsed, name);
}

struct dw_str dw_claim_str(const struct dw_claims *claims, const char *name)
{
    return json_str(claim(claims, name));
}

int64_t dw_claim_int(const struct dw_claims *claims, const char *name, int64_t fallback)
{
    if (claims == NULL)
        return fallback;
    return json_get_int((yyjson_val *)(uintptr_t)claims->parsed, name, fallback);
}

struct dw_str dw_claim_item(const struct dw_claims *claims, const char *name, size_t index)
{
    return json_str(yyjson_arr_get(claim(claims, name), index));
}
