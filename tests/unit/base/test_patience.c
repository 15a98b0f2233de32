#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above before it. */
#include <cmocka.h>

#include "base/clock.h"
#include "base/patience.h"

enum { LONG_MS = 1000000 };

/* A request's part of what the line's threads have waited, and never more than it stood there. */
static void its_part_of_the_line(void **state)
{
    struct patience_line line = { .n_threads = 4 };
    struct patience other = { .line = &line }, mine = { 0 };

    (void)state;
    patience_line_up(&other, &line);
    patience_begin(&other);
    patience_spend(500);
    patience_line_up(&mine, &line);
    mine.since_ms -= LONG_MS; /* it has stood there for long */
    patience_spend(400);
    patience_spend(0);
    patience_end();
    patience_spend(77); /* nobody's */
    assert_null(patience_now);
    assert_int_equal(other.spent_ms, 900);
    patience_begin(&mine);
    assert_ptr_equal(patience_now, &mine);
    assert_int_equal(mine.in_line_ms, 400 / 4);
    assert_int_equal(mine.spent_ms, 0);
    patience_end();
}

static void no_more_than_it_stood_there(void **state)
{
    struct patience_line line = { .n_threads = 1 };
    struct patience mine = { 0 };
    const int64_t begun_ms = clock_monotonic_ms();

    (void)state;
    patience_line_up(&mine, &line);
    atomic_fetch_add(&line.waited_ms, LONG_MS); /* a wait that began long before it */
    patience_begin(&mine);
    assert_in_range(mine.in_line_ms, 0, clock_monotonic_ms() - begun_ms);
    patience_end();
}

static void two_lines_add_up(void **state)
{
    struct patience_line lines[2] = { { .n_threads = 1 }, { .n_threads = 2 } };
    struct patience mine = { 0 };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        patience_line_up(&mine, &lines[i]);
        mine.since_ms -= LONG_MS;
        atomic_fetch_add(&lines[i].waited_ms, 100);
        patience_begin(&mine);
        patience_end();
    }
    assert_int_equal(mine.in_line_ms, 100 + 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_part_of_the_line),
        cmocka_unit_test(no_more_than_it_stood_there),
        cmocka_unit_test(two_lines_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
