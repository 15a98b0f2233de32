/*
 * Absolute deadlines: a list for each kind of wait.
 *
 * Why: every wait of one kind lasts equally long, so the list stands in the order of its deadlines by itself; arming
 * and disarming are a few pointer writes, and one coarse timer a loop looks at the heads. A deadline is not moved by
 * bytes that trickle in, which is what makes slow clients harmless. One thread.
 */
#ifndef HTTP_WAITING_H
#define HTTP_WAITING_H

#include <doorward/base.h>

struct wait_list;

/* Stands in whatever waits; zeroed: waits for nothing. */
struct wait {
    struct wait *previous, *next;
    struct wait_list *list; /* NULL: in none */
    uint64_t at_ms;
};

struct wait_list {
    struct wait ends; /* a ring: next is the first, previous the last */
    uint64_t timeout_ms;
};

void wait_list_init(struct wait_list *list, uint64_t timeout_ms);
/* Puts `wait` at the end of `list`, out of any other. */
void wait_arm(struct wait_list *list, struct wait *wait, uint64_t now_ms);
void wait_disarm(struct wait *wait);
/* The first of the list, NULL when there is none. */
struct wait *wait_first(const struct wait_list *list);
/* The first of the list when its time is over. */
struct wait *wait_first_due(const struct wait_list *list, uint64_t now_ms);

#endif
