#include "http/stop.h"

#include "base/cleanup.h"
#include <doorward/http.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum slot_state { SLOT_FREE, SLOT_CLAIMED, SLOT_SERVING };

/* event_plus_one: 0 is "no descriptor yet", so that the table needs no initialiser. */
static struct stop_slot {
    _Atomic int state;
    _Atomic int event_plus_one;
} slots[STOP_SLOTS];

void dw_serve_stop(void)
{
    const int saved_errno = errno;
    const uint64_t one = 1;

    for (size_t i = 0; i < STOP_SLOTS; i++)
        if (atomic_load(&slots[i].state) == SLOT_SERVING) {
            /* Full is as good as written: somebody has asked before. */
            const ssize_t written = write(atomic_load(&slots[i].event_plus_one) - 1, &one, sizeof(one));
            (void)written;
        }
    errno = saved_errno;
}

static int slot_event(struct stop_slot *slot)
{
    return atomic_load(&slot->event_plus_one) - 1;
}

/* How often it was asked since the last time. */
static uint64_t slot_drain(struct stop_slot *slot)
{
    uint64_t times = 0;

    return read(slot_event(slot), &times, sizeof(times)) == (ssize_t)sizeof(times) ? times : 0;
}

static enum dw_err slot_take(int *ret_slot)
{
    for (int i = 0; i < STOP_SLOTS; i++) {
        int expected = SLOT_FREE;
        if (!atomic_compare_exchange_strong(&slots[i].state, &expected, SLOT_CLAIMED))
            continue;
        if (slot_event(&slots[i]) < 0)
            atomic_store(&slots[i].event_plus_one, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC) + 1);
        if (slot_event(&slots[i]) < 0) {
            atomic_store(&slots[i].state, SLOT_FREE);
            return DW_ERR_IO;
        }
        slot_drain(&slots[i]);
        atomic_store(&slots[i].state, SLOT_SERVING);
        *ret_slot = i;
        return DW_OK;
    }
    return DW_ERR_LIMIT;
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct stop_watch *watch = signal->data;

    watch->on_stop(watch->argument);
}

static void on_asked(uv_poll_t *poll, int status, int events)
{
    struct stop_watch *watch = poll->data;

    for (uint64_t times = slot_drain(&slots[watch->slot]); times > 0; times--)
        watch->on_stop(watch->argument);
}

enum dw_err stop_watch_open(struct stop_watch *watch, uv_loop_t *loop, bool ignores_signals,
                            void (*on_stop)(void *argument), void *argument)
{
    TRY(slot_take(&watch->slot));
    watch->on_stop = on_stop;
    watch->argument = argument;
    watch->interrupt.data = watch->terminate.data = watch->asked.data = watch;
    if (uv_signal_init(loop, &watch->interrupt) != 0 || uv_signal_init(loop, &watch->terminate) != 0)
        return DW_ERR_IO;
    if (!ignores_signals && (uv_signal_start(&watch->interrupt, on_signal, SIGINT) != 0 ||
                             uv_signal_start(&watch->terminate, on_signal, SIGTERM) != 0))
        return DW_ERR_IO;
    if (uv_poll_init(loop, &watch->asked, slot_event(&slots[watch->slot])) != 0 ||
        uv_poll_start(&watch->asked, UV_READABLE, on_asked) != 0)
        return DW_ERR_IO;
    return DW_OK;
}

void stop_watch_release_signals(struct stop_watch *watch)
{
    uv_signal_stop(&watch->interrupt);
    uv_signal_stop(&watch->terminate);
}

void stop_watch_close(struct stop_watch *watch)
{
    if (watch->on_stop != NULL)
        atomic_store(&slots[watch->slot].state, SLOT_FREE);
    watch->on_stop = NULL;
}
