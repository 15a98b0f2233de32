#include "../check.h"

#include "base/clock.h"
#include "base/cleanup.h"
#include <sys/wait.h>
#include <unistd.h>

static void test_random(void **state)
{
    unsigned char a[64] = { 0 }, b[64] = { 0 };

    (void)state;
    dw_random(a, sizeof(a));
    dw_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    dw_random(a, 0);
}

static void check_uuid7(const char *text)
{
    assert_int_equal(strlen(text), 36);
    for (size_t i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23)
            assert_int_equal(text[i], '-');
        else
            assert_non_null(strchr("0123456789abcdef", text[i]));
    }
    assert_int_equal(text[14], '7');
    assert_non_null(strchr("89ab", text[19]));
}

static void test_uuid7(void **state)
{
    enum { IDS = 2000 };
    static char ids[IDS][DW_UUID_SIZE];

    (void)state;
    const int64_t before = clock_real_ms();
    for (size_t i = 0; i < IDS; i++) {
        dw_uuid7(ids[i]);
        check_uuid7(ids[i]);
        if (i > 0)
            assert_true(strcmp(ids[i - 1], ids[i]) < 0);
        /* The clock's part never goes back. */
        assert_true(i == 0 || memcmp(ids[i - 1], ids[i], 13) <= 0);
        assert_true(i == 0 || strcmp(ids[i - 1], ids[i]) != 0);
    }
    char high[9] = { 0 };
    memcpy(high, ids[0], 8);
    const int64_t ms = ((int64_t)strtoll(high, NULL, 16) << 16) | (int64_t)strtoll(ids[0] + 9, NULL, 16);
    assert_in_range(ms, before, clock_real_ms());
}

/* Without care a child would go on with its parent's store of random bytes. */
static void test_uuid7_after_fork(void **state)
{
    int ends[2];
    char own[DW_UUID_SIZE], childs[DW_UUID_SIZE] = { 0 };

    (void)state;
    dw_uuid7(own); /* fills the store */
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        char id[DW_UUID_SIZE];
        dw_uuid7(id);
        _exit(write(ends[1], id, sizeof(id)) == sizeof(id) ? 0 : 1);
    }
    dw_uuid7(own);
    assert_int_equal(read(ends[0], childs, sizeof(childs)), sizeof(childs));
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
    assert_string_not_equal(own + 19, childs + 19); /* the random part */
}

CHECK_MAIN(cmocka_unit_test(test_random), cmocka_unit_test(test_uuid7), cmocka_unit_test(test_uuid7_after_fork))
