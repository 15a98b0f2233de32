/* The authorization server's metadata (RFC 8414), made once at the start. */
#ifndef PROTOCOL_OAUTH2_METADATA_H
#define PROTOCOL_OAUTH2_METADATA_H

#include "protocol/models.h"

/* Strings in the arena. public_url without a slash at its end. */
DW_MUST_USE enum dw_err metadata_make(struct dw_arena *arena, const char *issuer, struct dw_str public_url,
                                      struct metadata *ret_metadata);

#endif
