#include "../check.h"

#include "password/slots.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { SLOT_BYTES = 1 << 16 };

static void test_memory(void **state)
{
    struct slots *slots;

    (void)state;
    CHECK_OK(slots_new(1, SLOT_BYTES, &slots));
    slots_enter(slots);
    unsigned char *own = slot_allocate(SLOT_BYTES);
    assert_non_null(own);
    memset(own, 1, SLOT_BYTES);
    unsigned char *second = slot_allocate(SLOT_BYTES); /* the slot is in use: another piece */
    assert_ptr_not_equal(own, second);
    memset(second, 2, SLOT_BYTES);
    slot_release(second, SLOT_BYTES);
    slot_release(own, SLOT_BYTES);
    assert_ptr_equal(own, slot_allocate(SLOT_BYTES / 2)); /* the same memory again, not new */
    slot_release(own, SLOT_BYTES / 2);
    unsigned char *large = slot_allocate(2 * SLOT_BYTES);
    assert_ptr_not_equal(own, large);
    memset(large, 3, 2 * SLOT_BYTES);
    slot_release(large, 2 * SLOT_BYTES);
    slots_leave(slots);

    unsigned char *outside = slot_allocate(100);
    assert_ptr_not_equal(own, outside);
    slot_release(outside, 100);
    slots_free(&slots);
    assert_null(slots);
    slots_free(&slots);
}

enum { THREADS = 8, ROUNDS = 200, SLOTS = 3 };

struct crowd {
    struct slots *slots;
    _Atomic int inside, most;
};

static void *crowd_member(void *argument)
{
    struct crowd *crowd = argument;

    for (int i = 0; i < ROUNDS; i++) {
        slots_enter(crowd->slots);
        const int inside = atomic_fetch_add(&crowd->inside, 1) + 1;
        int most = atomic_load(&crowd->most);
        while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside))
            continue;
        unsigned char *memory = slot_allocate(SLOT_BYTES);
        memory[0] = (unsigned char)i;
        sched_yield();
        assert_int_equal(memory[0], (unsigned char)i); /* nobody else has it */
        slot_release(memory, SLOT_BYTES);
        atomic_fetch_sub(&crowd->inside, 1);
        slots_leave(crowd->slots);
    }
    return NULL;
}

static void test_never_more_than_slots(void **state)
{
    struct crowd crowd = { 0 };
    pthread_t threads[THREADS];

    (void)state;
    CHECK_OK(slots_new(SLOTS, SLOT_BYTES, &crowd.slots));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_member, &crowd), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_in_range(atomic_load(&crowd.most), 1, SLOTS);
    slots_free(&crowd.slots);
}

CHECK_MAIN(cmocka_unit_test(test_memory), cmocka_unit_test(test_never_more_than_slots))
