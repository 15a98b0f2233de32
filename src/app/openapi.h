/*
 * OpenAPI 3.1 from the same rows that serve: what is documented is what happens.
 */
#ifndef APP_OPENAPI_H
#define APP_OPENAPI_H

#include "app/application.h"

enum { SECURITY_GROUPS_MAX = 4 };

/* One group: any of its schemes will do. All groups of a row must hold, the optional ones where something was sent. */
struct security_group {
    const struct dw_scheme *const *schemes; /* NULL-terminated */
    struct dw_str scopes;                   /* space-separated */
    struct dw_str permissions;              /* the same: scopes where a scheme declares them */
    bool is_required;                       /* else the request may come without any */
};

struct security {
    struct security_group groups[SECURITY_GROUPS_MAX];
    size_t n;
};

/* What the row's plan asks for. Strings in the arena. */
DW_MUST_USE enum dw_err openapi_security_find(const struct dw_app *app, const struct app_row *row,
                                              struct dw_arena *arena, struct problem *p, struct security *ret_security);
/* The value of an operation's `security`. */
void openapi_security_write(const struct security *security, struct buffer *b);
/* The value of components.securitySchemes: those that the rows use, once each. DW_ERR_TABLE for two of one name. */
DW_MUST_USE enum dw_err openapi_schemes_write(const struct dw_app *app, struct problem *p, struct buffer *b);
/* The value of an operation's `responses`. */
DW_MUST_USE enum dw_err openapi_responses_write(const struct app_row *row, struct buffer *b);

#endif
