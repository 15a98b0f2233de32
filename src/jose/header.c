#include "jose/header.h"
#include "base/encoding.h"
#include "base/json.h"

enum { HEADER_DEPTH = 8, MEMO_ENTRIES = 8, MEMO_TEXT_MAX = 256, MEMO_BYTES_MAX = 512 };

/* bytes: JSON, then kid, then typ. */
struct memo {
    size_t text_size;
    struct jose_header header; /* its slices point into `bytes` */
    char text[MEMO_TEXT_MAX];
    char bytes[MEMO_BYTES_MAX];
};

static __thread struct memo memos[MEMO_ENTRIES];

static struct memo *memo_of(struct dw_str text)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;

    return &memos[(text.len + 7u * bytes[text.len - 1] + bytes[text.len / 2]) % MEMO_ENTRIES];
}

static struct dw_str put(char **at, struct dw_str s)
{
    if (dw_str_is_absent(s))
        return s;
    memcpy(*at, s.ptr, s.len);
    const struct dw_str copy = dw_str_n(*at, s.len);
    *at += s.len;
    return copy;
}

/* Copies the slices of `from` to `at`, one after the other. */
static struct jose_header header_copy(const struct jose_header *from, char *at)
{
    struct jose_header copy = *from;

    copy.json = put(&at, from->json);
    copy.kid = put(&at, from->kid);
    copy.typ = put(&at, from->typ);
    return copy;
}

static size_t header_bytes(const struct jose_header *header)
{
    return header->json.len + header->kid.len + header->typ.len;
}

static bool memo_get(struct dw_str text, struct dw_arena *arena, struct jose_header *ret_header)
{
    if (text.len == 0 || text.len > MEMO_TEXT_MAX)
        return false;
    const struct memo *memo = memo_of(text);
    if (memo->text_size != text.len || memcmp(memo->text, text.ptr, text.len) != 0)
        return false;
    char *bytes = dw_arena_alloc(arena, header_bytes(&memo->header) + 1);
    if (bytes == NULL)
        return false;
    *ret_header = header_copy(&memo->header, bytes);
    return true;
}

static void memo_put(struct dw_str text, const struct jose_header *header)
{
    if (text.len == 0 || text.len > MEMO_TEXT_MAX || header_bytes(header) > MEMO_BYTES_MAX)
        return;
    struct memo *memo = memo_of(text);
    memo->text_size = text.len;
    memcpy(memo->text, text.ptr, text.len);
    memo->header = header_copy(header, memo->bytes);
}

/* A member that is a string when it is there at all. */
static enum dw_err read_optional(yyjson_val *root, const char *name, struct dw_str *ret_value)
{
    yyjson_val *value = json_get(root, name);

    *ret_value = json_str(value);
    return value == NULL || yyjson_is_str(value) ? DW_OK : DW_ERR_JOSE_MALFORMED;
}

enum dw_err header_parse(struct dw_str json, struct dw_arena *arena, struct jose_header *ret_header)
{
    yyjson_val *root = NULL;
    struct jose_header header = { .json = json };

    const enum dw_err err = json_parse(arena, json, HEADER_DEPTH, &root, NULL);
    if (err != DW_OK)
        return err == DW_ERR_NO_MEMORY ? err : DW_ERR_JOSE_MALFORMED;
    yyjson_val *alg = json_get(root, "alg");
    if (!yyjson_is_obj(root) || !yyjson_is_str(alg))
        return DW_ERR_JOSE_MALFORMED;
    header.alg = dw_alg_by_name(json_str(alg));
    TRY(read_optional(root, "kid", &header.kid));
    TRY(read_optional(root, "typ", &header.typ));
    /* RFC 7515 §4.1.11: we understand no extension, so any crit is one that we don't. RFC 7797 §6 asks for crit too. */
    yyjson_val *b64 = json_get(root, "b64");
    header.is_critical = json_get(root, "crit") != NULL || (b64 != NULL && !yyjson_is_true(b64));
    *ret_header = header;
    return DW_OK;
}

enum dw_err header_decode(struct dw_str text, struct dw_arena *arena, struct jose_header *ret_header)
{
    struct dw_str json = { 0 };
    struct jose_header header;

    if (memo_get(text, arena, ret_header))
        return DW_OK;
    const enum dw_err err = base64url_decode_arena(arena, text, &json);
    if (err != DW_OK)
        return err == DW_ERR_ENCODING ? DW_ERR_JOSE_MALFORMED : err;
    TRY(header_parse(json, arena, &header));
    memo_put(text, &header);
    *ret_header = header;
    return DW_OK;
}
