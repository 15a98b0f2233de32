#include "jose/jws.h"
#include "base/encoding.h"

static const char *find_dot(const char *from, const char *end)
{
    return from < end ? memchr(from, '.', (size_t)(end - from)) : NULL;
}

enum dw_err jws_split(struct dw_str token, struct jws_parts *ret_parts)
{
    const char *end = token.ptr + token.len;

    if (token.len > DW_TOKEN_MAX_BYTES)
        return DW_ERR_TOKEN_TOO_LARGE;
    if (token.len == 0)
        return DW_ERR_JOSE_MALFORMED;
    const char *first = find_dot(token.ptr, end);
    const char *second = first != NULL ? find_dot(first + 1, end) : NULL;
    if (second == NULL || find_dot(second + 1, end) != NULL)
        return DW_ERR_JOSE_MALFORMED;
    *ret_parts = (struct jws_parts){
        .header = dw_str_n(token.ptr, (size_t)(first - token.ptr)),
        .payload = dw_str_n(first + 1, (size_t)(second - first - 1)),
        .signature = dw_str_n(second + 1, (size_t)(end - second - 1)),
        .signed_bytes = dw_str_n(token.ptr, (size_t)(second - token.ptr)),
    };
    return DW_OK;
}

enum dw_err jws_choose_key(const struct jws_keys *keys, enum dw_alg alg, struct dw_str kid,
                           const struct dw_key **ret_key)
{
    if (keys->key == NULL) {
        TRY(keys->set->is_mixed ? DW_ERR_JOSE_ALGORITHM : DW_OK);
        return keyset_choose(keys->set, alg, kid, ret_key);
    }
    if (keys->key->kid_is_given && !dw_str_is_absent(kid) && !dw_str_eq(kid, keys->key->kid))
        return DW_ERR_JOSE_NO_KEY;
    *ret_key = keys->key;
    return DW_OK;
}

enum dw_err jws_check_signature(const struct dw_key *key, enum dw_alg alg, struct dw_str signed_bytes,
                                struct dw_str signature)
{
    unsigned char bytes[KEY_SIGNATURE_MAX];
    size_t size = 0;

    switch (base64url_decode(signature, bytes, sizeof bytes, &size)) {
    case DW_OK:
        break;
    case DW_ERR_LIMIT:
        return DW_ERR_JOSE_SIGNATURE;
    default:
        return DW_ERR_JOSE_MALFORMED;
    }
    return dw_verify(key, alg, signed_bytes, dw_str_n(bytes, size));
}

enum dw_err jws_open(const struct jws_keys *keys, dw_alg_set algs, struct dw_str token, struct dw_arena *arena,
                     struct jose_header *ret_header, struct dw_jws *ret_jws)
{
    struct jws_parts parts;
    struct jose_header header;
    struct dw_jws jws = { 0 };

    if ((keys->key == NULL && keys->set == NULL) || arena == NULL || ret_jws == NULL)
        return DW_ERR_ARGUMENT;
    TRY(jws_split(token, &parts));
    TRY(header_decode(parts.header, arena, &header));
    if (header.is_critical)
        return DW_ERR_JOSE_CRITICAL;
    if (header.alg == DW_ALG_NONE_GIVEN || (algs & DW_ALG_BIT(header.alg)) == 0)
        return DW_ERR_JOSE_ALGORITHM;
    TRY(jws_choose_key(keys, header.alg, header.kid, &jws.key));
    TRY(jws_check_signature(jws.key, header.alg, parts.signed_bytes, parts.signature));
    TRY(jose_decode(parts.payload, arena, &jws.payload));
    jws.alg = header.alg;
    jws.header_json = header.json;
    *ret_header = header;
    *ret_jws = jws;
    return DW_OK;
}

enum dw_err dw_jws_verify(const struct dw_keyset *keys, dw_alg_set algs, struct dw_str token, struct dw_arena *arena,
                          struct dw_jws *ret_jws)
{
    struct jose_header header;

    return jws_open(&(struct jws_keys){ .set = keys }, algs, token, arena, &header, ret_jws);
}

enum dw_err dw_jws_verify_key(const struct dw_key *key, dw_alg_set algs, struct dw_str token, struct dw_arena *arena,
                              struct dw_jws *ret_jws)
{
    struct jose_header header;

    return jws_open(&(struct jws_keys){ .key = key }, algs, token, arena, &header, ret_jws);
}

enum dw_err jws_input(struct dw_str header_text, struct dw_str payload, bool is_unencoded, struct dw_arena *arena,
                      struct dw_str *ret_input)
{
    char *input = dw_arena_alloc(arena, header_text.len + base64url_encoded_size(payload.len) + 1);

    if (input == NULL)
        return DW_ERR_NO_MEMORY;
    if (header_text.len > 0)
        memcpy(input, header_text.ptr, header_text.len);
    input[header_text.len] = '.';
    char *at = input + header_text.len + 1;
    size_t size = payload.len;
    if (!is_unencoded)
        size = base64url_encode(payload, at);
    else if (payload.len > 0)
        memcpy(at, payload.ptr, payload.len);
    *ret_input = dw_str_n(input, header_text.len + 1 + size);
    return DW_OK;
}

enum dw_err jws_check_signing(const struct dw_key *key, const struct jose_header *header, bool knows_b64)
{
    if (header->is_critical && !(knows_b64 && header->is_unencoded))
        return DW_ERR_JOSE_CRITICAL;
    if (!jose_key_allows(key, header->alg))
        return DW_ERR_JOSE_ALGORITHM;
    return key->may_sign ? DW_OK : DW_ERR_KEY_USE;
}

/* header '.' payload, encoded, with room for the signature behind. */
static char *put_segment(char *at, struct dw_str bytes)
{
    return at + base64url_encode(bytes, at);
}

enum dw_err dw_jws_sign(const struct dw_key *key, struct dw_str header_json, struct dw_str payload,
                        struct dw_arena *arena, struct dw_str *ret_token)
{
    struct jose_header header;
    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t size = 0;

    if (key == NULL || arena == NULL || ret_token == NULL)
        return DW_ERR_ARGUMENT;
    TRY(header_parse(header_json, arena, &header));
    TRY(jws_check_signing(key, &header, false));
    char *token = dw_arena_alloc(arena, base64url_encoded_size(header_json.len) + base64url_encoded_size(payload.len) +
                                            base64url_encoded_size(sizeof signature) + 3);
    if (token == NULL)
        return DW_ERR_NO_MEMORY;
    char *end = put_segment(token, header_json);
    *end++ = '.';
    end = put_segment(end, payload);
    TRY(key_sign(key->key, &alg_info(header.alg)->scheme, dw_str_n(token, (size_t)(end - token)), signature, &size));
    *end++ = '.';
    end = put_segment(end, dw_str_n(signature, size));
    *ret_token = dw_str_n(token, (size_t)(end - token));
    return DW_OK;
}
