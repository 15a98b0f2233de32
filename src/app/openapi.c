#include "app/openapi.h"

enum { ID_MAX = 128 };

static void member_cstr(struct buffer *b, const char *name, const char *value)
{
    if (value != NULL)
        json_write_member_str(b, name, dw_str(value));
}

/* --- operation ids ---------------------------------------------------------------------------------------------- */

/* "GET /users/{id}/role" becomes get_users_by_id_role. */
static void id_generate(const struct dw_route *route, char ret_id[ID_MAX])
{
    size_t n = 0;

    for (const char *c = dw_method_name(route->method); *c != '\0' && n < ID_MAX - 1; c++)
        ret_id[n++] = (char)(*c | 0x20);
    for (const char *c = route->path; *c != '\0' && n < ID_MAX - 4; c++) {
        const bool is_word = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (*c == '{') {
            memcpy(ret_id + n, "by_", 3);
            n += 3;
        } else if (is_word) {
            ret_id[n++] = *c;
        } else if (*c != '}' && c[1] != '\0') {
            ret_id[n++] = '_';
        }
    }
    ret_id[n] = '\0';
}

static void id_of(const struct dw_route *route, char ret_id[ID_MAX])
{
    if (route->id == NULL)
        id_generate(route, ret_id);
    else
        snprintf(ret_id, ID_MAX, "%s", route->id);
}

static enum dw_err ids_check(const struct dw_app *app, struct problem *p)
{
    char id[ID_MAX], other[ID_MAX];

    for (size_t i = 0; i < app->n_rows; i++) {
        id_of(app->rows[i].route, id);
        for (size_t j = 0; j < i; j++) {
            id_of(app->rows[j].route, other);
            if (!app_row_is_hidden(&app->rows[i]) && !app_row_is_hidden(&app->rows[j]) && strcmp(id, other) == 0)
                return problem_say(p, "%s: operation id %s is that of %s", app->rows[i].label, id, app->rows[j].label);
        }
    }
    return DW_OK;
}

/* --- one operation ---------------------------------------------------------------------------------------------- */

static void segment_write(struct dw_str name, struct buffer *b)
{
    json_write_comma(b);
    buffer_append_char(b, '{');
    json_write_member_str(b, "name", name);
    buffer_append_literal(b, ",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}");
}

static void parameter_write(const struct model_field *f, enum parameter_place place, struct buffer *b)
{
    json_write_comma(b);
    buffer_append_char(b, '{');
    json_write_member_str(b, "name", place == PLACE_HEADER ? f->header : dw_str(f->field->name));
    member_cstr(b, "in", parameter_place_name(place));
    json_write_member_bool(b, "required", place == PLACE_PATH || (f->field->flags & DW_REQUIRED) != 0);
    member_cstr(b, "description", f->field->description);
    json_write_key(b, "schema");
    model_write_field_schema(f, false, b);
    buffer_append_char(b, '}');
}

/* Those segments of the path that no model describes are strings. */
static void segments_write(const struct app_row *row, struct buffer *b)
{
    const struct model_plan *plan = row->parameters[PLACE_PATH];

    for (size_t i = 0; i < row->n_names; i++) {
        bool is_described = false;
        for (size_t j = 0; plan != NULL && j < plan->n_fields; j++)
            is_described = is_described || dw_str_eq(row->names[i], dw_str(plan->fields[j].field->name));
        if (!is_described)
            segment_write(row->names[i], b);
    }
}

static void parameters_write(const struct app_row *row, struct buffer *b)
{
    bool has_any = row->n_names > 0;

    for (enum parameter_place place = PLACE_PATH; place < PLACE_COUNT; place++)
        has_any = has_any || row->parameters[place] != NULL;
    if (!has_any)
        return;
    json_write_key(b, "parameters");
    buffer_append_char(b, '[');
    segments_write(row, b);
    for (enum parameter_place place = PLACE_PATH; place < PLACE_COUNT; place++)
        for (size_t i = 0; row->parameters[place] != NULL && i < row->parameters[place]->n_fields; i++)
            parameter_write(&row->parameters[place]->fields[i], place, b);
    buffer_append_char(b, ']');
}

static void request_body_write(const struct app_row *row, struct buffer *b)
{
    if (row->body == NULL)
        return;
    json_write_key(b, "requestBody");
    buffer_append_char(b, '{');
    if (!row->route->is_body_optional)
        buffer_append_literal(b, "\"required\":true,");
    buffer_append_literal(b, "\"content\":{");
    json_write_key(b, row->route->form != NULL ? "application/x-www-form-urlencoded" : "application/json");
    buffer_append_literal(b, "{\"schema\":{\"$ref\":\"#/components/schemas/");
    model_write_component_name(row->body, false, b);
    buffer_append_literal(b, "\"}}}}");
}

/* The i-th of a row's tags; NULL past the last. */
static const char *tag_at(const struct dw_route *route, size_t i)
{
    if (route->tag != NULL && i-- == 0)
        return route->tag;
    for (size_t j = 0; route->more_tags != NULL && route->more_tags[j] != NULL; j++)
        if (j == i)
            return route->more_tags[j];
    return NULL;
}

static void route_tags_write(const struct dw_route *route, struct buffer *b)
{
    if (tag_at(route, 0) == NULL)
        return;
    json_write_key(b, "tags");
    buffer_append_char(b, '[');
    for (size_t i = 0; tag_at(route, i) != NULL; i++) {
        json_write_comma(b);
        json_write_str(b, dw_str(tag_at(route, i)));
    }
    buffer_append_char(b, ']');
}

static enum dw_err operation_write(const struct dw_app *app, const struct app_row *row, struct problem *p,
                                   struct buffer *b)
{
    const struct dw_route *route = row->route;
    struct security security;
    char id[ID_MAX], method[ID_MAX];

    snprintf(method, sizeof(method), "%s", dw_method_name(route->method));
    for (char *c = method; *c != '\0'; c++)
        *c = (char)(*c | 0x20);
    id_of(route, id);
    json_write_key(b, method);
    buffer_append_char(b, '{');
    route_tags_write(route, b);
    member_cstr(b, "summary", route->summary != NULL ? route->summary : id);
    member_cstr(b, "description", route->description);
    member_cstr(b, "operationId", id);
    parameters_write(row, b);
    request_body_write(row, b);
    json_write_key(b, "responses");
    TRY(openapi_responses_write(row, b));
    TRY(openapi_security_find(app, row, app->arena, p, &security));
    if (security.n > 0) {
        json_write_key(b, "security");
        openapi_security_write(&security, b);
    }
    buffer_append_char(b, '}');
    return DW_OK;
}

/* --- the document ----------------------------------------------------------------------------------------------- */

/* Whether an earlier row has the same path: its object then holds this method too. */
static bool is_written(const struct dw_app *app, size_t row)
{
    for (size_t i = 0; i < row; i++)
        if (!app_row_is_hidden(&app->rows[i]) && strcmp(app->rows[i].route->path, app->rows[row].route->path) == 0)
            return true;
    return false;
}

static enum dw_err paths_write(const struct dw_app *app, struct problem *p, struct buffer *b)
{
    json_write_key(b, "paths");
    buffer_append_char(b, '{');
    for (size_t i = 0; i < app->n_rows; i++) {
        if (app_row_is_hidden(&app->rows[i]) || is_written(app, i))
            continue;
        json_write_key(b, app->rows[i].route->path);
        buffer_append_char(b, '{');
        for (size_t j = i; j < app->n_rows; j++)
            if (!app_row_is_hidden(&app->rows[j]) && strcmp(app->rows[j].route->path, app->rows[i].route->path) == 0)
                TRY(operation_write(app, &app->rows[j], p, b));
        buffer_append_char(b, '}');
    }
    buffer_append_char(b, '}');
    return DW_OK;
}

static const char ERROR_SCHEMAS[] =
    "\"Error\":{\"type\":\"object\",\"title\":\"Error\",\"properties\":{\"detail\":{\"type\":\"string\"}},"
    "\"required\":[\"detail\"]},"
    "\"OAuthError\":{\"type\":\"object\",\"title\":\"OAuthError\",\"properties\":{\"error\":{\"type\":\"string\"},"
    "\"error_description\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"}},\"required\":[\"error\",\"detail\"]}"
    ","
    "\"HTTPValidationError\":{\"type\":\"object\",\"title\":\"HTTPValidationError\",\"properties\":{\"detail\":{"
    "\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/ValidationError\"}}},\"required\":[\"detail\"]},"
    "\"ValidationError\":{\"type\":\"object\",\"title\":\"ValidationError\",\"properties\":{\"loc\":{\"type\":"
    "\"array\","
    "\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}},\"msg\":{\"type\":\"string\"},"
    "\"type\":{\"type\":\"string\"},\"input\":{}},\"required\":[\"loc\",\"msg\",\"type\"]}";

static void schema_write(const struct model_plan *plan, bool is_output, struct buffer *b)
{
    json_write_comma(b);
    buffer_append_char(b, '"');
    model_write_component_name(plan, is_output, b);
    buffer_append_literal(b, "\":");
    model_write_schema(plan, is_output, b);
}

static bool is_reserved(const char *name)
{
    static const char *const NAMES[] = { "Error", "OAuthError", "HTTPValidationError", "ValidationError" };

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        if (strcmp(name, NAMES[i]) == 0)
            return true;
    return false;
}

static enum dw_err schemas_write(const struct dw_app *app, struct problem *p, struct buffer *b)
{
    json_write_key(b, "schemas");
    buffer_append_char(b, '{');
    buffer_append(b, dw_str(ERROR_SCHEMAS));
    for (const struct model_plan *plan = app->models.first; plan != NULL; plan = plan->next) {
        if (is_reserved(plan->model->name))
            return problem_say(p, "model %s: that name is taken by the error answers", plan->model->name);
        if ((plan->uses & MODEL_JSON_IN) != 0 || plan->is_form)
            schema_write(plan, false, b);
        if ((plan->uses & MODEL_OUT) != 0)
            schema_write(plan, true, b);
    }
    buffer_append_char(b, '}');
    return DW_OK;
}

/* Whether a tag stands in a row before this one, or in this one before place `end`. */
static bool tag_is_known(const struct dw_app *app, size_t row, size_t end, const char *tag)
{
    for (size_t i = 0; i <= row; i++) {
        const struct dw_route *route = app->rows[i].route;
        for (size_t j = 0; !app_row_is_hidden(&app->rows[i]) && tag_at(route, j) != NULL && (i < row || j < end); j++)
            if (strcmp(tag_at(route, j), tag) == 0)
                return true;
    }
    return false;
}

static void tags_write(const struct dw_app *app, struct buffer *b)
{
    json_write_key(b, "tags");
    buffer_append_char(b, '[');
    for (size_t i = 0; i < app->n_rows; i++) {
        const struct dw_route *route = app->rows[i].route;
        for (size_t j = 0; !app_row_is_hidden(&app->rows[i]) && tag_at(route, j) != NULL; j++) {
            if (tag_is_known(app, i, j, tag_at(route, j)))
                continue;
            json_write_comma(b);
            buffer_append_char(b, '{');
            member_cstr(b, "name", tag_at(route, j));
            buffer_append_char(b, '}');
        }
    }
    buffer_append_char(b, ']');
}

static void info_write(const struct dw_app_config *config, struct buffer *b)
{
    json_write_key(b, "info");
    buffer_append_char(b, '{');
    member_cstr(b, "title", config->title);
    member_cstr(b, "description", config->description);
    member_cstr(b, "version", config->version);
    buffer_append_char(b, '}');
    json_write_key(b, "servers");
    buffer_append_literal(b, "[{");
    member_cstr(b, "url", config->server_url == NULL ? "/" : config->server_url);
    buffer_append_literal(b, "}]");
}

enum dw_err openapi_make(struct dw_app *app, struct problem *p)
{
    struct buffer *b = &app->openapi;

    TRY(ids_check(app, p));
    buffer_append_char(b, '{');
    member_cstr(b, "openapi", "3.1.0");
    info_write(&app->config, b);
    tags_write(app, b);
    TRY(paths_write(app, p, b));
    json_write_key(b, "components");
    buffer_append_char(b, '{');
    TRY(schemas_write(app, p, b));
    json_write_key(b, "securitySchemes");
    TRY(openapi_schemes_write(app, p, b));
    buffer_append_literal(b, "}}");
    return buffer_error(b);
}
