/* The audit log's rows, for the files that write, verify and prune it: no other room's business. */
#ifndef IDENTITY_AUDIT_ROWS_H
#define IDENTITY_AUDIT_ROWS_H

#include "identity/audit.h"

#define AUDIT_COLUMNS "seq, at, id, action, tenant_id, actor, target, address, result, detail, hash"

/* Those after number $1, in order. */
extern const struct statement AUDIT_ROWS;

/* Of a row of AUDIT_COLUMNS; borrows from it. */
struct audit_entry audit_entry_of(const struct row *row);

/* HMAC over the hash of the row before and every column of this one, as hex. */
DW_MUST_USE enum dw_err audit_chain_hash(const struct identity *identity, struct dw_str previous,
                                         const struct audit_entry *entry, char ret_hash[AUDIT_HASH_SIZE]);

/* Where the log ends, and where it begins: the last event that a prune took, or number 0. */
struct audit_ends {
    struct audit_head head, pruned;
};

DW_MUST_USE enum dw_err audit_ends_read(struct transaction *tx, struct audit_ends *ret_ends);

enum { AUDIT_MARK_SIZE = AUDIT_HASH_SIZE + 24 };

/* "17:1f3a…" */
void audit_mark(const struct audit_head *head, char ret_mark[AUDIT_MARK_SIZE]);

#endif
