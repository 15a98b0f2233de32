#include "identity/audit.h"

#define AUDIT_NAME(symbol, name) [symbol] = (name),
static const char *const ACTION_NAMES[] = { AUDIT_ACTIONS(AUDIT_NAME) };
#undef AUDIT_NAME

static const struct statement AUDIT_INSERT = {
    "audit_insert",
    "INSERT INTO audit_events (id, at, action, tenant_id, actor, target, address, result)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    8,
};

const struct statement *const AUDIT_STATEMENTS[] = { &AUDIT_INSERT, NULL };

enum dw_err audit_append(struct transaction *tx, const struct audit_event *event)
{
    char id[DW_UUID_SIZE];

    dw_uuid7(id);
    return sql_exec(tx, &AUDIT_INSERT,
                    VALUES(V_CSTR(id), V_INT(dw_clock_now_s()), V_CSTR(ACTION_NAMES[event->action]),
                           V_CSTR(event->tenant_id), V_TEXT(event->actor), V_TEXT(event->target),
                           V_TEXT(event->address), V_CSTR(dw_error_info(event->result)->code)),
                    NULL);
}

static enum dw_err record(struct transaction *tx, void *argument)
{
    return audit_append(tx, argument);
}

enum dw_err audit_record(struct identity *identity, const struct audit_event *event)
{
    struct audit_event copy = *event;

    return storage_write(identity->storage, record, &copy);
}
