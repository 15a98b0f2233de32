/*
 * The lanes: requests that may wait go to worker threads and come back to their loop.
 *
 * While a worker has a request its connection is left alone by the loop: no reading, no deadline, no closing.
 */
#ifndef HTTP_WORK_H
#define HTTP_WORK_H

#include "http/connection.h"

DW_MUST_USE enum dw_err work_open(struct server *server);
/* Waits for all requests that were taken. */
void work_close(struct server *server);
/* Hands the connection's request to the lane of c->lane; DW_ERR_BUSY when the lane is full. */
DW_MUST_USE enum dw_err work_submit(struct connection *c);
/* On the loop: goes on with what the workers have finished. */
void work_collect(struct loop *loop);

#endif
