#include "password/scheme.h"

#include "base/utf8.h"
#include "password/breached.h"
#include "password/common.h"

#include <unicase.h>
#include <uninorm.h>

enum { MIN_CHARS = 8, WORD_MIN_CHARS = 3 };

static int compare_common(const void *key, const void *row)
{
    return strcmp(key, *(const char *const *)row);
}

/* Lower case by itself, as the list has it, not folded (which would turn "straße" into "strasse"). */
static enum dw_err check_common(struct dw_str password)
{
    _cleanup_secret_ struct dw_secret terminated = { 0 };
    size_t length;
    uint8_t *lower = u8_tolower((const uint8_t *)password.ptr, password.len, NULL, NULL, NULL, &length);

    if (lower == NULL)
        return DW_ERR_NO_MEMORY;
    const enum dw_err err = dw_secret_copy(dw_str_n(lower, length), &terminated);
    dw_wipe(lower, length);
    free(lower);
    TRY(err);
    return bsearch(terminated.bytes, PASSWORD_COMMON, PASSWORD_COMMON_COUNT, sizeof(PASSWORD_COMMON[0]),
                   compare_common) == NULL
               ? DW_OK
               : DW_ERR_PASSWORD_COMMON;
}

static enum dw_err fold(struct dw_str text, struct dw_secret *ret_folded)
{
    uint8_t *folded = u8_casefold((const uint8_t *)text.ptr, text.len, NULL, UNINORM_NFC, NULL, &ret_folded->size);

    if (folded == NULL)
        return DW_ERR_NO_MEMORY;
    ret_folded->bytes = folded;
    return DW_OK;
}

/* refusal: when one of the words is in it. */
static enum dw_err check_words(struct dw_str password, const struct dw_str *words, size_t n_words, enum dw_err refusal)
{
    _cleanup_secret_ struct dw_secret folded = { 0 };

    TRY(fold(password, &folded));
    for (size_t i = 0; i < n_words; i++) {
        _cleanup_secret_ struct dw_secret part = { 0 };
        if (utf8_count(words[i]) < WORD_MIN_CHARS || !dw_str_is_utf8(words[i]))
            continue;
        TRY(fold(words[i], &part));
        if (memmem(folded.bytes, folded.size, part.bytes, part.size) != NULL)
            return refusal;
    }
    return DW_OK;
}

static enum dw_err check_breached(struct dw_str password, const struct dw_breached_passwords *breached)
{
    bool is_there = false;

    if (breached == NULL)
        return DW_OK;
    TRY(breached_find(breached, password, &is_there));
    return is_there ? DW_ERR_PASSWORD_BREACHED : DW_OK;
}

enum dw_err dw_password_check(const struct dw_password_policy *policy, const struct dw_secret *password,
                              const struct dw_str *personal, size_t n_personal)
{
    if (policy == NULL || password == NULL || (personal == NULL && n_personal > 0) ||
        (policy->words == NULL && policy->n_words > 0))
        return DW_ERR_ARGUMENT;
    const struct dw_str text = dw_secret_borrow(password);
    const size_t max_bytes = policy->max_bytes != 0 ? policy->max_bytes : PASSWORD_MAX_BYTES;
    const size_t min_chars = policy->min_chars != 0 ? policy->min_chars : MIN_CHARS;

    if (text.len > max_bytes)
        return DW_ERR_PASSWORD_LONG;
    if (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)
        return DW_ERR_PASSWORD_NUL;
    if (!dw_str_is_utf8(text))
        return DW_ERR_VALIDATION;
    if (text.len == 0 || utf8_count(text) < min_chars)
        return DW_ERR_PASSWORD_SHORT;
    TRY(check_common(text));
    TRY(check_words(text, personal, n_personal, DW_ERR_PASSWORD_PERSONAL));
    TRY(check_words(text, policy->words, policy->n_words, DW_ERR_PASSWORD_CONTEXT));
    return check_breached(text, policy->breached);
}
