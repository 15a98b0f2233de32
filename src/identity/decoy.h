/*
 * What an unknown name is checked against: a real account's hash, so that refusing it takes some account's time.
 *
 * Why: hashes of other systems, and of older settings, take their own time to refuse a password until their owner's
 * first sign-in. Were unknown names always refused in the time of a new hash, any other time would tell that the
 * account exists. So a sample of the stored hashes is kept in memory, and a name that nobody has is verified against
 * one of them, always the same one (picked by an HMAC of the name); what comes of it is thrown away.
 * Defends against: telling by time that a name has an account: times are spread among unknown names as among accounts.
 * Does not: hide of an account which kind of hash it has, or that many of them were just imported (the sample is
 * DECOY_SAMPLE_S old at the most).
 *
 * Threading: any thread; decoy_sample() waits for the database.
 */
#ifndef IDENTITY_DECOY_H
#define IDENTITY_DECOY_H

#include "identity/tenant.h"

enum { DECOY_COUNT = 32, DECOY_SAMPLE_S = 10 * 60 };

struct decoys;

DW_MUST_USE enum dw_err decoys_new(struct decoys **ret_decoys);
void decoys_free(struct decoys **decoys);

/* Takes the sample anew. Reads every row of users: for the server's own thread, now and then. */
DW_MUST_USE enum dw_err decoy_sample(struct identity *identity);
/* Does the work of refusing `password` to whoever has that login. Waits for a hashing slot. */
void decoy_verify(struct identity *identity, const struct tenant *tenant, struct dw_str login,
                  const struct dw_secret *password);

extern const struct statement *const DECOY_STATEMENTS[];

#endif
