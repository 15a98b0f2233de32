/*
 * Models: a struct declared once, as data. The declaration parses and validates input, writes answers and documents
 * both.
 *
 * Why: what is checked, what is written and what is documented can't drift apart. Defends against: unvalidated input
 * (all that is wrong is told in one answer, in FastAPI's words), fields that leak (what is not declared is not
 * written), patterns that run away (match and depth limits), secrets echoed in errors.
 * Does not: compare members with each other; that is the handler's business (dw_fail_field()).
 *
 * Lifetime: tables are borrowed and must outlive what uses them (make them static const, at file scope). Threading:
 * they are constant.
 */
#ifndef DOORWARD_MODEL_H
#define DOORWARD_MODEL_H

#include <doorward/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/*  type              member of the struct             JSON */
enum dw_type {
    DW_STRING = 1,   /* struct dw_str                  string; no NUL inside */
    DW_SECRET,       /* struct dw_str                  the same, "format":"password", never echoed in an error */
    DW_EMAIL,        /* struct dw_str                  a valid address, in its normal form */
    DW_UUID,         /* struct dw_str                  RFC 9562 text form */
    DW_PLAIN_TEXT,   /* struct dw_str                  string; HTML tags are removed */
    DW_ENUM,         /* struct dw_str                  one of .values */
    DW_INT,          /* int64_t                        integer */
    DW_NUMBER,       /* double                         number */
    DW_BOOL,         /* bool                           true, false */
    DW_TIME,         /* int64_t, Unix seconds          RFC 3339 text, 1970 to 9999; -1: absent, written as null */
    DW_OBJECT,       /* the nested struct itself       object of .model */
    DW_LIST,         /* struct dw_list                 array of .items (of .model for DW_OBJECT) */
    DW_WORDS,        /* struct dw_str, space-separated array of strings (permissions) */
    DW_RAW_JSON,     /* struct dw_str                  written as it is; answers only */
    DW_DATE,         /* struct dw_str                  RFC 3339 full-date, one that is in the calendar */
};

/* A list in a model's struct: n elements side by side, each as the table above says (strings: struct dw_str). */
struct dw_list {
    void *items;
    size_t n;
};

enum dw_field_flag {
    DW_REQUIRED = 1,  /* must be sent */
    DW_NULLABLE = 2,  /* null is allowed; in an answer an absent string is written as null anyway */
    DW_PRESENCE = 4,  /* .presence is the offset of a bool in the struct: set when the member was sent (PATCH) */
    DW_OMIT_ABSENT = 8, /* an absent string is left out of the answer instead of null */
};

struct dw_model;

/* One member. Sent under `name`; unset limits are 0. */
struct dw_field {
    const char *name;
    enum dw_type type;
    unsigned flags;
    size_t offset;   /* offsetof() in the model's struct */
    size_t presence; /* with DW_PRESENCE */
    int64_t min, max; /* characters of a string, items of a list, value of a number; 0, 0: no limit */
    const char *pattern;        /* PCRE2, anchored at both ends, matched with limits */
    const char *const *values;  /* DW_ENUM: NULL-terminated */
    const struct dw_model *model; /* DW_OBJECT, DW_LIST of DW_OBJECT */
    enum dw_type items;         /* DW_LIST */
    const char *fallback;       /* what an absent member means, as text: "50", "true", "abc" */
    const char *title, *description, *example;
};

/* The declaration of a struct: parses and validates it, writes it, and documents it. */
struct dw_model {
    const char *name; /* in OpenAPI's components */
    const char *description;
    size_t size;      /* sizeof the struct */
    const struct dw_field *fields; /* ends with a NULL name */
    bool refuse_unknown; /* unknown members are an error; otherwise they are ignored */
};

/* { DW_FIELD(struct register_in, username), .type = DW_STRING, .flags = DW_REQUIRED, .min = 3, .max = 64 } */
#define DW_FIELD(struct_type, member) .name = #member, .offset = offsetof(struct_type, member)
/* The same for a name that is no C identifier. */
#define DW_FIELD_AS(struct_type, member, json_name) .name = (json_name), .offset = offsetof(struct_type, member)

/* --- outside a request ------------------------------------------------------------------------------------------- */

/* What says why a table is refused: dw_app_new(), dw_model_new(). */
enum { DW_PROBLEM_SIZE = 256 };

/* A model made ready for a program's own files, messages and tests: checked once, used by any number of threads. */
struct dw_prepared_model;

/* DW_ERR_TABLE for a wrong declaration: ret_problem (may be NULL) says why. The model must live on. */
DW_API DW_MUST_USE enum dw_err dw_model_new(const struct dw_model *model, struct dw_prepared_model **ret_prepared,
                                            char ret_problem[DW_PROBLEM_SIZE]);
DW_API void dw_model_free(struct dw_prepared_model **prepared);
/*
 * Parses and validates a JSON object into a struct of the model's size, in the arena as its strings are. On
 * DW_ERR_VALIDATION, DW_ERR_JSON, _DUPLICATE and _DEPTH ret_issues (may be NULL) is what a 422 has as its `detail`: a
 * JSON array of {"type","loc","msg"} with places from the object's own members on. DW_ERR_ARGUMENT for a model that
 * can't be read (DW_RAW_JSON).
 */
DW_API DW_MUST_USE enum dw_err dw_model_parse(const struct dw_prepared_model *prepared, struct dw_str json,
                                              struct dw_arena *arena, void **ret_struct, struct dw_str *ret_issues);
/* The struct as JSON, in the arena. DW_ERR_LIMIT past 16 MiB. */
DW_API DW_MUST_USE enum dw_err dw_model_write(const struct dw_prepared_model *prepared, const void *from,
                                              struct dw_arena *arena, struct dw_str *ret_json);

#ifdef __cplusplus
}
#endif
#endif
