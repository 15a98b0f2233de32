#include "fixture.h"

#include "base/log.h"
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- threads that write ----------------------------------------------------------------------------------------- */

/* The writer's connection: to be touched while its thread is idle, or behind something. */
static struct sqlite_connection *writer_of(struct fixture *f)
{
    return fixture_state(f)->writer.connection;
}

struct job {
    struct storage *storage;
    enum dw_err (*fn)(struct transaction *, void *);
    char id[24];
    enum dw_err err; /* what storage_write() gave */
    sem_t *refused;  /* posted at DW_ERR_BUSY; may be NULL */
    pthread_t thread;
};

static void *run_job(void *argument)
{
    struct job *job = argument;

    job->err = storage_write(job->storage, job->fn, job);
    if (job->err == DW_ERR_BUSY && job->refused != NULL)
        sem_post(job->refused);
    return NULL;
}

static void start_job(struct job *job)
{
    pthread_attr_t attributes;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    assert_int_equal(pthread_create(&job->thread, &attributes, run_job, job), 0);
    pthread_attr_destroy(&attributes);
}

/* Holds the writer inside a write until it is let go, so that a batch can be put together behind it. */
struct blocker {
    struct job job;
    sem_t has_begun;
    sem_t may_end;
};

static enum dw_err block(struct transaction *tx, void *argument)
{
    struct blocker *b = argument; /* job comes first */

    sem_post(&b->has_begun);
    sem_wait(&b->may_end);
    return sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR("blocker"), V_NULL, V_NULL, V_NULL), NULL);
}

static void blocker_start(struct blocker *b, struct fixture *f)
{
    *b = (struct blocker){ .job = { .storage = f->storage, .fn = block } };
    sem_init(&b->has_begun, 0, 0);
    sem_init(&b->may_end, 0, 0);
    start_job(&b->job);
    sem_wait(&b->has_begun);
}

static void blocker_end(struct blocker *b)
{
    sem_post(&b->may_end);
    pthread_join(b->job.thread, NULL);
    assert_ok(b->job.err);
    sem_destroy(&b->has_begun);
    sem_destroy(&b->may_end);
}

static void wait_until_waiting(struct fixture *f, unsigned n)
{
    struct group_writer *w = &fixture_state(f)->writer;
    unsigned waiting;

    do {
        sched_yield();
        pthread_mutex_lock(&w->mutex);
        waiting = w->n_waiting;
        pthread_mutex_unlock(&w->mutex);
    } while (waiting != n);
}

static enum dw_err insert(struct transaction *tx, void *argument)
{
    const struct job *job = argument;

    return sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR(job->id), V_NULL, V_NULL, V_NULL), NULL);
}

static enum dw_err insert_then_fail(struct transaction *tx, void *argument)
{
    TRY(insert(tx, argument));
    return DW_ERR_LAST_ADMIN;
}

static enum dw_err insert_taken(struct transaction *tx, void *argument)
{
    TRY(insert(tx, argument));
    return sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR("taken"), V_NULL, V_NULL, V_NULL), NULL);
}

/* An error that the function overcomes is not its result. */
static enum dw_err insert_despite_taken(struct transaction *tx, void *argument)
{
    if (sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR("taken"), V_NULL, V_NULL, V_NULL), NULL) != DW_ERR_CONSTRAINT)
        return DW_ERR_INTERNAL;
    return insert(tx, argument);
}

static enum dw_err insert_late_orphan(struct transaction *tx, void *argument)
{
    TRY(insert(tx, argument));
    return sql_exec(tx, &LATE_CHILD_INSERT, VALUES(V_CSTR("orphan"), V_CSTR("nobody")), NULL);
}

/* The key dangles for a moment and is right at the end: that is what deferred means. */
static enum dw_err insert_late_child(struct transaction *tx, void *argument)
{
    const struct job *job = argument;

    TRY(sql_exec(tx, &LATE_CHILD_INSERT, VALUES(V_CSTR("child"), V_CSTR(job->id)), NULL));
    return insert(tx, argument);
}

static enum dw_err insert_nested(struct transaction *tx, void *argument)
{
    struct job *job = argument;

    TRY(insert(tx, argument));
    return put_item(job->storage, "nested", 1);
}

/* --- one batch -------------------------------------------------------------------------------------------------- */

static const struct {
    enum dw_err (*fn)(struct transaction *, void *);
    enum dw_err err;
} OUTCOMES[] = {
    { insert, DW_OK },
    { insert_then_fail, DW_ERR_LAST_ADMIN },
    { insert, DW_OK },
    { insert_taken, DW_ERR_CONSTRAINT },
    { insert_despite_taken, DW_OK },
    { insert_late_orphan, DW_ERR_CONSTRAINT },
    { insert_late_child, DW_OK },
    { insert_nested, DW_ERR_INTERNAL },
    { insert, DW_OK },
};

static void a_failed_write_does_not_hurt_its_neighbours(void **state)
{
    struct fixture *f = *state;
    struct job jobs[ARRAY_SIZE(OUTCOMES)];
    struct group_writer *w = &fixture_state(f)->writer;
    struct blocker blocker;
    uint64_t before;

    assert_ok(put_item(f->storage, "taken", 1));
    before = w->n_commits;
    blocker_start(&blocker, f);
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
        jobs[i] = (struct job){ .storage = f->storage, .fn = OUTCOMES[i].fn };
        snprintf(jobs[i].id, sizeof(jobs[i].id), "%u", i);
        start_job(&jobs[i]);
        wait_until_waiting(f, i + 1);
    }
    blocker_end(&blocker);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) {
        pthread_join(jobs[i].thread, NULL);
        assert_err(jobs[i].err, OUTCOMES[i].err);
        assert_int_equal(has_item(f->storage, jobs[i].id), OUTCOMES[i].err == DW_OK);
    }
    assert_int_equal(w->n_commits - before, 2); /* the blocker's, and one for all that waited */
    assert_int_equal(w->n_writes, 2 + 5);
}

/* The same writes, each alone in its transaction: no savepoint, the same outcome. */
static void a_lone_write_has_the_same_outcome(void **state)
{
    struct fixture *f = *state;

    assert_ok(put_item(f->storage, "taken", 1));
    for (unsigned i = 0; i < ARRAY_SIZE(OUTCOMES); i++) {
        struct job job = { .storage = f->storage, .fn = OUTCOMES[i].fn };

        snprintf(job.id, sizeof(job.id), "%u", i);
        run_job(&job);
        assert_err(job.err, OUTCOMES[i].err);
        assert_int_equal(has_item(f->storage, job.id), OUTCOMES[i].err == DW_OK);
    }
}

/* --- many ------------------------------------------------------------------------------------------------------- */

enum { THREADS = 64, WRITES_EACH = 50 };

struct client {
    struct storage *storage;
    unsigned number;
    pthread_t thread;
};

static void *write_many(void *argument)
{
    struct client *c = argument;
    char id[24];

    for (unsigned i = 0; i < WRITES_EACH; i++) {
        snprintf(id, sizeof(id), "%u-%u", c->number, i);
        if (put_item(c->storage, id, i) != DW_OK || !has_item(c->storage, id))
            return c; /* an acknowledged write must be visible to whoever reads next */
    }
    return NULL;
}

static void sixty_four_threads_share_commits(void **state)
{
    struct fixture *f = *state;
    struct group_writer *w = &fixture_state(f)->writer;
    struct client clients[THREADS];
    void *failed;

    for (unsigned i = 0; i < THREADS; i++) {
        clients[i] = (struct client){ .storage = f->storage, .number = i };
        assert_int_equal(pthread_create(&clients[i].thread, NULL, write_many, &clients[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(clients[i].thread, &failed);
        assert_null(failed);
    }
    assert_int_equal(count_items(f->storage), THREADS * WRITES_EACH);
    assert_int_equal(w->n_writes, THREADS * WRITES_EACH);
    assert_true(w->n_commits < w->n_writes);
    assert_true(fixture_state(f)->readers.n_open <= 2);
}

enum { TOO_MANY = 8 };

static void a_full_queue_refuses(void **state)
{
    static struct job jobs[GROUP_QUEUE_MAX + TOO_MANY];
    struct fixture *f = *state;
    struct blocker blocker;
    unsigned refused = 0;
    sem_t refusals;

    sem_init(&refusals, 0, 0);
    blocker_start(&blocker, f);
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
        jobs[i] = (struct job){ .storage = f->storage, .fn = insert, .refused = &refusals };
        snprintf(jobs[i].id, sizeof(jobs[i].id), "%u", i);
        start_job(&jobs[i]);
    }
    for (unsigned i = 0; i < TOO_MANY; i++)
        sem_wait(&refusals); /* the others are therefore all in the queue */
    blocker_end(&blocker);
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
        pthread_join(jobs[i].thread, NULL);
        refused += jobs[i].err == DW_ERR_BUSY;
        assert_true(jobs[i].err == DW_OK || jobs[i].err == DW_ERR_BUSY);
    }
    assert_int_equal(refused, TOO_MANY);
    assert_int_equal(count_items(f->storage), GROUP_QUEUE_MAX + 1);
    assert_int_equal(fixture_state(f)->writer.n_commits, 1 + GROUP_QUEUE_MAX / GROUP_BATCH_MAX);
    sem_destroy(&refusals);
}

/* --- reads beside writes ---------------------------------------------------------------------------------------- */

static enum dw_err read_twice(struct transaction *tx, void *argument)
{
    struct fixture *f = argument;
    int64_t before;
    int64_t after;

    TRY(sql_one(tx, &ITEM_COUNT, NO_VALUES, read_number, &before));
    TRY(put_item(f->storage, "meanwhile", 1));
    TRY(sql_one(tx, &ITEM_COUNT, NO_VALUES, read_number, &after));
    assert_int_equal(before, after);
    return DW_OK;
}

static void a_read_sees_one_state(void **state)
{
    struct fixture *f = *state;

    assert_ok(storage_read(f->storage, read_twice, f));
    assert_int_equal(count_items(f->storage), 1);
}

/* --- another process -------------------------------------------------------------------------------------------- */

enum { EACH_PROCESS = 200 };

static enum dw_err put_series(struct storage *storage, const char *name)
{
    char id[24];

    for (unsigned i = 0; i < EACH_PROCESS; i++) {
        snprintf(id, sizeof(id), "%s-%u", name, i);
        TRY(put_item(storage, id, i));
    }
    return DW_OK;
}

static void two_processes_write_one_file(void **state)
{
    struct fixture *f = *state;
    pid_t pid;
    int status;

    storage_close(&f->storage); /* a connection must not cross a fork */
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        fixture_open(f);
        status = (int)put_series(f->storage, "child");
        storage_close(&f->storage);
        _exit(status);
    }
    fixture_open(f);
    assert_ok(put_series(f->storage, "parent"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_ok((enum dw_err)WEXITSTATUS(status));
    assert_int_equal(count_items(f->storage), 2 * EACH_PROCESS);
}

static enum dw_err insert_much(struct transaction *tx, void *argument)
{
    static const char BYTES[100000];
    const struct job *job = argument;

    return sql_exec(tx, &ITEM_INSERT, VALUES(V_CSTR(job->id), V_NULL, V_NULL, V_BLOB(dw_str_n(BYTES, sizeof(BYTES)))),
                    NULL);
}

/* No room for the one in the middle. Whatever SQLite keeps of the batch: who was told "done" is there, who was not is
 * not, and the writer goes on. */
static void a_full_database_tells_the_truth(void **state)
{
    static enum dw_err (*const FUNCTIONS[])(struct transaction *, void *) = { insert, insert_much, insert };
    struct fixture *f = *state;
    struct job jobs[ARRAY_SIZE(FUNCTIONS)];
    struct blocker blocker;
    sqlite3 *db = writer_of(f)->db; /* its thread is idle, or behind the blocker */
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    log_setup(LOG_ERROR, LOG_FORMAT_JSON, null);
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count=20", NULL, NULL, NULL), SQLITE_OK);
    blocker_start(&blocker, f);
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
        jobs[i] = (struct job){ .storage = f->storage, .fn = FUNCTIONS[i] };
        snprintf(jobs[i].id, sizeof(jobs[i].id), "%u", i);
        start_job(&jobs[i]);
        wait_until_waiting(f, i + 1);
    }
    blocker_end(&blocker);
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
        pthread_join(jobs[i].thread, NULL);
        assert_true(jobs[i].err == DW_OK || jobs[i].err == DW_ERR_UNAVAILABLE);
        assert_int_equal(has_item(f->storage, jobs[i].id), jobs[i].err == DW_OK);
    }
    assert_err(jobs[1].err, DW_ERR_UNAVAILABLE);
    run_job(&jobs[1]); /* alone */
    assert_err(jobs[1].err, DW_ERR_UNAVAILABLE);
    assert_ok(put_item(f->storage, "small", 1));
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, STDERR_FILENO);
    close(null);
}

/* The other process is too slow for us: told as such, and nothing is broken afterwards. */
static void a_lock_held_too_long_is_unavailable(void **state)
{
    struct fixture *f = *state;
    struct sqlite_connection *other = NULL;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

    log_setup(LOG_ERROR, LOG_FORMAT_JSON, null);
    assert_ok(sqlite_connect(f->path, SQLITE_MODE_WRITE, &other));
    assert_ok(sqlite_begin_write(other));
    sqlite3_busy_timeout(writer_of(f)->db, 1); /* instead of seconds; its thread is idle */
    assert_err(put_item(f->storage, "a", 1), DW_ERR_UNAVAILABLE);
    assert_int_equal(count_items(f->storage), 0); /* readers don't mind */
    sqlite_rollback(other);
    assert_ok(put_item(f->storage, "a", 1));
    sqlite_disconnect(&other);
    log_setup(LOG_WARNING, LOG_FORMAT_JSON, STDERR_FILENO);
    close(null);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, fixture_database, fixture_remove)
    const struct CMUnitTest tests[] = {
        CASE(a_failed_write_does_not_hurt_its_neighbours),
        CASE(a_lone_write_has_the_same_outcome),
        CASE(sixty_four_threads_share_commits),
        CASE(a_full_queue_refuses),
        CASE(a_read_sees_one_state),
        CASE(two_processes_write_one_file),
        CASE(a_full_database_tells_the_truth),
        CASE(a_lock_held_too_long_is_unavailable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
