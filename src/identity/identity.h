/*
 * The account domain's root: what every concept of this room works with. It knows no HTTP.
 *
 * One struct identity is opened at start and shared by all threads. It holds the database, the hashing context, the
 * keys and the settings of the domain, and the memory that makes a token check cheap (identity/principal.h).
 */
#ifndef IDENTITY_IDENTITY_H
#define IDENTITY_IDENTITY_H

#include "base/cleanup.h"
#include "shared/deny_list.h"
#include "shared/invalidation.h"
#include "storage/storage.h"
#include <doorward/jose.h>
#include <doorward/password.h>
#include <pthread.h>

#include <stdatomic.h>

enum { IDENTITY_SECRET_SIZE = 32, IDENTITY_NAME_MAX = 64, IDENTITY_WORDS_MAX = 64 };

struct identity_config {
    const char *issuer;
    const char *audience;
    enum dw_alg algorithm;      /* of access tokens */
    int64_t access_ttl_s;
    int64_t key_rotation_s;     /* age at which a signing key is replaced; 0: never by itself */
    int64_t key_lead_s;         /* how long the next key is published before it signs */
    int64_t refresh_ttl_s;
    int64_t refresh_family_ttl_s; /* of a sign-in by tokens, however often it is refreshed; 0: no end */
    int64_t sessions_max;         /* sign-ins of a user that live at the same time; 0: any number */
    int64_t session_idle_s, session_ttl_s; /* of cookie sessions */
    int64_t reauth_ttl_s;       /* how old a sign-in may be that decides over its account; 0: the password each time */
    int64_t refresh_grace_s;    /* 0: a spent refresh token is reuse at once */
    int64_t reset_ttl_s;        /* of the tokens in mails */
    int64_t verify_ttl_s;
    int64_t api_key_overlap_s;  /* how long a rotated key goes on, where nobody says otherwise */
    bool registration_open;
    bool tells_suspicion;       /* suspicious sign-ins are told to the account's owner, by mail */
    bool announce;              /* other processes serve the same database: write down what changes, for them to see */
    struct dw_password_policy policy; /* IDENTITY_WORDS_MAX words at the most; outlived by what it points at */
};

/* Keys derived from the server's secret (HKDF), one purpose each. */
struct identity_keys {
    struct dw_key *refresh;      /* HS256, never published */
    struct dw_secret successor;  /* makes the next refresh token's id from the last one's */
    struct dw_secret csrf;       /* binds CSRF tokens to their session, HMAC-SHA256 */
    struct dw_secret sealing;    /* private keys and TOTP secrets at rest, AES-256-GCM */
    struct dw_key *pending;      /* HS256: sign-ins that wait for a second factor */
    struct dw_secret recovery;   /* hashes recovery codes */
    struct dw_secret guard;      /* names what failed sign-ins are counted by, HMAC-SHA256 */
    struct dw_secret audit;      /* chains the audit log's rows, HMAC-SHA256 */
    struct dw_secret channel;    /* proves that a message on the channel is of a node, HMAC-SHA256 */
};

struct signing_keys; /* identity/signing_key.h */
struct api_key_uses; /* identity/api_key_use.h */
struct change_channel; /* shared/channel.h */
struct decoys;       /* identity/decoy.h */

struct identity {
    uint64_t serial; /* no two of a process are alike: a thread's tables belong to one */
    int64_t opened_s; /* by the wall clock */
    struct storage *storage;
    bool is_shared; /* the storage is: other nodes write to it */
    void *context_before; /* the storage's, put back in the end: a second identity may open beside the first */
    struct dw_passwords *passwords;
    struct identity_config config;
    struct identity_keys keys;
    struct signing_keys *signing;
    struct api_key_uses *api_key_uses;
    struct decoys *decoys;
    _Atomic int64_t next_probe_ms; /* monotonic: when a write may be tried again (identity/health.h) */
    struct deny_list *denied;
    struct invalidation *invalidation;
    struct deny_list *watched; /* ids of changes by other processes that were seen already */
    int64_t watched_s;         /* when they were last looked for with success; this and the next: the watcher's alone */
    bool keys_are_stale;       /* another process changed the signing keys, and they could not be read yet */
    int64_t muted_again_ms;    /* when to tell again that the channel is away */
    _Atomic int64_t looked_ms; /* monotonic: when the last look at what others did began; 0: none yet */
    _Atomic uint64_t n_published;   /* changes that this process made */
    struct change_channel *channel; /* to the other nodes (identity/node.h); NULL: none */
    void (*wake)(void *argument);   /* there is something to look for; set with the channel */
    void *wake_argument;
    _Atomic uint64_t refused_links; /* in the minute that its upper half numbers; see recovery.c */
};

/* Where a sign-in comes from. */
struct device {
    struct dw_str address;
    struct dw_str user_agent;
};

/* Who acts, for the audit log: a user's id, or "system", "cli". */
struct actor {
    struct dw_str id;
    struct dw_str address;
    struct dw_str session; /* the sign-in by which she acts; absent: by none, or nobody asks for it */
};

/*
 * `storage`, `passwords` are borrowed; secret: IDENTITY_SECRET_SIZE bytes or more of high entropy. Derives the keys,
 * makes the tenant "default" and the first signing key when missing, loads the signing keys and the deny list.
 */
DW_MUST_USE enum dw_err identity_open(struct storage *storage, struct dw_passwords *passwords,
                                      const struct identity_config *config, const struct dw_secret *secret,
                                      struct identity **ret_identity);
void identity_close(struct identity **identity);

/* Learns what other processes on the same database (other nodes, the command line) have changed or revoked. The server
 * calls it four times a second. */
DW_MUST_USE enum dw_err identity_watch(struct identity *identity);
/* Whether what this process remembers may be relied on. False when other nodes write to the database, it was last
 * watched too long ago, and there is no channel that proves that all is known (identity/node.h): then every question
 * goes to the database (slower, never wrong). */
bool identity_is_fresh(const struct identity *identity);

/* Removes what has expired: refresh tokens, denials, retired keys. Call it now and then; bounded work. */
DW_MUST_USE enum dw_err identity_purge(struct identity *identity);

/* --- for the other files of this room ---------------------------------------------------------------------------- */

/* storage_write() for somebody who acts: nothing is done, and DW_ERR_TOKEN_REVOKED, when her sign-in has been ended
 * since the request was let in. Without it whoever stole a sign-in would only have to have enough requests on their way
 * to outlive the owner's sign-out or reset, by a key or another password. */
DW_MUST_USE enum dw_err identity_write_as(struct identity *identity, const struct actor *actor,
                                          enum dw_err (*fn)(struct transaction *, void *argument), void *argument);
/* DW_OK when the statement finds a row, whatever stands in it; DW_ERR_NOT_FOUND. */
static inline enum dw_err sql_finds(struct transaction *tx, const struct statement *statement,
                                    const struct value *values)
{
    return sql_one(tx, statement, values, NULL, NULL); /* the drivers call no reader that is not there */
}

/* DW_ERR_TOKEN_REVOKED when the database's deny list has the id: for when the one in memory may be behind. */
DW_MUST_USE enum dw_err identity_check_denied(struct transaction *tx, struct dw_str id);
/* Inside a write: tells other processes that a user (or, with an empty id, the signing keys) changed. */
DW_MUST_USE enum dw_err identity_announce(struct transaction *tx, struct identity *identity, enum change_kind kind,
                                          struct dw_str id);

extern const struct statement *const IDENTITY_STATEMENTS[];

/* The room's tables and statements, for storage_open(). */
extern const struct storage_schema IDENTITY_SCHEMA;

#endif
