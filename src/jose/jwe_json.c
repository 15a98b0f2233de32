/* JWE as a JSON object (RFC 7516 §7.2): decrypting, for those of its recipients whom the key fits. */
#include "jose/jwe.h"

/* What the recipients have in common. */
struct message {
    struct jwe_headers headers; /* without the recipient's own */
    struct dw_str header_json;  /* the protected one, decoded */
    struct dw_str aad;          /* decoded; absent when not there */
    struct jwe_parts parts;     /* without the recipient's key */
};

/* The same from base64url; what is absent is empty. */
static enum dw_err read_bytes(yyjson_val *object, const char *name, struct dw_arena *arena, struct dw_str *ret_bytes)
{
    struct dw_str text = { 0 };

    TRY(jose_read_text(object, name, &text));
    return jose_decode(dw_str_is_absent(text) ? DW_STR("") : text, arena, ret_bytes);
}

static enum dw_err read_object(yyjson_val *object, const char *name, yyjson_val **ret_value)
{
    *ret_value = json_get(object, name);
    return *ret_value == NULL || yyjson_is_obj(*ret_value) ? DW_OK : DW_ERR_JOSE_MALFORMED;
}

/* RFC 7516 §5.1, step 14: the protected header as it was written and, behind a dot, the aad. */
static enum dw_err read_associated(yyjson_val *root, struct dw_str protected_text, struct dw_arena *arena,
                                   struct dw_str *ret_aad, struct dw_str *ret_associated)
{
    struct dw_str aad = { 0 };

    TRY(jose_read_text(root, "aad", &aad));
    if (dw_str_is_absent(aad)) {
        *ret_associated = protected_text;
        return DW_OK;
    }
    TRY(jose_decode(aad, arena, ret_aad));
    char *joined = dw_arena_alloc(arena, protected_text.len + aad.len + 1);
    if (joined == NULL)
        return DW_ERR_NO_MEMORY;
    memcpy(joined, protected_text.ptr, protected_text.len);
    joined[protected_text.len] = '.';
    memcpy(joined + protected_text.len + 1, aad.ptr, aad.len);
    *ret_associated = dw_str_n(joined, protected_text.len + aad.len + 1);
    return DW_OK;
}

static enum dw_err read_message(yyjson_val *root, struct dw_arena *arena, struct message *ret_message)
{
    struct message message = { 0 };
    struct dw_str text = { 0 };

    TRY(jose_read_text(root, "protected", &text));
    if (dw_str_is_absent(text))
        text = DW_STR("");
    else
        TRY(header_decode_object(text, arena, &message.header_json, &message.headers.protected_));
    TRY(read_object(root, "unprotected", &message.headers.shared));
    TRY(read_associated(root, text, arena, &message.aad, &message.parts.associated));
    TRY(read_bytes(root, "iv", arena, &message.parts.box.iv));
    TRY(read_bytes(root, "tag", arena, &message.parts.box.tag));
    TRY(json_get(root, "ciphertext") == NULL ? DW_ERR_JOSE_MALFORMED : DW_OK);
    TRY(read_bytes(root, "ciphertext", arena, &message.parts.box.body));
    *ret_message = message;
    return DW_OK;
}

static enum dw_err open_for(const struct jwe_rules *rules, const struct message *message, yyjson_val *recipient,
                            struct dw_arena *arena, struct dw_jwe *ret_jwe)
{
    struct jwe_headers headers = message->headers;
    struct jwe_parts parts = message->parts;
    struct dw_jwe jwe = { .header_json = message->header_json, .aad = message->aad };
    struct jwe_header header;

    if (!yyjson_is_obj(recipient))
        return DW_ERR_JOSE_MALFORMED;
    TRY(read_object(recipient, "header", &headers.recipient));
    TRY(read_bytes(recipient, "encrypted_key", arena, &parts.encrypted_key));
    TRY(jwe_header_read(&headers, arena, &header));
    TRY(jwe_check(rules, &header));
    TRY(jwe_open(rules->key, &header, &parts, arena, &jwe.plaintext));
    jwe.alg = header.alg;
    jwe.enc = header.enc;
    *ret_jwe = jwe;
    return DW_OK;
}

/* Who is meant for somebody else is passed over; what is broken or asks for an extension is not (RFC 7516 §7.2.1). */
static bool is_for_another(enum dw_err err)
{
    return err == DW_ERR_JOSE_ALGORITHM || err == DW_ERR_JOSE_NO_KEY || err == DW_ERR_JOSE_DECRYPTION;
}

static enum dw_err open_any(const struct jwe_rules *rules, const struct message *message, yyjson_val *recipients,
                            struct dw_arena *arena, struct dw_jwe *ret_jwe)
{
    enum dw_err worst = DW_ERR_JOSE_MALFORMED;
    size_t i, n;
    yyjson_val *recipient;

    if (!yyjson_is_arr(recipients) || yyjson_arr_size(recipients) > DW_JWE_RECIPIENTS_MAX)
        return DW_ERR_JOSE_MALFORMED;
    yyjson_arr_foreach(recipients, i, n, recipient) {
        const enum dw_err err = open_for(rules, message, recipient, arena, ret_jwe);
        if (!is_for_another(err))
            return err;
        if (worst != DW_ERR_JOSE_DECRYPTION)
            worst = err;
    }
    return worst;
}

enum dw_err dw_jwe_decrypt_json(const struct dw_jwe_key *key, dw_jwe_algs algs, dw_jwe_encs encs, struct dw_str json,
                                struct dw_arena *arena, struct dw_jwe *ret_jwe)
{
    const struct jwe_rules rules = { .key = key, .algs = algs, .encs = encs };
    yyjson_val *root = NULL;
    struct message message;

    if (key == NULL || arena == NULL || ret_jwe == NULL)
        return DW_ERR_ARGUMENT;
    if (json.len > DW_JWE_MAX_BYTES)
        return DW_ERR_TOKEN_TOO_LARGE;
    TRY(header_parse_object(json, arena, &root));
    TRY(read_message(root, arena, &message));
    yyjson_val *recipients = json_get(root, "recipients");
    if (recipients == NULL)
        return open_for(&rules, &message, root, arena, ret_jwe);
    if (json_get(root, "header") != NULL || json_get(root, "encrypted_key") != NULL) /* §7.2.2: one form or the other */
        return DW_ERR_JOSE_MALFORMED;
    return open_any(&rules, &message, recipients, arena, ret_jwe);
}
