#include "identity/audit_rows.h"

const char AUDIT_PRUNED_COLUMNS[] =
    "ALTER TABLE audit_head ADD COLUMN pruned_seq BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE audit_head ADD COLUMN pruned_hash TEXT NOT NULL DEFAULT '';";

static const struct statement AUDIT_ENDS = {
    "audit_ends", "SELECT seq, hash, pruned_seq, pruned_hash FROM audit_head", 0,
};

const struct statement *const AUDIT_VERIFY_STATEMENTS[] = { &AUDIT_ENDS, NULL };

static enum dw_err head_of(const struct row *row, unsigned column, struct audit_head *ret_head)
{
    const struct dw_str hash = row_text(row, column + 1);
    struct audit_head head = { .seq = row_int(row, column) };

    if (hash.len >= sizeof(head.hash))
        return DW_ERR_DATABASE;
    if (hash.len > 0)
        memcpy(head.hash, hash.ptr, hash.len);
    *ret_head = head;
    return DW_OK;
}

static enum dw_err read_ends(const struct row *row, void *argument)
{
    struct audit_ends *ends = argument;

    TRY(head_of(row, 0, &ends->head));
    return head_of(row, 2, &ends->pruned);
}

enum dw_err audit_ends_read(struct transaction *tx, struct audit_ends *ret_ends)
{
    struct audit_ends ends;

    TRY(sql_one(tx, &AUDIT_ENDS, NO_VALUES, read_ends, &ends));
    *ret_ends = ends;
    return DW_OK;
}

void audit_mark(const struct audit_head *head, char ret_mark[AUDIT_MARK_SIZE])
{
    snprintf(ret_mark, AUDIT_MARK_SIZE, "%lld:%s", (long long)head->seq, head->hash);
}

/* --- verifying -------------------------------------------------------------------------------------------------- */

struct verification {
    const struct identity *identity;
    const struct audit_pins *pins;
    struct audit_ends ends; /* as the database says */
    struct audit_head last; /* as the rows say */
    char pruned_mark[AUDIT_MARK_SIZE];
    bool is_pruning_told;   /* an event of the chain says that the log begins where it does */
    struct audit_verdict verdict;
};

static void find_fault(struct verification *v, enum audit_fault fault, int64_t seq, struct dw_str id)
{
    if (fault == AUDIT_INTACT || v->verdict.fault != AUDIT_INTACT)
        return; /* the first one is told */
    v->verdict.fault = fault;
    v->verdict.seq = seq;
    snprintf(v->verdict.id, sizeof(v->verdict.id), "%.*s", (int)id.len, id.ptr ? id.ptr : "");
}

static enum audit_fault judge_hash(const struct verification *v, const struct audit_entry *e,
                                   const char hash[AUDIT_HASH_SIZE])
{
    const struct audit_head *known = v->pins->head;

    if (!dw_str_eq(e->hash, dw_str(hash)))
        return AUDIT_CHANGED;
    return known != NULL && known->seq == e->seq && strcmp(known->hash, hash) != 0 ? AUDIT_CUT_OFF : AUDIT_INTACT;
}

static void judge_place(struct verification *v, const struct audit_entry *e)
{
    if (e->seq > v->ends.head.seq || e->seq <= v->last.seq)
        find_fault(v, AUDIT_INSERTED, e->seq, e->id);
    else if (e->seq != v->last.seq + 1)
        find_fault(v, AUDIT_REMOVED, v->last.seq + 1, dw_str_n(NULL, 0));
}

/* The row that the caller's pin names: what it holds was verified when the pin was made. */
static void meet_pin(struct verification *v, const struct audit_entry *e)
{
    if (!dw_str_eq(e->hash, dw_str(v->pins->since->hash)))
        find_fault(v, AUDIT_CUT_OFF, e->seq, e->id);
    v->last = *v->pins->since;
}

static bool tells_of_pruning(const struct verification *v, const struct audit_entry *e)
{
    return dw_str_eq(e->action, DW_STR(AUDIT_PRUNED_NAME)) && dw_str_eq(e->detail, dw_str(v->pruned_mark));
}

static enum dw_err verify_row(const struct row *row, void *argument)
{
    struct verification *v = argument;
    const struct audit_entry e = audit_entry_of(row);
    char hash[AUDIT_HASH_SIZE] = "";

    if (v->verdict.fault != AUDIT_INTACT)
        return DW_OK;
    if (v->pins->since != NULL && e.seq == v->pins->since->seq) {
        meet_pin(v, &e);
        return DW_OK;
    }
    v->verdict.events++;
    judge_place(v, &e);
    const bool is_before_chain = e.hash.len == 0 && v->last.hash[0] == '\0';

    if (is_before_chain)
        v->verdict.before_chain++;
    else
        TRY(audit_chain_hash(v->identity, dw_str(v->last.hash), &e, hash));
    find_fault(v, judge_hash(v, &e, hash), e.seq, e.id);
    v->is_pruning_told = v->is_pruning_told || (!is_before_chain && tells_of_pruning(v, &e));
    v->last.seq = e.seq;
    memcpy(v->last.hash, hash, sizeof(hash));
    return DW_OK;
}

/* What the rows alone can't tell: whether the last or the first of them are missing. */
static void judge_ends(struct verification *v)
{
    const struct audit_head *known = v->pins->head;

    if (v->last.seq < v->ends.head.seq)
        find_fault(v, AUDIT_REMOVED, v->last.seq + 1, dw_str_n(NULL, 0));
    if (strcmp(v->last.hash, v->ends.head.hash) != 0)
        find_fault(v, AUDIT_CHANGED, v->last.seq, dw_str_n(NULL, 0));
    if (v->pins->since == NULL && v->ends.pruned.seq > 0 && !v->is_pruning_told)
        find_fault(v, AUDIT_REMOVED, 1, dw_str_n(NULL, 0));
    if (known != NULL && known->seq > v->last.seq)
        find_fault(v, AUDIT_CUT_OFF, v->last.seq + 1, dw_str_n(NULL, 0));
}

/* A pin from before the prune has nothing to be held against; one of the very event where it ended has its hash. */
static void judge_pin(struct verification *v, const struct audit_head *pin)
{
    if (pin == NULL || pin->seq > v->ends.pruned.seq)
        return;
    if (pin->seq < v->ends.pruned.seq)
        find_fault(v, AUDIT_PRUNED_PIN, pin->seq, dw_str_n(NULL, 0));
    else if (strcmp(pin->hash, v->ends.pruned.hash) != 0)
        find_fault(v, AUDIT_CUT_OFF, pin->seq, dw_str_n(NULL, 0));
}

/* From the first row there is, or from the one that was pinned. */
static enum dw_err walk(struct transaction *tx, struct verification *v)
{
    const struct audit_head *since = v->pins->since;

    v->last = v->ends.pruned;
    if (since == NULL)
        return sql_each(tx, &AUDIT_ROWS, VALUES(V_INT(INT64_MIN)), verify_row, v, NULL);
    TRY(sql_each(tx, &AUDIT_ROWS, VALUES(V_INT(since->seq - 1)), verify_row, v, NULL));
    if (v->last.seq < since->seq)
        find_fault(v, AUDIT_CUT_OFF, since->seq, dw_str_n(NULL, 0));
    return DW_OK;
}

static enum dw_err verify(struct transaction *tx, void *argument)
{
    struct verification *v = argument;

    v->verdict = (struct audit_verdict){ 0 };
    v->is_pruning_told = false;
    TRY(audit_ends_read(tx, &v->ends));
    audit_mark(&v->ends.pruned, v->pruned_mark);
    judge_pin(v, v->pins->head);
    judge_pin(v, v->pins->since);
    TRY(walk(tx, v));
    judge_ends(v);
    v->verdict.pruned = v->ends.pruned.seq;
    v->verdict.head = v->ends.head;
    return DW_OK;
}

enum dw_err audit_verify(struct identity *identity, const struct audit_pins *pins, struct audit_verdict *ret_verdict)
{
    static const struct audit_pins NO_PINS;
    struct verification v = { .identity = identity, .pins = pins != NULL ? pins : &NO_PINS };

    TRY(storage_read(identity->storage, verify, &v));
    *ret_verdict = v.verdict;
    return DW_OK;
}

static enum dw_err read_head_in(struct transaction *tx, void *argument)
{
    struct audit_ends ends;

    TRY(audit_ends_read(tx, &ends));
    *(struct audit_head *)argument = ends.head;
    return DW_OK;
}

enum dw_err audit_head_read(struct identity *identity, struct audit_head *ret_head)
{
    struct audit_head head;

    TRY(storage_read(identity->storage, read_head_in, &head));
    *ret_head = head;
    return DW_OK;
}
