#include "jose/header.h"
#include "base/encoding.h"
#include "base/json.h"

enum { HEADER_DEPTH = 8, HEADER_MAX_BYTES = 16 * 1024, HEADER_NAMES_MAX = 256 };
enum { MEMO_ENTRIES = 8, MEMO_TEXT_MAX = 256, MEMO_BYTES_MAX = 512 };

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

enum dw_err jose_decode(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_bytes)
{
    const enum dw_err err = base64url_decode_arena(arena, text, ret_bytes);

    return err == DW_ERR_ENCODING ? DW_ERR_JOSE_MALFORMED : err;
}

enum dw_err jose_read_text(yyjson_val *object, const char *name, struct dw_str *ret_text)
{
    yyjson_val *value = json_get(object, name);

    *ret_text = json_str(value);
    return value == NULL || yyjson_is_str(value) ? DW_OK : DW_ERR_JOSE_MALFORMED;
}

/* RFC 7797 §6: "crit":["b64"], exactly, and b64 false. */
static bool asks_for_b64_alone(yyjson_val *root)
{
    yyjson_val *crit = json_get(root, "crit");

    return yyjson_is_false(json_get(root, "b64")) && yyjson_is_arr(crit) && yyjson_arr_size(crit) == 1 &&
           dw_str_eq(json_str(yyjson_arr_get_first(crit)), DW_STR("b64"));
}

enum dw_err header_read(yyjson_val *root, struct jose_header *ret_header)
{
    struct jose_header header = { 0 };
    struct dw_str alg = { 0 };

    TRY(jose_read_text(root, "alg", &alg));
    TRY(jose_read_text(root, "kid", &header.kid));
    TRY(jose_read_text(root, "typ", &header.typ));
    header.has_alg = !dw_str_is_absent(alg);
    header.alg = dw_alg_by_name(alg);
    /* RFC 7515 §4.1.11: in a compact token we understand no extension, so any crit is one that we don't. */
    yyjson_val *b64 = json_get(root, "b64");
    header.is_critical = json_get(root, "crit") != NULL || (b64 != NULL && !yyjson_is_true(b64));
    header.is_unencoded = asks_for_b64_alone(root);
    *ret_header = header;
    return DW_OK;
}

enum dw_err header_parse_object(struct dw_str json, struct dw_arena *arena, yyjson_val **ret_root)
{
    yyjson_val *root = NULL;

    const enum dw_err err = json_parse(arena, json, HEADER_DEPTH, &root, NULL);
    if (err != DW_OK)
        return err == DW_ERR_NO_MEMORY ? err : DW_ERR_JOSE_MALFORMED;
    if (!yyjson_is_obj(root))
        return DW_ERR_JOSE_MALFORMED;
    *ret_root = root;
    return DW_OK;
}

enum dw_err header_parse(struct dw_str json, struct dw_arena *arena, struct jose_header *ret_header)
{
    yyjson_val *root = NULL;
    struct jose_header header;

    TRY(header_parse_object(json, arena, &root));
    TRY(header_read(root, &header));
    if (!header.has_alg)
        return DW_ERR_JOSE_MALFORMED;
    header.json = json;
    *ret_header = header;
    return DW_OK;
}

enum dw_err header_decode_object(struct dw_str text, struct dw_arena *arena, struct dw_str *ret_json,
                                 yyjson_val **ret_root)
{
    if (text.len > HEADER_MAX_BYTES)
        return DW_ERR_JOSE_MALFORMED;
    TRY(jose_decode(text, arena, ret_json));
    return header_parse_object(*ret_json, arena, ret_root);
}

bool header_is_disjoint(yyjson_val *one, yyjson_val *other)
{
    size_t i, n;
    yyjson_val *name, *value;

    if (one == NULL || other == NULL)
        return true;
    /* Each name is looked for among all of the others: a megabyte of them would take seconds. */
    if (yyjson_obj_size(one) > HEADER_NAMES_MAX || yyjson_obj_size(other) > HEADER_NAMES_MAX)
        return false;
    yyjson_obj_foreach(one, i, n, name, value) {
        (void)value;
        if (yyjson_obj_getn(other, yyjson_get_str(name), yyjson_get_len(name)) != NULL)
            return false;
    }
    return true;
}

enum dw_err header_decode(struct dw_str text, struct dw_arena *arena, struct jose_header *ret_header)
{
    struct dw_str json = { 0 };
    struct jose_header header;

    if (memo_get(text, arena, ret_header))
        return DW_OK;
    TRY(jose_decode(text, arena, &json));
    TRY(header_parse(json, arena, &header));
    memo_put(text, &header);
    *ret_header = header;
    return DW_OK;
}
