/*
 * What finding a user costs as the table grows: by id (every administrator's request, every token of a user not in
 * memory), by name and by address (every sign-in). The rows have the shape that registration gives them; they are
 * written by one INSERT, as a million registrations would take a day of hashing. They stay in the database: a server
 * with the same secret can serve them afterwards.
 *
 *     lookup_bench DATABASE SECRET USERS        one JSON object a line: {"name","rows","us"}
 */
#include "accounts.h"

#include <sqlite3.h>

enum { LOOKUPS = 20000, ROUNDS = 5 };

struct bench {
    struct accounts accounts;
    struct dw_arena *arena;
    unsigned rows;
};

/* Ids in the order of time with scattered ends, as UUIDv7 has them; n from 0. */
#define ID_FORMAT "%08x-0000-7000-8000-%012x"
#define SCATTER 2654435761u

static const char FILL[] =
    "INSERT INTO users (id, tenant_id, username, username_key, email, email_key, email_verified, full_name, is_active,"
    " role, permissions, password_hash, token_version, mfa_enabled, created_at, updated_at)"
    " WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $1),"
    " scattered(i, s) AS (SELECT i, (i * 2654435761) % 4294967296 FROM n)"
    " SELECT printf('" ID_FORMAT "', i, s), $2, printf('user-%x', s), printf('user-%x', s),"
    " printf('user-%x@example.com', s), printf('user-%x@example.com', s), 1, printf('User Number %u', i), 1,"
    " 'user', '', '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',"
    " 1, 0, 1763800000, 1763800000 FROM scattered";

static void must_sql(sqlite3 *db, int result)
{
    if (result == SQLITE_OK || result == SQLITE_DONE)
        return;
    fprintf(stderr, "lookup_bench: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void fill(const char *path, const struct tenant *tenant, unsigned rows)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *insert = NULL;

    must_sql(db, sqlite3_open(path, &db));
    must_sql(db, sqlite3_exec(db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -262144", NULL, NULL, NULL));
    must_sql(db, sqlite3_prepare_v2(db, FILL, -1, &insert, NULL));
    must_sql(db, sqlite3_bind_int64(insert, 1, rows));
    must_sql(db, sqlite3_bind_text(insert, 2, tenant->id, -1, SQLITE_STATIC));
    must_sql(db, sqlite3_step(insert));
    must_sql(db, sqlite3_finalize(insert));
    must_sql(db, sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL));
    must_sql(db, sqlite3_close(db));
}

static enum dw_err by_id(struct bench *b, unsigned i, struct user *user)
{
    const struct dw_str id = dw_arena_printf(b->arena, ID_FORMAT, i, i * SCATTER);

    return user_get(b->accounts.identity, &b->accounts.tenant, id, b->arena, user);
}

static enum dw_err by_name(struct bench *b, unsigned i, struct user *user)
{
    return user_find(b->accounts.identity, &b->accounts.tenant, dw_arena_printf(b->arena, "user-%x", i * SCATTER),
                     b->arena, user);
}

static enum dw_err by_address(struct bench *b, unsigned i, struct user *user)
{
    return user_find(b->accounts.identity, &b->accounts.tenant,
                     dw_arena_printf(b->arena, "user-%x@example.com", i * SCATTER), b->arena, user);
}

static const struct lookup {
    const char *name;
    enum dw_err (*run)(struct bench *b, unsigned i, struct user *user);
} LOOKUP_KINDS[] = { { "by id", by_id }, { "by name", by_name }, { "by address", by_address } };

static double one_round(struct bench *b, const struct lookup *lookup, uint64_t *random)
{
    const int64_t start = thread_cpu_ns();

    for (unsigned n = 0; n < LOOKUPS; n++) {
        struct user user;
        *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407;
        MUST(lookup->run(b, (unsigned)((*random >> 33) % b->rows), &user) == DW_OK);
        dw_arena_reset(b->arena);
    }
    return (double)(thread_cpu_ns() - start) / 1000 / LOOKUPS;
}

/* The best round after one that warms up: the rows are then where a running server has them. */
static void measure(struct bench *b, const struct lookup *lookup)
{
    uint64_t random = 1;
    double best = 1e18;

    one_round(b, lookup, &random);
    for (int i = 0; i < ROUNDS; i++) {
        const double us = one_round(b, lookup, &random);
        best = MIN_OF(best, us);
    }
    printf("{\"name\":\"%s\",\"rows\":%u,\"us\":%.3f}\n", lookup->name, b->rows, best);
}

int main(int argc, char **argv)
{
    static struct bench b;

    b.rows = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (b.rows == 0) {
        fprintf(stderr, "usage: lookup_bench DATABASE SECRET USERS\n");
        return 2;
    }
    accounts_open(&b.accounts, argv[1], argv[2]);
    MUST(dw_arena_new(ACCOUNTS_ARENA_BYTES, &b.arena) == DW_OK);
    fill(argv[1], &b.accounts.tenant, b.rows);
    for (size_t i = 0; i < ARRAY_SIZE(LOOKUP_KINDS); i++)
        measure(&b, &LOOKUP_KINDS[i]);
    dw_arena_free(&b.arena);
    accounts_close(&b.accounts);
    return 0;
}
