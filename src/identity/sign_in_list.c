#include "identity/sign_in_list.h"

#define FROM_ALIVE                                                                                                     \
    " FROM refresh_families f JOIN users u ON u.id = f.user_id"                                                        \
    " WHERE u.tenant_id = $1 AND f.user_id = $2 AND f.revoked_at IS NULL AND f.expires_at > $3"                        \
    " AND (f.idle_expires_at IS NULL OR f.idle_expires_at > $3)"

static const struct statement SIGN_IN_LIST = {
    "sign_in_list",
    "SELECT f.id, CASE WHEN f.cookie_hash IS NULL THEN 'token' ELSE 'cookie' END, f.client_id, f.address, f.user_agent,"
    " f.created_at, f.last_used_at, f.expires_at" FROM_ALIVE
    " AND (CAST($4 AS TEXT) IS NULL OR f.id < $4) ORDER BY f.id DESC LIMIT $5",
    5,
};
static const struct statement SIGN_IN_FIND = { "sign_in_find", "SELECT 1" FROM_ALIVE " AND f.id = $4", 4 };

const struct statement *const SIGN_IN_LIST_STATEMENTS[] = { &SIGN_IN_LIST, &SIGN_IN_FIND, NULL };

struct listing {
    const struct tenant *tenant;
    struct dw_str user_id, after;
    unsigned limit;
    struct dw_arena *arena;
    struct sign_in_page page;
};

static enum dw_err read_entry(const struct row *row, void *argument)
{
    struct listing *l = argument;

    if (l->page.n == l->limit) {
        l->page.has_more = true;
        return DW_OK;
    }
    struct sign_in_entry *entry = &l->page.entries[l->page.n++];

    *entry = (struct sign_in_entry){
        .id = dw_arena_copy(l->arena, row_text(row, 0)),
        .kind = dw_arena_copy(l->arena, row_text(row, 1)),
        .client_id = dw_arena_copy(l->arena, row_text(row, 2)),
        .address = dw_arena_copy(l->arena, row_text(row, 3)),
        .user_agent = dw_arena_copy(l->arena, row_text(row, 4)),
        .created_at = row_int(row, 5),
        .last_seen_at = row_int(row, 6),
        .expires_at = row_int(row, 7),
    };
    const bool is_complete = entry->id.ptr && entry->kind.ptr && entry->client_id.ptr &&
                             (entry->address.ptr || row_is_null(row, 3)) &&
                             (entry->user_agent.ptr || row_is_null(row, 4));

    return is_complete ? DW_OK : DW_ERR_NO_MEMORY;
}

static enum dw_err read_list(struct transaction *tx, void *argument)
{
    struct listing *l = argument;

    l->page.n = 0;
    l->page.has_more = false;
    /* One more than asked for tells whether there is a next page. */
    return sql_each(tx, &SIGN_IN_LIST,
                    VALUES(V_CSTR(l->tenant->id), V_TEXT(l->user_id), V_INT(dw_clock_now_s()), V_TEXT(l->after),
                           V_INT(l->limit + 1)),
                    read_entry, l, NULL);
}

enum dw_err sign_in_list(struct identity *identity, const struct tenant *tenant, struct dw_str user_id,
                         struct dw_str after, unsigned limit, struct dw_arena *arena, struct sign_in_page *ret_page)
{
    struct listing l = { .tenant = tenant, .user_id = user_id, .after = after, .limit = limit, .arena = arena };

    if (limit < 1 || limit > 100)
        return DW_ERR_ARGUMENT;
    l.page.entries = dw_arena_alloc(arena, limit * sizeof(*l.page.entries));
    if (l.page.entries == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(storage_read(identity->storage, read_list, &l));
    *ret_page = l.page;
    return DW_OK;
}

struct search {
    const struct tenant *tenant;
    struct dw_str user_id, id;
};

static enum dw_err find(struct transaction *tx, void *argument)
{
    const struct search *s = argument;

    return sql_finds(tx, &SIGN_IN_FIND,
                     VALUES(V_CSTR(s->tenant->id), V_TEXT(s->user_id), V_INT(dw_clock_now_s()), V_TEXT(s->id)));
}

enum dw_err sign_in_end(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                        struct dw_str user_id, struct dw_str id)
{
    struct search s = { tenant, user_id, id };

    TRY(storage_read(identity->storage, find, &s));
    return session_sign_out(identity, tenant, actor, user_id, id, dw_str_n(NULL, 0));
}
