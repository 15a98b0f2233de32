#include "http/waiting.h"

void wait_list_init(struct wait_list *list, uint64_t timeout_ms)
{
    list->ends.next = list->ends.previous = &list->ends;
    list->timeout_ms = timeout_ms;
}

void wait_arm(struct wait_list *list, struct wait *wait, uint64_t now_ms)
{
    wait_disarm(wait);
    wait->list = list;
    wait->at_ms = now_ms + list->timeout_ms;
    wait->next = &list->ends;
    wait->previous = list->ends.previous;
    list->ends.previous->next = wait;
    list->ends.previous = wait;
}

void wait_disarm(struct wait *wait)
{
    if (wait->list == NULL)
        return;
    wait->previous->next = wait->next;
    wait->next->previous = wait->previous;
    wait->list = NULL;
}

struct wait *wait_first(const struct wait_list *list)
{
    return list->ends.next == &list->ends ? NULL : list->ends.next;
}

struct wait *wait_first_due(const struct wait_list *list, uint64_t now_ms)
{
    struct wait *first = wait_first(list);

    return first != NULL && first->at_ms <= now_ms ? first : NULL;
}
