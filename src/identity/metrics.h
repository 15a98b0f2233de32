/*
 * What the account domain counts.
 */
#ifndef IDENTITY_METRICS_H
#define IDENTITY_METRICS_H

#include "base/metrics.h"
#include "identity/audit.h"

/* SIGN_INS, REFRESHES: by enum dw_err. AUDIT_EVENTS: by enum audit_action. CREDENTIALS: kind and error. */
extern struct dw_metric TOKEN_TABLE, USER_TABLE, CREDENTIALS, SIGN_INS, REFRESHES, AUDIT_EVENTS;

/* Series of the tables that loops remember by. */
enum { TABLE_HIT, TABLE_MISS };
enum credential_kind { CREDENTIAL_TOKEN, CREDENTIAL_API_KEY, CREDENTIAL_COOKIE, CREDENTIAL_KINDS };

static inline unsigned credential_series(enum credential_kind kind, enum dw_err err)
{
    return (unsigned)kind * DW_ERR_COUNT + (unsigned)err;
}

extern struct dw_metric *const IDENTITY_METRICS[];

/* From now on the rows tell how this node stands; NULL: nothing more, before it is closed. */
void identity_metrics_watch(struct identity *identity);

#endif
