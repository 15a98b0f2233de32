/*
 * An application made of one table, and calls of it in process.
 */
#ifndef APP_FIXTURE_H
#define APP_FIXTURE_H

#include "../check.h"
#include "base/json.h"
#include <doorward/app.h>

enum { FIXTURE_ARENA_LIMIT = 64 << 20 };

struct fixture {
    struct dw_app *app;
    struct dw_arena *arena;
    struct dw_called called;
};

/* Makes the application of a table that ends with a NULL path; fails the test with the problem's text. */
static inline void fixture_make(struct fixture *f, struct dw_app_config config, const struct dw_route *routes)
{
    const struct dw_route *const tables[] = { routes, NULL };
    char problem[DW_PROBLEM_SIZE] = "";

    config.title = "Test";
    config.version = "1";
    config.routes = tables;
    CHECK_OK(dw_arena_new(FIXTURE_ARENA_LIMIT, &f->arena));
    if (dw_app_new(&config, &f->app, problem) != DW_OK)
        fail_msg("the application is refused: %s", problem);
}

static inline void fixture_free(struct fixture *f)
{
    dw_app_free(&f->app);
    dw_arena_free(&f->arena);
}

#define _cleanup_fixture_ _cleanup_(fixture_free)

static inline int fixture_call(struct fixture *f, enum dw_method method, const char *target,
                               const struct dw_call_header *headers, const char *body)
{
    const struct dw_call call = {
        .method = method, .target = target, .headers = headers, .body = dw_str(body == NULL ? "" : body)
    };

    CHECK_OK(dw_call(f->app, &call, f->arena, &f->called));
    return f->called.status;
}

static const struct dw_call_header JSON_TYPE[] = { { "Content-Type", DW_STR_INIT("application/json") }, { 0 } };
static const struct dw_call_header FORM_TYPE[] = {
    { "Content-Type", DW_STR_INIT("application/x-www-form-urlencoded") }, { 0 }
};

#define FIXTURE_BEARER(text) ((const struct dw_call_header[]){ { "Authorization", dw_str("Bearer " text) }, { 0 } })

static inline void check_body(const struct fixture *f, const char *expected, const char *label)
{
    check_str(dw_str(expected), f->called.body, label);
}

/* `expected` NULL: no such header. */
static inline void check_header(const struct fixture *f, const char *name, const char *expected, const char *label)
{
    const struct dw_str value = dw_called_header(&f->called, name);

    if (expected == NULL && !dw_str_is_absent(value))
        fail_msg("%s: an unexpected %s: %.*s", label, name, (int)value.len, value.ptr);
    if (expected != NULL)
        check_str(dw_str(expected), value, label);
}

/* The body, parsed. */
static inline yyjson_val *fixture_json(struct fixture *f)
{
    yyjson_val *root = NULL;

    CHECK_OK(json_parse(f->arena, f->called.body, JSON_DEPTH_DEFAULT, &root, NULL));
    return root;
}

#endif
