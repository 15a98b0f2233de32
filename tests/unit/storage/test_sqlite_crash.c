#include "fixture.h"

#include "base/log.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- killed in the middle --------------------------------------------------------------------------------------- */

enum { KILLS = 5, WRITERS = 16, ACKS_BEFORE_KILL = 300 };

struct endless {
    struct storage *storage;
    uint32_t round;
    uint32_t thread;
    int acks;
};

struct ack {
    uint32_t round;
    uint32_t thread;
    uint32_t number;
};

static void id_of_ack(const struct ack *ack, char id[32])
{
    snprintf(id, 32, "%u-%u-%u", ack->round, ack->thread, ack->number);
}

static void *write_and_acknowledge(void *argument)
{
    struct endless *e = argument;
    struct ack ack = { .round = e->round, .thread = e->thread };
    char id[32];

    for (;; ack.number++) {
        id_of_ack(&ack, id);
        if (put_item(e->storage, id, ack.number) != DW_OK)
            _exit(1);
        if (write(e->acks, &ack, sizeof(ack)) != sizeof(ack)) /* atomic: smaller than PIPE_BUF */
            _exit(2);
    }
    return NULL;
}

static void write_until_killed(struct fixture *f, uint32_t round, int acks)
{
    struct endless writers[WRITERS];
    pthread_t thread;

    fixture_open(f);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct endless){ f->storage, round, i, acks };
        if (pthread_create(&thread, NULL, write_and_acknowledge, &writers[i]) != 0)
            _exit(3);
    }
    for (;;)
        pause();
}

/* Returns how many acknowledgements came out, in *ret_acks, which the caller frees. */
static size_t kill_a_writer(struct fixture *f, uint32_t round, struct ack **ret_acks)
{
    struct ack *acks = NULL;
    size_t n = 0;
    int ends[2];
    int status;
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        write_until_killed(f, round, ends[1]);
    }
    close(ends[1]);
    for (;; n++) {
        acks = realloc(acks, (n + 1) * sizeof(*acks));
        assert_non_null(acks);
        if (n == ACKS_BEFORE_KILL)
            assert_int_equal(kill(pid, SIGKILL), 0);
        if (read(ends[0], &acks[n], sizeof(*acks)) != sizeof(*acks))
            break;
    }
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    *ret_acks = acks;
    return n;
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    struct fixture *f = *state;
    char id[32];

    for (uint32_t round = 0; round < KILLS; round++) {
        _cleanup_free_ struct ack *acks = NULL;
        const size_t n = kill_a_writer(f, round, &acks);

        assert_true(n >= ACKS_BEFORE_KILL);
        fixture_open(f);
        for (size_t i = 0; i < n; i++) {
            id_of_ack(&acks[i], id);
            assert_true(has_item(f->storage, id));
        }
        storage_close(&f->storage);
    }
}

/* --- a disk that has no room ------------------------------------------------------------------------------------ */

enum { FILLERS = 8, FILLER_BYTES = 20000, DISK_BYTES = 1 << 20, ATTEMPTS_MAX = 1000 };

struct filler {
    struct storage *storage;
    unsigned number;
    unsigned written;
    enum dw_err err; /* the first refusal */
    pthread_t thread;
};

static enum dw_err insert_big(struct transaction *tx, void *argument)
{
    static const char BYTES[FILLER_BYTES];
    const struct filler *f = argument;
    char id[32];

    snprintf(id, sizeof(id), "%u-%u", f->number, f->written);
    return sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR(id), V_NULL, V_NULL, V_BLOB(dw_str_n(BYTES, FILLER_BYTES))), NULL);
}

static void *fill(void *argument)
{
    struct filler *f = argument;

    while (f->err == DW_OK && f->written < ATTEMPTS_MAX) {
        f->err = storage_write(f->storage, insert_big, f);
        f->written += f->err == DW_OK;
    }
    return NULL;
}

static void set_disk(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == RLIM_INFINITY ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* RLIMIT_FSIZE makes writes past it fail with EFBIG, which SQLite treats as any failed write. */
static void a_full_disk_refuses_and_recovers(void **state)
{
    struct fixture *f = *state;
    struct filler fillers[FILLERS];
    int64_t written = 0;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    assert_true(null >= 0);
    log_setup(LOG_ERROR, LOG_FORMAT_JSON, null);
    signal(SIGXFSZ, SIG_IGN);
    fixture_open(f);
    set_disk(DISK_BYTES);
    for (unsigned i = 0; i < FILLERS; i++) {
        fillers[i] = (struct filler){ .storage = f->storage, .number = i };
        assert_int_equal(pthread_create(&fillers[i].thread, NULL, fill, &fillers[i]), 0);
    }
    for (unsigned i = 0; i < FILLERS; i++) {
        pthread_join(fillers[i].thread, NULL);
        assert_true(fillers[i].err == DW_ERR_DATABASE || fillers[i].err == DW_ERR_UNAVAILABLE);
        written += fillers[i].written;
    }
    assert_true(written > 0);
    assert_int_equal(count_items(f->storage), written); /* nothing half-done is visible */
    set_disk(RLIM_INFINITY);
    assert_ok(put_item(f->storage, "room again", 1));
    storage_close(&f->storage);
    fixture_open(f);
    assert_int_equal(count_items(f->storage), written + 1);
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, STDERR_FILENO);
    close(null);
}

static enum dw_err insert_huge_then_go_on(struct transaction *tx, void *argument)
{
    const struct dw_str *huge = argument;
    enum dw_err err;

    TRY(sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR("before"), V_NULL, V_NULL, V_NULL), NULL));
    err = sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR("huge"), V_NULL, V_NULL, V_BLOB(*huge)), NULL);
    assert_err(err, DW_ERR_UNAVAILABLE);
    err = sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR("after"), V_NULL, V_NULL, V_NULL), NULL);
    assert_err(err, DW_ERR_DATABASE);
    return DW_OK; /* the function is careless; the driver must not be */
}

/* Larger than the page cache, so it fails before the commit, and SQLite ends the transaction by itself. */
static void a_lost_transaction_does_not_go_on(void **state)
{
    struct fixture *f = *state;
    const struct dw_str huge = { calloc(1, 8 << 20), 8 << 20 };
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    assert_non_null(huge.ptr);
    log_setup(LOG_ERROR, LOG_FORMAT_JSON, null);
    signal(SIGXFSZ, SIG_IGN);
    fixture_open(f);
    set_disk(DISK_BYTES);
    assert_err(storage_write(f->storage, insert_huge_then_go_on, (void *)&huge), DW_ERR_UNAVAILABLE);
    set_disk(RLIM_INFINITY);
    assert_int_equal(count_items(f->storage), 0);
    assert_ok(put_item(f->storage, "after", 1));
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, STDERR_FILENO);
    close(null);
    free((void *)huge.ptr);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_directory, fixture_remove)
    const struct CMUnitTest tests[] = {
        CASE(what_was_acknowledged_survives_kill_9),
        CASE(a_full_disk_refuses_and_recovers),
        CASE(a_lost_transaction_does_not_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
