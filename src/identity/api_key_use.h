/*
 * When API keys were last used, and from where: gathered in memory, written now and then.
 *
 * Why: a write for each use would make the cheapest request the dearest one. A use is noted under a mutex, held for
 * nanoseconds; the server's keeper writes what is new once a minute, many keys in one write, and once more when it
 * stops. A crash loses the last minute of these times and nothing else.
 * Defends against: a key that goes round unnoticed: used from more than API_KEY_ADDRESSES_MAX addresses within an hour
 * it leaves an event in the audit log (once an hour). Memory is bounded: past API_KEY_USES_MAX keys within an hour, the
 * use of further ones is not noted.
 * Does not: count over several nodes; each tells what it saw.
 */
#ifndef IDENTITY_API_KEY_USE_H
#define IDENTITY_API_KEY_USE_H

#include "identity/identity.h"

enum { API_KEY_ADDRESSES_MAX = 10, API_KEY_USES_MAX = 16384 };

struct api_key_uses;

struct api_key_use {
    struct dw_str key_id, user_id, tenant_id, address;
    int64_t at_s;
};

DW_MUST_USE enum dw_err api_key_uses_new(struct api_key_uses **ret_uses);
void api_key_uses_free(struct api_key_uses **uses);

/* Any thread; never waits for the database. */
void api_key_note_use(struct identity *identity, const struct api_key_use *use);
/* The latest use that memory knows of; -1: none. */
int64_t api_key_noted_use(struct identity *identity, struct dw_str key_id);
/* Writes what is new. What could not be written is tried again at the next call. */
DW_MUST_USE enum dw_err api_key_write_uses(struct identity *identity);

extern const struct statement *const API_KEY_USE_STATEMENTS[];

#endif
