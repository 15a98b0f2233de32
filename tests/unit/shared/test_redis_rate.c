/* The counters in a real Redis: hit by hit the same as those in memory, and nothing of them stays. */
#include "redis_fixture.h"

#include "app/rate_limit.h"
#include "shared/redis/rate_store.h"

#include <pthread.h>

enum { HITS = 1500, STATE_MAX = 6, THREADS = 16, HITS_EACH = 20, LIMIT = 100, TEXT_SIZE = 128 };

#define _cleanup_pool_ _cleanup_(redis_close)

static const struct dw_str KEY = DW_STR_INIT(" login a203.0.113.7");
static const struct dw_rate SHORT = { 7, 3, "second", 3 }, LONG = { 20, 20, "second", 20 };

struct counting {
    struct redis *redis;
    struct redis_rate_store store;
    struct rate_counters *counters;
    bool is_sliding;
    char key[TEXT_SIZE]; /* "" before the first hit */
    int64_t shift_ms; /* by how much the counters in memory are ahead */
    unsigned refused;
};

/* --- looking into Redis ------------------------------------------------------------------------------------------- */

static enum dw_err read_text(const redisReply *reply, void *argument)
{
    const redisReply *text = reply->type == REDIS_REPLY_ARRAY && reply->elements > 0 ? reply->element[0] : reply;

    snprintf(argument, TEXT_SIZE, "%.*s", text->str == NULL ? 0 : (int)text->len, text->str);
    return DW_OK;
}

/* The one key of a counter; "" when there is none. */
static void find_key(struct redis *redis, char ret_key[TEXT_SIZE])
{
    ret_key[0] = '\0';
    CHECK_OK(redis_call(redis, REDIS_COMMAND(DW_STR("KEYS"), DW_STR("doorward:*:rate:*")), read_text, ret_key));
}

static size_t read_state(struct redis *redis, const char *key, int64_t ret_state[STATE_MAX])
{
    char text[TEXT_SIZE] = "", *at = text;
    size_t n = 0;

    CHECK_OK(redis_call(redis, REDIS_COMMAND(DW_STR("GET"), dw_str(key)), read_text, text));
    for (; n < STATE_MAX && *at != '\0'; n++)
        ret_state[n] = strtoll(at, &at, 10);
    return n;
}

/* Moves all windows into the past: as if that time had passed. */
static void let_pass(struct counting *c, int64_t ms)
{
    int64_t state[STATE_MAX];
    char text[TEXT_SIZE] = "";
    const size_t n = read_state(c->redis, c->key, state);

    for (size_t i = 0; i < n; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%lld ",
                 (long long)(i % 3 == 0 ? state[i] - ms : state[i]));
    if (n > 0)
        CHECK_OK(redis_call(c->redis, REDIS_COMMAND(DW_STR("SET"), dw_str(c->key), dw_str(text)), NULL, NULL));
    c->shift_ms += ms;
}

/* --- hit by hit --------------------------------------------------------------------------------------------------- */

/* At what time Redis decided, from what it said: until the end of the window (or of the next one) is reset_ms. */
static int64_t decided_at_ms(struct counting *c, const struct redis_rate_verdict *first)
{
    const int64_t length_ms = SHORT.seconds * 1000;
    int64_t state[STATE_MAX];

    assert_int_equal(read_state(c->redis, c->key, state), STATE_MAX);
    return state[0] + (c->is_sliding ? 2 : 1) * length_ms - first->reset_ms;
}

static void hit_both(struct counting *c)
{
    const struct redis_rate rates[] = { { SHORT.amount, SHORT.seconds }, { LONG.amount, LONG.seconds } };
    const struct dw_rate *const same[] = { &SHORT, &LONG };
    struct redis_rate_verdict verdicts[REDIS_RATES_MAX];
    size_t n = 0;

    CHECK_OK(redis_rate_hit(&c->store, KEY, rates, ARRAY_SIZE(rates), c->is_sliding, verdicts, &n));
    if (c->key[0] == '\0')
        find_key(c->redis, c->key);
    const int64_t at_ms = decided_at_ms(c, &verdicts[0]) + c->shift_ms;

    for (size_t i = 0; i < n; i++) {
        const struct dw_rate_verdict want =
            rate_counters_hit(c->counters, same[i], c->is_sliding ? DW_RATE_SLIDING : DW_RATE_FIXED,
                              i == 0 ? DW_STR("short") : DW_STR("long"), at_ms);
        const struct redis_rate_verdict *v = &verdicts[i];

        if (want.is_allowed != v->is_allowed || want.remaining != v->remaining ||
            want.reset_s != (v->reset_ms + 999) / 1000 || want.retry_after_s != (v->retry_ms + 999) / 1000)
            fail_msg("rate %zu: %d %u %lld %lld instead of %d %u %lld %lld", i, v->is_allowed, v->remaining,
                     (long long)v->reset_ms, (long long)v->retry_ms, want.is_allowed, want.remaining,
                     (long long)want.reset_s, (long long)want.retry_after_s);
    }
    assert_true(n == ARRAY_SIZE(rates) || !verdicts[n - 1].is_allowed);
    c->refused += !verdicts[n - 1].is_allowed;
}

static void count_both(const struct server *s, bool is_sliding)
{
    struct counting c = { .redis = pool_open(s, NULL, 20000), .is_sliding = is_sliding };
    uint64_t random = 7;

    CHECK_OK(redis_rate_store_init(&c.store, c.redis));
    CHECK_OK(rate_counters_new(&c.counters));
    for (int i = 0; i < HITS; i++) {
        hit_both(&c);
        random = random * 6364136223846793005u + 1442695040888963407u;
        /* Now and then nearly, and more than, a whole window. */
        let_pass(&c, (int64_t)(random >> 33) % (i % 50 == 0 ? 50000 : i % 9 == 0 ? 4000 : 500));
    }
    assert_in_range(c.refused, HITS / 20, HITS * 19 / 20);
    rate_counters_free(&c.counters);
    redis_close(&c.redis);
}

static void a_sliding_window_is_that_of_memory(void **state)
{
    count_both(*state, true);
}

static void a_fixed_window_is_that_of_memory(void **state)
{
    count_both(*state, false);
}

/* --- together ----------------------------------------------------------------------------------------------------- */

struct job {
    struct redis_rate_store store;
    pthread_t thread;
    unsigned passed, failed;
};

static void *hit_many(void *argument)
{
    const struct redis_rate rate = { LIMIT, 3600 };
    struct redis_rate_verdict verdicts[REDIS_RATES_MAX];
    struct job *job = argument;

    for (int i = 0; i < HITS_EACH; i++) {
        size_t n = 0;

        if (redis_rate_hit(&job->store, KEY, &rate, 1, true, verdicts, &n) != DW_OK)
            job->failed++;
        else
            job->passed += verdicts[0].is_allowed;
    }
    return NULL;
}

/* Two nodes with the same key, many threads each. */
static void nodes_count_together(void **state)
{
    _cleanup_pool_ struct redis *one = pool_open(*state, NULL, 20000), *two = pool_open(*state, NULL, 20000);
    struct job jobs[THREADS];
    unsigned passed = 0;

    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){ 0 };
        CHECK_OK(redis_rate_store_init(&jobs[i].store, i % 2 == 0 ? one : two));
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, hit_many, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(jobs[i].thread, NULL);
        assert_int_equal(jobs[i].failed, 0);
        passed += jobs[i].passed;
    }
    assert_int_equal(passed, LIMIT);
}

/* --- what is left in Redis ---------------------------------------------------------------------------------------- */

static bool is_allowed(struct redis_rate_store *store, struct dw_str key, uint32_t amount, int64_t length_s)
{
    const struct redis_rate rate = { amount, length_s };
    struct redis_rate_verdict verdicts[REDIS_RATES_MAX];
    size_t n = 0;

    CHECK_OK(redis_rate_hit(store, key, &rate, 1, false, verdicts, &n));
    assert_int_equal(n, 1);
    return verdicts[0].is_allowed;
}

static void keys_end_and_tell_nothing(void **state)
{
    _cleanup_pool_ struct redis *redis = pool_open(*state, NULL, 20000);
    struct redis_rate_store store;
    char key[TEXT_SIZE];

    CHECK_OK(redis_rate_store_init(&store, redis));
    assert_true(is_allowed(&store, KEY, 1, 60));
    assert_false(is_allowed(&store, KEY, 1, 60));
    find_key(redis, key);
    assert_int_equal(strlen(key), strlen(redis_name(redis)) + strlen(":rate:") + 32);
    assert_null(strstr(key, "203.0"));
    assert_in_range(call_integer(redis, "PTTL", key), 1, 60000);
    /* Others' keys and other windows are other counters; another amount is not. */
    assert_true(is_allowed(&store, DW_STR(" login a203.0.113.8"), 1, 60));
    assert_true(is_allowed(&store, KEY, 1, 61));
    assert_true(is_allowed(&store, KEY, 2, 60));
    assert_false(is_allowed(&store, KEY, 2, 60));
}

/* As docs/scale.md writes it. */
static void a_user_with_few_rights_is_enough(void **state)
{
    struct server *s = *state;
    _cleanup_pool_ struct redis *all = pool_open(s, NULL, 20000), *redis = NULL;
    struct redis_rate_store store;
    char url[192];

    CHECK_OK(redis_call(all,
                        REDIS_COMMAND(DW_STR("ACL"), DW_STR("SETUSER"), DW_STR("doorward"), DW_STR("on"),
                                      DW_STR(">hunter2"), DW_STR("~doorward:*"), DW_STR("&doorward:*"),
                                      DW_STR("+@all"), DW_STR("-@admin"), DW_STR("-@dangerous")),
                        NULL, NULL));
    snprintf(url, sizeof(url), "unix://doorward:hunter2@%s/socket?db=1", s->folder);
    redis = pool_open(s, url, 20000);
    CHECK_OK(redis_rate_store_init(&store, redis));
    assert_true(is_allowed(&store, KEY, 1, 60));
    assert_false(is_allowed(&store, KEY, 1, 60));
    CHECK_ERR(DW_ERR_UNAVAILABLE, call(redis, "GET", "others", NULL));
}

static void what_others_wrote_there_does_no_harm(void **state)
{
    static const char *const VALUES[] = { "", "rubbish", "1 2", "1 2 3 4", "-5 x 99999999999999999999999999 1" };
    _cleanup_pool_ struct redis *redis = pool_open(*state, NULL, 20000);
    struct redis_rate_store store;
    char key[TEXT_SIZE];

    CHECK_OK(redis_rate_store_init(&store, redis));
    assert_true(is_allowed(&store, KEY, 2, 60));
    find_key(redis, key);
    for (size_t i = 0; i < ARRAY_SIZE(VALUES); i++) {
        CHECK_OK(call(redis, "SET", key, VALUES[i]));
        assert_true(is_allowed(&store, KEY, 2, 60));
    }
    CHECK_OK(call(redis, "DEL", key, NULL));
    CHECK_OK(call(redis, "SADD", key, "a set"));
    assert_true(is_allowed(&store, KEY, 2, 60));
    assert_true(is_allowed(&store, KEY, 2, 60));
    assert_false(is_allowed(&store, KEY, 2, 60));
}

static void a_redis_started_anew_learns_the_script(void **state)
{
    _cleanup_pool_ struct redis *redis = pool_open(*state, NULL, 0);
    struct redis_rate_store store;

    CHECK_OK(redis_rate_store_init(&store, redis));
    assert_true(is_allowed(&store, KEY, 1, 60));
    assert_false(is_allowed(&store, KEY, 1, 60));
    server_kill(*state);
    await_connected(redis, false);
    const struct redis_rate rate = { 1, 60 };
    struct redis_rate_verdict verdicts[REDIS_RATES_MAX];
    size_t n = 0;
    CHECK_ERR(DW_ERR_UNAVAILABLE, redis_rate_hit(&store, KEY, &rate, 1, true, verdicts, &n));
    CHECK_ERR(DW_ERR_ARGUMENT, redis_rate_hit(&store, KEY, &rate, 0, true, verdicts, &n));
    server_start(*state, NULL);
    await_connected(redis, true);
    assert_true(is_allowed(&store, KEY, 1, 60));
    assert_false(is_allowed(&store, KEY, 1, 60));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, server_make, server_remove)

CHECK_MAIN(CASE(a_sliding_window_is_that_of_memory), CASE(a_fixed_window_is_that_of_memory), CASE(nodes_count_together),
           CASE(keys_end_and_tell_nothing), CASE(a_user_with_few_rights_is_enough),
           CASE(what_others_wrote_there_does_no_harm), CASE(a_redis_started_anew_learns_the_script))
