#include "app/problem.h"

#include <stdarg.h>

enum dw_err problem_say(struct problem *p, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(p->text, sizeof(p->text), format, arguments);
    va_end(arguments);
    return DW_ERR_TABLE;
}

enum dw_err problem_at(struct problem *p, const char *where, enum dw_err err)
{
    char joined[2 * DW_PROBLEM_SIZE] = "";

    if (err == DW_OK || p->text[0] == '\0')
        return err;
    snprintf(joined, sizeof(joined), "%.*s: %s", DW_PROBLEM_SIZE / 2, where, p->text);
    memcpy(p->text, joined, sizeof(p->text));
    p->text[sizeof(p->text) - 1] = '\0';
    return err;
}
