/* A pool of connections to a real Redis, which goes away and comes back. */
#include "redis_fixture.h"

#include "base/clock.h"

#include <pthread.h>

enum { THREADS = 32, CALLS_EACH = 50, MANY = 200, SHORT_MS = 500 };

#define _cleanup_pool_ _cleanup_(redis_close)

static struct redis_state state_of(struct redis *redis)
{
    struct redis_state state;

    redis_state(redis, &state);
    return state;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        n++;
    return n;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static void test_calls_are_answered(void **state)
{
    _cleanup_pool_ struct redis *redis = pool_open(*state, NULL, 0);

    assert_true(state_of(redis).is_connected);
    CHECK_OK(call(redis, "SET", "a", "1"));
    assert_int_equal(call_integer(redis, "INCR", "a"), 2);
    CHECK_ERR(DW_ERR_NOT_FOUND, call(redis, "EVALSHA", "0123456789012345678901234567890123456789", "0"));
    assert_int_equal(call_integer(redis, "INCR", "a"), 3);
    assert_int_equal(state_of(redis).n_losses, 0);
    assert_int_equal(state_of(redis).n_failures, 0);
}

static void test_what_can_not_be_sent_is_refused(void **state)
{
    _cleanup_pool_ struct redis *redis = pool_open(*state, NULL, 0);
    struct dw_str words[REDIS_ARGUMENTS_MAX + 1];

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        words[i] = DW_STR("x");
    CHECK_ERR(DW_ERR_ARGUMENT, redis_call(redis, words, 0, NULL, NULL));
    CHECK_ERR(DW_ERR_ARGUMENT, redis_call(redis, words, ARRAY_SIZE(words), NULL, NULL));
    CHECK_OK(redis_call(redis, REDIS_COMMAND(DW_STR("APPEND"), DW_STR("a"), dw_str_n("a\0b", 3)), NULL, NULL));
    CHECK_OK(redis_call(redis, REDIS_COMMAND(DW_STR("APPEND"), DW_STR("a"), dw_str(NULL)), NULL, NULL));
    assert_int_equal(call_integer(redis, "STRLEN", "a"), 3);
    assert_int_equal(state_of(redis).n_losses, 0);
}

struct job {
    struct redis *redis;
    pthread_t thread;
    unsigned failed;
};

static void *call_many(void *argument)
{
    struct job *job = argument;

    for (int i = 0; i < CALLS_EACH; i++)
        job->failed += call(job->redis, "INCR", "counter", NULL) != DW_OK;
    return NULL;
}

static void test_many_threads_share_a_few_connections(void **state)
{
    _cleanup_pool_ struct redis *redis = pool_open(*state, NULL, 20000);
    struct job jobs[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){ .redis = redis };
        assert_int_equal(pthread_create(&jobs[i].thread, NULL, call_many, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(jobs[i].thread, NULL);
        assert_int_equal(jobs[i].failed, 0);
    }
    assert_int_equal(call_integer(redis, "INCR", "counter"), THREADS * CALLS_EACH + 1);
    assert_in_range(state_of(redis).n_open, 1, REDIS_CONNECTIONS_MAX);
}

static void test_names_are_an_installations_own(void **state)
{
    _cleanup_pool_ struct redis *redis = pool_open(*state, NULL, 0), *other = NULL;
    _cleanup_(redis_address_free) struct redis_address address = { 0 };
    _cleanup_secret_ struct dw_secret key = { 0 };
    const char *problem;

    CHECK_OK(dw_secret_random(32, &key));
    CHECK_OK(redis_address_parse(dw_str(((struct server *)*state)->url), &address, &problem));
    CHECK_OK(redis_open(&(struct redis_config){ .address = &address, .key = &key }, &other));
    assert_int_equal(strlen(redis_name(redis)), strlen("doorward:") + 16);
    assert_memory_equal(redis_name(redis), "doorward:", strlen("doorward:"));
    assert_string_not_equal(redis_name(redis), redis_name(other));
}

/* --- a server that is gone ---------------------------------------------------------------------------------------- */

static void test_a_killed_server_is_found_again(void **state)
{
    struct server *s = *state;

    log_catch(s);
    _cleanup_pool_ struct redis *redis = pool_open(s, NULL, 0);
    CHECK_OK(call(redis, "SET", "a", "1"));
    server_kill(s);
    await_connected(redis, false); /* it is noticed without a call */
    for (int i = 0; i < MANY; i++)
        CHECK_ERR(DW_ERR_UNAVAILABLE, call(redis, "INCR", "a", NULL));
    assert_int_equal(state_of(redis).n_failures, MANY);
    assert_int_equal(state_of(redis).n_losses, 1);
    server_start(s, NULL);
    await_connected(redis, true); /* and so is its return */
    assert_int_equal(call_integer(redis, "INCR", "a"), 1); /* with an empty memory */
    const char *told = log_told(s);
    assert_int_equal(count_of(told, "redis_lost"), 1);
    assert_int_equal(count_of(told, "redis_connected"), 2);
    assert_non_null(strstr(told, s->folder));
}

static void test_a_paused_server_costs_one_time_out(void **state)
{
    struct server *s = *state;

    log_catch(s);
    _cleanup_pool_ struct redis *redis = pool_open(s, NULL, SHORT_MS);
    server_pause(s);
    const int64_t from_ms = clock_monotonic_ms();
    for (int i = 0; i < MANY; i++)
        CHECK_ERR(DW_ERR_UNAVAILABLE, call(redis, "INCR", "a", NULL));
    assert_true(clock_monotonic_ms() - from_ms < MANY * SHORT_MS / 4);
    server_resume(s);
    await_connected(redis, true);
    CHECK_OK(call(redis, "INCR", "a", NULL));
    const char *told = log_told(s);
    assert_int_equal(count_of(told, "redis_lost"), 1);
    assert_non_null(strstr(told, "no answer in time"));
}

static void test_it_may_come_later(void **state)
{
    struct server *s = *state;

    server_kill(s);
    log_catch(s);
    _cleanup_pool_ struct redis *redis = pool_open(s, NULL, 0);
    assert_false(state_of(redis).is_connected);
    CHECK_ERR(DW_ERR_UNAVAILABLE, call(redis, "INCR", "a", NULL));
    server_start(s, NULL);
    await_connected(redis, true);
    CHECK_OK(call(redis, "INCR", "a", NULL));
    const char *told = log_told(s);
    assert_int_equal(count_of(told, "redis_lost"), 1);
    assert_int_equal(count_of(told, "redis_connected"), 1);
}

static void test_cut_connections_are_made_anew(void **state)
{
    _cleanup_pool_ struct redis *redis = pool_open(*state, NULL, 0), *other = pool_open(*state, NULL, 0);

    CHECK_OK(redis_call(other, REDIS_COMMAND(DW_STR("CLIENT"), DW_STR("KILL"), DW_STR("TYPE"), DW_STR("normal")), NULL,
                        NULL));
    /* Unless the pool's own look has found it out before. */
    const enum dw_err err = call(redis, "INCR", "a", NULL);
    assert_true(err == DW_ERR_UNAVAILABLE || state_of(redis).n_losses == 1);
    await_connected(redis, true);
    CHECK_OK(call(redis, "INCR", "a", NULL));
    assert_int_equal(state_of(redis).n_losses, 1);
    assert_int_equal(state_of(other).n_losses, 0); /* the one that asked for it */
}

/* --- a server that refuses ---------------------------------------------------------------------------------------- */

static void test_a_full_server_counts_as_gone(void **state)
{
    struct server *s = *state;
    _cleanup_pool_ struct redis *redis = pool_open(s, NULL, 0);
    struct redis_connection *bare = NULL;
    char reason[REDIS_REASON_SIZE];
    redisReply *reply = NULL;

    CHECK_OK(redis_subscriber(redis, &bare, reason));
    log_catch(s);
    CHECK_OK(redis_ask(bare, REDIS_COMMAND(DW_STR("CONFIG"), DW_STR("SET"), DW_STR("maxmemory"), DW_STR("1")),
                       clock_monotonic_ms() + 5000, &reply));
    redis_reply_free(&reply);
    CHECK_ERR(DW_ERR_UNAVAILABLE, call(redis, "INCR", "a", NULL));
    await_connected(redis, false);
    CHECK_OK(redis_ask(bare, REDIS_COMMAND(DW_STR("CONFIG"), DW_STR("SET"), DW_STR("maxmemory"), DW_STR("0")),
                       clock_monotonic_ms() + 5000, &reply));
    redis_reply_free(&reply);
    await_connected(redis, true);
    CHECK_OK(call(redis, "INCR", "a", NULL));
    assert_non_null(strstr(log_told(s), "INCR was answered by OOM"));
    redis_disconnect(&bare);
}

static void test_passwords(void **state)
{
    struct server *s = *state;
    char url[192];

    server_kill(s);
    server_start(s, "hunter2");
    log_catch(s);
    snprintf(url, sizeof(url), "unix://:hunter3@%s/socket", s->folder);
    struct redis *wrong = pool_open(s, url, 0), *none = pool_open(s, NULL, 0);
    assert_false(state_of(wrong).is_connected);
    assert_false(state_of(none).is_connected);
    redis_close(&wrong);
    redis_close(&none);
    const char *told = log_told(s);
    assert_non_null(strstr(told, "AUTH was answered by WRONGPASS"));
    assert_non_null(strstr(told, "NOAUTH"));
    assert_null(strstr(told, "hunter"));

    snprintf(url, sizeof(url), "unix://default:hunter2@%s/socket?db=3", s->folder);
    _cleanup_pool_ struct redis *redis = pool_open(s, url, 0);
    assert_true(state_of(redis).is_connected);
    CHECK_OK(call(redis, "SET", "a", "1"));
}

static void test_a_database_that_is_not_there(void **state)
{
    struct server *s = *state;
    char url[192];

    snprintf(url, sizeof(url), "%s?db=60000", s->url);
    log_catch(s);
    _cleanup_pool_ struct redis *redis = pool_open(s, url, 0);
    assert_false(state_of(redis).is_connected);
    assert_non_null(strstr(log_told(s), "SELECT was answered by ERR"));
}

/* --- subscribing -------------------------------------------------------------------------------------------------- */

static void expect_message(struct redis_connection *c, const char *kind, const char *text)
{
    redisReply *reply = NULL;

    CHECK_OK(redis_receive(c, clock_monotonic_ms() + 5000, &reply));
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_string_equal(reply->element[0]->str, kind);
    if (text != NULL)
        assert_string_equal(reply->element[reply->elements - 1]->str, text);
    redis_reply_free(&reply);
}

static void test_a_subscriber_waits_and_hears(void **state)
{
    struct server *s = *state;
    _cleanup_pool_ struct redis *redis = pool_open(s, NULL, 0);
    _cleanup_(redis_disconnect) struct redis_connection *c = NULL;
    char reason[REDIS_REASON_SIZE];
    redisReply *reply = NULL;

    CHECK_OK(redis_subscriber(redis, &c, reason));
    CHECK_OK(redis_send(c, REDIS_COMMAND(DW_STR("SUBSCRIBE"), DW_STR("news")), clock_monotonic_ms() + 5000));
    expect_message(c, "subscribe", NULL);
    CHECK_ERR(DW_ERR_TIMEOUT, redis_receive(c, clock_monotonic_ms() + 5, &reply));
    CHECK_OK(call(redis, "PUBLISH", "news", "one"));
    CHECK_OK(call(redis, "PUBLISH", "news", "two"));
    expect_message(c, "message", "one");
    CHECK_OK(redis_send(c, REDIS_COMMAND(DW_STR("PING"), DW_STR("there")), clock_monotonic_ms() + 5000));
    expect_message(c, "message", "two");
    expect_message(c, "pong", "there");
    server_kill(s);
    CHECK_ERR(DW_ERR_UNAVAILABLE, redis_receive(c, clock_monotonic_ms() + 5000, &reply));
    CHECK_ERR(DW_ERR_UNAVAILABLE, redis_send(c, REDIS_COMMAND(DW_STR("PING")), clock_monotonic_ms() + 5000));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, server_make, server_remove)

CHECK_MAIN(CASE(test_calls_are_answered), CASE(test_what_can_not_be_sent_is_refused),
           CASE(test_many_threads_share_a_few_connections), CASE(test_names_are_an_installations_own),
           CASE(test_a_killed_server_is_found_again), CASE(test_a_paused_server_costs_one_time_out),
           CASE(test_it_may_come_later), CASE(test_cut_connections_are_made_anew),
           CASE(test_a_full_server_counts_as_gone), CASE(test_passwords), CASE(test_a_database_that_is_not_there),
           CASE(test_a_subscriber_waits_and_hears))
