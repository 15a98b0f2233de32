#include "identity/notice.h"

#include "base/log.h"
#include "identity/outbox.h"

enum { NOTICE_ARENA_BYTES = 1 << 16, WINDOW_S = 3600 };

static const struct statement NOTICE_MAILBOX = {
    "notice_mailbox", "SELECT COALESCE(former_email, email) FROM users WHERE id = $1", 1,
};
static const struct statement NOTICE_COUNT = {
    "notice_count", "SELECT COUNT(*) FROM outbox WHERE user_id = $1 AND kind = $2 AND created_at > $3", 3,
};

const struct statement *const NOTICE_STATEMENTS[] = { &NOTICE_MAILBOX, &NOTICE_COUNT, NULL };

struct mailbox {
    struct dw_arena *arena;
    struct dw_str address;
};

static enum dw_err read_mailbox(const struct row *row, void *argument)
{
    struct mailbox *m = argument;

    m->address = dw_arena_copy(m->arena, row_text(row, 0));
    return m->address.ptr != NULL ? DW_OK : DW_ERR_NO_MEMORY;
}

enum dw_err notice_mailbox(struct transaction *tx, struct dw_str user_id, struct dw_arena *arena,
                           struct dw_str *ret_address)
{
    struct mailbox m = { .arena = arena };

    TRY(sql_one(tx, &NOTICE_MAILBOX, VALUES(V_TEXT(user_id)), read_mailbox, &m));
    *ret_address = m.address;
    return DW_OK;
}

static enum dw_err read_count(const struct row *row, void *argument)
{
    *(int64_t *)argument = row_int(row, 0);
    return DW_OK;
}

/* The network address on the first line, the detail on the second. */
static struct dw_str payload_of(const struct notice *n, struct dw_arena *arena)
{
    return dw_arena_printf(arena, "%.*s\n%.*s", (int)n->from.len, n->from.len > 0 ? n->from.ptr : "",
                           (int)n->detail.len, n->detail.len > 0 ? n->detail.ptr : "");
}

void notice_parse(struct dw_str payload, struct dw_str *ret_from, struct dw_str *ret_detail)
{
    const char *end = payload.len > 0 ? memchr(payload.ptr, '\n', payload.len) : NULL;
    const size_t n = end != NULL ? (size_t)(end - payload.ptr) : payload.len;

    *ret_from = dw_str_n(payload.ptr, n);
    *ret_detail = end != NULL ? dw_str_n(end + 1, payload.len - n - 1) : DW_STR("");
}

enum dw_err notice_add(struct transaction *tx, const struct notice *n)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const int64_t now_s = dw_clock_now_s();
    struct outbox_entry entry = { .kind = n->kind, .user_id = n->user_id, .to = n->to,
                                  .expires_s = now_s + NOTICE_TTL_S };
    int64_t n_sent = 0;

    TRY(dw_arena_new(NOTICE_ARENA_BYTES, &arena));
    TRY(sql_one(tx, &NOTICE_COUNT, VALUES(V_TEXT(n->user_id), V_CSTR(n->kind), V_INT(now_s - WINDOW_S)), read_count,
                &n_sent));
    if (n_sent >= NOTICE_HOURLY_MAX)
        return DW_OK;
    if (n->to.ptr == NULL)
        TRY(notice_mailbox(tx, n->user_id, arena, &entry.to));
    entry.payload = payload_of(n, arena);
    if (entry.payload.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    const enum dw_err err = outbox_add(tx, &entry);

    if (err == DW_ERR_BUSY)
        log_event(LOG_WARNING, "notice_dropped", LOG_CSTR("kind", n->kind), LOG_STR("user", n->user_id));
    return err == DW_ERR_BUSY ? DW_OK : err;
}

enum dw_err notice_add_suspicion(struct transaction *tx, const struct notice *n)
{
    const struct identity *identity = transaction_context(tx);

    if (identity == NULL)
        return DW_ERR_INTERNAL;
    return identity->config.tells_suspicion ? notice_add(tx, n) : DW_OK;
}
