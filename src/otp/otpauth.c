/*
 * otpauth://TYPE/LABEL?PARAMETERS, the "Key URI Format" that authenticator apps agree on. There is no RFC; where apps
 * differ this follows the strict ones: an issuer that stands twice must be the same.
 */
#include <doorward/otp.h>

#include "base/encoding.h"

/* What is within the limits of names and secret can always be written: 3 bytes for one, the issuer twice. */
enum { URI_MAX = 4096, NAME_MAX_BYTES = 255, SECRET_MAX = 512 };
enum { DEFAULT_DIGITS = 6, DEFAULT_PERIOD_S = 30, PERIOD_MAX_S = 86400 };

static const struct {
    enum dw_otp_type type;
    struct dw_str prefix;
} TYPES[] = {
    { DW_OTP_TOTP, DW_STR_INIT("otpauth://totp/") },
    { DW_OTP_HOTP, DW_STR_INIT("otpauth://hotp/") },
};

/* --- building --------------------------------------------------------------------------------------------------- */

static bool is_text(struct dw_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    return dw_str_is_utf8(text);
}

static bool is_name(struct dw_str text)
{
    const bool has_colon = text.len > 0 && memchr(text.ptr, ':', text.len) != NULL;

    return text.len <= NAME_MAX_BYTES && !has_colon && is_text(text);
}

/* The format allows blanks before the account, and an app may drop them: they are no part of it. */
static struct dw_str without_blanks(struct dw_str account)
{
    while (account.len > 0 && account.ptr[0] == ' ')
        account = dw_str_n(account.ptr + 1, account.len - 1);
    return account;
}

/* "Issuer:account" in the label: the issuer comes out of it, and must be the same where it stands twice. */
static enum dw_err split_label(struct dw_otpauth *o)
{
    const char *colon = o->label.len > 0 ? memchr(o->label.ptr, ':', o->label.len) : NULL;
    const size_t issuer_len = colon == NULL ? 0 : (size_t)(colon - o->label.ptr);
    const struct dw_str issuer = dw_str_n(o->label.ptr, issuer_len);

    if (colon != NULL && o->issuer.len > 0 && !dw_str_eq(o->issuer, issuer))
        return DW_ERR_VALIDATION;
    if (issuer.len > 0)
        o->issuer = issuer;
    if (colon != NULL)
        o->label = dw_str_n(colon + 1, o->label.len - issuer.len - 1);
    o->label = without_blanks(o->label);
    return DW_OK;
}

static enum dw_err check(const struct dw_otpauth *o)
{
    const bool is_known = (o->type == DW_OTP_TOTP || o->type == DW_OTP_HOTP) && dw_otp_hash_name(o->hash) != NULL;
    const bool is_bounded = o->digits >= DW_OTP_DIGITS_MIN && o->digits <= DW_OTP_DIGITS_MAX && o->period_s > 0 &&
                            o->period_s <= PERIOD_MAX_S && o->counter <= INT64_MAX;
    const bool is_named = o->label.len > 0 && is_name(o->label) && is_name(o->issuer);

    return is_known && is_bounded && is_named && o->secret.len > 0 && o->secret.len <= SECRET_MAX ? DW_OK
                                                                                                  : DW_ERR_VALIDATION;
}

static void append_uri(struct buffer *b, const struct dw_otpauth *o, struct dw_str secret)
{
    buffer_append(b, TYPES[o->type - 1].prefix);
    if (o->issuer.len > 0) {
        percent_encode_append(b, o->issuer);
        buffer_append_char(b, ':');
    }
    percent_encode_append(b, o->label);
    buffer_append_literal(b, "?secret=");
    buffer_append(b, secret);
    if (o->issuer.len > 0) {
        buffer_append_literal(b, "&issuer=");
        percent_encode_append(b, o->issuer);
    }
    buffer_printf(b, "&algorithm=%s&digits=%u", dw_otp_hash_name(o->hash), o->digits);
    if (o->type == DW_OTP_TOTP)
        buffer_printf(b, "&period=%lld", (long long)o->period_s);
    else
        buffer_printf(b, "&counter=%llu", (unsigned long long)o->counter);
}

enum dw_err dw_otpauth_build(const struct dw_otpauth *otpauth, struct dw_arena *arena, struct dw_str *ret_uri)
{
    if (otpauth == NULL || arena == NULL || ret_uri == NULL)
        return DW_ERR_ARGUMENT;
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(URI_MAX);
    struct dw_otpauth o = *otpauth;

    o.hash = o.hash != 0 ? o.hash : DW_OTP_SHA1;
    o.digits = o.digits != 0 ? o.digits : DEFAULT_DIGITS;
    o.period_s = o.period_s != 0 ? o.period_s : DEFAULT_PERIOD_S;
    TRY(split_label(&o));
    TRY(check(&o));
    const struct dw_str secret = base32_encode_arena(arena, o.secret);

    if (secret.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    append_uri(&b, &o, secret);
    TRY(buffer_error(&b));
    const struct dw_str uri = dw_arena_copy(arena, buffer_str(&b));

    if (uri.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_uri = uri;
    return DW_OK;
}

/* --- parsing ---------------------------------------------------------------------------------------------------- */

struct parsing {
    struct dw_arena *arena;
    struct dw_otpauth o;
    unsigned seen; /* a bit a parameter */
};

static enum dw_err parse_number(struct dw_str text, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;

    for (size_t i = 0; i < text.len; i++) {
        const unsigned digit = (unsigned)(unsigned char)text.ptr[i] - '0';

        if (digit > 9 || number > (max - digit) / 10)
            return DW_ERR_VALIDATION;
        number = number * 10 + digit;
    }
    if (text.len == 0)
        return DW_ERR_VALIDATION;
    *ret_number = number;
    return DW_OK;
}

static enum dw_err read_secret(struct parsing *p, struct dw_str value)
{
    char *upper = dw_arena_alloc(p->arena, value.len + 1);

    if (upper == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; i < value.len; i++) /* some programs write small letters; nothing else differs */
        upper[i] = (char)(value.ptr[i] >= 'a' && value.ptr[i] <= 'z' ? value.ptr[i] - 'a' + 'A' : value.ptr[i]);
    return base32_decode_arena(p->arena, dw_str_n(upper, value.len), &p->o.secret);
}

static enum dw_err read_issuer(struct parsing *p, struct dw_str value)
{
    p->o.issuer = value;
    return DW_OK;
}

static enum dw_err read_algorithm(struct parsing *p, struct dw_str value)
{
    p->o.hash = dw_otp_hash_by_name(value);
    return p->o.hash != 0 ? DW_OK : DW_ERR_VALIDATION;
}

static enum dw_err read_digits(struct parsing *p, struct dw_str value)
{
    uint64_t number;

    TRY(parse_number(value, DW_OTP_DIGITS_MAX, &number));
    p->o.digits = (unsigned)number;
    return DW_OK;
}

static enum dw_err read_period(struct parsing *p, struct dw_str value)
{
    uint64_t number;

    TRY(parse_number(value, PERIOD_MAX_S, &number));
    p->o.period_s = (int64_t)number;
    return DW_OK;
}

static enum dw_err read_counter(struct parsing *p, struct dw_str value)
{
    return parse_number(value, INT64_MAX, &p->o.counter);
}

static const struct {
    const char *name;
    enum dw_err (*read)(struct parsing *p, struct dw_str value);
} PARAMETERS[] = {
    { "secret", read_secret }, { "issuer", read_issuer }, { "algorithm", read_algorithm },
    { "digits", read_digits }, { "period", read_period }, { "counter", read_counter },
};
enum { SEEN_COUNTER = 1 << 5 };

static enum dw_err read_parameter(struct parsing *p, struct dw_str pair)
{
    const char *equals = pair.len > 0 ? memchr(pair.ptr, '=', pair.len) : NULL;
    struct dw_str value;

    if (equals == NULL)
        return DW_ERR_VALIDATION;
    const struct dw_str name = dw_str_n(pair.ptr, (size_t)(equals - pair.ptr));

    TRY(percent_decode_arena(p->arena, dw_str_n(equals + 1, pair.len - name.len - 1), false, &value));
    for (unsigned i = 0; i < ARRAY_SIZE(PARAMETERS); i++) {
        if (!dw_str_eq(name, dw_str(PARAMETERS[i].name)))
            continue;
        if ((p->seen & 1U << i) != 0)
            return DW_ERR_VALIDATION;
        p->seen |= 1U << i;
        return PARAMETERS[i].read(p, value);
    }
    return DW_OK;
}

static enum dw_err read_parameters(struct parsing *p, struct dw_str query)
{
    while (query.len > 0) {
        const char *end = memchr(query.ptr, '&', query.len);
        const size_t length = end != NULL ? (size_t)(end - query.ptr) : query.len;

        TRY(read_parameter(p, dw_str_n(query.ptr, length)));
        query = dw_str_n(query.ptr + length, query.len - length);
        if (query.len > 0)
            query = dw_str_n(query.ptr + 1, query.len - 1);
    }
    return DW_OK;
}

static bool has_type(struct dw_str uri, struct dw_str prefix)
{
    return uri.len > prefix.len && dw_str_eq_nocase(dw_str_n(uri.ptr, prefix.len), prefix);
}

enum dw_err dw_otpauth_parse(struct dw_str uri, struct dw_arena *arena, struct dw_otpauth *ret_otpauth)
{
    struct parsing p = { .arena = arena, .o = { .hash = DW_OTP_SHA1, .digits = DEFAULT_DIGITS,
                                                .period_s = DEFAULT_PERIOD_S } };
    struct dw_str rest = { NULL, 0 };

    if (arena == NULL || ret_otpauth == NULL)
        return DW_ERR_ARGUMENT;
    for (size_t i = 0; i < ARRAY_SIZE(TYPES); i++)
        if (has_type(uri, TYPES[i].prefix)) {
            p.o.type = TYPES[i].type;
            rest = dw_str_n(uri.ptr + TYPES[i].prefix.len, uri.len - TYPES[i].prefix.len);
        }
    const char *question = rest.len > 0 && uri.len <= URI_MAX ? memchr(rest.ptr, '?', rest.len) : NULL;

    if (question == NULL)
        return DW_ERR_VALIDATION;
    const struct dw_str label = dw_str_n(rest.ptr, (size_t)(question - rest.ptr));

    TRY(read_parameters(&p, dw_str_n(question + 1, rest.len - label.len - 1)));
    TRY(percent_decode_arena(arena, label, false, &p.o.label));
    TRY(split_label(&p.o));
    if (p.o.type == DW_OTP_HOTP && (p.seen & SEEN_COUNTER) == 0)
        return DW_ERR_VALIDATION;
    TRY(check(&p.o));
    *ret_otpauth = p.o;
    return DW_OK;
}
