#include "jose/jwe_cek.h"
#include "base/encoding.h"
#include "crypto/key_exchange.h"

enum { CONTEXT_MAX_BYTES = 64 * 1024 };

/* --- derivation of an agreed key --- */

static void append_u32(struct buffer *context, size_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buffer_append_char(context, (char)(number >> shift & 0xff));
}

static void append_sized(struct buffer *context, struct dw_str bytes)
{
    append_u32(context, bytes.len);
    buffer_append(context, bytes);
}

enum dw_err jwe_derive(const struct dw_secret *shared, struct dw_str algorithm, struct dw_str apu, struct dw_str apv,
                       size_t size, struct dw_secret *ret_key)
{
    _cleanup_buffer_ struct buffer context = BUFFER_INIT(CONTEXT_MAX_BYTES);

    append_sized(&context, algorithm);
    append_sized(&context, apu);
    append_sized(&context, apv);
    append_u32(&context, size * 8); /* SuppPubInfo; SuppPrivInfo is empty */
    TRY(buffer_error(&context));
    return concat_kdf(shared, buffer_str(&context), size, ret_key);
}

/* What two keys agree on: the content key itself, or the key that wraps it. */
static enum dw_err agree(const struct key *ours, const struct key *theirs, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                         struct dw_str apu, struct dw_str apv, struct dw_secret *ret_key)
{
    _cleanup_secret_ struct dw_secret shared = { 0 };
    const struct jwe_alg_info *info = jwe_alg_info(alg);
    const struct jwe_enc_info *content = jwe_enc_info(enc);
    const bool is_direct = info->bits == 0;
    const size_t size = is_direct ? content_key_size(&content->scheme) : info->bits / 8;

    TRY(key_agree(ours, theirs, &shared));
    return jwe_derive(&shared, dw_str(is_direct ? content->name : info->name), apu, apv, size, ret_key);
}

/* --- GCM key wrap (RFC 7518 §4.7) --- */

static struct content_scheme gcm_scheme(enum dw_jwe_alg alg)
{
    return (struct content_scheme){ .is_gcm = true, .key_bits = jwe_alg_info(alg)->bits };
}

static enum dw_err gcm_wrap(const struct dw_jwe_key *key, enum dw_jwe_alg alg, const struct dw_secret *cek,
                            struct dw_arena *arena, struct buffer *members, struct dw_str *ret_encrypted)
{
    const struct content_scheme scheme = gcm_scheme(alg);
    struct content_box box;

    TRY(content_seal(&scheme, key_octets(key->key), DW_STR(""), dw_secret_borrow(cek), arena, &box));
    jwk_write_bytes(members, "iv", box.iv);
    jwk_write_bytes(members, "tag", box.tag);
    *ret_encrypted = box.body;
    return DW_OK;
}

static enum dw_err gcm_unwrap(const struct dw_jwe_key *key, const struct jwe_header *header, struct dw_str encrypted,
                              struct dw_secret *ret_cek)
{
    const struct content_scheme scheme = gcm_scheme(header->alg);
    const struct content_box box = { .iv = header->iv, .body = encrypted, .tag = header->tag };

    return content_open(&scheme, key_octets(key->key), DW_STR(""), &box, ret_cek);
}

/* --- agreement (RFC 7518 §4.6) --- */

/* A key pair of its own for each message, on the receiver's curve; its public half goes into the header. */
static enum dw_err ephemeral_make(const struct key *theirs, struct dw_arena *arena, struct buffer *members,
                                  struct key **ret_ephemeral)
{
    struct key *made = NULL;
    struct key_parts parts = { 0 };

    TRY(key_generate(key_type_of(theirs), key_bits(theirs), &made));
    const enum dw_err err = key_export(made, false, arena, &parts);
    if (err != DW_OK) {
        key_free(&made);
        return err;
    }
    json_write_key(members, "epk");
    jwk_write_members(members, &parts);
    buffer_append_char(members, '}');
    *ret_ephemeral = made;
    return DW_OK;
}

static enum dw_err agreement_make(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                                  const struct dw_jwe_header *wanted, struct dw_arena *arena, struct buffer *members,
                                  struct dw_secret *ret_key)
{
    _cleanup_(key_free) struct key *ephemeral = NULL;

    TRY(ephemeral_make(key->key, arena, members, &ephemeral));
    if (!dw_str_is_absent(wanted->apu))
        jwk_write_bytes(members, "apu", wanted->apu);
    if (!dw_str_is_absent(wanted->apv))
        jwk_write_bytes(members, "apv", wanted->apv);
    return agree(ephemeral, key->key, alg, enc, wanted->apu, wanted->apv, ret_key);
}

static enum dw_err agreement_recover(const struct dw_jwe_key *key, const struct jwe_header *header,
                                     struct dw_arena *arena, struct dw_secret *ret_key)
{
    _cleanup_(key_free) struct key *epk = NULL;
    struct key_parts parts = { 0 };

    if (!yyjson_is_obj(header->epk))
        return DW_ERR_JOSE_DECRYPTION;
    TRY(jwk_read_parts(header->epk, arena, &parts));
    if (!dw_str_is_absent(parts.d) || parts.type != key_type_of(key->key))
        return DW_ERR_JOSE_DECRYPTION;
    TRY(key_import(&parts, &epk)); /* on the curve, or refused (RFC 8725 §3.4) */
    return agree(key->key, epk, header->alg, header->enc, header->apu, header->apv, ret_key);
}

/* --- making --- */

enum dw_err jwe_cek_wrap(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                         const struct dw_jwe_header *wanted, struct dw_arena *arena, struct buffer *members,
                         struct dw_secret *cek, struct dw_str *ret_encrypted)
{
    const struct jwe_alg_info *info = jwe_alg_info(alg);
    _cleanup_secret_ struct dw_secret agreed = { 0 };

    switch (info->method) {
    case JWE_DIRECT:
        dw_secret_free(cek);
        return dw_secret_copy(dw_secret_borrow(key_octets(key->key)), cek);
    case JWE_KEY_WRAP:
        return key_wrap(key_octets(key->key), cek, arena, ret_encrypted);
    case JWE_GCM_WRAP:
        return gcm_wrap(key, alg, cek, arena, members, ret_encrypted);
    case JWE_OAEP:
        return key_oaep_encrypt(key->key, info->bits, dw_secret_borrow(cek), arena, ret_encrypted);
    case JWE_AGREEMENT:
        break;
    }
    TRY(agreement_make(key, alg, enc, wanted, arena, members, &agreed));
    if (info->bits != 0)
        return key_wrap(&agreed, cek, arena, ret_encrypted);
    dw_secret_free(cek);
    *cek = TAKE_SECRET(agreed);
    return DW_OK;
}

enum dw_err jwe_cek_make(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                         const struct dw_jwe_header *wanted, struct dw_arena *arena, struct buffer *members,
                         struct dw_secret *ret_cek, struct dw_str *ret_encrypted)
{
    _cleanup_secret_ struct dw_secret cek = { 0 };
    struct dw_str encrypted = DW_STR("");

    TRY(dw_secret_random(content_key_size(&jwe_enc_info(enc)->scheme), &cek));
    TRY(jwe_cek_wrap(key, alg, enc, wanted, arena, members, &cek, &encrypted));
    *ret_cek = TAKE_SECRET(cek);
    *ret_encrypted = encrypted;
    return DW_OK;
}

/* --- recovering --- */

static enum dw_err recover(const struct dw_jwe_key *key, const struct jwe_header *header, struct dw_str encrypted,
                           struct dw_arena *arena, struct dw_secret *ret_cek)
{
    const struct jwe_alg_info *info = jwe_alg_info(header->alg);
    const bool is_direct = info->method == JWE_DIRECT || (info->method == JWE_AGREEMENT && info->bits == 0);
    _cleanup_secret_ struct dw_secret agreed = { 0 };

    if (is_direct && encrypted.len > 0) /* RFC 7516 §5.2, steps 10 and 11 */
        return DW_ERR_JOSE_DECRYPTION;
    switch (info->method) {
    case JWE_DIRECT:
        return dw_secret_copy(dw_secret_borrow(key_octets(key->key)), ret_cek);
    case JWE_KEY_WRAP:
        return key_unwrap(key_octets(key->key), encrypted, ret_cek);
    case JWE_GCM_WRAP:
        return gcm_unwrap(key, header, encrypted, ret_cek);
    case JWE_OAEP:
        return key_oaep_decrypt(key->key, info->bits, encrypted, ret_cek);
    case JWE_AGREEMENT:
        break;
    }
    TRY(agreement_recover(key, header, arena, &agreed));
    if (info->bits != 0)
        return key_unwrap(&agreed, encrypted, ret_cek);
    *ret_cek = TAKE_SECRET(agreed);
    return DW_OK;
}

enum dw_err jwe_cek_recover(const struct dw_jwe_key *key, const struct jwe_header *header, struct dw_str encrypted,
                            struct dw_arena *arena, struct dw_secret *ret_cek)
{
    const enum dw_err err = recover(key, header, encrypted, arena, ret_cek);

    return err == DW_OK || err == DW_ERR_NO_MEMORY ? err : DW_ERR_JOSE_DECRYPTION;
}
