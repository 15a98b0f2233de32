/* Nodes of one process that talk over a real Redis: what one tells the others apply, and who trusts has heard all. */
#include "redis_fixture.h"

#include "base/clock.h"
#include "shared/redis/channel.h"

#include <pthread.h>
#include <unistd.h>

#define USER_ID "0190a5e4-0000-7000-8000-0123456789ab"
#define TOKEN_ID "0190a5e4-0000-7000-8000-0123456789ac"

enum { APPLIED_MAX = 8192, FLOOD = 3000, PAUSE_US = 2000, LIMIT_MS = 20000 };

struct node {
    struct redis *redis;
    struct change_channel *channel;
    enum dw_err answer; /* of apply() */
    pthread_mutex_t mutex;
    size_t n;
    struct channel_notice applied[APPLIED_MAX];
};

static struct dw_secret key;

static enum dw_err apply(const struct channel_notice *notice, void *argument)
{
    struct node *node = argument;

    pthread_mutex_lock(&node->mutex);
    if (node->n < APPLIED_MAX)
        node->applied[node->n++] = *notice;
    pthread_mutex_unlock(&node->mutex);
    return node->answer;
}

static size_t applied(struct node *node)
{
    pthread_mutex_lock(&node->mutex);
    const size_t n = node->n;

    pthread_mutex_unlock(&node->mutex);
    return n;
}

static struct change_channel_config config_of(struct node *node)
{
    struct change_channel_config config = { .calls = &REDIS_CHANNEL, .name = "doorward:test:changes", .key = &key,
                                            .apply = apply, .argument = node };

    CHECK_OK(redis_carrier_new(node->redis, &config.take_carrier));
    return config;
}

static struct node *node_open(struct server *server)
{
    struct node *node = calloc(1, sizeof(*node));

    assert_non_null(node);
    pthread_mutex_init(&node->mutex, NULL);
    node->redis = pool_open(server, NULL, 0);
    const struct change_channel_config config = config_of(node);

    CHECK_OK(change_channel_new(&config, &node->channel));
    return node;
}

static void node_close(struct node *node)
{
    change_channel_free(&node->channel);
    redis_close(&node->redis);
    pthread_mutex_destroy(&node->mutex);
    free(node);
}

static struct change_channel_state state_of(struct node *node)
{
    struct change_channel_state state;

    change_channel_state(node->channel, &state);
    return state;
}

/* As the keeper does, until the node trusts its channel, and so many peers are there. */
static void await_trust(struct node *node, size_t n_peers)
{
    const int64_t end_ms = clock_monotonic_ms() + LIMIT_MS;

    for (;;) {
        const struct change_channel_state state = state_of(node);

        if (state.n_peers == n_peers && state.is_trusted)
            return;
        if (clock_monotonic_ms() > end_ms)
            fail_msg("%zu peers, trusted: %d", state.n_peers, state.is_trusted);
        change_channel_looked(node->channel, clock_monotonic_ms());
        usleep(PAUSE_US);
    }
}

static void await_distrust(struct node *node)
{
    const int64_t end_ms = clock_monotonic_ms() + LIMIT_MS;

    while (change_channel_is_trusted(node->channel)) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(PAUSE_US);
    }
}

static void await_applied(struct node *node, size_t n)
{
    const int64_t end_ms = clock_monotonic_ms() + LIMIT_MS;

    while (applied(node) < n) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(PAUSE_US);
    }
}

/* --- cases -------------------------------------------------------------------------------------------------------- */

static void test_what_one_tells_the_others_apply(void **state)
{
    struct node *nodes[] = { node_open(*state), node_open(*state), node_open(*state) };

    for (size_t i = 0; i < ARRAY_SIZE(nodes); i++)
        await_trust(nodes[i], 2);
    change_channel_tell(nodes[0]->channel, CHANNEL_DENIAL, DW_STR(TOKEN_ID), 4102444800);
    change_channel_tell(nodes[0]->channel, CHANNEL_USER, DW_STR(USER_ID), 0);
    for (size_t i = 1; i < ARRAY_SIZE(nodes); i++) {
        await_applied(nodes[i], 2);
        assert_int_equal(nodes[i]->applied[0].kind, CHANNEL_DENIAL);
        assert_string_equal(nodes[i]->applied[0].id, TOKEN_ID);
        assert_true(nodes[i]->applied[0].expires_s == 4102444800);
        assert_int_equal(nodes[i]->applied[1].kind, CHANNEL_USER);
        assert_true(nodes[i]->applied[1].node == change_channel_node(nodes[0]->channel));
        assert_true(change_channel_is_trusted(nodes[i]->channel));
    }
    assert_int_equal(applied(nodes[0]), 0); /* its own it has applied before it told them */
    node_close(nodes[0]);
    await_trust(nodes[1], 1); /* it said goodbye */
    node_close(nodes[1]);
    await_trust(nodes[2], 0);
    node_close(nodes[2]);
}

static void test_a_server_that_hangs_is_not_trusted(void **state)
{
    struct server *server = *state;
    struct node *a = node_open(server), *b = node_open(server);

    await_trust(a, 1);
    await_trust(b, 1);
    server_pause(server);
    change_channel_tell(a->channel, CHANNEL_USER, DW_STR(USER_ID), 0); /* doesn't wait, and is lost or late */
    await_distrust(a);
    await_distrust(b);
    server_resume(server);
    await_trust(a, 1);
    await_trust(b, 1);
    assert_true(state_of(b).n_breaks > 1);
    node_close(a);
    node_close(b);
}

static void test_a_server_that_dies_is_found_again(void **state)
{
    struct server *server = *state;
    struct node *a = node_open(server), *b = node_open(server);

    await_trust(a, 1);
    await_trust(b, 1);
    server_kill(server);
    await_distrust(a);
    for (int i = 0; i < 10; i++)
        change_channel_tell(a->channel, CHANNEL_USERS, DW_STR(""), 0);
    assert_true(state_of(a).n_dropped >= 1);
    server_start(server, NULL);
    await_trust(a, 1);
    await_trust(b, 1);
    change_channel_tell(a->channel, CHANNEL_USER, DW_STR(USER_ID), 0);
    await_applied(b, 1);
    node_close(a);
    node_close(b);
}

static void test_strangers_are_refused(void **state)
{
    struct node *node = node_open(*state);

    await_trust(node, 0);
    const uint64_t n_breaks = state_of(node).n_breaks;
    for (int i = 0; i < 5; i++)
        (void)call(node->redis, "PUBLISH", "doorward:test:changes", "nonsense");
    while (state_of(node).n_refused < 5)
        usleep(PAUSE_US);
    assert_int_equal(state_of(node).n_breaks, n_breaks);
    assert_int_equal(applied(node), 0);
    node_close(node);
}

static void test_what_can_not_be_applied_ends_trust(void **state)
{
    struct node *a = node_open(*state), *b = node_open(*state);

    await_trust(a, 1);
    await_trust(b, 1);
    b->answer = DW_ERR_NO_MEMORY;
    change_channel_tell(a->channel, CHANNEL_DENIAL, DW_STR(TOKEN_ID), 4102444800);
    await_distrust(b);
    await_trust(b, 1);
    node_close(a);
    node_close(b);
}

static void test_a_process_that_is_no_node_asks_to_look(void **state)
{
    struct node *node = node_open(*state);
    const struct change_channel_config config = config_of(node);

    await_trust(node, 0);
    CHECK_OK(change_channel_tell_once(&config));
    await_applied(node, 1);
    assert_int_equal(node->applied[0].kind, CHANNEL_LOOK);
    assert_false(change_channel_is_trusted(node->channel));
    await_trust(node, 0);
    node_close(node);
}

static void test_a_process_that_is_no_node_meets_no_server(void **state)
{
    struct node *node = node_open(*state);
    const struct change_channel_config config = config_of(node);

    server_kill(*state);
    CHECK_ERR(DW_ERR_UNAVAILABLE, change_channel_tell_once(&config));
    node_close(node);
}

/* More at once than there is room for: none is lost unnoticed. */
static void test_a_flood(void **state)
{
    struct node *a = node_open(*state), *b = node_open(*state);

    await_trust(a, 1);
    await_trust(b, 1);
    const uint64_t before = state_of(b).n_breaks;

    for (int i = 0; i < 2 * FLOOD; i++)
        change_channel_tell(a->channel, CHANNEL_USER, DW_STR(USER_ID), 0);
    const int64_t end_ms = clock_monotonic_ms() + LIMIT_MS;

    while (applied(b) + state_of(a).n_dropped < 2 * FLOOD) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(PAUSE_US);
    }
    /* The next beat shows what is missing. */
    while (state_of(a).n_dropped > 0 && state_of(b).n_breaks == before) {
        assert_true(clock_monotonic_ms() < end_ms);
        usleep(PAUSE_US);
    }
    await_trust(b, 1);
    node_close(a);
    node_close(b);
}

static int make_key(void **state)
{
    (void)state;
    return dw_secret_random(CHANNEL_KEY_SIZE, &key) == DW_OK ? 0 : 1;
}

static int free_key(void **state)
{
    (void)state;
    dw_secret_free(&key);
    return 0;
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, server_make, server_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_one_tells_the_others_apply),
        CASE(test_a_server_that_hangs_is_not_trusted),
        CASE(test_a_server_that_dies_is_found_again),
        CASE(test_strangers_are_refused),
        CASE(test_what_can_not_be_applied_ends_trust),
        CASE(test_a_process_that_is_no_node_asks_to_look),
        CASE(test_a_process_that_is_no_node_meets_no_server),
        CASE(test_a_flood),
    };

    return cmocka_run_group_tests(tests, make_key, free_key);
}
