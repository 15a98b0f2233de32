/*
 * The audit log: who did what, to whom, from where, with what result (spec G9).
 *
 * Written in the transaction of the change that it records, so neither is there without the other. Rows are numbered
 * without a gap, and each carries an HMAC-SHA256 over itself and the hash of the row before, under a key derived from
 * the server's secret; one head row holds the last number and hash. A plain hash would do against accidents alone:
 * whoever can write the table could compute the rest of the chain anew.
 * Defends against: changing, removing, inserting and reordering rows by whoever can write the database but does not
 * have the server's secret; losing the first failures of an attack in the noise (suspicious patterns are events).
 * Does not: notice that the newest rows were cut off together with the head's return to an older state, unless a head
 * was kept elsewhere to compare with (struct audit_pins); stop whoever has the secret too. Holds no secret.
 *
 * Several writers: the head is taken with an UPDATE, so its row lock puts those who append in order, until they commit.
 */
#ifndef IDENTITY_AUDIT_H
#define IDENTITY_AUDIT_H

#include "base/buffer.h"
#include "identity/tenant.h"

#define AUDIT_PRUNED_NAME "audit.pruned"

/* A row an event: the names that the log, searches and documentation use. */
#define AUDIT_ACTIONS(X)                                                                                               \
    X(AUDIT_USER_CREATED, "user.created")                                                                              \
    X(AUDIT_USER_IMPORTED, "user.imported")                                                                            \
    X(AUDIT_USER_UPDATED, "user.updated")                                                                              \
    X(AUDIT_USER_DELETED, "user.deleted")                                                                              \
    X(AUDIT_USER_DISABLED, "user.disabled")                                                                            \
    X(AUDIT_USER_ENABLED, "user.enabled")                                                                              \
    X(AUDIT_ROLE_CHANGED, "user.role_changed")                                                                         \
    X(AUDIT_PERMISSIONS_CHANGED, "user.permissions_changed")                                                           \
    X(AUDIT_PASSWORD_CHANGED, "user.password_changed")                                                                 \
    X(AUDIT_SIGN_IN, "session.sign_in")                                                                                \
    X(AUDIT_SIGN_IN_FAILED, "session.sign_in_failed")                                                                  \
    X(AUDIT_SIGN_IN_SLOWED, "session.sign_in_slowed")                                                                  \
    X(AUDIT_NEW_DEVICE, "session.new_device")                                                                          \
    X(AUDIT_IMPOSSIBLE_PACE, "session.impossible_pace")                                                                \
    X(AUDIT_SIGN_OUT, "session.sign_out")                                                                              \
    X(AUDIT_SIGN_OUT_ALL, "session.sign_out_all")                                                                      \
    X(AUDIT_SIGN_IN_CONFIRMED, "session.password_confirmed")                                                           \
    X(AUDIT_SESSION_DISPLACED, "session.displaced")                                                                    \
    X(AUDIT_SESSION_RENEWED, "session.renewed")                                                                        \
    X(AUDIT_REFRESH_REUSED, "session.refresh_reused")                                                                  \
    X(AUDIT_API_KEY_CREATED, "api_key.created")                                                                        \
    X(AUDIT_API_KEY_ROTATED, "api_key.rotated")                                                                        \
    X(AUDIT_API_KEY_REVOKED, "api_key.revoked")                                                                        \
    X(AUDIT_API_KEY_MANY_ADDRESSES, "api_key.used_from_many_addresses")                                                \
    X(AUDIT_RESET_REQUESTED, "recovery.reset_requested")                                                               \
    X(AUDIT_PASSWORD_RESET, "recovery.password_reset")                                                                 \
    X(AUDIT_VERIFICATION_REQUESTED, "recovery.verification_requested")                                                 \
    X(AUDIT_EMAIL_VERIFIED, "recovery.email_verified")                                                                 \
    X(AUDIT_MAIL_EXPIRED, "mail.expired")                                                                              \
    X(AUDIT_MFA_SET_UP, "mfa.set_up")                                                                                  \
    X(AUDIT_MFA_ENABLED, "mfa.enabled")                                                                                \
    X(AUDIT_MFA_DISABLED, "mfa.disabled")                                                                              \
    X(AUDIT_MFA_RESET, "mfa.reset")                                                                                    \
    X(AUDIT_MFA_ASKED, "mfa.asked")                                                                                    \
    X(AUDIT_MFA_FAILED, "mfa.failed")                                                                                  \
    X(AUDIT_MFA_PAUSED, "mfa.paused")                                                                                  \
    X(AUDIT_MFA_RECOVERY_USED, "mfa.recovery_code_used")                                                               \
    X(AUDIT_MFA_CODES_RENEWED, "mfa.recovery_codes_renewed")                                                           \
    X(AUDIT_ROLE_CREATED, "role.created")                                                                              \
    X(AUDIT_ROLE_UPDATED, "role.updated")                                                                              \
    X(AUDIT_ROLE_DELETED, "role.deleted")                                                                              \
    X(AUDIT_TENANT_CREATED, "tenant.created")                                                                          \
    X(AUDIT_TENANT_UPDATED, "tenant.updated")                                                                          \
    X(AUDIT_TENANT_DISABLED, "tenant.disabled")                                                                        \
    X(AUDIT_TENANT_ENABLED, "tenant.enabled")                                                                          \
    X(AUDIT_KEY_CREATED, "key.created")                                                                                \
    X(AUDIT_KEY_ROTATED, "key.rotated")                                                                                \
    X(AUDIT_KEY_RETIRED, "key.retired")                                                                                \
    X(AUDIT_EVERYONE_SIGNED_OUT, "session.everyone_signed_out")                                                        \
    X(AUDIT_RESTORED, "database.restored")                                                                             \
    X(AUDIT_PRUNED, AUDIT_PRUNED_NAME)

#define AUDIT_SYMBOL(symbol, name) symbol,
enum audit_action { AUDIT_ACTIONS(AUDIT_SYMBOL) AUDIT_ACTION_COUNT };
#undef AUDIT_SYMBOL

struct audit_event {
    enum audit_action action;
    const char *tenant_id;   /* NULL: none */
    struct dw_str actor;     /* user id, "system", "cli", or absent for a stranger */
    struct dw_str target;    /* user id, key id, …; absent for none */
    struct dw_str address;
    struct dw_str detail;    /* what changed, in words; never a secret; absent for none */
    enum dw_err result;      /* DW_OK, or why it failed */
};

/* Inside a write of an open identity's storage (storage_set_context()). */
DW_MUST_USE enum dw_err audit_append(struct transaction *tx, const struct audit_event *event);
/* In a write of its own, for what changes nothing else (a failed sign-in). */
DW_MUST_USE enum dw_err audit_record(struct identity *identity, const struct audit_event *event);

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* A row as it is stored. */
struct audit_entry {
    int64_t seq, at;
    struct dw_str id, action, tenant_id, actor, target, address, result, detail, hash;
};

/* Absent strings and negative times do not filter. */
struct audit_filter {
    struct dw_str actor, action;
    int64_t since, until;   /* from `since` on, before `until` */
    int64_t after;          /* number of the last one seen; negative: from the beginning */
    bool newest_first;
    unsigned limit;
};

/* A page ends early when its events are long: what it takes in memory is known. */
enum { AUDIT_PAGE_MAX_BYTES = 3 * 1024 * 1024 };

struct audit_page {
    struct audit_entry *entries; /* in the arena */
    size_t n;
    bool has_more;
};

/* The tenant's events; what concerns no tenant (keys) is shown to the tenant "default". */
DW_MUST_USE enum dw_err audit_list(struct identity *identity, const struct tenant *tenant,
                                   const struct audit_filter *filter, struct dw_arena *arena,
                                   struct audit_page *ret_page);
/* As a JSON object, for lines of an export. */
void audit_entry_write(struct buffer *b, const struct audit_entry *entry);
/* Every row of every tenant, in order; an entry is valid during its call. */
DW_MUST_USE enum dw_err audit_each(struct identity *identity,
                                   enum dw_err (*fn)(const struct audit_entry *entry, void *argument), void *argument);

enum { AUDIT_HASH_SIZE = 65 }; /* hex, NUL-terminated */

struct audit_head {
    int64_t seq; /* 0: nothing yet */
    char hash[AUDIT_HASH_SIZE];
};

enum audit_fault {
    AUDIT_INTACT,
    AUDIT_CHANGED,    /* the row is not what was written, or not what stood at this place */
    AUDIT_REMOVED,    /* there is no row of this number, and no prune tells why */
    AUDIT_INSERTED,   /* a row past the head, or before the first one */
    AUDIT_CUT_OFF,    /* the chain does not hold the head that was known */
    AUDIT_PRUNED_PIN, /* the head that was known is of an event that a prune took: nothing to hold it against */
};

struct audit_verdict {
    enum audit_fault fault; /* the first */
    int64_t seq;            /* where */
    char id[DW_UUID_SIZE];  /* of the row there; "" when it is missing */
    int64_t events;         /* rows verified */
    int64_t pruned;         /* number of the last event that a prune took; 0: the log is whole */
    int64_t before_chain;   /* of them written before there was a chain, by a version without one: not covered */
    struct audit_head head; /* of an intact chain: worth keeping elsewhere */
};

/* Heads that earlier calls gave, kept where nobody who can write the database can write too; each may be NULL. */
struct audit_pins {
    const struct audit_head *head;  /* must still be in the chain */
    const struct audit_head *since; /* verified then: what follows it is verified now, and nothing before it */
};

/* Walks the chain to the head, row by row, in one state of the database and little memory. pins may be NULL. */
DW_MUST_USE enum dw_err audit_verify(struct identity *identity, const struct audit_pins *pins,
                                     struct audit_verdict *ret_verdict);
/* Where the log ends now, unverified. */
DW_MUST_USE enum dw_err audit_head_read(struct identity *identity, struct audit_head *ret_head);

/*
 * Removes the oldest events, up to the first one that is not from before `before_s` (in the past, or DW_ERR_ARGUMENT).
 * Verifies the log first: with a fault nothing is removed, and the verdict tells. What goes is told by an event
 * "audit.pruned" with the number and hash of the last one that went, which the chain covers: from it the rest is
 * verified on, and nobody without the server's secret can make the log begin elsewhere. An event each 20,000, so that
 * a running server waits for none of it.
 */
DW_MUST_USE enum dw_err audit_prune(struct identity *identity, const struct actor *actor, int64_t before_s,
                                    struct audit_verdict *ret_verdict, int64_t *ret_events);

extern const char AUDIT_CHAIN_TABLES[], AUDIT_PRUNED_COLUMNS[];
extern const struct statement *const AUDIT_STATEMENTS[], *const AUDIT_VERIFY_STATEMENTS[],
    *const AUDIT_PRUNE_STATEMENTS[];

#endif
