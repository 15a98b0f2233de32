/*
 * Models at work: a declaration (struct dw_model) made ready once, when the application starts, and then read by the
 * parsers, the writer and the schema.
 *
 * Why: names are prepared for writing and patterns compiled before the first request, and a wrong declaration stops
 * the start. Defends against: unvalidated input; output of anything that is not declared; patterns that run away
 * (match and depth limits); secrets echoed in errors (a model knows whether it holds one, at any depth).
 * Lifetime: a model_set lives as long as its application; immutable while serving.
 */
#ifndef APP_MODEL_H
#define APP_MODEL_H

#include "app/issue.h"
#include "app/pattern.h"
#include "app/problem.h"
#include "app/query.h"
#include "base/json.h"

enum model_use { MODEL_JSON_IN = 1, MODEL_TEXT_IN = 2, MODEL_OUT = 4 };

struct model_field {
    const struct dw_field *field;
    struct dw_str key; /* ,"name": */
    struct dw_str header; /* the name as a header: x_token is x-token */
    struct pattern *pattern;
    const struct model_plan *nested;
};

struct model_plan {
    struct model_plan *next;
    const struct dw_model *model;
    struct model_field *fields;
    size_t n_fields;
    unsigned uses;
    bool has_secret; /* a DW_SECRET here or deeper */
    bool is_form;    /* a query's members are documented one by one, a form as a component */
};

struct model_set {
    struct dw_arena *arena;
    struct model_plan *first;
};

/* Makes a model and those nested in it ready (once each), checking them for this use. */
DW_MUST_USE enum dw_err model_set_add(struct model_set *set, const struct dw_model *model, enum model_use use,
                                      struct problem *p, const struct model_plan **ret_plan);
/* After the last one was added: finds out which hold secrets through models added later. */
void model_set_finish(struct model_set *set);
/* Frees the patterns; the rest is the arena's. */
void model_set_free(struct model_set *set);

/* Whether OpenAPI's components can be called so (§4.8.7). */
bool model_is_component_name(const char *name);

/* Where a parser stands; made by the entry points below. */
struct model_reader {
    struct dw_arena *arena;
    struct issue_list *issues;
    const struct place *place;
    unsigned depth;
    /* What an error may show of the value at hand: one of these, or nothing. */
    yyjson_val *json;
    struct dw_str text;
    bool hide; /* nothing */
    bool is_message; /* "type" and "id" at the top are no extras */
};

/* Names and values that a model is read from. */
struct model_pairs {
    const struct query_pair *pairs;
    size_t n;
    const char *where; /* the outermost place of an error: "query" */
    bool are_headers;  /* places are named as headers are */
};

/* Each parses into a zeroed struct of the model's size, in the arena. DW_ERR_VALIDATION: the list says why. `where` is
 * the outermost place of an error; NULL: there is none. */
DW_MUST_USE enum dw_err model_parse_json(const struct model_plan *plan, struct dw_str body, const char *where,
                                         struct dw_arena *arena, struct issue_list *issues, void **ret_struct);
/* A message of a WebSocket, parsed already: "type" and "id" are its envelope's and may stand beside any model's. */
DW_MUST_USE enum dw_err model_parse_message(const struct model_plan *plan, yyjson_val *root, struct dw_arena *arena,
                                            struct issue_list *issues, void **ret_struct);
/* A form or a query, name=value&…; `where` is "body" or "query". DW_ERR_ENCODING for a bad escape. */
DW_MUST_USE enum dw_err model_parse_text(const struct model_plan *plan, struct dw_str encoded, const char *where,
                                         struct dw_arena *arena, struct issue_list *issues, void **ret_struct);
DW_MUST_USE enum dw_err model_parse_pairs(const struct model_plan *plan, const struct model_pairs *pairs,
                                          struct dw_arena *arena, struct issue_list *issues, void **ret_struct);

/* The struct as a JSON object. */
void model_write(const struct model_plan *plan, const void *from, struct buffer *b);
/* Structs side by side as an array of objects. */
void model_write_list(const struct model_plan *plan, const struct dw_list *list, struct buffer *b);
/* Space-separated words as an array of strings. */
void model_write_words(struct dw_str words, struct buffer *b);

/* The schema of the model itself, and of a single field (also of a parameter). */
void model_write_schema(const struct model_plan *plan, bool is_output, struct buffer *b);
void model_write_field_schema(const struct model_field *field, bool is_output, struct buffer *b);
/* The name in components/schemas: with -Input or -Output where one model is used both ways. */
void model_write_component_name(const struct model_plan *plan, bool is_output, struct buffer *b);

/* --- one type (model_types.c) ------------------------------------------------------------------------------------ */

typedef enum dw_err model_read_json(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                    yyjson_val *value, void *member);
typedef enum dw_err model_read_text(struct model_reader *in, const struct model_field *f, enum dw_type type,
                                    struct dw_str text, void *member);

/* One row a type: what it takes in the struct, how it is read, what the schema calls it. */
struct model_type {
    size_t size;
    unsigned uses; /* enum model_use: where it may stand */
    model_read_json *read_json;
    model_read_text *read_text;
    const char *wrong_type, *wrong_message; /* another JSON type was sent */
    const char *schema_type, *schema_format;
    bool is_str; /* the member is a struct dw_str */
};

/* Never NULL: the row of an unknown type is empty, and `uses` is 0. */
const struct model_type *model_type(enum dw_type type);

/* Adds an issue at the reader's place with what may be seen of its value. Returns DW_ERR_VALIDATION. */
DW_MUST_USE enum dw_err model_issue(struct model_reader *in, const char *type, const char *format, ...)
    DW_PRINTF(3, 4);
/* The same with a message that is not formatted. */
DW_MUST_USE enum dw_err model_issue_text(struct model_reader *in, const char *type, const char *message);

/* Checks of a string's content (validate.c). */
DW_MUST_USE enum dw_err validate_string(struct model_reader *in, const struct model_field *f, struct dw_str s);
DW_MUST_USE enum dw_err validate_enum(struct model_reader *in, const struct model_field *f, struct dw_str s);
DW_MUST_USE enum dw_err validate_int(struct model_reader *in, const struct model_field *f, int64_t value);
DW_MUST_USE enum dw_err validate_number(struct model_reader *in, const struct model_field *f, double value);
DW_MUST_USE enum dw_err validate_count(struct model_reader *in, const struct model_field *f, size_t n);
/* What is wrong with an address, in words; never NULL. */
const char *validate_email_reason(struct dw_str text);

/* Without HTML tags (plain_text.c). In the arena. */
struct dw_str plain_text_strip(struct dw_arena *arena, struct dw_str html);

#endif
