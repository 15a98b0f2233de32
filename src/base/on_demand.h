/*
 * Libraries that are loaded when they are first needed, and not with the program.
 *
 * Why: each one linked in costs every process its pages, and some bring thirty others with them; most processes never
 * send a mail, open a WebSocket or ask PostgreSQL. A library's calls are an X macro; the struct of pointers and the
 * list of names and places are made from it.
 * Threading: call on_demand_load() once a library, under pthread_once().
 */
#ifndef BASE_ON_DEMAND_H
#define BASE_ON_DEMAND_H

#include "base/cleanup.h"

struct on_demand_call {
    const char *name;
    size_t offset; /* of the pointer in the struct of calls */
};

/* Loads the library for good and fills the struct: all of the calls, or false. `name` as the linker knows it. */
bool on_demand_load(const char *name, const struct on_demand_call *calls, size_t n, void *ret_calls);

#endif
