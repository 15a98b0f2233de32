/* Any bytes as an e-mail address, with every option: a normal form is its own, and is made of its parts. */
#include "fuzz.h"

#include "base/email.h"

static void check(struct dw_arena *arena, struct dw_str text, const struct email_options *options)
{
    struct email first, second;

    if (email_parse(arena, text, options, &first) != DW_OK)
        return;
    const struct dw_str joined = dw_arena_printf(arena, "%.*s@%.*s", (int)first.local.len, first.local.ptr,
        (int)first.domain.len, first.domain.ptr);
    CLAIM(dw_str_eq(joined, first.normalized));
    CLAIM(dw_str_is_utf8(first.normalized));
    CLAIM(first.local.len > 0 && (options->allow_long_local || first.local.len <= EMAIL_LOCAL_MAX));
    CLAIM(first.domain.len > 0);
    CLAIM(options->allow_special_domains || memchr(first.domain.ptr, '.', first.domain.len) != NULL);
    for (size_t i = 0; i < first.normalized.len; i++)
        CLAIM((unsigned char)first.normalized.ptr[i] > ' ' && first.normalized.ptr[i] != 0x7f);
    if (options->ascii_only)
        for (size_t i = 0; i < first.local.len; i++)
            CLAIM((unsigned char)first.local.ptr[i] < 0x80);
    CLAIM(email_parse(arena, first.normalized, options, &second) == DW_OK);
    CLAIM(dw_str_eq(first.normalized, second.normalized));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    if (dw_arena_new(1 << 20, &arena) != DW_OK)
        return 0;
    for (unsigned bits = 0; bits < 8; bits++) {
        const struct email_options options = {
            .ascii_only = (bits & 1) != 0, .allow_special_domains = (bits & 2) != 0,
            .allow_long_local = (bits & 4) != 0,
        };
        check(arena, dw_str_n(data, size), &options);
    }
    return 0;
}
