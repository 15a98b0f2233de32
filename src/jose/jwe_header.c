#include "jose/jwe_header.h"
#include "base/encoding.h"
#include "jose/header.h"

static yyjson_val *get(const struct jwe_headers *headers, const char *name)
{
    yyjson_val *value = json_get(headers->protected_, name);

    if (value == NULL)
        value = json_get(headers->shared, name);
    return value != NULL ? value : json_get(headers->recipient, name);
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
    if (dw_str_is_absent(text))
        return DW_OK;
    return jose_decode(text, arena, ret_bytes);
}

enum dw_err jwe_header_read(const struct jwe_headers *headers, struct dw_arena *arena, struct jwe_header *ret_header)
{
    struct jwe_header header = { .epk = get(headers, "epk") };
    struct dw_str alg = { 0 }, enc = { 0 };

    if (!header_is_disjoint(headers->shared, headers->protected_) ||
        !header_is_disjoint(headers->recipient, headers->protected_) ||
        !header_is_disjoint(headers->recipient, headers->shared))
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
