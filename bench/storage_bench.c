/*
 * What group commit gains: durable writes a second from 64 threads through the driver, beside the same statement in a
 * transaction each on a connection with the same settings, and beside bare fdatasync(), all on one disk in one run.
 * And what a look-up costs as the table grows.
 *
 *     storage_bench DIRECTORY [ROWS]        one JSON object a line
 */
#include "storage/sqlite/sqlite.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 64, RUN_S = 3, LOOKUPS = 200000, ROWS_DEFAULT = 1000000, ROWS_SMALL = 1000, FILL_BATCH = 1000 };

static const struct migration MIGRATIONS[] = {
    { 1, "users", "CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT UNIQUE, created BIGINT)" }, { 0 }
};
static const struct statement INSERT = { "insert", "INSERT INTO users (id, email, created) VALUES ($1, $2, $3)", 3 };
static const struct statement FIND = { "find", "SELECT created FROM users WHERE email = $1", 1 };
static const struct statement *const LIST[] = { &INSERT, &FIND, NULL };
static const struct statement *const *const LISTS[] = { LIST, NULL };
static const struct storage_schema SCHEMA = { MIGRATIONS, LISTS };
static const struct storage_driver *const DRIVERS[] = { &STORAGE_SQLITE, NULL };

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(enum dw_err err, const char *what)
{
    if (err == DW_OK)
        return;
    fprintf(stderr, "storage_bench: %s: %s\n", what, dw_error_info(err)->code);
    exit(1);
}

/* A fresh name for each measurement, so that none inherits another's pages. */
static const char *fresh_path(const char *dir, const char *name)
{
    static char path[4096];
    static const char *const SUFFIXES[] = { "", "-wal", "-shm" };
    char with_suffix[4104];

    snprintf(path, sizeof(path), "%s/%s.db", dir, name);
    for (size_t i = 0; i < ARRAY_SIZE(SUFFIXES); i++) {
        snprintf(with_suffix, sizeof(with_suffix), "%s%s", path, SUFFIXES[i]);
        unlink(with_suffix);
    }
    return path;
}

static struct storage *open_fresh(const char *dir, const char *name)
{
    struct storage *storage = NULL;
    char url[4110];

    snprintf(url, sizeof(url), "sqlite:%s", fresh_path(dir, name));
    const struct storage_config config = { .url = url, .readers = 1, .migrate = true };
    must(storage_open(DRIVERS, &SCHEMA, &config, &storage), "open");
    return storage;
}

/* --- writes ----------------------------------------------------------------------------------------------------- */

struct client {
    struct bench *bench;
    unsigned number;
    uint64_t done;
    pthread_t thread;
};

struct bench {
    enum dw_err (*write)(struct bench *b, struct client *c);
    struct storage *storage;
    struct sqlite_connection *connection;
    pthread_mutex_t mutex;
    double end_s;
};

static enum dw_err insert_user(struct transaction *tx, void *argument)
{
    const struct client *c = argument;
    char email[64];
    char id[DW_UUID_SIZE];

    dw_uuid7(id);
    snprintf(email, sizeof(email), "%u-%" PRIu64 "@example.com", c->number, c->done);
    return sql_exec(tx, &INSERT, VALUES(V_CSTR(id), V_CSTR(email), V_INT(dw_clock_now_s())), NULL);
}

static enum dw_err write_in_group(struct bench *b, struct client *c)
{
    return storage_write(b->storage, insert_user, c);
}

static enum dw_err write_alone(struct bench *b, struct client *c)
{
    struct sqlite_transaction tx = { .head = { &STORAGE_SQLITE }, .connection = b->connection };
    enum dw_err err;

    pthread_mutex_lock(&b->mutex);
    err = sqlite_begin_write(b->connection);
    if (err == DW_OK)
        err = insert_user(&tx.head, c);
    if (err == DW_OK)
        err = sqlite_command(b->connection, COMMAND_COMMIT);
    pthread_mutex_unlock(&b->mutex);
    return err;
}

static void *run_client(void *argument)
{
    struct client *c = argument;

    for (; now_s() < c->bench->end_s; c->done++)
        must(c->bench->write(c->bench, c), "write");
    return NULL;
}

static double run_clients(struct bench *b, unsigned threads)
{
    struct client clients[THREADS] = { 0 };
    const double start_s = now_s();
    uint64_t done = 0;

    b->end_s = start_s + RUN_S;
    for (unsigned i = 0; i < threads; i++) {
        clients[i] = (struct client){ .bench = b, .number = i };
        if (pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) != 0)
            must(DW_ERR_NO_MEMORY, "thread");
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(clients[i].thread, NULL);
        done += clients[i].done;
    }
    return (double)done / (now_s() - start_s);
}

static double measure_group(const char *dir, unsigned threads)
{
    struct bench b = { .write = write_in_group, .storage = open_fresh(dir, "group") };
    struct sqlite_state *s = storage_driver_state(b.storage);
    const double rate = run_clients(&b, threads);

    printf("{\"bench\":\"group_commit\",\"threads\":%u,\"writes_per_s\":%.0f,\"writes_per_commit\":%.1f}\n", threads,
           rate, (double)s->writer.n_writes / (double)s->writer.n_commits);
    storage_close(&b.storage);
    return rate;
}

static double measure_alone(const char *dir)
{
    struct storage *storage = open_fresh(dir, "alone");
    struct sqlite_state *s = storage_driver_state(storage);
    struct bench b = { .write = write_alone, .connection = s->writer.connection };
    double rate;

    /* The writer's own connection: nobody calls storage_write() here, so its thread leaves it alone. */
    pthread_mutex_init(&b.mutex, NULL);
    rate = run_clients(&b, THREADS);
    pthread_mutex_destroy(&b.mutex);
    printf("{\"bench\":\"transaction_each\",\"threads\":%u,\"writes_per_s\":%.0f}\n", (unsigned)THREADS, rate);
    storage_close(&storage);
    return rate;
}

static void measure_disk(const char *dir)
{
    static const char PAGE[4096];
    const char *path = fresh_path(dir, "disk");
    const double end_s = now_s() + 1;
    uint64_t n = 0;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    while (fd >= 0 && now_s() < end_s && write(fd, PAGE, sizeof(PAGE)) == sizeof(PAGE) && fdatasync(fd) == 0)
        n++;
    close(fd);
    unlink(path);
    printf("{\"bench\":\"append_and_fdatasync\",\"per_s\":%" PRIu64 "}\n", n);
}

/* --- look-ups --------------------------------------------------------------------------------------------------- */

struct filling {
    unsigned next;
    unsigned end;
};

static enum dw_err insert_rows(struct transaction *tx, void *argument)
{
    struct filling *f = argument;
    char email[64];
    char id[DW_UUID_SIZE];

    for (; f->next < f->end; f->next++) {
        dw_uuid7(id);
        snprintf(email, sizeof(email), "user-%u@example.com", f->next);
        TRY(sql_exec(tx, &INSERT, VALUES(V_CSTR(id), V_CSTR(email), V_INT(f->next)), NULL));
    }
    return DW_OK;
}

static enum dw_err check_row(const struct row *row, void *argument)
{
    return row_int(row, 0) == *(const unsigned *)argument ? DW_OK : DW_ERR_INTERNAL;
}

static enum dw_err find_row(struct transaction *tx, void *argument)
{
    char email[64];

    snprintf(email, sizeof(email), "user-%u@example.com", *(unsigned *)argument);
    return sql_one(tx, &FIND, VALUES(V_CSTR(email)), check_row, argument);
}

static double measure_lookups(const char *dir, unsigned rows)
{
    struct storage *storage = open_fresh(dir, "lookup");
    struct filling filling = { 0 };
    uint64_t random = 1;
    double start_s;
    double each_us;

    while (filling.next < rows) {
        filling.end = MIN_OF(filling.next + FILL_BATCH, rows);
        must(storage_write(storage, insert_rows, &filling), "fill");
    }
    start_s = now_s();
    for (unsigned i = 0; i < LOOKUPS; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        unsigned wanted = (unsigned)((random >> 33) % rows);

        must(storage_read(storage, find_row, &wanted), "find");
    }
    each_us = (now_s() - start_s) * 1e6 / LOOKUPS;
    printf("{\"bench\":\"lookup\",\"rows\":%u,\"us_each\":%.2f}\n", rows, each_us);
    storage_close(&storage);
    return each_us;
}

int main(int argc, char **argv)
{
    const unsigned rows = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : ROWS_DEFAULT;
    double group;
    double alone;
    double small;
    double large;

    if (argc < 2 || rows == 0) {
        fprintf(stderr, "usage: storage_bench DIRECTORY [ROWS]\n");
        return 2;
    }
    measure_disk(argv[1]);
    measure_group(argv[1], 1);
    group = measure_group(argv[1], THREADS);
    alone = measure_alone(argv[1]);
    printf("{\"bench\":\"group_commit_gain\",\"ratio\":%.2f}\n", group / alone);
    small = measure_lookups(argv[1], ROWS_SMALL);
    large = measure_lookups(argv[1], rows);
    printf("{\"bench\":\"lookup_growth\",\"rows\":%u,\"ratio\":%.2f}\n", rows, large / small);
    fresh_path(argv[1], "group");
    fresh_path(argv[1], "alone");
    fresh_path(argv[1], "lookup");
    return 0;
}
