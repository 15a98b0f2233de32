#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void dw_random(void *ret_bytes, size_t size)
{
    unsigned char *out = ret_bytes;

    while (ret_bytes != NULL && size > 0) {
        const ssize_t got = getrandom(out, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            fputs("doorward: the system has no random generator\n", stderr);
            abort();
        }
        out += got;
        size -= (size_t)got;
    }
}

/*
 * Random bytes for ids, fetched many at once: each request has an id, and a system call each would show. Ids are no
 * secrets; whatever is one takes dw_random(). A child of fork() must not repeat its parent's bytes, hence the
 * generation.
 */
enum { ID_BYTES = 10, ID_POOL_SIZE = ID_BYTES * 48 };

struct id_pool {
    unsigned char bytes[ID_POOL_SIZE];
    size_t left;
    unsigned generation;
};

static _Thread_local struct id_pool id_pool;
static _Atomic unsigned fork_generation;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void fork_in_child(void)
{
    atomic_fetch_add_explicit(&fork_generation, 1, memory_order_relaxed);
}

static void fork_watch(void)
{
    if (pthread_atfork(NULL, NULL, fork_in_child) != 0)
        abort();
}

static void id_random(unsigned char ret_bytes[ID_BYTES])
{
    const unsigned generation = atomic_load_explicit(&fork_generation, memory_order_relaxed);

    if (id_pool.left == 0 || id_pool.generation != generation) {
        pthread_once(&fork_once, fork_watch);
        dw_random(id_pool.bytes, sizeof(id_pool.bytes));
        id_pool.left = sizeof(id_pool.bytes);
        id_pool.generation = generation;
    }
    id_pool.left -= ID_BYTES;
    memcpy(ret_bytes, id_pool.bytes + id_pool.left, ID_BYTES);
}

/* Milliseconds in the upper 48 bits, a counter in the lower 12 (RFC 9562 §6.2, method 1): each one made by this process
 * is greater than the one before, also within a millisecond and when the clock steps back. */
static uint64_t next_stamp(void)
{
    static _Atomic uint64_t last;
    const uint64_t now = (uint64_t)clock_real_ms() << 12;
    uint64_t before = atomic_load_explicit(&last, memory_order_relaxed), stamp;

    do
        stamp = now > before ? now : before + 1;
    while (!atomic_compare_exchange_weak_explicit(&last, &before, stamp, memory_order_relaxed, memory_order_relaxed));
    return stamp;
}

void dw_uuid7(char ret_text[DW_UUID_SIZE])
{
    if (ret_text == NULL)
        return;
    static const char DIGITS[] = "0123456789abcdef";
    const uint64_t stamp = next_stamp();
    unsigned char id[16];

    for (size_t i = 0; i < 6; i++)
        id[i] = (unsigned char)(stamp >> (52 - 8 * i));
    id_random(id + 6);
    id[6] = (unsigned char)(0x70 | (stamp >> 8 & 0x0f)); /* version 7 */
    id[7] = (unsigned char)stamp;
    id[8] = (unsigned char)(0x80 | (id[8] & 0x3f)); /* variant 10 */

    char *out = ret_text;
    for (size_t i = 0; i < sizeof(id); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = DIGITS[id[i] >> 4];
        *out++ = DIGITS[id[i] & 15];
    }
    *out = '\0';
}
