/*
 * The handler object, as the files of this folder share it.
 *
 * Keys that come from elsewhere are a ring behind a counted reference: whoever verifies holds one for as long as that
 * takes, a refresh puts another ring in its place, and the old one goes with its last holder.
 */
#ifndef APP_AUTH_AUTH_H
#define APP_AUTH_AUTH_H

#include "app/problem.h"
#include <doorward/auth.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* A key set and who is using it. */
struct auth_ring {
    struct dw_keyset *set;
    unsigned references; /* under auth_source.lock */
};

/* Where a key set is read or fetched from. */
struct auth_source {
    pthread_mutex_t lock;       /* of `ring` and its references; held for a few instructions */
    struct auth_ring *ring;     /* NULL: none yet */
    pthread_mutex_t loading;    /* one load at a time */
    _Atomic int64_t due_s;      /* when it is to be looked at again, whatever happens */
    _Atomic int64_t allowed_s;  /* before that, an unknown kid is no reason to look */
    struct stat seen;           /* the file as it was read; under `loading` */
};

struct dw_auth {
    struct dw_auth_config config; /* strings in the arena */
    struct dw_arena *arena;
    const struct dw_key *key;     /* that signs and verifies; NULL: only verifies by what follows */
    struct dw_key *own_key;       /* made of the secret */
    struct dw_passwords *passwords;
    struct dw_passwords *own_passwords;
    struct auth_source source;
    bool has_source;              /* a file or a URL */
    bool has_locks;
    struct dw_jwt_rules rules;
    struct dw_scheme scheme;
    const struct dw_scheme *credentials[2]; /* that scheme and NULL */
};

/* --- keys (keys.c) ---------------------------------------------------------------------------------------------- */

/* The keys as they are now, loaded when there are none or they are due; to be given back. DW_ERR_WOULD_BLOCK where that
 * would wait and may not; DW_ERR_UNAVAILABLE without any. */
DW_MUST_USE enum dw_err auth_ring_hold(struct dw_auth *auth, bool may_wait, struct auth_ring **ret_ring);
/* Other keys than `held`, for a token whose key it has not: DW_ERR_JOSE_NO_KEY when there are none, or it is too soon
 * to look again. */
DW_MUST_USE enum dw_err auth_ring_renew(struct dw_auth *auth, const struct auth_ring *held, bool may_wait,
                                        struct auth_ring **ret_ring);
void auth_ring_drop(struct dw_auth *auth, struct auth_ring *ring);
/* Reads or fetches the keys now. */
DW_MUST_USE enum dw_err auth_keys_load(struct dw_auth *auth);
void auth_source_free(struct dw_auth *auth);

/* --- verifying (verify.c) --------------------------------------------------------------------------------------- */

/* Signature and claims. */
DW_MUST_USE enum dw_err auth_token_verify(struct dw_auth *auth, bool may_wait, struct dw_str token,
                                          struct dw_arena *arena, struct dw_claims *ret_claims);
/* dw_app_config.authenticate of an application that has a handler object and none of its own. */
enum dw_err auth_authenticate(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str credential,
                              struct dw_principal *ret_principal);
/* What an application takes from its handler object where its configuration is silent. */
DW_MUST_USE enum dw_err auth_config_fill(struct dw_app_config *config, struct problem *p);

#endif
