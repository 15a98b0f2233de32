/* JWS as a JSON object (RFC 7515 §7.2). */
#include "base/encoding.h"
#include "jose/jws.h"
#include <doorward/jws_json.h>

/* One signature of an object. */
struct entry {
    struct dw_str protected_text, signature; /* as they are written */
    struct jose_header header;               /* json: the protected one, decoded */
};

/* --- the two headers of a signature --- */

/* What the other header may add to the protected one: kid, and alg where the caller allows that. Nothing that changes
 * how the signature is read: crit and b64 must be protected (RFC 7515 §4.1.11, RFC 7797 §3). */
static enum dw_err header_add(struct jose_header *header, yyjson_val *protected_root, yyjson_val *other,
                              bool unprotected_alg)
{
    struct jose_header more;

    if (other == NULL)
        return DW_OK;
    if (!yyjson_is_obj(other) || !header_is_disjoint(protected_root, other))
        return DW_ERR_JOSE_MALFORMED;
    TRY(header_read(other, &more));
    if (json_get(other, "crit") != NULL || json_get(other, "b64") != NULL)
        return DW_ERR_JOSE_CRITICAL;
    if (more.has_alg && unprotected_alg) {
        header->has_alg = true;
        header->alg = more.alg;
    }
    if (!dw_str_is_absent(more.kid))
        header->kid = more.kid;
    return DW_OK;
}

static enum dw_err entry_read(yyjson_val *object, bool unprotected_alg, struct dw_arena *arena, struct entry *ret_entry)
{
    struct entry entry = { 0 };
    struct dw_str text = { 0 }, json = { 0 };
    yyjson_val *root = NULL;

    if (!yyjson_is_obj(object))
        return DW_ERR_JOSE_MALFORMED;
    TRY(jose_read_text(object, "protected", &text));
    TRY(jose_read_text(object, "signature", &entry.signature));
    if (dw_str_is_absent(entry.signature))
        return DW_ERR_JOSE_MALFORMED;
    entry.protected_text = DW_STR("");
    if (!dw_str_is_absent(text)) {
        TRY(header_decode_object(text, arena, &json, &root));
        TRY(header_read(root, &entry.header));
        entry.header.json = json;
        entry.protected_text = text;
    }
    TRY(header_add(&entry.header, root, json_get(object, "header"), unprotected_alg));
    if (!entry.header.has_alg)
        return DW_ERR_JOSE_MALFORMED;
    if (entry.header.is_critical && !entry.header.is_unencoded)
        return DW_ERR_JOSE_CRITICAL;
    *ret_entry = entry;
    return DW_OK;
}

/* --- verifying --- */

struct object {
    struct entry entries[DW_JWS_SIGNATURES_MAX];
    size_t n_entries;
    struct dw_str payload; /* decoded */
};

static enum dw_err read_entries(yyjson_val *root, bool unprotected_alg, struct dw_arena *arena, struct object *object)
{
    yyjson_val *list = json_get(root, "signatures"), *item;
    size_t i, n;

    if (list == NULL) {
        object->n_entries = 1;
        return entry_read(root, unprotected_alg, arena, &object->entries[0]);
    }
    /* RFC 7515 §7.2.2: one form or the other. */
    if (json_get(root, "signature") != NULL || json_get(root, "protected") != NULL || json_get(root, "header") != NULL)
        return DW_ERR_JOSE_MALFORMED;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0 || yyjson_arr_size(list) > DW_JWS_SIGNATURES_MAX)
        return DW_ERR_JOSE_MALFORMED;
    yyjson_arr_foreach(list, i, n, item) {
        TRY(entry_read(item, unprotected_alg, arena, &object->entries[i]));
        if (object->entries[i].header.is_unencoded != object->entries[0].header.is_unencoded) /* RFC 7797 §3 */
            return DW_ERR_JOSE_MALFORMED;
    }
    object->n_entries = yyjson_arr_size(list);
    return DW_OK;
}

/* From the object or from the caller: exactly one of the two. */
static enum dw_err read_payload(yyjson_val *root, struct dw_str given, bool is_unencoded, struct dw_arena *arena,
                                struct dw_str *ret_payload)
{
    struct dw_str text = { 0 };

    TRY(jose_read_text(root, "payload", &text));
    if (dw_str_is_absent(text) == dw_str_is_absent(given))
        return DW_ERR_JOSE_MALFORMED;
    if (dw_str_is_absent(given) && !is_unencoded)
        return jose_decode(text, arena, ret_payload);
    *ret_payload = dw_str_is_absent(given) ? text : given;
    return DW_OK;
}

static enum dw_err entry_verify(const struct entry *entry, const struct jws_keys *keys, dw_alg_set algs,
                                struct dw_str payload, struct dw_arena *arena, struct dw_jws *ret_jws)
{
    const struct jose_header *header = &entry->header;
    struct dw_jws jws = { .alg = header->alg, .header_json = header->json, .payload = payload };
    struct dw_str input = { 0 };

    if (header->alg == DW_ALG_NONE_GIVEN || (algs & DW_ALG_BIT(header->alg)) == 0)
        return DW_ERR_JOSE_ALGORITHM;
    TRY(jws_choose_key(keys, header->alg, header->kid, &jws.key));
    TRY(jws_input(entry->protected_text, payload, header->is_unencoded, arena, &input));
    TRY(jws_check_signature(jws.key, header->alg, input, entry->signature));
    *ret_jws = jws;
    return DW_OK;
}

/* Somebody else's signature is passed over. */
static bool is_of_another(enum dw_err err)
{
    return err == DW_ERR_JOSE_ALGORITHM || err == DW_ERR_JOSE_NO_KEY || err == DW_ERR_JOSE_SIGNATURE;
}

static enum dw_err verify_any(const struct object *object, const struct jws_keys *keys, dw_alg_set algs,
                              struct dw_arena *arena, struct dw_jws *ret_jws)
{
    enum dw_err nearest = DW_ERR_JOSE_MALFORMED;

    for (size_t i = 0; i < object->n_entries; i++) {
        const enum dw_err err = entry_verify(&object->entries[i], keys, algs, object->payload, arena, ret_jws);
        if (!is_of_another(err))
            return err;
        if (nearest != DW_ERR_JOSE_SIGNATURE)
            nearest = err;
    }
    return nearest;
}

static bool is_single(dw_alg_set algs)
{
    return algs != 0 && (algs & (algs - 1)) == 0;
}

static enum dw_err verify(const struct jws_keys *keys, const struct dw_jws_json_rules *rules, struct dw_str json,
                          struct dw_arena *arena, struct dw_jws *ret_jws)
{
    yyjson_val *root = NULL;
    struct object object = { 0 };

    if (rules == NULL || arena == NULL || ret_jws == NULL || (rules->unprotected_alg && !is_single(rules->algs)))
        return DW_ERR_ARGUMENT;
    if (json.len > DW_JWS_JSON_MAX_BYTES)
        return DW_ERR_TOKEN_TOO_LARGE;
    TRY(header_parse_object(json, arena, &root));
    TRY(read_entries(root, rules->unprotected_alg, arena, &object));
    TRY(read_payload(root, rules->payload, object.entries[0].header.is_unencoded, arena, &object.payload));
    return verify_any(&object, keys, rules->algs, arena, ret_jws);
}

enum dw_err dw_jws_verify_json(const struct dw_keyset *keys, const struct dw_jws_json_rules *rules, struct dw_str json,
                               struct dw_arena *arena, struct dw_jws *ret_jws)
{
    return keys == NULL ? DW_ERR_ARGUMENT : verify(&(struct jws_keys){ .set = keys }, rules, json, arena, ret_jws);
}

enum dw_err dw_jws_verify_json_key(const struct dw_key *key, const struct dw_jws_json_rules *rules, struct dw_str json,
                                   struct dw_arena *arena, struct dw_jws *ret_jws)
{
    return key == NULL ? DW_ERR_ARGUMENT : verify(&(struct jws_keys){ .key = key }, rules, json, arena, ret_jws);
}

/* --- signing --- */

/* Both headers, checked together; ret_other is NULL where there is nothing but the protected one. */
static enum dw_err signer_check(const struct dw_jws_signer *signer, struct dw_arena *arena,
                                struct jose_header *ret_header, yyjson_val **ret_other)
{
    struct jose_header header, together;
    yyjson_val *root = NULL, *other = NULL;

    if (signer->key == NULL)
        return DW_ERR_ARGUMENT;
    TRY(header_parse_object(signer->protected_json, arena, &root));
    TRY(header_read(root, &header));
    if (!header.has_alg)
        return DW_ERR_JOSE_MALFORMED;
    if (!dw_str_is_absent(signer->header_json)) {
        together = header;
        TRY(header_parse_object(signer->header_json, arena, &other));
        TRY(header_add(&together, root, other, false));
    }
    TRY(jws_check_signing(signer->key, &header, true));
    *ret_header = header;
    *ret_other = other;
    return DW_OK;
}

/* The members of one signature, without braces. */
static enum dw_err signature_write(const struct dw_jws_signer *signer, struct dw_str payload, bool is_unencoded,
                                   struct dw_arena *arena, struct buffer *out)
{
    struct jose_header header;
    yyjson_val *other = NULL;
    struct dw_str input = { 0 }, signature = { 0 };

    TRY(signer_check(signer, arena, &header, &other));
    if (header.is_unencoded != is_unencoded) /* RFC 7797 §3 */
        return DW_ERR_JOSE_MALFORMED;
    const struct dw_str text = base64url_encode_arena(arena, signer->protected_json);
    if (dw_str_is_absent(text))
        return DW_ERR_NO_MEMORY;
    TRY(jws_input(text, payload, is_unencoded, arena, &input));
    TRY(dw_sign(signer->key, header.alg, input, arena, &signature));
    json_write_member_str(out, "protected", text);
    if (other != NULL) {
        json_write_key(out, "header");
        json_write_value(out, other);
    }
    json_write_member_str(out, "signature", base64url_encode_arena(arena, signature));
    return buffer_error(out);
}

static enum dw_err payload_write(struct dw_str payload, bool is_unencoded, struct dw_arena *arena, struct buffer *out)
{
    if (is_unencoded && !dw_str_is_utf8(payload))
        return DW_ERR_ENCODING;
    if (!is_unencoded)
        payload = base64url_encode_arena(arena, payload);
    if (dw_str_is_absent(payload))
        return DW_ERR_NO_MEMORY;
    json_write_member_str(out, "payload", payload);
    return buffer_error(out);
}

static enum dw_err object_write(const struct dw_jws_signer *signers, size_t n_signers, struct dw_str payload,
                                struct dw_arena *arena, struct buffer *out)
{
    struct jose_header first;
    yyjson_val *ignored = NULL;

    TRY(signer_check(&signers[0], arena, &first, &ignored));
    buffer_append_char(out, '{');
    TRY(payload_write(payload, first.is_unencoded, arena, out));
    if (n_signers == 1) {
        TRY(signature_write(&signers[0], payload, first.is_unencoded, arena, out));
    } else {
        json_write_key(out, "signatures");
        buffer_append_char(out, '[');
        for (size_t i = 0; i < n_signers; i++) {
            json_write_comma(out);
            buffer_append_char(out, '{');
            TRY(signature_write(&signers[i], payload, first.is_unencoded, arena, out));
            buffer_append_char(out, '}');
        }
        buffer_append_char(out, ']');
    }
    buffer_append_char(out, '}');
    return buffer_error(out);
}

enum dw_err dw_jws_sign_json(const struct dw_jws_signer *signers, size_t n_signers, struct dw_str payload,
                             struct dw_arena *arena, struct dw_str *ret_json)
{
    _cleanup_buffer_ struct buffer out = BUFFER_INIT(DW_JWS_JSON_MAX_BYTES);

    if (signers == NULL || n_signers == 0 || n_signers > DW_JWS_SIGNATURES_MAX || arena == NULL || ret_json == NULL)
        return DW_ERR_ARGUMENT;
    if (payload.len > DW_JWS_JSON_MAX_BYTES)
        return DW_ERR_TOKEN_TOO_LARGE;
    const enum dw_err err =
        object_write(signers, n_signers, dw_str_is_absent(payload) ? DW_STR("") : payload, arena, &out);
    TRY(err == DW_ERR_LIMIT ? DW_ERR_TOKEN_TOO_LARGE : err);
    const struct dw_str json = dw_arena_copy(arena, buffer_str(&out));
    if (dw_str_is_absent(json))
        return DW_ERR_NO_MEMORY;
    *ret_json = json;
    return DW_OK;
}
