/*
 * What stands around the server's routes, made from its settings: the names under which it answers, the origins whose
 * pages may call it.
 */
#ifndef PROTOCOL_EDGE_H
#define PROTOCOL_EDGE_H

#include "protocol/protocol.h"

struct edge {
    struct dw_cors cors;
    bool has_cors;
    const char *trusted_hosts; /* NULL: any */
};

/* Lists and texts go into the arena. */
DW_MUST_USE enum dw_err edge_make(struct dw_arena *arena, const struct protocol_config *config, struct edge *ret_edge);

#endif
