#include "jose/jwe.h"
#include "base/encoding.h"
#include "jose/jwe_cek.h"

enum { SEGMENTS = 5 };

/* --- decrypting --- */

enum dw_err jwe_check(const struct jwe_rules *rules, const struct jwe_header *header)
{
    const struct dw_jwe_key *key = rules->key;

    if (header->is_critical)
        return DW_ERR_JOSE_CRITICAL;
    if (header->is_compressed || jwe_alg_info(header->alg) == NULL || jwe_enc_info(header->enc) == NULL)
        return DW_ERR_JOSE_ALGORITHM;
    if ((rules->algs & DW_JWE_BIT(header->alg)) == 0 || (rules->encs & DW_JWE_BIT(header->enc)) == 0 ||
        !jwe_key_allows(key, header->alg, header->enc))
        return DW_ERR_JOSE_ALGORITHM;
    if (key->kid_is_given && !dw_str_is_absent(header->kid) && !dw_str_eq(header->kid, key->kid))
        return DW_ERR_JOSE_NO_KEY;
    return key->may_decrypt ? DW_OK : DW_ERR_KEY_USE;
}

enum dw_err jwe_open(const struct dw_jwe_key *key, const struct jwe_header *header, const struct jwe_parts *parts,
                     struct dw_arena *arena, struct dw_str *ret_plain)
{
    const struct content_scheme *scheme = &jwe_enc_info(header->enc)->scheme;
    _cleanup_secret_ struct dw_secret random = { 0 }, recovered = { 0 }, plain = { 0 };

    /* RFC 7516 §11.5: whether the key came out right must not show, so the content is tried all the same. */
    TRY(dw_secret_random(content_key_size(scheme), &random));
    enum dw_err err = jwe_cek_recover(key, header, parts->encrypted_key, arena, &recovered);
    if (err == DW_ERR_NO_MEMORY)
        return err;
    const bool is_right = err == DW_OK && recovered.size == random.size;
    err = content_open(scheme, is_right ? &recovered : &random, parts->associated, &parts->box, &plain);
    if (err == DW_ERR_NO_MEMORY)
        return err;
    if (err != DW_OK || !is_right)
        return DW_ERR_JOSE_DECRYPTION;
    const struct dw_str copy = dw_arena_copy(arena, dw_secret_borrow(&plain));
    if (dw_str_is_absent(copy))
        return DW_ERR_NO_MEMORY;
    *ret_plain = copy;
    return DW_OK;
}

/* Exactly five segments (RFC 7516 §7.1). */
static enum dw_err split(struct dw_str token, struct dw_str ret_segments[SEGMENTS])
{
    const char *at = token.ptr, *end = token.ptr + token.len;

    if (token.len > DW_JWE_MAX_BYTES)
        return DW_ERR_TOKEN_TOO_LARGE;
    if (token.len == 0)
        return DW_ERR_JOSE_MALFORMED;
    for (size_t i = 0; i < SEGMENTS; i++) {
        const char *dot = at < end ? memchr(at, '.', (size_t)(end - at)) : NULL;
        if ((dot == NULL) != (i == SEGMENTS - 1))
            return DW_ERR_JOSE_MALFORMED;
        ret_segments[i] = dw_str_n(at, (size_t)((dot != NULL ? dot : end) - at));
        at = dot != NULL ? dot + 1 : end;
    }
    return DW_OK;
}

enum dw_err dw_jwe_decrypt(const struct dw_jwe_key *key, dw_jwe_algs algs, dw_jwe_encs encs, struct dw_str token,
                           struct dw_arena *arena, struct dw_jwe *ret_jwe)
{
    const struct jwe_rules rules = { .key = key, .algs = algs, .encs = encs };
    struct dw_str segments[SEGMENTS];
    struct jwe_headers headers = { 0 };
    struct jwe_header header;
    struct dw_jwe jwe = { 0 };

    if (key == NULL || arena == NULL || ret_jwe == NULL)
        return DW_ERR_ARGUMENT;
    TRY(split(token, segments));
    TRY(header_decode_object(segments[0], arena, &jwe.header_json, &headers.protected_));
    TRY(jwe_header_read(&headers, arena, &header));
    TRY(jwe_check(&rules, &header));
    struct jwe_parts parts = { .associated = segments[0] };
    TRY(jose_decode(segments[1], arena, &parts.encrypted_key));
    TRY(jose_decode(segments[2], arena, &parts.box.iv));
    TRY(jose_decode(segments[3], arena, &parts.box.body));
    TRY(jose_decode(segments[4], arena, &parts.box.tag));
    TRY(jwe_open(key, &header, &parts, arena, &jwe.plaintext));
    jwe.alg = header.alg;
    jwe.enc = header.enc;
    *ret_jwe = jwe;
    return DW_OK;
}

/* --- encrypting --- */

enum dw_err jwe_check_encryption(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                                 struct dw_str plaintext)
{
    if (jwe_alg_info(alg) == NULL || jwe_enc_info(enc) == NULL)
        return DW_ERR_ARGUMENT;
    if (!jwe_key_allows(key, alg, enc))
        return DW_ERR_JOSE_ALGORITHM;
    if (!key->may_encrypt)
        return DW_ERR_KEY_USE;
    return plaintext.len <= DW_JWE_MAX_BYTES ? DW_OK : DW_ERR_TOKEN_TOO_LARGE;
}

void jwe_write_member(struct buffer *out, const char *name, struct dw_str value)
{
    if (!dw_str_is_absent(value))
        json_write_member_str(out, name, value);
}

enum dw_err jwe_protect(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                        const struct dw_jwe_header *header, struct dw_arena *arena, struct jwe_made *ret_made)
{
    _cleanup_buffer_ struct buffer json = BUFFER_INIT(JWE_HEADER_MAX_BYTES);

    buffer_append_char(&json, '{');
    json_write_member_str(&json, "alg", dw_str(dw_jwe_alg_name(alg)));
    json_write_member_str(&json, "enc", dw_str(dw_jwe_enc_name(enc)));
    json_write_member_str(&json, "kid", key->kid);
    jwe_write_member(&json, "typ", header->typ);
    jwe_write_member(&json, "cty", header->cty);
    TRY(jwe_cek_make(key, alg, enc, header, arena, &json, &ret_made->cek, &ret_made->encrypted_key));
    buffer_append_char(&json, '}');
    TRY(buffer_error(&json) == DW_ERR_LIMIT ? DW_ERR_TOKEN_TOO_LARGE : buffer_error(&json));
    ret_made->protected_text = base64url_encode_arena(arena, buffer_str(&json));
    return dw_str_is_absent(ret_made->protected_text) ? DW_ERR_NO_MEMORY : DW_OK;
}

/* What goes between the dots; the header is encoded already. */
static enum dw_err join(struct dw_str header, struct dw_str encrypted, const struct content_box *box,
                        struct dw_arena *arena, struct dw_str *ret_token)
{
    const struct dw_str bytes[] = { encrypted, box->iv, box->body, box->tag };
    size_t size = header.len;

    for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
        size += 1 + base64url_encoded_size(bytes[i].len);
    if (size > DW_JWE_MAX_BYTES)
        return DW_ERR_TOKEN_TOO_LARGE;
    char *token = dw_arena_alloc(arena, size + 1);
    if (token == NULL)
        return DW_ERR_NO_MEMORY;
    memcpy(token, header.ptr, header.len);
    char *at = token + header.len;
    for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
        *at++ = '.';
        at += base64url_encode(bytes[i], at);
    }
    *ret_token = dw_str_n(token, (size_t)(at - token));
    return DW_OK;
}

void jwe_made_wipe(struct jwe_made *made)
{
    dw_secret_free(&made->cek);
}

enum dw_err dw_jwe_encrypt(const struct dw_jwe_key *key, enum dw_jwe_alg alg, enum dw_jwe_enc enc,
                           const struct dw_jwe_header *header, struct dw_str plaintext, struct dw_arena *arena,
                           struct dw_str *ret_token)
{
    static const struct dw_jwe_header NOTHING_MORE = { 0 };
    _cleanup_(jwe_made_wipe) struct jwe_made made = { 0 };
    struct content_box box;

    if (key == NULL || arena == NULL || ret_token == NULL)
        return DW_ERR_ARGUMENT;
    TRY(jwe_check_encryption(key, alg, enc, plaintext));
    if (header == NULL)
        header = &NOTHING_MORE;
    if (!dw_str_is_utf8(header->typ) || !dw_str_is_utf8(header->cty))
        return DW_ERR_ENCODING;
    TRY(jwe_protect(key, alg, enc, header, arena, &made));
    TRY(content_seal(&jwe_enc_info(enc)->scheme, &made.cek, made.protected_text, plaintext, arena, &box));
    return join(made.protected_text, made.encrypted_key, &box, arena, ret_token);
}
