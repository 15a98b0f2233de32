/*
 * The server's own chores, on a thread of their own: it learns what other nodes and the command line changed in the
 * same database, four times a second and as soon as somebody tells (keeper_wake()), lets the next signing key
 * take over when its time has come, and removes what has expired; it also writes when API keys were used, and tells the
 * server's log where the audit log ends (whoever keeps logs elsewhere can show with it what was cut off), both once
 * more when the server stops.
 *
 * A chore that fails is tried again at its next turn; the log tells the first failure and the recovery, not each.
 */
#ifndef CLI_KEEPER_H
#define CLI_KEEPER_H

#include "identity/identity.h"

struct redis;

enum {
    KEEPER_WATCH_MS = 250,
    KEEPER_REST_MS = 20, /* after a look, at the least */
    KEEPER_KEYS_MS = 1000,
    KEEPER_PURGE_S = 300,
    KEEPER_CLOCK_STEP_S = 60, /* more is no NTP that nudges */
    KEEPER_USES_S = 60,
    KEEPER_AUDIT_HEAD_S = 3600,
};

struct keeper;

/* Rows about the chores, for metrics_register(). */
struct dw_metric *const *keeper_metrics(void);

/* `identity` and `redis` are borrowed until keeper_stop(). With a Redis (NULL: none) this node joins the others'
 * channel on it when they write to the same database. */
DW_MUST_USE enum dw_err keeper_start(struct identity *identity, struct redis *redis, struct keeper **ret_keeper);
/* There is something to learn: the next look comes at once, or soon after the last one. Any thread; doesn't wait. */
void keeper_wake(void *keeper);
/* Waits for the chore under way; leaves the channel. Nothing is acknowledged any more. */
void keeper_stop(struct keeper **keeper);

#endif
