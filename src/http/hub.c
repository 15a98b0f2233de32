#include "http/hub.h"

#include "http/frame_reader.h"

#include <search.h>

enum { SLOTS_FIRST = 16, ID_SLOT_BITS = 32 };

/* A number is a slot and how often the slot was used: 0 is never one. */
struct slot {
    struct hub_member *member; /* NULL: free */
    uint32_t uses;
    uint32_t next_free; /* number + 1 */
};

struct topic {
    struct dw_str name;
    struct hub_member **members;
    size_t n, capacity;
};

struct hub {
    pthread_mutex_t lock; /* over all that follows, and over the members */
    struct slot *slots;
    size_t n_slots;
    uint32_t free_slot; /* number + 1 */
    void *topics;       /* a tree, as names come from clients and a hash could be flooded */
};

enum dw_err hub_new(struct hub **ret_hub)
{
    struct hub *hub = calloc(1, sizeof(*hub));

    if (hub == NULL)
        return DW_ERR_NO_MEMORY;
    pthread_mutex_init(&hub->lock, NULL);
    *ret_hub = hub;
    return DW_OK;
}

void hub_free(struct hub **hub)
{
    if (*hub == NULL)
        return;
    pthread_mutex_destroy(&(*hub)->lock);
    free((*hub)->slots);
    free(*hub);
    *hub = NULL;
}

/* --- members ---------------------------------------------------------------------------------------------------- */

static enum dw_err slots_grow(struct hub *hub)
{
    const size_t n = hub->n_slots == 0 ? SLOTS_FIRST : hub->n_slots * 2;
    struct slot *slots = realloc(hub->slots, n * sizeof(*slots));

    if (slots == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t i = n; i-- > hub->n_slots;) {
        slots[i] = (struct slot){ .next_free = hub->free_slot };
        hub->free_slot = (uint32_t)i + 1;
    }
    hub->slots = slots;
    hub->n_slots = n;
    return DW_OK;
}

static enum dw_err add_locked(struct hub *hub, struct hub_member *member)
{
    if (hub->free_slot == 0)
        TRY(slots_grow(hub));
    const uint32_t number = hub->free_slot - 1;
    struct slot *slot = &hub->slots[number];
    hub->free_slot = slot->next_free;
    slot->member = member;
    member->id = (uint64_t)++slot->uses << ID_SLOT_BITS | number;
    return DW_OK;
}

enum dw_err hub_add(struct hub *hub, struct hub_member *member, size_t max_unsent)
{
    member->max_unsent = max_unsent;
    pthread_mutex_lock(&hub->lock);
    const enum dw_err err = add_locked(hub, member);
    pthread_mutex_unlock(&hub->lock);
    return err;
}

static struct hub_member *find(struct hub *hub, uint64_t id)
{
    const uint32_t number = (uint32_t)id;

    if (number >= hub->n_slots || hub->slots[number].uses != id >> ID_SLOT_BITS)
        return NULL;
    return hub->slots[number].member;
}

/* What is first in the queue has left, or never will. */
static void queue_pop(struct hub_member *m)
{
    struct queued *first = m->first;

    m->first = first->next;
    if (m->first == NULL)
        m->last = NULL;
    m->unsent -= first->frame->size;
    m->sent_of_first = 0;
    frame_unref(&first->frame);
    free(first);
}

static enum dw_err queue_push(struct hub_member *m, struct frame *frame)
{
    struct queued *queued = malloc(sizeof(*queued));

    if (queued == NULL)
        return DW_ERR_NO_MEMORY;
    *queued = (struct queued){ .frame = frame_ref(frame) };
    if (m->last != NULL)
        m->last->next = queued;
    else
        m->first = queued;
    m->last = queued;
    m->unsent += frame->size;
    return DW_OK;
}

/* Tells the member's loop. It sleeps only when nobody of it had anything to do. */
static void mark_dirty(struct hub_member *m)
{
    struct hub_lane *lane = m->lane;

    if (m->is_dirty || lane == NULL)
        return;
    const bool is_first = lane->dirty == NULL;
    m->is_dirty = true;
    m->next_dirty = lane->dirty;
    lane->dirty = m;
    if (is_first && !pthread_equal(lane->thread, pthread_self()))
        uv_async_send(lane->wake);
}

static void unmark_dirty(struct hub_member *m)
{
    if (!m->is_dirty)
        return;
    for (struct hub_member **at = &m->lane->dirty; *at != NULL; at = &(*at)->next_dirty)
        if (*at == m) {
            *at = m->next_dirty;
            break;
        }
    m->is_dirty = false;
}

/* --- topics ----------------------------------------------------------------------------------------------------- */

static int topic_compare(const void *a, const void *b)
{
    const struct dw_str x = ((const struct topic *)a)->name, y = ((const struct topic *)b)->name;

    if (x.len != y.len)
        return x.len < y.len ? -1 : 1;
    return memcmp(x.ptr, y.ptr, x.len);
}

static struct topic *topic_find(struct hub *hub, struct dw_str name)
{
    const struct topic key = { .name = name };
    struct topic *const *found = tfind(&key, &hub->topics, topic_compare);

    return found == NULL ? NULL : *found;
}

static struct topic *topic_make(struct hub *hub, struct dw_str name)
{
    struct topic *topic = malloc(sizeof(*topic) + name.len);

    if (topic == NULL)
        return NULL;
    char *copy = memcpy(topic + 1, name.ptr, name.len);
    *topic = (struct topic){ .name = dw_str_n(copy, name.len) };
    if (tsearch(topic, &hub->topics, topic_compare) != NULL)
        return topic;
    free(topic);
    return NULL;
}

/* Topics are there while somebody listens. */
static void topic_check_empty(struct hub *hub, struct topic *topic)
{
    if (topic->n > 0)
        return;
    tdelete(topic, &hub->topics, topic_compare);
    free(topic->members);
    free(topic);
}

static struct seat *seat_find(struct hub_member *m, const struct topic *topic)
{
    for (unsigned i = 0; i < m->n_seats; i++)
        if (m->seats[i].topic == topic)
            return &m->seats[i];
    return NULL;
}

/* The last of the topic takes the place that becomes free, and the last seat of the member likewise. */
static void seat_leave(struct hub *hub, struct hub_member *m, struct seat *seat)
{
    struct topic *topic = seat->topic;
    struct hub_member *mover = topic->members[--topic->n];

    topic->members[seat->number] = mover;
    struct seat *moved = seat_find(mover, topic);
    if (moved != NULL)
        moved->number = seat->number;
    *seat = m->seats[--m->n_seats];
    topic_check_empty(hub, topic);
}

static enum dw_err seat_take(struct hub_member *m, struct topic *topic)
{
    enum { MEMBERS_FIRST = 4 };

    struct seat *seats = realloc(m->seats, (m->n_seats + 1) * sizeof(*seats));
    if (seats == NULL)
        return DW_ERR_NO_MEMORY;
    m->seats = seats;
    if (topic->n == topic->capacity) {
        const size_t capacity = topic->capacity == 0 ? MEMBERS_FIRST : topic->capacity * 2;
        struct hub_member **members = realloc(topic->members, capacity * sizeof(struct hub_member *));
        if (members == NULL)
            return DW_ERR_NO_MEMORY;
        topic->members = members;
        topic->capacity = capacity;
    }
    m->seats[m->n_seats++] = (struct seat){ topic, topic->n };
    topic->members[topic->n++] = m;
    return DW_OK;
}

static enum dw_err join_locked(struct hub *hub, struct hub_member *m, struct dw_str name)
{
    struct topic *topic = topic_find(hub, name);

    if (topic != NULL && seat_find(m, topic) != NULL)
        return DW_OK;
    if (m->n_seats == HUB_SEATS_MAX)
        return DW_ERR_LIMIT;
    if (topic == NULL)
        topic = topic_make(hub, name);
    if (topic == NULL)
        return DW_ERR_NO_MEMORY;
    const enum dw_err err = seat_take(m, topic);
    topic_check_empty(hub, topic);
    return err;
}

enum dw_err hub_join(struct hub *hub, uint64_t id, struct dw_str name)
{
    if (name.len == 0 || name.len > HUB_TOPIC_MAX)
        return DW_ERR_ARGUMENT;
    pthread_mutex_lock(&hub->lock);
    struct hub_member *m = find(hub, id);
    const enum dw_err err = m == NULL ? DW_ERR_NOT_FOUND : join_locked(hub, m, name);
    pthread_mutex_unlock(&hub->lock);
    return err;
}

void hub_leave(struct hub *hub, uint64_t id, struct dw_str name)
{
    pthread_mutex_lock(&hub->lock);
    struct hub_member *m = find(hub, id);
    struct topic *topic = m == NULL ? NULL : topic_find(hub, name);
    struct seat *seat = topic == NULL ? NULL : seat_find(m, topic);
    if (seat != NULL)
        seat_leave(hub, m, seat);
    pthread_mutex_unlock(&hub->lock);
}

size_t hub_count(struct hub *hub, struct dw_str name)
{
    pthread_mutex_lock(&hub->lock);
    const struct topic *topic = topic_find(hub, name);
    const size_t n = topic == NULL ? 0 : topic->n;
    pthread_mutex_unlock(&hub->lock);
    return n;
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static enum dw_err send_locked(struct hub_member *m, struct frame *frame)
{
    if (m == NULL || m->is_closing || m->is_too_slow)
        return DW_ERR_NOT_FOUND;
    if (m->unsent + frame->size > m->max_unsent) {
        m->is_too_slow = true;
        mark_dirty(m);
        return DW_ERR_LIMIT;
    }
    TRY(queue_push(m, frame));
    mark_dirty(m);
    return DW_OK;
}

enum dw_err hub_send(struct hub *hub, uint64_t id, struct frame *frame)
{
    pthread_mutex_lock(&hub->lock);
    const enum dw_err err = send_locked(find(hub, id), frame);
    pthread_mutex_unlock(&hub->lock);
    return err;
}

void hub_publish(struct hub *hub, struct dw_str name, struct frame *frame)
{
    pthread_mutex_lock(&hub->lock);
    const struct topic *topic = topic_find(hub, name);
    for (size_t i = 0; topic != NULL && i < topic->n; i++)
        (void)!send_locked(topic->members[i], frame); /* who can't take it is being closed */
    pthread_mutex_unlock(&hub->lock);
}

/* Without memory for the frame the connection ends all the same, only without a word. */
static void close_locked(struct hub_member *m, unsigned code, struct dw_str reason)
{
    _cleanup_frame_ struct frame *frame = NULL;

    if (m->is_closing)
        return;
    m->is_closing = true;
    m->close_code = code;
    if (frame_new_close(code, reason, &frame) == DW_OK)
        (void)!queue_push(m, frame);
    mark_dirty(m);
}

bool hub_close(struct hub *hub, uint64_t id, unsigned code, struct dw_str reason)
{
    pthread_mutex_lock(&hub->lock);
    struct hub_member *m = find(hub, id);
    if (m != NULL)
        close_locked(m, code, reason);
    pthread_mutex_unlock(&hub->lock);
    return m != NULL;
}

void hub_board(struct hub *hub, struct hub_member *m, struct hub_lane *lane)
{
    pthread_mutex_lock(&hub->lock);
    m->lane = lane;
    if (m->first != NULL || m->is_closing || m->is_too_slow)
        mark_dirty(m);
    pthread_mutex_unlock(&hub->lock);
}

void hub_remove(struct hub *hub, struct hub_member *m)
{
    const uint32_t number = (uint32_t)m->id;

    pthread_mutex_lock(&hub->lock);
    if (find(hub, m->id) == m) {
        unmark_dirty(m);
        while (m->n_seats > 0)
            seat_leave(hub, m, &m->seats[m->n_seats - 1]);
        while (m->first != NULL)
            queue_pop(m);
        free(m->seats);
        m->seats = NULL;
        hub->slots[number].member = NULL;
        hub->slots[number].next_free = hub->free_slot;
        hub->free_slot = number + 1;
    }
    pthread_mutex_unlock(&hub->lock);
}

/* --- the member's loop ------------------------------------------------------------------------------------------ */

struct hub_member *hub_next_dirty(struct hub *hub, struct hub_lane *lane)
{
    pthread_mutex_lock(&hub->lock);
    struct hub_member *m = lane->dirty;
    if (m != NULL) {
        lane->dirty = m->next_dirty;
        m->is_dirty = false;
    }
    pthread_mutex_unlock(&hub->lock);
    return m;
}

/* All but the frame that has begun to leave, which must be finished, goes; the reader is told why. */
static void queue_give_up(struct hub_member *m)
{
    struct queued *kept = m->sent_of_first > 0 ? m->first : NULL;
    const size_t sent_of_kept = m->sent_of_first;

    if (kept != NULL) {
        m->first = kept->next;
        m->unsent -= kept->frame->size;
    }
    while (m->first != NULL)
        queue_pop(m);
    if (kept != NULL) {
        kept->next = NULL;
        m->first = m->last = kept;
        m->unsent = kept->frame->size;
        m->sent_of_first = sent_of_kept;
    }
    m->is_too_slow = m->is_closing = false;
    close_locked(m, CLOSE_POLICY, DW_STR("Messages are read too slowly"));
}

bool hub_is_closing(struct hub *hub, const struct hub_member *m, unsigned *ret_code)
{
    pthread_mutex_lock(&hub->lock);
    const bool is_closing = m->is_closing || m->is_too_slow;
    if (ret_code != NULL && is_closing)
        *ret_code = m->is_too_slow ? (unsigned)CLOSE_POLICY : m->close_code;
    pthread_mutex_unlock(&hub->lock);
    return is_closing;
}

void hub_peek(struct hub *hub, struct hub_member *m, struct hub_view *ret_view)
{
    struct hub_view view = { 0 };

    pthread_mutex_lock(&hub->lock);
    if (m->is_too_slow)
        queue_give_up(m);
    for (const struct queued *q = m->first; q != NULL && view.n_bufs < HUB_PEEK_MAX; q = q->next) {
        const size_t sent = q == m->first ? m->sent_of_first : 0;
        view.bufs[view.n_bufs++] = uv_buf_init((char *)q->frame->bytes + sent, (unsigned)(q->frame->size - sent));
        view.size += q->frame->size - sent;
    }
    view.is_closing = m->is_closing;
    pthread_mutex_unlock(&hub->lock);
    *ret_view = view;
}

void hub_sent(struct hub *hub, struct hub_member *m, size_t bytes)
{
    pthread_mutex_lock(&hub->lock);
    while (bytes > 0 && m->first != NULL) {
        const size_t left = m->first->frame->size - m->sent_of_first;
        if (bytes < left) {
            m->sent_of_first += bytes;
            break;
        }
        bytes -= left;
        queue_pop(m);
    }
    pthread_mutex_unlock(&hub->lock);
}
