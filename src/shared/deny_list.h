/*
 * Ids of tokens and sign-ins that are refused until they would have expired anyway: the memory of it.
 *
 * Readers take no lock: a sequence number says whether the table changed while they looked (a seqlock; old tables are
 * kept until the list is freed, so that a reader can never touch freed memory). Writers take a mutex.
 * What must survive a restart is written to the database first, by identity/; this is the copy that requests ask.
 */
#ifndef SHARED_DENY_LIST_H
#define SHARED_DENY_LIST_H

#include "base/cleanup.h"

struct deny_list;

DW_MUST_USE enum dw_err deny_list_new(struct deny_list **ret_list);
void deny_list_free(struct deny_list **list);
/* id: a UUID in text form (anything else is DW_ERR_ARGUMENT). From the return on every reader sees it. */
DW_MUST_USE enum dw_err deny_list_add(struct deny_list *list, struct dw_str id, int64_t expires_s, int64_t now_s);
bool deny_list_has(struct deny_list *list, struct dw_str id);
size_t deny_list_size(struct deny_list *list);

#endif
