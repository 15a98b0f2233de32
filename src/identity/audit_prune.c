#include "identity/audit_rows.h"

/* Events that one transaction takes: as long as others wait for it at the most. */
enum { BATCH = 20000 };

static const struct statement PRUNE_ROWS = {
    "audit_prune_rows", "SELECT seq, at, hash FROM audit_events WHERE seq > $1 ORDER BY seq LIMIT $2", 2,
};
static const struct statement PRUNE_DELETE = { "audit_prune", "DELETE FROM audit_events WHERE seq <= $1", 1 };
static const struct statement PRUNE_MARK = {
    "audit_prune_mark", "UPDATE audit_head SET pruned_seq = $1, pruned_hash = $2 WHERE one = 1", 2,
};

const struct statement *const AUDIT_PRUNE_STATEMENTS[] = { &PRUNE_ROWS, &PRUNE_DELETE, &PRUNE_MARK, NULL };

struct pruning {
    const struct actor *actor;
    int64_t before_s;
    struct audit_head last; /* of those to go */
    int64_t events;         /* in this batch */
    bool is_past;           /* one was met that stays */
};

static enum dw_err consider(const struct row *row, void *argument)
{
    struct pruning *p = argument;
    const struct dw_str hash = row_text(row, 2);

    p->is_past = p->is_past || row_int(row, 1) >= p->before_s;
    if (p->is_past)
        return DW_OK;
    if (hash.len >= sizeof(p->last.hash))
        return DW_ERR_DATABASE;
    p->last = (struct audit_head){ .seq = row_int(row, 0) };
    memcpy(p->last.hash, hash.ptr, hash.len);
    p->events++;
    return DW_OK;
}

/* The rows go and the event that tells of it comes in one transaction: the log can be verified at any time. */
static enum dw_err prune_batch(struct transaction *tx, void *argument)
{
    struct pruning *p = argument;
    char mark[AUDIT_MARK_SIZE];
    struct audit_ends ends;

    p->events = 0;
    p->is_past = false;
    TRY(audit_ends_read(tx, &ends));
    p->last = ends.pruned;
    TRY(sql_each(tx, &PRUNE_ROWS, VALUES(V_INT(ends.pruned.seq), V_INT(BATCH)), consider, p, NULL));
    if (p->events == 0)
        return DW_OK;
    audit_mark(&p->last, mark);
    const struct audit_event event = { .action = AUDIT_PRUNED, .actor = p->actor->id, .address = p->actor->address,
                                       .detail = dw_str(mark) };

    TRY(sql_exec(tx, &PRUNE_DELETE, VALUES(V_INT(p->last.seq)), NULL));
    TRY(sql_exec(tx, &PRUNE_MARK, VALUES(V_INT(p->last.seq), V_CSTR(p->last.hash)), NULL));
    return audit_append(tx, &event);
}

enum dw_err audit_prune(struct identity *identity, const struct actor *actor, int64_t before_s,
                        struct audit_verdict *ret_verdict, int64_t *ret_events)
{
    struct pruning p = { .actor = actor, .before_s = before_s };
    struct audit_verdict verdict;
    int64_t events = 0;

    if (before_s > dw_clock_now_s())
        return DW_ERR_ARGUMENT; /* it would take the events that tell of it */
    TRY(audit_verify(identity, NULL, &verdict));
    *ret_verdict = verdict;
    *ret_events = 0;
    if (verdict.fault != AUDIT_INTACT)
        return DW_OK;
    do {
        TRY(storage_write(identity->storage, prune_batch, &p));
        events += p.events;
    } while (p.events > 0 && !p.is_past);
    *ret_events = events;
    return DW_OK;
}
