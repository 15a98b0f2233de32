#include "../check.h"

#include "base/arena.h"

static void assert_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(bytes[i], 0);
}

static void test_zeroed_and_aligned(void **state)
{
    static const size_t SIZES[] = { 0, 1, 15, 16, 17, 1000, 4000, 5000, 70000, 300000, 3 };
    _cleanup_arena_ struct dw_arena *arena = NULL;

    (void)state;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_SIZE(SIZES); i++) {
            unsigned char *bytes = dw_arena_alloc(arena, SIZES[i]);
            assert_non_null(bytes);
            assert_int_equal((uintptr_t)bytes % _Alignof(max_align_t), 0);
            assert_zero(bytes, SIZES[i]);
            memset(bytes, 0xaa, SIZES[i]);
        }
        dw_arena_reset(arena);
    }
}

static void test_limit(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    (void)state;
    CHECK_OK(dw_arena_new(10000, &arena));
    assert_non_null(dw_arena_alloc(arena, 9000));
    assert_null(dw_arena_alloc(arena, 2000));
    assert_non_null(dw_arena_alloc(arena, 900));
    assert_null(dw_arena_alloc(arena, SIZE_MAX));
    assert_null(dw_arena_alloc(arena, SIZE_MAX - 8));
    assert_true(dw_str_is_absent(dw_arena_copy(arena, dw_str_n("x", SIZE_MAX))));
    dw_arena_reset(arena);
    assert_non_null(dw_arena_alloc(arena, 9000));
}

/* The first block stays where it is, so what was there can be looked at after the reset. */
static void test_reset_wipes(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    (void)state;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    unsigned char *secret = dw_arena_alloc(arena, 64);
    memset(secret, 's', 64);
    dw_arena_reset(arena);
    assert_zero(secret, 64);
    assert_ptr_equal(secret, dw_arena_alloc(arena, 64));
}

static void test_copy_and_printf(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    (void)state;
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    const struct dw_str copy = dw_arena_copy(arena, DW_STR("a\0b"));
    check_str(DW_STR("a\0b"), copy, "copy");
    assert_int_equal(copy.ptr[3], '\0');
    assert_true(dw_str_is_absent(dw_arena_copy(arena, dw_str_n(NULL, 0))));
    assert_false(dw_str_is_absent(dw_arena_copy(arena, DW_STR(""))));
    check_str(DW_STR("7 of nine"), dw_arena_printf(arena, "%d of %s", 7, "nine"), "printf");
}

static void test_resize(void **state)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    (void)state;
    CHECK_OK(dw_arena_new(20000, &arena));
    unsigned char *piece = dw_arena_alloc(arena, 100);
    memset(piece, 'p', 100);
    assert_ptr_equal(piece, arena_resize(arena, piece, 100, 1000)); /* the last one grows in place */
    assert_zero(piece + 112, 1000 - 112);
    memset(piece, 'p', 1000);
    assert_ptr_equal(piece, arena_resize(arena, piece, 1000, 32));
    assert_ptr_equal(piece + 32, dw_arena_alloc(arena, 64)); /* what it gave back is used again, and is zero */
    assert_zero(piece + 32, 64);

    unsigned char *moved = arena_resize(arena, piece, 32, 8000);
    assert_ptr_not_equal(piece, moved);
    assert_memory_equal(moved, "pppppppppppppppppppppppppppppppp", 32);
    assert_null(arena_resize(arena, moved, 8000, 30000)); /* past the limit */
    assert_memory_equal(moved, "pppppppppppppppppppppppppppppppp", 32);
}

CHECK_MAIN(cmocka_unit_test(test_zeroed_and_aligned), cmocka_unit_test(test_limit), cmocka_unit_test(test_reset_wipes),
           cmocka_unit_test(test_copy_and_printf), cmocka_unit_test(test_resize))
