#include "app/parameters.h"

#include "app/application.h"

/* What may be sent for each member: once a segment, once a cookie, any number of times a header. */
struct collector {
    struct query_pair *pairs;
    size_t n;
};

static void pair_add(struct collector *c, const struct model_field *f, struct dw_str value)
{
    if (!dw_str_is_absent(value))
        c->pairs[c->n++] = (struct query_pair){ .name = dw_str(f->field->name), .value = value };
}

static void segment_collect(const struct dw_request *r, const struct model_field *f, struct collector *c)
{
    pair_add(c, f, dw_path_parameter(r, f->field->name));
}

static void header_collect(const struct dw_request *r, const struct model_field *f, struct collector *c)
{
    for (unsigned i = 0; i < r->n_headers; i++)
        if (dw_str_eq_nocase(r->headers[i].name, f->header))
            pair_add(c, f, r->headers[i].value);
}

static void cookie_collect(const struct dw_request *r, const struct model_field *f, struct collector *c)
{
    pair_add(c, f, dw_request_cookie(r, f->field->name));
}

static const struct {
    const char *name;
    size_t model; /* in the row */
    void (*collect)(const struct dw_request *r, const struct model_field *f, struct collector *c);
} PLACES[PLACE_COUNT] = {
    [PLACE_PATH] = { "path", offsetof(struct dw_route, segments), segment_collect },
    [PLACE_QUERY] = { "query", offsetof(struct dw_route, query), NULL },
    [PLACE_HEADER] = { "header", offsetof(struct dw_route, headers), header_collect },
    [PLACE_COOKIE] = { "cookie", offsetof(struct dw_route, cookies), cookie_collect },
};

const char *parameter_place_name(enum parameter_place place)
{
    return PLACES[place].name;
}

const struct dw_model *parameter_model(const struct dw_route *route, enum parameter_place place)
{
    return *(const struct dw_model *const *)(const void *)((const char *)route + PLACES[place].model);
}

static enum dw_err place_read(struct dw_request *r, enum parameter_place place, void **ret_struct)
{
    struct app_state *s = app_state(r);
    const struct model_plan *plan = s->match.row->parameters[place];
    struct collector c = { 0 };

    if (PLACES[place].collect == NULL)
        return model_parse_text(plan, r->query, PLACES[place].name, r->arena, &s->issues, ret_struct);
    c.pairs = dw_arena_alloc(r->arena, (plan->n_fields + r->n_headers) * sizeof(*c.pairs));
    if (c.pairs == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = 0; i < plan->n_fields; i++)
        PLACES[place].collect(r, &plan->fields[i], &c);
    const struct model_pairs pairs = {
        .pairs = c.pairs, .n = c.n, .where = PLACES[place].name, .are_headers = place == PLACE_HEADER
    };
    return model_parse_pairs(plan, &pairs, r->arena, &s->issues, ret_struct);
}

/* All are read, so that one answer tells all that is wrong. */
enum dw_err parameters_read(struct dw_request *r)
{
    struct app_state *s = app_state(r);
    enum dw_err verdict = DW_OK;

    for (enum parameter_place place = PLACE_PATH; place < PLACE_COUNT; place++) {
        if (s->match.row->parameters[place] == NULL)
            continue;
        const enum dw_err err = place_read(r, place, &s->parameters[place]);
        if (err != DW_OK && err != DW_ERR_VALIDATION)
            return err;
        verdict = err == DW_OK ? verdict : err;
    }
    return verdict;
}

/* --- for handlers ------------------------------------------------------------------------------------------------ */

static const void *parameters_of(const struct dw_request *r, enum parameter_place place)
{
    return r == NULL || r->state == NULL ? NULL : app_state(r)->parameters[place];
}

const void *dw_query(const struct dw_request *r)
{
    return parameters_of(r, PLACE_QUERY);
}

const void *dw_headers(const struct dw_request *r)
{
    return parameters_of(r, PLACE_HEADER);
}

const void *dw_cookies(const struct dw_request *r)
{
    return parameters_of(r, PLACE_COOKIE);
}

const void *dw_segments(const struct dw_request *r)
{
    return parameters_of(r, PLACE_PATH);
}
