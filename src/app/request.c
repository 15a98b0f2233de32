#include "app/application.h"

/* What handlers and resolve functions ask of the request's state. */

struct dw_str dw_path_parameter(const struct dw_request *r, const char *name)
{
    const struct app_row *row = r == NULL ? NULL : app_row(r);

    if (row != NULL && name != NULL)
        for (size_t i = 0; i < row->n_names; i++)
            if (dw_str_eq(row->names[i], dw_str(name)))
                return app_state(r)->match.parameters[i];
    return dw_str_n(NULL, 0);
}

const struct dw_route *dw_route(const struct dw_request *r)
{
    const struct app_row *row = r == NULL ? NULL : app_row(r);

    return row == NULL ? NULL : row->route;
}

void *dw_context(const struct dw_request *r)
{
    return r == NULL || r->state == NULL ? NULL : app_state(r)->app->config.context;
}

enum dw_err dw_fail(struct dw_request *r, enum dw_err err, const char *text)
{
    if (r == NULL || r->state == NULL)
        return DW_ERR_ARGUMENT;
    app_state(r)->fail_error = err;
    app_state(r)->fail_text = text;
    return err;
}

enum dw_err dw_fail_field(struct dw_request *r, const char *place, const char *field, const char *type,
                          const char *message)
{
    if (r == NULL || r->state == NULL || place == NULL || field == NULL || type == NULL || message == NULL)
        return DW_ERR_ARGUMENT;
    const struct place outer = { .name = dw_str(place) };
    const struct place inner = { .outer = &outer, .name = dw_str(field) };
    return issue_add(&app_state(r)->issues, r->arena, &inner, type, dw_arena_copy(r->arena, dw_str(message)),
                     dw_str_n(NULL, 0));
}

void dw_challenge(struct dw_request *r, const char *value)
{
    if (r != NULL && r->state != NULL && value != NULL)
        app_state(r)->challenge = dw_arena_copy(r->arena, dw_str(value));
}

void dw_retry_after(struct dw_request *r, unsigned seconds)
{
    if (r != NULL && r->state != NULL)
        app_state(r)->retry_after_s = seconds;
}
