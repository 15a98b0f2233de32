#include "posted.h"

enum { NUMBER = 7 };

static enum dw_err read_int(const struct row *row, void *argument)
{
    *(int64_t *)argument = row_int(row, 0);
    return DW_OK;
}

static enum dw_err insert_and_get(struct transaction *tx, void *argument)
{
    struct posted *p = argument;
    const struct posting *posting = p->posting;

    p->n_runs++;
    p->changes = p->number = 0;
    TRY(sql_later(tx, posting->insert, VALUES(V_CSTR(p->id), V_INT(NUMBER), V_NULL, V_NULL), NULL, NULL, &p->changes));
    if (p->also != NULL)
        TRY(sql_later(tx, posting->insert, VALUES(V_CSTR(p->also), V_INT(1), V_NULL, V_NULL), NULL, NULL, NULL));
    return sql_later(tx, posting->get, VALUES(V_CSTR(p->id)), read_int, &p->number, NULL);
}

static enum dw_err look(struct transaction *tx, void *argument)
{
    const struct posted *p = argument;

    return p->changes == 1 && p->number == NUMBER ? p->answer : DW_ERR_INTERNAL;
}

static void note_done(void *argument, enum dw_err err)
{
    struct posted *p = argument;

    p->err = err;
    sem_post(&p->posting->done);
}

static enum dw_err hold(struct transaction *tx, void *argument)
{
    struct posting *posting = argument;

    sem_post(&posting->has_begun);
    sem_wait(&posting->may_end);
    return DW_OK;
}

static void held(void *argument, enum dw_err err)
{
    sem_post(&((struct posting *)argument)->done);
}

unsigned posted_run(struct posting *posting, struct posted *posted, unsigned n)
{
    unsigned taken = 0;

    sem_init(&posting->has_begun, 0, 0);
    sem_init(&posting->may_end, 0, 0);
    sem_init(&posting->done, 0, 0);
    posting->holder = (struct posted_write){ .fn = hold, .done = held, .argument = posting };
    if (storage_post(posting->storage, &posting->holder) != DW_OK)
        return 0;
    sem_wait(&posting->has_begun);
    for (; taken < n && posting->refused == DW_OK; taken += posting->refused == DW_OK) {
        struct posted *p = &posted[taken];

        snprintf(p->id, sizeof(p->id), "%u", taken);
        p->posting = posting;
        p->write = (struct posted_write){ .fn = insert_and_get, .then = look, .done = note_done, .argument = p };
        posting->refused = storage_post(posting->storage, &p->write);
    }
    sem_post(&posting->may_end);
    for (unsigned i = 0; i < taken + 1; i++)
        sem_wait(&posting->done);
    sem_destroy(&posting->has_begun);
    sem_destroy(&posting->may_end);
    sem_destroy(&posting->done);
    return taken;
}
