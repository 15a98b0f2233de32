#include "jose/jwe_header.h"
#include "base/encoding.h"

enum { HEADER_DEPTH = 8, HEADER_MAX_BYTES = 16 * 1024 };

static enum dw_err malformed_unless_memory(enum dw_err err)
{
    return err == DW_OK || err == DW_ERR_NO_MEMORY ? err : DW_ERR_JOSE_MALFORMED;
}

enum dw_err jwe_header_decode(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_json,
                              yyjson_val **ret_root)
{
    struct dw_str json = { 0 };
    yyjson_val *root = NULL;

    if (text.len > HEADER_MAX_BYTES)
        return DW_ERR_JOSE_MALFORMED;
    TRY(malformed_unless_memory(base64url_decode_arena(arena, text, &json)));
    TRY(malformed_unless_memory(json_parse(arena, json, HEADER_DEPTH, &root, NULL)));
    if (!yyjson_is_obj(root))
        return DW_ERR_JOSE_MALFORMED;
    *ret_json = json;
    *ret_root = root;
    return DW_OK;
}

static yyjson_val *get(const struct jwe_headers *headers, const char *name)
{
    yyjson_val *value = json_get(headers->protected_, name);

    if (value == NULL)
        value = json_get(headers->shared, name);
    return value != NULL ? value : json_get(headers->recipient, name);
}

static bool is_disjoint(yyjson_val *one, yyjson_val *other)
{
    size_t i, n;
    yyjson_val *name, *value;

    if (one == NULL || other == NULL)
        return true;
    yyjson_obj_foreach(one, i, n, name, value) {
        (void)value;
        if (yyjson_obj_getn(other, yyjson_get_str(name), yyjson_get_len(name)) != NULL)
            return false;
    }
    return true;
}

/* A member that is a string when it is there at all. */
static enum dw_err read_str(const struct jwe_headers *headers, const char *name, struct dw_str *ret_text)
{
    yyjson_val *value = get(headers, name);

    *ret_text = json_str(value);
    return value == NULL || yyjson_is_str(value) ? DW_OK : DW_ERR_JOSE_MALFORMED;
}

static enum dw_err read_bytes(const struct jwe_headers *headers, const char *name, struct dw_arena *arena,
                              struct dw_str *ret_bytes)
{
    struct dw_str text = { 0 };

    TRY(read_str(headers, name, &text));
    return dw_str_is_absent(text) ? DW_OK : malformed_unless_memory(base64url_decode_arena(arena, text, ret_bytes));
}

enum dw_err jwe_header_read(const struct jwe_headers *headers, struct dw_arena *arena, struct jwe_header *ret_header)
{
    struct jwe_header header = { .epk = get(headers, "epk") };
    struct dw_str alg = { 0 }, enc = { 0 };

    if (!is_disjoint(headers->shared, headers->protected_) || !is_disjoint(headers->recipient, headers->protected_) ||
        !is_disjoint(headers->recipient, headers->shared))
        return DW_ERR_JOSE_MALFORMED;
    TRY(read_str(headers, "alg", &alg));
    TRY(read_str(headers, "enc", &enc));
    if (dw_str_is_absent(alg) || dw_str_is_absent(enc))
        return DW_ERR_JOSE_MALFORMED;
    header.alg = dw_jwe_alg_by_name(alg);
    header.enc = dw_jwe_enc_by_name(enc);
    header.is_critical = get(headers, "crit") != NULL; /* we understand no extension (RFC 7516 §4.1.13) */
    header.is_compressed = get(headers, "zip") != NULL;
    TRY(read_str(headers, "kid", &header.kid));
    TRY(read_bytes(headers, "apu", arena, &header.apu));
    TRY(read_bytes(headers, "apv", arena, &header.apv));
    TRY(read_bytes(headers, "iv", arena, &header.iv));
    TRY(read_bytes(headers, "tag", arena, &header.tag));
    *ret_header = header;
    return DW_OK;
}
