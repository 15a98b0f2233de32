/* Any bytes as base64url, percent-encoding, a time, an e-mail address, a password hash. */
#include "base/cleanup.h"
#include "base/email.h"
#include "base/encoding.h"
#include <doorward/password.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Strict means that there is one text for each string of bytes. */
static void check_base64url(struct dw_arena *arena, struct dw_str text)
{
    struct dw_str bytes;

    if (base64url_decode_arena(arena, text, &bytes) == DW_OK &&
        !dw_str_eq(base64url_encode_arena(arena, bytes), text))
        abort();
}

/* An address in its normal form is its own normal form. */
static void check_email(struct dw_arena *arena, struct dw_str text)
{
    struct email first, second;

    if (email_parse(arena, text, NULL, &first) != DW_OK)
        return;
    if (email_parse(arena, first.normalized, NULL, &second) != DW_OK || !dw_str_eq(first.normalized, second.normalized))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str text = dw_str_n(data, size), decoded;
    struct dw_password_info info;
    int64_t unix_s;

    if (dw_arena_new(1 << 20, &arena) != DW_OK)
        return 0;
    check_base64url(arena, text);
    check_email(arena, text);
    (void)(percent_decode_arena(arena, text, true, &decoded) == DW_OK);
    (void)(rfc3339_parse(text, &unix_s) == DW_OK);
    (void)(dw_password_info(text, &info) == DW_OK);
    return 0;
}
