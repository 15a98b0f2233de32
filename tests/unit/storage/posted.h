/*
 * Posted writes to try a driver with: each inserts an item and looks, in its second step, whether it is there.
 */
#ifndef TESTS_STORAGE_POSTED_H
#define TESTS_STORAGE_POSTED_H

#include "storage/driver.h"
#include <semaphore.h>

struct posted {
    const char *also;   /* an id that may be taken; NULL: none */
    enum dw_err answer; /* of the second step */
    enum dw_err err;    /* what done() was told */
    unsigned n_runs;
    char id[24];
    struct posted_write write;
    struct posting *posting;
    int64_t number, changes;
};

struct posting {
    struct storage *storage;
    const struct statement *insert, *get; /* id, number, two that may be NULL; id → number */
    struct posted_write holder;
    sem_t has_begun, may_end, done;
    enum dw_err refused; /* of the first one that was not taken */
};

/* Keeps the writer busy, posts n writes with the ids "0", "1" …, lets it go and waits until those that were taken are
 * done: they are one batch, as far as a batch reaches. Gives how many were taken. */
unsigned posted_run(struct posting *posting, struct posted *posted, unsigned n);

#endif
