/* jwk.import, jwk.thumbprint, sig.verify, sig.sign, mac.verify. */
#include "cli/vectors/op.h"
#include "crypto/hash.h"

static enum dw_err jwk_import_op(struct op_call *call)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    enum dw_alg alg = DW_ALG_NONE_GIVEN;

    if (json_get(call->in, "alg") != NULL)
        TRY(op_alg(call, &alg));
    return op_jwk(call, alg, &key);
}

static enum dw_err jwk_thumbprint(struct op_call *call)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    struct dw_str thumbprint = { 0 };
    unsigned bits = 0;

    TRY(op_hash_bits(call, "hash", &bits));
    TRY(op_jwk(call, DW_ALG_NONE_GIVEN, &key));
    TRY(dw_key_thumbprint(key, bits, call->arena, &thumbprint));
    json_write_member_str(call->out, "thumbprint", thumbprint);
    return DW_OK;
}

/* `alg`, `msg`, and the `jwk` pinned to that alg. */
static enum dw_err read_message(const struct op_call *call, enum dw_alg *ret_alg, struct dw_str *ret_message,
                                struct dw_key **ret_key)
{
    TRY(op_alg(call, ret_alg));
    TRY(op_hex(call, "msg", ret_message));
    return op_jwk(call, *ret_alg, ret_key);
}

static enum dw_err sig_verify(struct op_call *call)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    enum dw_alg alg = DW_ALG_NONE_GIVEN;
    struct dw_str message = { 0 }, signature = { 0 };

    TRY(read_message(call, &alg, &message, &key));
    TRY(op_hex(call, "sig", &signature));
    const enum dw_err err = dw_verify(key, alg, message, signature);
    if (err != DW_OK && err != DW_ERR_JOSE_SIGNATURE)
        return err;
    json_write_member_bool(call->out, "match", err == DW_OK);
    return DW_OK;
}

static enum dw_err sig_sign(struct op_call *call)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    enum dw_alg alg = DW_ALG_NONE_GIVEN;
    struct dw_str message = { 0 }, signature = { 0 };

    TRY(read_message(call, &alg, &message, &key));
    TRY(dw_sign(key, alg, message, call->arena, &signature));
    op_answer_hex(call, "sig", signature);
    return DW_OK;
}

/* JOSE's names and those of the vector files. */
static unsigned mac_bits(struct dw_str name)
{
    static const struct {
        const char *name;
        unsigned bits;
    } NAMES[] = { { "HS256", 256 },      { "HS384", 384 },      { "HS512", 512 },
                  { "HMACSHA256", 256 }, { "HMACSHA384", 384 }, { "HMACSHA512", 512 } };

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        if (dw_str_eq(name, dw_str(NAMES[i].name)))
            return NAMES[i].bits;
    return 0;
}

/* The bare HMAC, with any key; tags may be cut to half the hash, not shorter (RFC 2104 §5). */
static enum dw_err mac_verify(struct op_call *call)
{
    struct dw_str name = { 0 }, key = { 0 }, message = { 0 }, tag = { 0 };
    unsigned char expected[HASH_MAX_SIZE];

    TRY(op_str(call, "alg", &name));
    const unsigned bits = mac_bits(name);
    if (bits == 0)
        return DW_ERR_UNSUPPORTED;
    TRY(op_hex(call, "key", &key));
    TRY(op_hex(call, "msg", &message));
    TRY(op_hex(call, "tag", &tag));
    TRY(hmac_sha2(bits, key, message, expected));
    const bool is_length = tag.len >= bits / 16 && tag.len <= bits / 8;
    json_write_member_bool(call->out, "match", is_length && dw_mem_eq(expected, tag.ptr, tag.len));
    return DW_OK;
}

const struct op OPS_KEY[] = {
    { "jwk.import", jwk_import_op },
    { "jwk.thumbprint", jwk_thumbprint },
    { "sig.verify", sig_verify },
    { "sig.sign", sig_sign },
    { "mac.verify", mac_verify },
    { NULL },
};
