/* base64url.decode, email.validate, and the small hashes of OAuth2: pkce.challenge, oidc.half_hash, dpop.ath. */
#include "base/email.h"
#include "base/encoding.h"
#include "cli/vectors/op.h"
#include "crypto/hash.h"

static enum dw_err base64url_decode_op(struct op_call *call)
{
    struct dw_str bytes = { 0 };

    TRY(op_bytes(call, "text", &bytes));
    op_answer_bytes(call, "bytes", bytes);
    return DW_OK;
}

static enum dw_err email_validate(struct op_call *call)
{
    struct dw_str address = { 0 };
    struct email email;
    yyjson_val *given = json_get(call->in, "options");
    const struct email_options options = {
        .ascii_only = json_get_bool(given, "ascii_only", false),
        .allow_special_domains = json_get_bool(given, "allow_special_domains", false),
    };

    TRY(op_str(call, "address", &address));
    TRY(email_parse(call->arena, address, &options, &email));
    json_write_member_str(call->out, "normalized", email.normalized);
    json_write_member_str(call->out, "local", email.local);
    json_write_member_str(call->out, "domain", email.domain);
    return DW_OK;
}

/* The first `size` bytes (0: all) of the text's hash. */
static enum dw_err answer_hash(struct op_call *call, const char *name, unsigned bits, struct dw_str text, size_t size)
{
    unsigned char digest[HASH_MAX_SIZE];

    TRY(hash_sha2(bits, text, digest));
    op_answer_bytes(call, name, dw_str_n(digest, size != 0 ? size : bits / 8));
    return DW_OK;
}

/* RFC 7636 §4.1: 43 to 128 unreserved characters. */
static bool is_verifier(struct dw_str text)
{
    static const char UNRESERVED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (size_t i = 0; i < text.len; i++)
        if (memchr(UNRESERVED, text.ptr[i], sizeof UNRESERVED - 1) == NULL)
            return false;
    return text.len >= 43 && text.len <= 128;
}

static enum dw_err pkce_challenge(struct op_call *call)
{
    struct dw_str verifier = { 0 }, method = { 0 };

    TRY(op_str(call, "verifier", &verifier));
    TRY(op_str(call, "method", &method));
    if (!dw_str_eq(method, DW_STR("S256"))) /* "plain" protects nothing (RFC 9700 §2.1.1) */
        return DW_ERR_UNSUPPORTED;
    return is_verifier(verifier) ? answer_hash(call, "challenge", 256, verifier, 0) : DW_ERR_VALIDATION;
}

/* at_hash and c_hash: the left half of the hash that the ID token's alg uses (OIDC Core §3.1.3.6). */
static enum dw_err oidc_half_hash(struct op_call *call)
{
    struct dw_str value = { 0 };
    enum dw_alg alg = DW_ALG_NONE_GIVEN;

    TRY(op_str(call, "value", &value));
    TRY(op_alg(call, &alg));
    const char *digits = dw_alg_name(alg) + 2;
    const unsigned bits = alg == DW_ALG_EDDSA ? 512 : (unsigned)strtoul(digits, NULL, 10); /* Ed25519 hashes so */
    return answer_hash(call, "hash", bits, value, bits / 16);
}

/* RFC 9449 §4.2. */
static enum dw_err dpop_ath(struct op_call *call)
{
    struct dw_str token = { 0 };

    TRY(op_str(call, "access_token", &token));
    return answer_hash(call, "ath", 256, token, 0);
}

const struct op OPS_TEXT[] = {
    { "base64url.decode", base64url_decode_op },
    { "email.validate", email_validate },
    { "pkce.challenge", pkce_challenge },
    { "oidc.half_hash", oidc_half_hash },
    { "dpop.ath", dpop_ath },
    { NULL },
};
