#include "identity/audit.h"

#include "base/encoding.h"
#include "base/json.h"
#include "crypto/hash.h"
#include "identity/audit_rows.h"
#include "identity/metrics.h"

/* A row is a few short strings; details are cut by whoever writes them. */
enum { CANONICAL_MAX_BYTES = 64 * 1024 };

/* Rows of the time before the chain keep their order and have no hash: only the first ones can be without. */
const char AUDIT_CHAIN_TABLES[] =
    "ALTER TABLE audit_events RENAME TO audit_events_before;"
    "DROP INDEX audit_events_by_time;"
    "CREATE TABLE audit_events ("
    " seq BIGINT PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " at BIGINT NOT NULL,"
    " action TEXT NOT NULL,"
    " tenant_id TEXT,"
    " actor TEXT,"
    " target TEXT,"
    " address TEXT,"
    " result TEXT NOT NULL,"
    " detail TEXT,"
    " hash TEXT NOT NULL);"
    "INSERT INTO audit_events (seq, id, at, action, tenant_id, actor, target, address, result, hash)"
    " SELECT row_number() OVER (ORDER BY id), id, at, action, tenant_id, actor, target, address, result, ''"
    " FROM audit_events_before;"
    "DROP TABLE audit_events_before;"
    "CREATE INDEX audit_events_by_time ON audit_events (at);"
    "CREATE INDEX audit_events_by_actor ON audit_events (actor, seq);"
    "CREATE INDEX audit_events_by_target ON audit_events (target, at);"
    "CREATE TABLE audit_head ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " seq BIGINT NOT NULL,"
    " hash TEXT NOT NULL);"
    "INSERT INTO audit_head (one, seq, hash) SELECT 1, COUNT(*), '' FROM audit_events;";

/* Searches: one statement each, so that each goes by its own index. */
#define AUDIT_FOUND                                                                                                    \
    "SELECT " AUDIT_COLUMNS " FROM audit_events WHERE (CAST($2 AS TEXT) IS NULL OR action = $2)"                       \
    " AND ($3 < 0 OR at >= $3) AND ($4 < 0 OR at < $4)"
#define OF_TENANT " AND tenant_id = $1"
#define OF_NONE " AND tenant_id IS NULL"
#define OF_DEFAULT " AND (tenant_id = $1 OR tenant_id IS NULL)"
#define OF_ACTOR " AND actor = $7"
#define IN_ORDER " ORDER BY seq LIMIT $6"
#define IN_REVERSE " ORDER BY seq DESC LIMIT $6"
#define OLDEST_FIRST " AND seq > $5" IN_ORDER
#define NEWEST_FIRST " AND ($5 < 0 OR seq < $5)" IN_REVERSE
/* A page of each, each by the index, and of these a page: with OR all that both have would be sorted. */
#define OF_BOTH(page, order)                                                                                           \
    "SELECT " AUDIT_COLUMNS " FROM (SELECT * FROM (" AUDIT_FOUND OF_TENANT page ") AS own"                             \
    " UNION ALL SELECT * FROM (" AUDIT_FOUND OF_NONE page ") AS nobodys) AS found" order

static const struct statement AUDIT_INSERT = {
    "audit_insert",
    "INSERT INTO audit_events (" AUDIT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    11,
};
static const struct statement AUDIT_HEAD_TAKE = {
    "audit_head_take", "UPDATE audit_head SET seq = seq + 1 WHERE one = 1 RETURNING seq, hash", 0,
};
const struct statement AUDIT_ROWS = {
    "audit_rows", "SELECT " AUDIT_COLUMNS " FROM audit_events WHERE seq > $1 ORDER BY seq", 1,
};
static const struct statement AUDIT_HEAD_PUT = {
    "audit_head_put", "UPDATE audit_head SET hash = $1 WHERE one = 1", 1,
};
/* By: whether it is the tenant "default", whether an actor was named, whether the newest come first. */
static const struct statement AUDIT_SEARCHES[2][2][2] = {
    { { { "audit_oldest", AUDIT_FOUND OF_TENANT OLDEST_FIRST, 6 },
        { "audit_newest", AUDIT_FOUND OF_TENANT NEWEST_FIRST, 6 } },
      { { "audit_oldest_by", AUDIT_FOUND OF_TENANT OF_ACTOR OLDEST_FIRST, 7 },
        { "audit_newest_by", AUDIT_FOUND OF_TENANT OF_ACTOR NEWEST_FIRST, 7 } } },
    { { { "audit_default_oldest", OF_BOTH(OLDEST_FIRST, IN_ORDER), 6 },
        { "audit_default_newest", OF_BOTH(NEWEST_FIRST, IN_REVERSE), 6 } },
      { { "audit_default_oldest_by", AUDIT_FOUND OF_DEFAULT OF_ACTOR OLDEST_FIRST, 7 },
        { "audit_default_newest_by", AUDIT_FOUND OF_DEFAULT OF_ACTOR NEWEST_FIRST, 7 } } },
};

const struct statement *const AUDIT_STATEMENTS[] = {
    &AUDIT_INSERT, &AUDIT_HEAD_TAKE, &AUDIT_HEAD_PUT, &AUDIT_ROWS,
    &AUDIT_SEARCHES[0][0][0], &AUDIT_SEARCHES[0][0][1], &AUDIT_SEARCHES[0][1][0], &AUDIT_SEARCHES[0][1][1],
    &AUDIT_SEARCHES[1][0][0], &AUDIT_SEARCHES[1][0][1], &AUDIT_SEARCHES[1][1][0], &AUDIT_SEARCHES[1][1][1],
    NULL,
};

#define AUDIT_NAME(symbol, name) [symbol] = (name),
static const char *const ACTION_NAMES[] = { AUDIT_ACTIONS(AUDIT_NAME) };
#undef AUDIT_NAME

/* --- the chain -------------------------------------------------------------------------------------------------- */

/* Length and bytes, so that no two rows have one form; "-" for absent, which is not the same as empty. */
static void append_text(struct buffer *b, struct dw_str text)
{
    if (text.ptr != NULL) {
        buffer_append_int(b, (int64_t)text.len);
        buffer_append_char(b, ':');
        buffer_append(b, text);
    } else {
        buffer_append_char(b, '-');
    }
    buffer_append_char(b, ',');
}

static void append_number(struct buffer *b, int64_t number)
{
    buffer_append_int(b, number);
    buffer_append_char(b, ',');
}

enum dw_err audit_chain_hash(const struct identity *identity, struct dw_str previous, const struct audit_entry *e,
                             char ret_hash[AUDIT_HASH_SIZE])
{
    const struct dw_str texts[] = { previous,  e->id,      e->action, e->tenant_id, e->actor,
                                    e->target, e->address, e->result, e->detail };
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(CANONICAL_MAX_BYTES);
    unsigned char mac[SHA256_SIZE];

    append_number(&b, e->seq);
    append_number(&b, e->at);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        append_text(&b, texts[i]);
    TRY(buffer_error(&b));
    TRY(hmac_sha256(&identity->keys.audit, buffer_str(&b), mac));
    ret_hash[hex_encode(dw_str_n(mac, sizeof(mac)), ret_hash)] = '\0';
    return DW_OK;
}

static enum dw_err read_head(const struct row *row, void *argument)
{
    struct audit_head *head = argument;
    const struct dw_str hash = row_text(row, 1);

    if (hash.len >= sizeof(head->hash))
        return DW_ERR_DATABASE;
    *head = (struct audit_head){ .seq = row_int(row, 0) };
    memcpy(head->hash, hash.ptr, hash.len);
    return DW_OK;
}

enum dw_err audit_append(struct transaction *tx, const struct audit_event *event)
{
    const struct identity *identity = transaction_context(tx);
    char id[DW_UUID_SIZE], hash[AUDIT_HASH_SIZE];
    struct audit_head head;

    if (identity == NULL)
        return DW_ERR_INTERNAL;
    dw_uuid7(id);
    TRY(sql_one(tx, &AUDIT_HEAD_TAKE, NO_VALUES, read_head, &head));
    const struct audit_entry e = {
        .seq = head.seq, .at = dw_clock_now_s(), .id = dw_str(id), .action = dw_str(ACTION_NAMES[event->action]),
        .tenant_id = dw_str(event->tenant_id), .actor = event->actor, .target = event->target,
        .address = event->address, .result = dw_str(dw_error_info(event->result)->code), .detail = event->detail,
    };

    TRY(audit_chain_hash(identity, dw_str(head.hash), &e, hash));
    TRY(sql_exec(tx, &AUDIT_INSERT,
                 VALUES(V_INT(e.seq), V_INT(e.at), V_TEXT(e.id), V_TEXT(e.action), V_TEXT(e.tenant_id),
                        V_TEXT(e.actor), V_TEXT(e.target), V_TEXT(e.address), V_TEXT(e.result), V_TEXT(e.detail),
                        V_CSTR(hash)),
                 NULL));
    transaction_count(tx, &AUDIT_EVENTS, event->action);
    return sql_exec(tx, &AUDIT_HEAD_PUT, VALUES(V_CSTR(hash)), NULL);
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

/* --- reading ---------------------------------------------------------------------------------------------------- */

struct audit_entry audit_entry_of(const struct row *row)
{
    return (struct audit_entry){
        .seq = row_int(row, 0), .at = row_int(row, 1), .id = row_text(row, 2), .action = row_text(row, 3),
        .tenant_id = row_text(row, 4), .actor = row_text(row, 5), .target = row_text(row, 6),
        .address = row_text(row, 7), .result = row_text(row, 8), .detail = row_text(row, 9), .hash = row_text(row, 10),
    };
}

static enum dw_err entry_keep(struct audit_entry *e, struct dw_arena *arena)
{
    struct dw_str *const texts[] = { &e->id,      &e->action, &e->tenant_id, &e->actor, &e->target,
                                     &e->address, &e->result, &e->detail,    &e->hash };

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const struct dw_str copy = dw_arena_copy(arena, *texts[i]);

        if (copy.ptr == NULL && texts[i]->ptr != NULL)
            return DW_ERR_NO_MEMORY;
        *texts[i] = copy;
    }
    return DW_OK;
}

/* What it takes as JSON, roughly: the names of its members, the texts that have no bound of their own, and the rest. */
static size_t entry_size(const struct audit_entry *e)
{
    enum { OTHERS_BYTES = 512 };

    return OTHERS_BYTES + e->actor.len + e->target.len + e->detail.len;
}

void audit_entry_write(struct buffer *b, const struct audit_entry *e)
{
    const struct {
        const char *name;
        struct dw_str text;
    } members[] = {
        { "id", e->id },         { "action", e->action },   { "tenant_id", e->tenant_id }, { "actor", e->actor },
        { "target", e->target }, { "address", e->address }, { "result", e->result },       { "detail", e->detail },
        { "hash", e->hash },
    };
    char at[RFC3339_SIZE];

    rfc3339_format(e->at, at);
    buffer_append_char(b, '{');
    json_write_member_int(b, "seq", e->seq);
    json_write_member_str(b, "at", dw_str(at));
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        json_write_member_str(b, members[i].name, members[i].text);
    buffer_append_char(b, '}');
}

struct listing {
    const struct tenant *tenant;
    const struct audit_filter *filter;
    struct dw_arena *arena;
    struct audit_page page;
    size_t bytes;
};

static enum dw_err list_row(const struct row *row, void *argument)
{
    struct listing *l = argument;

    if (l->page.n == l->filter->limit || l->bytes > AUDIT_PAGE_MAX_BYTES) {
        l->page.has_more = true;
        return DW_OK;
    }
    struct audit_entry *entry = &l->page.entries[l->page.n++];

    *entry = audit_entry_of(row);
    l->bytes += entry_size(entry);
    return entry_keep(entry, l->arena);
}

static enum dw_err list(struct transaction *tx, void *argument)
{
    struct listing *l = argument;
    const struct audit_filter *f = l->filter;
    const bool is_default = dw_str_eq(dw_str(l->tenant->slug), DW_STR(TENANT_DEFAULT));

    /* One more than asked for tells whether there is a next page. */
    return sql_each(tx, &AUDIT_SEARCHES[is_default][f->actor.ptr != NULL][f->newest_first],
                    VALUES(V_CSTR(l->tenant->id), V_TEXT(f->action), V_INT(f->since), V_INT(f->until),
                           V_INT(f->after), V_INT((int64_t)f->limit + 1), V_TEXT(f->actor)),
                    list_row, l, NULL);
}

enum dw_err audit_list(struct identity *identity, const struct tenant *tenant, const struct audit_filter *filter,
                       struct dw_arena *arena, struct audit_page *ret_page)
{
    struct listing l = { .tenant = tenant, .filter = filter, .arena = arena };

    l.page.entries = dw_arena_alloc(arena, filter->limit * sizeof(*l.page.entries));
    if (l.page.entries == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(storage_read(identity->storage, list, &l));
    *ret_page = l.page;
    return DW_OK;
}

struct each {
    enum dw_err (*fn)(const struct audit_entry *entry, void *argument);
    void *argument;
};

static enum dw_err each_row(const struct row *row, void *argument)
{
    const struct each *each = argument;
    const struct audit_entry entry = audit_entry_of(row);

    return each->fn(&entry, each->argument);
}

static enum dw_err read_all(struct transaction *tx, void *argument)
{
    return sql_each(tx, &AUDIT_ROWS, VALUES(V_INT(INT64_MIN)), each_row, argument, NULL);
}

enum dw_err audit_each(struct identity *identity, enum dw_err (*fn)(const struct audit_entry *entry, void *argument),
                       void *argument)
{
    struct each each = { fn, argument };

    return storage_read(identity->storage, read_all, &each);
}
