/*
 * The lanes: what may wait goes to worker threads and comes back to its loop.
 *
 * While a worker has the request of a connection, that connection is left alone by the loop: no reading, no deadline,
 * no closing.
 */
#ifndef HTTP_WORK_H
#define HTTP_WORK_H

#include "base/patience.h"
#include "http/server.h"

/* Stands in whatever is handed over. */
struct work {
    struct work *next_done;
    struct loop *loop;
    enum http_verdict lane;
    int64_t since_ns; /* when it lined up, or began to run */
    struct patience patience;
    /* On a worker; HTTP_TO_HASHING: again, in that lane. */
    enum http_verdict (*run)(struct work *work);
    void (*refuse)(struct work *work); /* on the worker: that lane is full */
    void (*done)(struct work *work);   /* on the loop, afterwards */
};

DW_MUST_USE enum dw_err work_open(struct server *server);
/* Waits for all work that was taken. */
void work_close(struct server *server);
/* Hands it to the lane; DW_ERR_BUSY when the lane is full. */
DW_MUST_USE enum dw_err work_submit(struct work *work, enum http_verdict lane);
/* From any thread: done() is called on the loop. The loop lives on until this has returned. */
void work_give_back(struct work *work);
/* On the loop: goes on with what the workers have finished. */
void work_collect(struct loop *loop);

#endif
