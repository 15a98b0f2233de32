#include "base/email.h"

#include "base/utf8.h"

#include <idn2.h>
#include <unictype.h>
#include <uninorm.h>

enum { DOMAIN_MAX = 253, LABEL_MAX = 63 }; /* RFC 1035 §2.3.4 */

/* Names that no public mail reaches (RFC 6761, 6762, 7686). "example" is not among them: RFC 6761 §6.5 asks
 * applications not to treat it as special. */
static const struct dw_str SPECIAL_DOMAINS[] = {
    DW_STR_INIT("arpa"),      DW_STR_INIT("invalid"), DW_STR_INIT("local"),
    DW_STR_INIT("localhost"), DW_STR_INIT("onion"),   DW_STR_INIT("test"),
};

/* RFC 2142: mailbox names that mean the same in any case. */
static const struct dw_str ROLE_NAMES[] = {
    DW_STR_INIT("abuse"),   DW_STR_INIT("ftp"),        DW_STR_INIT("hostmaster"), DW_STR_INIT("info"),
    DW_STR_INIT("marketing"), DW_STR_INIT("news"),     DW_STR_INIT("noc"),        DW_STR_INIT("postmaster"),
    DW_STR_INIT("sales"),   DW_STR_INIT("security"),   DW_STR_INIT("support"),    DW_STR_INIT("usenet"),
    DW_STR_INIT("uucp"),    DW_STR_INIT("webmaster"),  DW_STR_INIT("www"),
};

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_atext(char c)
{
    return is_alphanumeric(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_host_char(char c)
{
    return is_alphanumeric(c) || c == '-';
}

/* Letters, numbers, punctuation, symbols; marks where they have something to stand on. Not blanks (Z) and not
 * control, format, surrogate, private and unassigned (C): they hide or turn what is shown. */
static bool is_safe(uint32_t code_point, bool is_first)
{
    const uint32_t safe = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N | UC_CATEGORY_MASK_P | UC_CATEGORY_MASK_S |
                          (is_first ? 0 : UC_CATEGORY_MASK_M);
    return uc_is_general_category_withtable(code_point, safe);
}

/* ASCII of the given kind and dots, and safe characters past ASCII. */
static bool has_allowed_chars(struct dw_str s, bool (*is_allowed)(char c), bool ascii_only)
{
    size_t step;

    for (size_t i = 0; i < s.len; i += step) {
        uint32_t code_point;
        step = utf8_next(dw_str_n(s.ptr + i, s.len - i), &code_point);
        if (step == 0)
            return false;
        if (code_point < 0x80 ? code_point != '.' && !is_allowed(s.ptr[i]) : ascii_only || !is_safe(code_point, i == 0))
            return false;
    }
    return true;
}

/* Dots only between parts that are not empty. */
static bool is_dotted(struct dw_str s)
{
    bool after_dot = true;

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.' && after_dot)
            return false;
        after_dot = s.ptr[i] == '.';
    }
    return !after_dot;
}

static enum dw_err to_nfc(struct dw_arena *arena, struct dw_str s, struct dw_str *ret_nfc)
{
    size_t length;
    _cleanup_free_ uint8_t *normal = u8_normalize(UNINORM_NFC, (const uint8_t *)s.ptr, s.len, NULL, &length);
    if (normal == NULL)
        return DW_ERR_NO_MEMORY;
    const struct dw_str copy = dw_arena_copy(arena, dw_str_n(normal, length));
    if (dw_str_is_absent(copy))
        return DW_ERR_LIMIT;
    *ret_nfc = copy;
    return DW_OK;
}

/* Normalising can bring forth other characters (U+037E becomes a semicolon), so the rules hold before and after. */
static enum dw_err parse_local(struct dw_arena *arena, struct dw_str text, const struct email_options *options,
                               struct dw_str *ret_local)
{
    struct dw_str local;

    if (!is_dotted(text) || !has_allowed_chars(text, is_atext, options->ascii_only))
        return DW_ERR_VALIDATION;
    TRY(to_nfc(arena, text, &local));
    if (!has_allowed_chars(local, is_atext, options->ascii_only))
        return DW_ERR_VALIDATION;
    if (!options->allow_long_local && MAX_OF(text.len, local.len) > EMAIL_LOCAL_MAX)
        return DW_ERR_VALIDATION;
    for (size_t i = 0; i < ARRAY_SIZE(ROLE_NAMES); i++) {
        if (dw_str_eq_nocase(local, ROLE_NAMES[i]))
            local = ROLE_NAMES[i];
    }
    *ret_local = local;
    return DW_OK;
}

static void free_idn(char **text)
{
    if (*text != NULL)
        idn2_free(*text);
}

/* The ASCII form and the Unicode form of a domain, in the arena. UTS 46 maps (case, width, dots); the result must then
 * stand as IDNA2008 by itself, and an A-label be the one that its Unicode form gives. */
static enum dw_err convert_domain(struct dw_arena *arena, const char *text, struct dw_str *ret_ascii,
                                  struct dw_str *ret_unicode)
{
    _cleanup_(free_idn) char *mapped = NULL, *unicode = NULL, *again = NULL;

    if (idn2_lookup_u8((const uint8_t *)text, (uint8_t **)&mapped, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
        return DW_ERR_VALIDATION;
    if (idn2_to_unicode_8z8z(mapped, &unicode, 0) != IDN2_OK)
        return DW_ERR_VALIDATION;
    if (idn2_lookup_u8((const uint8_t *)unicode, (uint8_t **)&again, IDN2_NFC_INPUT | IDN2_NO_TR46) != IDN2_OK ||
        strcmp(mapped, again) != 0)
        return DW_ERR_VALIDATION;
    *ret_ascii = dw_arena_copy(arena, dw_str(mapped));
    *ret_unicode = dw_arena_copy(arena, dw_str(unicode));
    return dw_str_is_absent(*ret_ascii) || dw_str_is_absent(*ret_unicode) ? DW_ERR_LIMIT : DW_OK;
}

/* RFC 952, RFC 1123 §2.1, and no "??--" but Punycode's (RFC 5890 §2.3.1). */
static bool is_host_label(struct dw_str label)
{
    if (label.len < 1 || label.len > LABEL_MAX || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    return label.len < 4 || memcmp(label.ptr + 2, "--", 2) != 0 || memcmp(label.ptr, "xn", 2) == 0;
}

static bool is_host_name(struct dw_str ascii)
{
    size_t start = 0;

    if (ascii.len > DOMAIN_MAX || !is_dotted(ascii) || !has_allowed_chars(ascii, is_host_char, true))
        return false;
    for (size_t i = 0; i <= ascii.len; i++) {
        if (i < ascii.len && ascii.ptr[i] != '.')
            continue;
        if (!is_host_label(dw_str_n(ascii.ptr + start, i - start)))
            return false;
        start = i + 1;
    }
    /* Every top-level domain ends in a letter; this keeps bare addresses out. */
    const char last = ascii.ptr[ascii.len - 1];
    return last >= 'a' && last <= 'z';
}

static bool is_special_domain(struct dw_str ascii)
{
    const char *last_dot = memrchr(ascii.ptr, '.', ascii.len);
    if (last_dot == NULL)
        return true;

    const struct dw_str top = dw_str_n(last_dot + 1, ascii.len - (size_t)(last_dot + 1 - ascii.ptr));
    for (size_t i = 0; i < ARRAY_SIZE(SPECIAL_DOMAINS); i++) {
        if (dw_str_eq(top, SPECIAL_DOMAINS[i]))
            return true;
    }
    return false;
}

static enum dw_err parse_domain(struct dw_arena *arena, struct dw_str text, const struct email_options *options,
                                struct dw_str *ret_ascii, struct dw_str *ret_unicode)
{
    struct dw_str ascii, unicode;

    if (!has_allowed_chars(text, is_host_char, false))
        return DW_ERR_VALIDATION;
    const struct dw_str terminated = dw_arena_copy(arena, text);
    if (dw_str_is_absent(terminated))
        return DW_ERR_LIMIT;
    TRY(convert_domain(arena, terminated.ptr, &ascii, &unicode));
    if (!is_host_name(ascii) || (!options->allow_special_domains && is_special_domain(ascii)))
        return DW_ERR_VALIDATION;
    *ret_ascii = ascii;
    *ret_unicode = unicode;
    return DW_OK;
}

enum dw_err email_parse(struct dw_arena *arena, struct dw_str text, const struct email_options *options,
                        struct email *ret_email)
{
    static const struct email_options DEFAULTS = { 0 };
    struct dw_str ascii;
    struct email email;

    if (text.len == 0 || text.len > EMAIL_MAX)
        return DW_ERR_VALIDATION;
    const char *at = memchr(text.ptr, '@', text.len);
    if (at == NULL)
        return DW_ERR_VALIDATION;
    const size_t local_length = (size_t)(at - text.ptr);
    const struct dw_str domain = dw_str_n(at + 1, text.len - local_length - 1);

    options = options == NULL ? &DEFAULTS : options;
    TRY(parse_local(arena, dw_str_n(text.ptr, local_length), options, &email.local));
    TRY(parse_domain(arena, domain, options, &ascii, &email.domain));
    if (email.local.len + 1 + MAX_OF(ascii.len, email.domain.len) > EMAIL_MAX)
        return DW_ERR_VALIDATION;
    email.normalized = dw_arena_printf(arena, "%.*s@%.*s", (int)email.local.len, email.local.ptr,
                                       (int)email.domain.len, email.domain.ptr);
    if (dw_str_is_absent(email.normalized))
        return DW_ERR_LIMIT;
    *ret_email = email;
    return DW_OK;
}
