/* What an event loop remembers of tokens, and for how long. */
#include "fixture.h"

#include "identity/principal_cache.h"

#include <stdio.h>

enum { NOW_S = 1800000000, LIFE_S = 60, FEW = 100, ROUND = 1024, TOKEN_SIZE = 64 };

static int set_up(void **state)
{
    dw_clock_set(NOW_S);
    return fixture_open(state);
}

static int tear_down(void **state)
{
    dw_clock_set(-1);
    return fixture_close(state);
}

/* Number n's; what its place is made from, the last eight characters, differs. */
static struct dw_str token_of(unsigned n, char text[TOKEN_SIZE])
{
    snprintf(text, TOKEN_SIZE, "the head of a token, and its end %08x", n * 2654435761u);
    return dw_str(text);
}

static bool keep(struct principal_cache *cache, unsigned n, int64_t expires_s)
{
    static const char ID[] = "0190a5e4-0000-7000-8000-000000000001";
    const struct access_claims claims = {
        .subject = DW_STR(ID), .token_id = DW_STR(ID), .session = DW_STR(ID), .expires_s = expires_s,
    };
    char text[TOKEN_SIZE];

    return principal_cache_keep(cache, token_of(n, text), &claims) != NULL;
}

static unsigned count_known(struct principal_cache *cache, unsigned from, unsigned to)
{
    char text[TOKEN_SIZE];
    unsigned known = 0;

    for (unsigned n = from; n < to; n++)
        known += principal_cache_token(cache, token_of(n, text)) != NULL;
    return known;
}

static void expired_tokens_make_room(void **state)
{
    struct fixture *f = *state;
    struct principal_cache *cache = principal_cache_current(f->identity);

    assert_non_null(cache);
    for (unsigned n = 0; n < FEW; n++)
        assert_true(keep(cache, n, NOW_S + LIFE_S));
    assert_int_equal(count_known(cache, 0, FEW), FEW);
    dw_clock_set(NOW_S + LIFE_S - 1);
    for (unsigned n = FEW; n < FEW + ROUND; n++)
        assert_true(keep(cache, n, NOW_S + 2 * LIFE_S));
    assert_int_equal(count_known(cache, 0, FEW), FEW);
    dw_clock_set(NOW_S + LIFE_S);
    for (unsigned n = FEW + ROUND; n < FEW + 2 * ROUND; n++)
        assert_true(keep(cache, n, NOW_S + 2 * LIFE_S));
    assert_int_equal(count_known(cache, 0, FEW), 0);
    assert_int_equal(count_known(cache, 2 * ROUND, FEW + 2 * ROUND), FEW);
}

static void a_full_set_forgets_its_oldest(void **state)
{
    enum { MANY = 40000, PLACES = 8192 };
    struct fixture *f = *state;
    struct principal_cache *cache = principal_cache_current(f->identity);

    assert_non_null(cache);
    for (unsigned n = 0; n < MANY; n++)
        assert_true(keep(cache, n, NOW_S + LIFE_S));
    assert_int_equal(count_known(cache, 0, MANY), PLACES);
    assert_int_equal(count_known(cache, MANY - FEW, MANY), FEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(expired_tokens_make_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_set_forgets_its_oldest, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
