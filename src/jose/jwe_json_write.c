/* JWE as a JSON object (RFC 7516 §7.2): encrypting for one reader or several. */
#include "base/encoding.h"
#include "jose/jwe.h"
#include "jose/jwe_cek.h"

/* What goes into an object. */
struct writing {
    const struct dw_jwe_recipient *recipients;
    size_t n_recipients;
    enum dw_jwe_enc enc;
    const struct dw_jwe_header *header;
    struct dw_arena *arena;
};

static enum dw_err recipients_check(const struct writing *w, struct dw_str plaintext)
{
    for (size_t i = 0; i < w->n_recipients; i++) {
        const struct dw_jwe_recipient *to = &w->recipients[i];

        if (to->key == NULL)
            return DW_ERR_ARGUMENT;
        TRY(jwe_check_encryption(to->key, to->alg, w->enc, plaintext));
        /* A key that they agree on, or have, is the content's own, and nobody else's (RFC 7516 §5.1, steps 3, 6). */
        if (w->n_recipients > 1 && (to->alg == DW_JWE_DIR || to->alg == DW_JWE_ECDH_ES))
            return DW_ERR_JOSE_ALGORITHM;
    }
    return DW_OK;
}

static void member_bytes_write(struct buffer *out, const char *name, struct dw_str bytes, struct dw_arena *arena)
{
    const struct dw_str text = base64url_encode_arena(arena, bytes);

    if (dw_str_is_absent(text) && out->failed == DW_OK)
        out->failed = DW_ERR_NO_MEMORY;
    json_write_member_str(out, name, text);
}

/* --- one reader --- */

static enum dw_err flattened_begin(const struct writing *w, struct buffer *out, struct jwe_made *made)
{
    const struct dw_jwe_recipient *to = &w->recipients[0];
    const struct dw_jwe_header header = {
        .typ = w->header->typ, .cty = w->header->cty, .apu = to->apu, .apv = to->apv,
    };

    TRY(jwe_protect(to->key, to->alg, w->enc, &header, w->arena, made));
    if (made->encrypted_key.len > 0)
        member_bytes_write(out, "encrypted_key", made->encrypted_key, w->arena);
    return buffer_error(out);
}

/* --- several --- */

static enum dw_err content_protect(const struct writing *w, struct jwe_made *made)
{
    _cleanup_buffer_ struct buffer json = BUFFER_INIT(JWE_HEADER_MAX_BYTES);

    buffer_append_char(&json, '{');
    json_write_member_str(&json, "enc", dw_str(dw_jwe_enc_name(w->enc)));
    jwe_write_member(&json, "typ", w->header->typ);
    jwe_write_member(&json, "cty", w->header->cty);
    buffer_append_char(&json, '}');
    TRY(buffer_error(&json));
    made->protected_text = base64url_encode_arena(w->arena, buffer_str(&json));
    if (dw_str_is_absent(made->protected_text))
        return DW_ERR_NO_MEMORY;
    return dw_secret_random(content_key_size(&jwe_enc_info(w->enc)->scheme), &made->cek);
}

static enum dw_err recipient_write(const struct writing *w, const struct dw_jwe_recipient *to, struct jwe_made *made,
                                   struct buffer *out)
{
    const struct dw_jwe_header own = { .apu = to->apu, .apv = to->apv };
    struct dw_str encrypted = { 0 };

    json_write_comma(out);
    buffer_append_literal(out, "{\"header\":{");
    json_write_member_str(out, "alg", dw_str(dw_jwe_alg_name(to->alg)));
    json_write_member_str(out, "kid", to->key->kid);
    TRY(jwe_cek_wrap(to->key, to->alg, w->enc, &own, w->arena, out, &made->cek, &encrypted));
    buffer_append_char(out, '}');
    member_bytes_write(out, "encrypted_key", encrypted, w->arena);
    buffer_append_char(out, '}');
    return buffer_error(out);
}

static enum dw_err general_begin(const struct writing *w, struct buffer *out, struct jwe_made *made)
{
    TRY(content_protect(w, made));
    json_write_key(out, "recipients");
    buffer_append_char(out, '[');
    for (size_t i = 0; i < w->n_recipients; i++)
        TRY(recipient_write(w, &w->recipients[i], made, out));
    buffer_append_char(out, ']');
    return buffer_error(out);
}

/* --- both --- */

/* RFC 7516 §5.1, step 14; written as well, where there is an aad. */
static enum dw_err associated_write(const struct writing *w, struct dw_str protected_text, struct dw_str aad,
                                    struct buffer *out, struct dw_str *ret_associated)
{
    json_write_member_str(out, "protected", protected_text);
    if (dw_str_is_absent(aad)) {
        *ret_associated = protected_text;
        return buffer_error(out);
    }
    const struct dw_str text = base64url_encode_arena(w->arena, aad);
    if (dw_str_is_absent(text))
        return DW_ERR_NO_MEMORY;
    json_write_member_str(out, "aad", text);
    *ret_associated = dw_arena_printf(w->arena, "%.*s.%.*s", (int)protected_text.len, protected_text.ptr,
                                      (int)text.len, text.ptr);
    return dw_str_is_absent(*ret_associated) ? DW_ERR_NO_MEMORY : buffer_error(out);
}

static enum dw_err object_write(const struct writing *w, struct dw_str aad, struct dw_str plaintext,
                                struct buffer *out)
{
    _cleanup_(jwe_made_wipe) struct jwe_made made = { 0 };
    struct dw_str associated;
    struct content_box box;

    TRY(recipients_check(w, plaintext));
    buffer_append_char(out, '{');
    TRY(w->n_recipients == 1 ? flattened_begin(w, out, &made) : general_begin(w, out, &made));
    TRY(associated_write(w, made.protected_text, aad, out, &associated));
    TRY(content_seal(&jwe_enc_info(w->enc)->scheme, &made.cek, associated, plaintext, w->arena, &box));
    member_bytes_write(out, "iv", box.iv, w->arena);
    member_bytes_write(out, "ciphertext", box.body, w->arena);
    member_bytes_write(out, "tag", box.tag, w->arena);
    buffer_append_char(out, '}');
    return buffer_error(out);
}

enum dw_err dw_jwe_encrypt_json(const struct dw_jwe_recipient *recipients, size_t n_recipients, enum dw_jwe_enc enc,
                                const struct dw_jwe_header *header, struct dw_str aad, struct dw_str plaintext,
                                struct dw_arena *arena, struct dw_str *ret_json)
{
    static const struct dw_jwe_header NOTHING_MORE = { 0 };
    _cleanup_buffer_ struct buffer out = BUFFER_INIT(DW_JWE_MAX_BYTES);
    const struct writing w = { recipients, n_recipients, enc, header == NULL ? &NOTHING_MORE : header, arena };

    if (recipients == NULL || n_recipients == 0 || n_recipients > DW_JWE_RECIPIENTS_MAX || arena == NULL ||
        ret_json == NULL || !dw_str_is_absent(w.header->apu) || !dw_str_is_absent(w.header->apv))
        return DW_ERR_ARGUMENT;
    if (aad.len > DW_JWE_MAX_BYTES)
        return DW_ERR_TOKEN_TOO_LARGE;
    if (!dw_str_is_utf8(w.header->typ) || !dw_str_is_utf8(w.header->cty))
        return DW_ERR_ENCODING;
    const enum dw_err err = object_write(&w, aad, plaintext, &out);
    TRY(err == DW_ERR_LIMIT ? DW_ERR_TOKEN_TOO_LARGE : err);
    const struct dw_str json = dw_arena_copy(arena, buffer_str(&out));
    if (dw_str_is_absent(json))
        return DW_ERR_NO_MEMORY;
    *ret_json = json;
    return DW_OK;
}
