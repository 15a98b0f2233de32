#include "http/handshake.h"

#include "base/encoding.h"
#include "crypto/hash.h"

enum { KEY_SIZE = 16, KEY_TEXT_SIZE = 24 };

bool handshake_list_next(struct dw_str *rest, struct dw_str *ret_item)
{
    while (rest->len > 0 && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t' || rest->ptr[0] == ','))
        *rest = dw_str_n(rest->ptr + 1, rest->len - 1);
    if (rest->len == 0)
        return false;
    const char *comma = memchr(rest->ptr, ',', rest->len);
    struct dw_str item = dw_str_n(rest->ptr, comma != NULL ? (size_t)(comma - rest->ptr) : rest->len);
    *rest = dw_str_n(rest->ptr + item.len, rest->len - item.len);
    while (item.len > 0 && (item.ptr[item.len - 1] == ' ' || item.ptr[item.len - 1] == '\t'))
        item.len--;
    *ret_item = item;
    return true;
}

/* Whether any header of that name lists the item. */
static bool header_lists(const struct dw_request *r, struct dw_str name, struct dw_str wanted)
{
    struct dw_str item;

    for (unsigned i = 0; i < r->n_headers; i++) {
        if (!dw_str_eq_nocase(r->headers[i].name, name))
            continue;
        for (struct dw_str rest = r->headers[i].value; handshake_list_next(&rest, &item);)
            if (dw_str_eq_nocase(item, wanted))
                return true;
    }
    return false;
}

/* The only header of that name; DW_ERR_BAD_REQUEST when there are two. Absent when there is none. */
static enum dw_err header_only(const struct dw_request *r, struct dw_str name, struct dw_str *ret_value)
{
    struct dw_str value = { NULL, 0 };

    for (unsigned i = 0; i < r->n_headers; i++) {
        if (!dw_str_eq_nocase(r->headers[i].name, name))
            continue;
        if (!dw_str_is_absent(value))
            return DW_ERR_BAD_REQUEST;
        value = r->headers[i].value;
    }
    *ret_value = value;
    return DW_OK;
}

static enum dw_err protocols_read(const struct dw_request *r, struct handshake *h)
{
    struct dw_str item;

    for (unsigned i = 0; i < r->n_headers; i++) {
        if (!dw_str_eq_nocase(r->headers[i].name, DW_STR("Sec-WebSocket-Protocol")))
            continue;
        for (struct dw_str rest = r->headers[i].value; handshake_list_next(&rest, &item);) {
            if (h->n_protocols == HANDSHAKE_PROTOCOLS_MAX || !http_is_token(item))
                return DW_ERR_BAD_REQUEST;
            h->protocols[h->n_protocols++] = item;
        }
    }
    return DW_OK;
}

/* §4.2.2, 5.4: SHA-1 shows that the key was read, and protects nothing. */
static enum dw_err accept_make(struct dw_str key, char ret_accept[HANDSHAKE_ACCEPT_SIZE])
{
    static const char GUID[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[KEY_TEXT_SIZE + sizeof(GUID)];
    unsigned char digest[SHA1_SIZE], decoded[KEY_SIZE];
    size_t size = 0;

    if (key.len != KEY_TEXT_SIZE || base64_decode(key, true, decoded, sizeof(decoded), &size) != DW_OK ||
        size != KEY_SIZE)
        return DW_ERR_BAD_REQUEST;
    memcpy(text, key.ptr, key.len);
    memcpy(text + key.len, GUID, sizeof(GUID));
    TRY(hash_sha1(dw_str_n(text, key.len + sizeof(GUID) - 1), digest));
    base64_encode(dw_str_n(digest, sizeof(digest)), true, ret_accept);
    return DW_OK;
}

enum dw_err handshake_read(const struct dw_request *r, struct handshake *ret_handshake)
{
    struct handshake h = { 0 };
    struct dw_str version, key;

    if (r->method != DW_GET || r->is_http_1_0 || !header_lists(r, DW_STR("Upgrade"), DW_STR("websocket")) ||
        !header_lists(r, DW_STR("Connection"), DW_STR("upgrade")))
        return DW_ERR_UPGRADE;
    TRY(header_only(r, DW_STR("Sec-WebSocket-Version"), &version));
    TRY(header_only(r, DW_STR("Sec-WebSocket-Key"), &key));
    if (!dw_str_eq(version, DW_STR("13")))
        return DW_ERR_UPGRADE;
    if (r->body.len > 0)
        return DW_ERR_BAD_REQUEST;
    TRY(accept_make(key, h.accept));
    TRY(protocols_read(r, &h));
    *ret_handshake = h;
    return DW_OK;
}
