/* Tokens as an attacker or a careless issuer makes them: any header and payload under a right signature. */
#ifndef FORGE_H
#define FORGE_H

#include "../check.h"
#include "base/encoding.h"
#include <doorward/jose.h>

static inline struct dw_str forge(const struct dw_key *key, enum dw_alg alg, struct dw_str header,
                                  struct dw_str payload, struct dw_arena *arena)
{
    const struct dw_str head = base64url_encode_arena(arena, header), body = base64url_encode_arena(arena, payload);
    const struct dw_str message = dw_arena_printf(arena, "%.*s.%.*s", (int)head.len, head.ptr, (int)body.len, body.ptr);
    struct dw_str signature;

    CHECK_OK(dw_sign(key, alg, message, arena, &signature));
    const struct dw_str tail = base64url_encode_arena(arena, signature);
    return dw_arena_printf(arena, "%.*s.%.*s", (int)message.len, message.ptr, (int)tail.len, tail.ptr);
}

#endif
