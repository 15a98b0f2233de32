/*
 * Where parameters are sent besides the body: one row a place, for the table's checks, reading and OpenAPI alike.
 */
#ifndef APP_PARAMETERS_H
#define APP_PARAMETERS_H

#include "base/cleanup.h"
#include <doorward/app.h>

/* In the order in which their errors are told, as FastAPI has it. */
enum parameter_place { PLACE_PATH, PLACE_QUERY, PLACE_HEADER, PLACE_COOKIE, PLACE_COUNT };

/* "path", "query", "header", "cookie": in OpenAPI's `in` and an error's `loc`. */
const char *parameter_place_name(enum parameter_place place);
/* The row's model for a place; NULL: none. */
const struct dw_model *parameter_model(const struct dw_route *route, enum parameter_place place);
/* Reads all of them into the state. DW_ERR_VALIDATION: its issues say why. */
DW_MUST_USE enum dw_err parameters_read(struct dw_request *r);

#endif
