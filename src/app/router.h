/*
 * From a method and a path to a row: a tree of path segments, literals before parameters.
 *
 * Defends against: two readings of one path. Segments are split before percent-decoding; a bad escape, a control
 * character or broken UTF-8 is a bad request; a dot segment or an encoded slash matches nothing. The prefixes of
 * mounted applications are looked for in the same segments as the rows.
 */
#ifndef APP_ROUTER_H
#define APP_ROUTER_H

#include "app/problem.h"

enum { ROUTER_SEGMENTS_MAX = 16, ROUTER_PARAMETERS_MAX = 8 };

struct app_row;

struct router_node {
    struct dw_app *mounted; /* all that stands beneath is another application's */
    struct router_node *next; /* the next literal beside this one */
    struct router_node *literals;
    struct router_node *parameter;
    struct dw_str literal;
    const struct app_row *rows[DW_METHOD_COUNT];
    unsigned methods; /* bit 1 << enum dw_method */
};

struct router {
    struct dw_arena *arena;
    struct router_node root;
    bool has_mounted;
};

/* A path cut at its slashes, each segment decoded; `first` moves on as applications take their prefix off. */
struct router_path {
    struct dw_str segments[ROUTER_SEGMENTS_MAX];
    size_t first, n;
    bool has_slash; /* at its end */
};

struct router_match {
    const struct app_row *row;
    unsigned methods; /* those that the path has, when row is NULL */
    struct dw_str parameters[ROUTER_PARAMETERS_MAX];
};

/* Adds a row. ret_names: the parameters' names in the order of the path, in the arena, n of them. */
DW_MUST_USE enum dw_err router_add(struct router *router, enum dw_method method, const char *path,
                                   const struct app_row *row, struct problem *p, struct dw_str *ret_names,
                                   size_t *ret_n_names);
/* Makes all paths beneath the prefix another application's: before the rows are added. */
DW_MUST_USE enum dw_err router_mount(struct router *router, const char *prefix, struct dw_app *app, struct problem *p);

/* DW_ERR_NOT_FOUND for a path that no row can have, DW_ERR_BAD_REQUEST. */
DW_MUST_USE enum dw_err router_split(struct dw_arena *arena, struct dw_str path, struct router_path *ret_path);
/* The application with the longest prefix, which is taken off the path; NULL: none, nothing is taken off. */
struct dw_app *router_find_mounted(const struct router *router, struct router_path *path);
/* DW_ERR_NOT_FOUND, DW_ERR_METHOD (ret_match->methods says which there are). HEAD finds GET. */
DW_MUST_USE enum dw_err router_find(const struct router *router, enum dw_method method, const struct router_path *path,
                                    struct router_match *ret_match);
/* "GET, HEAD, POST": the value of Allow (RFC 9110 §10.2.1). */
struct dw_str router_allow(struct dw_arena *arena, unsigned methods);

#endif
