/* jwe.decrypt, jwe.decrypt_json, jwe.roundtrip, and what they stand on: aead.open, kw.unwrap, rsa.decrypt, ecdh.derive,
 * kdf.concat. */
#include "base/encoding.h"
#include "cli/vectors/op.h"
#include "crypto/content.h"
#include "crypto/key_exchange.h"
#include "jose/header.h"
#include "jose/jwe_cek.h"

enum { KEY_DATA_MAX_BITS = 8 * 1024 };

/* --- jwe.* --- */

static unsigned alg_of(struct dw_str name)
{
    return dw_jwe_alg_by_name(name);
}

static unsigned enc_of(struct dw_str name)
{
    return dw_jwe_enc_by_name(name);
}

/* A list of names: those of them that we have; DW_ERR_UNSUPPORTED when some are named and we have none. */
static enum dw_err read_set(const struct op_call *call, const char *name, unsigned (*by_name)(struct dw_str),
                            uint32_t *ret_set)
{
    yyjson_val *list = json_get(call->in, name), *item;
    uint32_t set = 0;
    size_t i, n;

    if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0)
        return DW_ERR_VALIDATION;
    yyjson_arr_foreach(list, i, n, item) {
        const unsigned found = by_name(json_str(item));
        if (found != 0)
            set |= DW_JWE_BIT(found);
    }
    if (set == 0)
        return DW_ERR_UNSUPPORTED;
    *ret_set = set;
    return DW_OK;
}

/* A key that we can't read is a refusal, not an unsupported operation. */
static enum dw_err read_key(const struct op_call *call, const char *name, enum dw_jwe_alg alg,
                            struct dw_jwe_key **ret_key)
{
    struct dw_str json = { 0 };

    TRY(op_json(call, json_get(call->in, name), &json));
    const enum dw_err err = dw_jwe_key_from_jwk(json, alg, ret_key);
    return err == DW_ERR_UNSUPPORTED ? DW_ERR_KEY_TYPE : err;
}

/* Compressed content is a format that the library does not offer at all. */
static bool is_compressed(const struct op_call *call, struct dw_str token)
{
    const char *dot = token.len > 0 ? memchr(token.ptr, '.', token.len) : NULL;
    const struct dw_str text = dw_str_n(token.ptr, dot != NULL ? (size_t)(dot - token.ptr) : 0);
    struct dw_str json = { 0 };
    yyjson_val *root = NULL;

    return header_decode_object(text, call->arena, &json, &root) == DW_OK && json_get(root, "zip") != NULL;
}

static enum dw_err jwe_decrypt(struct op_call *call)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
    dw_jwe_algs algs = 0;
    dw_jwe_encs encs = 0;
    struct dw_str token = { 0 };
    struct dw_jwe jwe;

    TRY(read_set(call, "algs", alg_of, &algs));
    TRY(read_set(call, "encs", enc_of, &encs));
    TRY(op_str(call, "token", &token));
    TRY(read_key(call, "jwk", DW_JWE_ALG_NONE_GIVEN, &key));
    const enum dw_err err = dw_jwe_decrypt(key, algs, encs, token, call->arena, &jwe);
    if (err == DW_ERR_JOSE_ALGORITHM && is_compressed(call, token))
        return DW_ERR_UNSUPPORTED;
    TRY(err);
    op_answer_bytes(call, "plaintext", jwe.plaintext);
    return DW_OK;
}

static enum dw_err jwe_decrypt_json(struct op_call *call)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
    dw_jwe_algs algs = 0;
    dw_jwe_encs encs = 0;
    struct dw_str json = { 0 };
    struct dw_jwe jwe;

    TRY(read_set(call, "algs", alg_of, &algs));
    TRY(read_set(call, "encs", enc_of, &encs));
    TRY(op_json(call, json_get(call->in, "jwe"), &json));
    TRY(read_key(call, "jwk", DW_JWE_ALG_NONE_GIVEN, &key));
    TRY(dw_jwe_decrypt_json(key, algs, encs, json, call->arena, &jwe));
    op_answer_bytes(call, "plaintext", jwe.plaintext);
    return DW_OK;
}

static enum dw_err jwe_roundtrip(struct op_call *call)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
    struct dw_str alg_name = { 0 }, enc_name = { 0 }, plaintext = { 0 }, token = { 0 };
    struct dw_jwe jwe;

    TRY(op_str(call, "alg", &alg_name));
    TRY(op_str(call, "enc", &enc_name));
    const enum dw_jwe_alg alg = dw_jwe_alg_by_name(alg_name);
    const enum dw_jwe_enc enc = dw_jwe_enc_by_name(enc_name);
    if (alg == DW_JWE_ALG_NONE_GIVEN || enc == DW_JWE_ENC_NONE_GIVEN)
        return DW_ERR_UNSUPPORTED;
    TRY(op_bytes(call, "plaintext", &plaintext));
    TRY(read_key(call, "jwk", alg, &key));
    TRY(dw_jwe_encrypt(key, alg, enc, NULL, plaintext, call->arena, &token));
    TRY(dw_jwe_decrypt(key, DW_JWE_BIT(alg), DW_JWE_BIT(enc), token, call->arena, &jwe));
    json_write_member_bool(call->out, "match", dw_str_eq(jwe.plaintext, plaintext));
    return DW_OK;
}

/* --- what they stand on --- */

/* Borrowed bytes as the secret that they are; the arena is wiped. */
static struct dw_secret as_secret(struct dw_str bytes)
{
    return (struct dw_secret){ (unsigned char *)bytes.ptr, bytes.len };
}

static enum dw_err aead_open_op(struct op_call *call)
{
    _cleanup_secret_ struct dw_secret plain = { 0 };
    struct dw_str name = { 0 }, key = { 0 }, associated = { 0 };
    struct content_box box = { 0 };

    TRY(op_str(call, "alg", &name));
    const struct jwe_enc_info *info = jwe_enc_info(dw_jwe_enc_by_name(name));
    if (info == NULL)
        return DW_ERR_UNSUPPORTED;
    TRY(op_hex(call, "key", &key));
    TRY(op_hex(call, "iv", &box.iv));
    TRY(op_hex(call, "aad", &associated));
    TRY(op_hex(call, "ct", &box.body));
    TRY(op_hex(call, "tag", &box.tag));
    if (info->scheme.is_gcm && box.iv.len != CONTENT_GCM_IV_SIZE) /* JOSE has no other (RFC 7518 §5.3) */
        return DW_ERR_UNSUPPORTED;
    const struct dw_secret secret = as_secret(key);
    TRY(content_open(&info->scheme, &secret, associated, &box, &plain));
    op_answer_hex(call, "msg", dw_secret_borrow(&plain));
    return DW_OK;
}

static enum dw_err kw_unwrap(struct op_call *call)
{
    _cleanup_secret_ struct dw_secret unwrapped = { 0 };
    struct dw_str name = { 0 }, key = { 0 }, wrapped = { 0 };

    TRY(op_str(call, "alg", &name));
    const struct jwe_alg_info *info = jwe_alg_info(dw_jwe_alg_by_name(name));
    if (info == NULL || info->method != JWE_KEY_WRAP)
        return DW_ERR_UNSUPPORTED;
    TRY(op_hex(call, "key", &key));
    TRY(op_hex(call, "ct", &wrapped));
    const struct dw_secret secret = as_secret(key);
    if (secret.size * 8 != info->bits)
        return DW_ERR_KEY_TOO_WEAK;
    TRY(key_unwrap(&secret, wrapped, &unwrapped));
    op_answer_hex(call, "key_out", dw_secret_borrow(&unwrapped));
    return DW_OK;
}

static enum dw_err rsa_decrypt(struct op_call *call)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
    _cleanup_secret_ struct dw_secret plain = { 0 };
    struct dw_str name = { 0 }, encrypted = { 0 };

    TRY(op_str(call, "alg", &name));
    const enum dw_jwe_alg alg = dw_jwe_alg_by_name(name);
    const struct jwe_alg_info *info = jwe_alg_info(alg);
    if (info == NULL || info->method != JWE_OAEP)
        return DW_ERR_UNSUPPORTED;
    TRY(op_hex(call, "ct", &encrypted));
    TRY(read_key(call, "jwk", alg, &key));
    TRY(key_oaep_decrypt(key->key, info->bits, encrypted, &plain));
    op_answer_hex(call, "msg", dw_secret_borrow(&plain));
    return DW_OK;
}

static enum dw_err ecdh_derive(struct op_call *call)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *ours = NULL, *theirs = NULL;
    _cleanup_secret_ struct dw_secret shared = { 0 };

    TRY(read_key(call, "private", DW_JWE_ECDH_ES, &ours));
    TRY(read_key(call, "public", DW_JWE_ECDH_ES, &theirs));
    TRY(key_agree(ours->key, theirs->key, &shared));
    op_answer_hex(call, "z", dw_secret_borrow(&shared));
    return DW_OK;
}

static enum dw_err kdf_concat(struct op_call *call)
{
    _cleanup_secret_ struct dw_secret key = { 0 };
    struct dw_str z = { 0 }, algorithm = { 0 }, apu = { 0 }, apv = { 0 };
    int64_t bits = 0;

    TRY(op_bytes(call, "z", &z));
    TRY(op_str(call, "enc", &algorithm));
    TRY(op_bytes(call, "apu", &apu));
    TRY(op_bytes(call, "apv", &apv));
    TRY(op_int(call, "keydatalen", 8, KEY_DATA_MAX_BITS, &bits));
    if (bits % 8 != 0)
        return DW_ERR_VALIDATION;
    const struct dw_secret shared = as_secret(z);
    TRY(jwe_derive(&shared, algorithm, apu, apv, (size_t)bits / 8, &key));
    op_answer_bytes(call, "key", dw_secret_borrow(&key));
    return DW_OK;
}

const struct op OPS_JWE[] = {
    { "jwe.decrypt", jwe_decrypt },
    { "jwe.decrypt_json", jwe_decrypt_json },
    { "jwe.roundtrip", jwe_roundtrip },
    { "aead.open", aead_open_op },
    { "kw.unwrap", kw_unwrap },
    { "rsa.decrypt", rsa_decrypt },
    { "ecdh.derive", ecdh_derive },
    { "kdf.concat", kdf_concat },
    { NULL },
};
