/*
 * A thread of the program's own, beside the server's event loops.
 *
 * Defends against: a signal that ends in the wrong thread: one that is started here takes none, they are the server's.
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "base/cleanup.h"

#include <pthread.h>

/* To be joined. Errors: DW_ERR_NO_MEMORY. */
DW_MUST_USE enum dw_err thread_start(void *(*run)(void *argument), void *argument, pthread_t *ret_thread);
/* A condition whose waits are told by the monotonic clock, which nobody sets. */
void thread_condition_init(pthread_cond_t *condition);
/* For pthread_cond_timedwait() on such a condition. */
struct timespec thread_deadline(int64_t monotonic_ms);
/* pthread_cond_wait() until then (INT64_MAX: without an end); false when it is then. */
bool thread_condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t deadline_ms);

#endif
