/*
 * The audit log: who did what, to whom, from where, with what result. Append-only; written in the transaction of the
 * change that it records. Holds no secret.
 */
#ifndef IDENTITY_AUDIT_H
#define IDENTITY_AUDIT_H

#include "identity/identity.h"

/* A row an event: the names that the log, searches and documentation use. */
#define AUDIT_ACTIONS(X)                                                                                               \
    X(AUDIT_USER_CREATED, "user.created")                                                                              \
    X(AUDIT_USER_UPDATED, "user.updated")                                                                              \
    X(AUDIT_USER_DELETED, "user.deleted")                                                                              \
    X(AUDIT_USER_DISABLED, "user.disabled")                                                                            \
    X(AUDIT_USER_ENABLED, "user.enabled")                                                                              \
    X(AUDIT_ROLE_CHANGED, "user.role_changed")                                                                         \
    X(AUDIT_PASSWORD_CHANGED, "user.password_changed")                                                                 \
    X(AUDIT_SIGN_IN, "session.sign_in")                                                                                \
    X(AUDIT_SIGN_IN_FAILED, "session.sign_in_failed")                                                                  \
    X(AUDIT_SIGN_OUT, "session.sign_out")                                                                              \
    X(AUDIT_SIGN_OUT_ALL, "session.sign_out_all")                                                                      \
    X(AUDIT_REFRESH_REUSED, "session.refresh_reused")                                                                  \
    X(AUDIT_KEY_CREATED, "key.created")                                                                                \
    X(AUDIT_KEY_ROTATED, "key.rotated")                                                                                \
    X(AUDIT_KEY_RETIRED, "key.retired")

#define AUDIT_SYMBOL(symbol, name) symbol,
enum audit_action { AUDIT_ACTIONS(AUDIT_SYMBOL) AUDIT_ACTION_COUNT };
#undef AUDIT_SYMBOL

struct audit_event {
    enum audit_action action;
    const char *tenant_id;   /* NULL: none */
    struct dw_str actor;     /* user id, "system", "cli", or absent for a stranger */
    struct dw_str target;    /* user id, key id, …; absent for none */
    struct dw_str address;
    enum dw_err result;      /* DW_OK, or why it failed */
};

/* Inside a write. */
DW_MUST_USE enum dw_err audit_append(struct transaction *tx, const struct audit_event *event);
/* In a write of its own, for what changes nothing else (a failed sign-in). */
DW_MUST_USE enum dw_err audit_record(struct identity *identity, const struct audit_event *event);

extern const struct statement *const AUDIT_STATEMENTS[];

#endif
