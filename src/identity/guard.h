/*
 * Guarding sign-in: waits that grow with the failures of an account and of an address (spec G6).
 *
 * Failures are counted by account (by name where there is none, so that nothing tells), by address (an IPv6 client is
 * its /64), and by device where the device is known: one that this user signed in from before. After some free failures
 * each one makes a wait twice as long, 1 s to 15 min; an hour of silence halves the count.
 * Defends against: guessing at one account from many addresses, at many accounts from one address; locking somebody out
 * of her own device (a known device has a count of its own, and a stranger's failures don't hold it back); telling
 * whether an account exists (names that do not are counted alike, with the same look-ups); hashing for those who must
 * wait (asked before it). Survives a restart, as it is in the database; a right password costs no write of its own.
 * Does not: stop attempts that run at the same time before the first of them has failed (there are never more than the
 * hashing lane takes), or a guesser with a fresh address for each account: that is for the password policy.
 *
 * What is stored is an HMAC of names and devices: people type passwords where the name should be.
 */
#ifndef IDENTITY_GUARD_H
#define IDENTITY_GUARD_H

#include "identity/session.h"

enum {
    GUARD_FREE_FAILURES = 5,           /* of an account or a known device */
    GUARD_FREE_ADDRESS_FAILURES = 100, /* many people may share one */
    GUARD_WAIT_MAX_S = 15 * 60,
    GUARD_HALF_LIFE_S = 60 * 60,
    GUARD_FORGET_S = 24 * 60 * 60,
    GUARD_DEVICES_MAX = 20,            /* of a user: the ones seen last */
    GUARD_DEVICE_TTL_S = 180 * 24 * 60 * 60,
};

/* Seconds until this attempt may be made; 0: now. Reads alone; waits for the database. */
DW_MUST_USE enum dw_err guard_wait(struct identity *identity, const struct sign_in *sign_in, int64_t *ret_wait_s);

/*
 * The attempt failed: counted and audited, in one write. DW_ERR_RATE_LIMITED, and neither, when attempts beside it have
 * used up meanwhile what was free: it is to be answered as one that came after them, or many at once would all be told
 * whether they were right. One that succeeded asks guard_wait() again, for the same reason.
 */
DW_MUST_USE enum dw_err guard_record_failure(struct identity *identity, const struct sign_in *sign_in, enum dw_err why);

/* Inside the write of a sign-in that came about: from now on the device is known, and its failures are forgotten. Those
 * of the account stay: they were a stranger's. */
DW_MUST_USE enum dw_err guard_admit_in(struct transaction *tx, struct identity *identity, const struct sign_in *sign_in,
                                       struct dw_str user_id);

/* Inside a write: removes what no longer counts. */
DW_MUST_USE enum dw_err guard_purge_in(struct transaction *tx);

extern const struct statement *const GUARD_STATEMENTS[];
extern const char GUARD_TABLES[];

#endif
