#include "app/openapi.h"

#include <errno.h>

enum {
    RESPONSES_MAX = 32,
    STATUS_OK = 200,
    STATUS_NO_CONTENT = 204,
    STATUS_BAD_REQUEST = 400,
    STATUS_UNAUTHORIZED = 401,
    STATUS_FORBIDDEN = 403,
    STATUS_NOT_FOUND = 404,
    STATUS_VALIDATION = 422,
    STATUS_END = 600,
};

struct response {
    int status;
    struct dw_str description;
};

/* Kept in the order of their status; a later word on a status replaces an earlier one. */
struct responses {
    struct response rows[RESPONSES_MAX];
    size_t n;
};

static void response_set(struct responses *list, int status, struct dw_str description)
{
    size_t i = 0;

    while (i < list->n && list->rows[i].status < status)
        i++;
    if (i == list->n || list->rows[i].status != status) {
        if (list->n == RESPONSES_MAX)
            return;
        memmove(&list->rows[i + 1], &list->rows[i], (list->n - i) * sizeof(list->rows[0]));
        list->n++;
    }
    list->rows[i] = (struct response){ status, description };
}

static int success_status(const struct app_row *row)
{
    const struct dw_route *route = row->route;

    if (route->status != 0)
        return route->status;
    return route->answer == NULL && route->answer_type == NULL ? STATUS_NO_CONTENT : STATUS_OK;
}

/* "403 when the role is another": a status and its description. */
static void refusal_set(struct responses *list, const char *refusal)
{
    char *end = NULL;

    const long status = strtol(refusal, &end, 10);
    if (status < STATUS_BAD_REQUEST || status >= STATUS_END)
        return;
    while (*end == ' ')
        end++;
    response_set(list, (int)status, dw_str(end));
}

static void step_responses(const struct plan_step *step, struct responses *list)
{
    const struct dw_dependency *d = step->asked;

    if (d == &DW_CURRENT_PRINCIPAL || d->schemes != NULL)
        response_set(list, STATUS_UNAUTHORIZED, DW_STR("Not authenticated"));
    if (step->scopes.len > 0 || d->resolve == dw_resolve_role || d->resolve == dw_resolve_permission)
        response_set(list, STATUS_FORBIDDEN, DW_STR("Not enough permissions"));
    if (step->policy != NULL)
        response_set(list, STATUS_FORBIDDEN, dw_str(step->policy->says));
    if (step->policy != NULL && step->policy->hides)
        response_set(list, STATUS_NOT_FOUND, DW_STR("Not Found"));
    if (d->refusal != NULL)
        refusal_set(list, d->refusal);
}

static void responses_collect(const struct app_row *row, struct responses *list)
{
    const struct dw_route *route = row->route;
    const bool takes_input = app_row_takes_input(row);

    response_set(list, success_status(row), DW_STR("Successful Response"));
    for (size_t i = 0; i < row->plan.n_steps; i++)
        step_responses(&row->plan.steps[i], list);
    if (takes_input && route->oauth_errors)
        response_set(list, STATUS_BAD_REQUEST, DW_STR("Invalid request (RFC 6749, section 5.2)"));
    else if (takes_input)
        response_set(list, STATUS_VALIDATION, DW_STR("Validation Error"));
    for (const struct dw_answer_doc *doc = route->answers; doc != NULL && doc->status != 0; doc++)
        response_set(list, doc->status, dw_str(doc->description == NULL ? "" : doc->description));
}

static const char *error_schema(const struct app_row *row, int status)
{
    if (row->route->oauth_errors)
        return "OAuthError";
    return status == STATUS_VALIDATION && app_row_takes_input(row) ? "HTTPValidationError" : "Error";
}

static void content_write(const struct app_row *row, int status, struct buffer *b)
{
    const struct dw_route *route = row->route;

    if (status < STATUS_BAD_REQUEST && status != success_status(row))
        return;
    if (status < STATUS_BAD_REQUEST && route->answer == NULL && route->answer_type == NULL)
        return;
    json_write_key(b, "content");
    buffer_append_char(b, '{');
    const bool is_own = status < STATUS_BAD_REQUEST && route->answer_type != NULL;
    json_write_key(b, is_own ? route->answer_type : "application/json");
    buffer_append_char(b, '{');
    if (status >= STATUS_BAD_REQUEST)
        buffer_printf(b, "\"schema\":{\"$ref\":\"#/components/schemas/%s\"}", error_schema(row, status));
    else if (route->answer != NULL) {
        buffer_append_literal(b, "\"schema\":");
        if (route->answer_is_list)
            buffer_append_literal(b, "{\"type\":\"array\",\"items\":");
        buffer_append_literal(b, "{\"$ref\":\"#/components/schemas/");
        model_write_component_name(row->answer, true, b);
        buffer_append(b, route->answer_is_list ? DW_STR("\"}}") : DW_STR("\"}"));
    }
    buffer_append_literal(b, "}}");
}

enum dw_err openapi_responses_write(const struct app_row *row, struct buffer *b)
{
    struct responses list = { 0 };

    responses_collect(row, &list);
    buffer_append_char(b, '{');
    for (size_t i = 0; i < list.n; i++) {
        json_write_comma(b);
        buffer_printf(b, "\"%d\":{\"description\":", list.rows[i].status);
        json_write_str(b, list.rows[i].description);
        content_write(row, list.rows[i].status, b);
        buffer_append_char(b, '}');
    }
    buffer_append_char(b, '}');
    return buffer_error(b);
}
