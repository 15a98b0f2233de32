/*
 * How long a request has waited for something outside of the process, the database: by itself, and in line behind
 * requests whose threads did.
 *
 * Why: where the database is slow, requests wait twice: on a thread that waits for it, and before that in line for such
 * a thread. Whoever bounds the first alone (storage/storage.c does) lets a long line wait for minutes. The second is
 * reckoned: a line moves no faster than its threads come back, so what they have waited while a request stood there,
 * divided by how many they are, is its own part. A line that is long because passwords are hashed costs no patience.
 * Does not: end anything. Whoever waits looks at what is left.
 *
 * Threading: a patience belongs to the thread that has the request; a line is everybody's.
 */
#ifndef BASE_PATIENCE_H
#define BASE_PATIENCE_H

#include "base/cleanup.h"

#include <stdatomic.h>

/* Before the threads of a pool. */
struct patience_line {
    unsigned n_threads;
    _Atomic int64_t waited_ms; /* all threads together */
};

/* Zeroed: of a request that has not waited yet. */
struct patience {
    struct patience_line *line;
    int64_t since_ms, line_ms; /* when it lined up, and what the line had waited then */
    int64_t in_line_ms;        /* its part of that */
    int64_t spent_ms;          /* by itself */
};

/* What this thread works on has one; NULL: nobody waits for it. */
extern _Thread_local struct patience *patience_now;

/* It stands in line from now on. */
void patience_line_up(struct patience *patience, struct patience_line *line);
/* Its turn: this thread works on it, until patience_end(). */
void patience_begin(struct patience *patience);
void patience_end(void);

/* This thread has waited for so long. */
void patience_spend(int64_t waited_ms);

#endif
