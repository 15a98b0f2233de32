#include "app/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { MATCH_LIMIT = 100000, DEPTH_LIMIT = 1000, HEAP_LIMIT_KIB = 1024, MESSAGE_MAX = 120 };

/* PCRE2's own type is a typedef of a struct that it does not show. */
static pcre2_code *code_of(const struct pattern *pattern)
{
    return (pcre2_code *)(uintptr_t)pattern;
}

enum dw_err pattern_new(struct dw_str text, struct problem *p, struct pattern **ret_pattern)
{
    unsigned char message[MESSAGE_MAX] = "";
    size_t where = 0;
    int error = 0;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)text.ptr, text.len,
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C,
                      &error, &where, NULL);

    if (code == NULL) {
        pcre2_get_error_message(error, message, sizeof(message));
        return problem_say(p, "the pattern does not compile: %s", (const char *)message);
    }
    *ret_pattern = (struct pattern *)code;
    return DW_OK;
}

void pattern_free(struct pattern **pattern)
{
    pcre2_code_free(code_of(*pattern));
    *pattern = NULL;
}

bool pattern_matches(const struct pattern *pattern, struct dw_str s)
{
    const pcre2_code *code = code_of(pattern);
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    int result = PCRE2_ERROR_NOMEMORY;

    if (data != NULL && context != NULL) {
        pcre2_set_match_limit(context, MATCH_LIMIT);
        pcre2_set_depth_limit(context, DEPTH_LIMIT);
        pcre2_set_heap_limit(context, HEAP_LIMIT_KIB);
        result = pcre2_match(code, (PCRE2_SPTR)s.ptr, s.len, 0, 0, data, context);
    }
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
    return result >= 0;
}
