/*
 * What fuzzers share: a claim that ends the program when it does not hold, and applications made once.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "app/application.h"
#include "base/cleanup.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLAIM(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: it does not hold that %s\n", __FILE__, __LINE__, #condition);                     \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline enum dw_err fuzz_fine(struct dw_request *r, const void *in, void *out)
{
    (void)r, (void)in, (void)out;
    return DW_OK;
}

/* An application of one table, kept until the program ends. */
static inline struct dw_app *fuzz_app(struct dw_app_config config, const struct dw_route *routes)
{
    const struct dw_route *const tables[] = { routes, NULL };
    char problem[DW_PROBLEM_SIZE] = "";
    struct dw_app *app = NULL;

    config.title = "Fuzz";
    config.version = "1";
    config.routes = tables;
    if (dw_app_new(&config, &app, problem) != DW_OK) {
        fprintf(stderr, "%s\n", problem);
        abort();
    }
    return app;
}

/* Takes what stands before the next line feed off; false at the end. */
static inline bool fuzz_line(struct dw_str *rest, struct dw_str *ret_line)
{
    if (dw_str_is_absent(*rest))
        return false;
    const char *end = rest->len == 0 ? NULL : (const char *)memchr(rest->ptr, '\n', rest->len);
    const size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);

    *ret_line = dw_str_n(rest->ptr, len);
    *rest = end == NULL ? dw_str_n(NULL, 0) : dw_str_n(end + 1, rest->len - len - 1);
    return true;
}

#endif
