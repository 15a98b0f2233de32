/*
 * Ids of tokens and sign-ins that are refused until they would have expired anyway: the memory of it.
 *
 * Readers take no lock: a sequence number says whether the table changed while they looked (a seqlock; the place of an
 * old table is kept until the list is freed, so that a reader can never touch freed memory, but not its pages: at any
 * time one table is resident). Writers take a mutex.
 * What must survive a restart is written to the database first, by identity/; this is the copy that requests ask.
 */
#ifndef SHARED_DENY_LIST_H
#define SHARED_DENY_LIST_H

#include "base/cleanup.h"

struct deny_list;

/* A UUID as two numbers: parse it once, look it up often. */
struct deny_id {
    uint64_t high, low;
};

/* False when it is no UUID in text form. */
bool deny_id_parse(struct dw_str text, struct deny_id *ret_id);

DW_MUST_USE enum dw_err deny_list_new(struct deny_list **ret_list);
void deny_list_free(struct deny_list **list);
/* id: a UUID in text form (anything else is DW_ERR_ARGUMENT). From the return on every reader sees it. */
DW_MUST_USE enum dw_err deny_list_add(struct deny_list *list, struct dw_str id, int64_t expires_s, int64_t now_s);
bool deny_list_has(struct deny_list *list, const struct deny_id *id);
size_t deny_list_size(struct deny_list *list);

#endif
