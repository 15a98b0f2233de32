/*
 * When a node may rely on its memory: stories as rows, and fleets made up at random in which everything fails, to see
 * that nobody who trusts the channel ever lacks a change that was acknowledged before.
 */
#include "../check.h"
#include "shared/channel_trust.h"

/* --- stories ------------------------------------------------------------------------------------------------------ */

enum { ME = 1, A = 2, B = 3 };

enum what {
    END,
    CONNECT,
    DISCONNECT,
    SEND,    /* this node's beat `serial` */
    LOOK,    /* into the database, begun now and ended well */
    MENTION, /* the database tells of `node` */
    BREAK,
    HEAR, /* a message */
};

struct step {
    int64_t at_ms;
    enum what what;
    enum channel_kind kind;
    uint64_t node, serial, ref_node, ref_serial;
};

/* A node alone on the channel, in step; its beat 1 was sent at 10. */
#define ALONE { 0, CONNECT }, { 10, SEND, .serial = 1 }, { 12, HEAR, CHANNEL_BEAT, ME, 1 }, { 13, LOOK }
/* The same with A, whose beat 2 was sent after it had heard ours: so after 10. */
#define WITH_A                                                                                                         \
    ALONE, { 20, HEAR, CHANNEL_BEAT, A, 1, ME, 1 }, { 21, LOOK }, { 30, HEAR, CHANNEL_BEAT, A, 2, ME, 1 }

static const struct story {
    const char *name;
    int64_t until_ms;
    struct step steps[16];
} STORIES[] = {
    { "nothing happened", CHANNEL_NEVER, { { 0, END } } },
    { "connected alone is no proof", CHANNEL_NEVER, { { 0, CONNECT }, { 1, LOOK } } },
    { "a beat that did not come back is none either", CHANNEL_NEVER,
      { { 0, CONNECT }, { 1, LOOK }, { 10, SEND, .serial = 1 } } },
    { "alone: from the time at which the beat was sent", 10 + CHANNEL_FRESH_MS, { ALONE } },
    { "not without a look", CHANNEL_NEVER,
      { { 0, CONNECT }, { 10, SEND, .serial = 1 }, { 12, HEAR, CHANNEL_BEAT, ME, 1 } } },
    { "a look of before it listened does not count", CHANNEL_NEVER,
      { { 0, LOOK }, { 1, CONNECT }, { 10, SEND, .serial = 1 }, { 12, HEAR, CHANNEL_BEAT, ME, 1 } } },
    { "nor one that began in the same millisecond", CHANNEL_NEVER,
      { { 0, CONNECT }, { 0, LOOK }, { 10, SEND, .serial = 1 }, { 12, HEAR, CHANNEL_BEAT, ME, 1 } } },
    { "the connection is lost", CHANNEL_NEVER, { ALONE, { 14, DISCONNECT } } },
    { "and back: nothing of before counts", CHANNEL_NEVER,
      { ALONE, { 14, DISCONNECT }, { 15, CONNECT }, { 16, LOOK } } },
    { "and back, with a beat and a look", 17 + CHANNEL_FRESH_MS,
      { ALONE, { 14, DISCONNECT }, { 15, CONNECT }, { 16, LOOK }, { 17, SEND, .serial = 2 },
        { 18, HEAR, CHANNEL_BEAT, ME, 2 } } },
    { "a peer may have told something while it was lost, or after the look", CHANNEL_NEVER,
      { WITH_A, { 40, DISCONNECT }, { 41, CONNECT }, { 42, LOOK }, { 43, SEND, .serial = 2 },
        { 44, HEAR, CHANNEL_BEAT, ME, 2 }, { 45, HEAR, CHANNEL_BEAT, A, 4, ME, 2 } } },
    { "nothing is heard while it is lost", 10 + CHANNEL_FRESH_MS,
      { { 0, HEAR, CHANNEL_BEAT, A, 1 }, ALONE } },
    { "a beat of ours that we did not send", CHANNEL_NEVER,
      { { 0, CONNECT }, { 1, LOOK }, { 12, HEAR, CHANNEL_BEAT, ME, 9 } } },
    { "an old beat of ours comes late", 30 + CHANNEL_FRESH_MS,
      { ALONE, { 20, SEND, .serial = 2 }, { 30, SEND, .serial = 3 }, { 31, HEAR, CHANNEL_BEAT, ME, 2 },
        { 32, HEAR, CHANNEL_BEAT, ME, 3 }, { 33, HEAR, CHANNEL_BEAT, ME, 2 } } },
    { "a peer appears: it may have told something before", CHANNEL_NEVER,
      { ALONE, { 20, HEAR, CHANNEL_BEAT, A, 7, ME, 1 } } },
    { "a look later it is known", 10 + CHANNEL_FRESH_MS, { WITH_A } },
    { "a peer that names no beat proves nothing", CHANNEL_NEVER,
      { ALONE, { 20, HEAR, CHANNEL_BEAT, A, 1 }, { 21, LOOK }, { 22, HEAR, CHANNEL_BEAT, A, 2 } } },
    { "nor does one that names a beat which nobody sent", CHANNEL_NEVER,
      { ALONE, { 20, HEAR, CHANNEL_BEAT, A, 1, 99, 1 }, { 21, LOOK }, { 22, HEAR, CHANNEL_BEAT, A, 2, ME, 17 } } },
    { "an old message of a peer arrives now: it proves what it names", 10 + CHANNEL_FRESH_MS,
      { WITH_A, { 900, SEND, .serial = 2 }, { 901, HEAR, CHANNEL_BEAT, ME, 2 },
        { 902, HEAR, CHANNEL_BEAT, A, 3, ME, 1 } } },
    { "a peer proves through another", 40 + CHANNEL_FRESH_MS,
      { ALONE, { 20, HEAR, CHANNEL_BEAT, A, 1, ME, 1 }, { 21, HEAR, CHANNEL_BEAT, B, 1, ME, 1 }, { 22, LOOK },
        { 40, SEND, .serial = 2 }, { 41, HEAR, CHANNEL_BEAT, ME, 2 }, { 42, HEAR, CHANNEL_BEAT, A, 2, ME, 2 },
        { 43, HEAR, CHANNEL_BEAT, B, 2, A, 2 } } },
    { "the slowest decides", 10 + CHANNEL_FRESH_MS,
      { ALONE, { 20, HEAR, CHANNEL_BEAT, A, 1, ME, 1 }, { 21, HEAR, CHANNEL_BEAT, B, 1, ME, 1 }, { 22, LOOK },
        { 40, SEND, .serial = 2 }, { 41, HEAR, CHANNEL_BEAT, ME, 2 }, { 42, HEAR, CHANNEL_BEAT, A, 2, ME, 2 } } },
    { "a number is missing", CHANNEL_NEVER, { WITH_A, { 40, HEAR, CHANNEL_BEAT, A, 4, ME, 1 } } },
    { "a number is missing, and the look began before", CHANNEL_NEVER,
      { WITH_A, { 40, HEAR, CHANNEL_BEAT, A, 4, ME, 1 }, { 40, LOOK } } },
    { "a look later all is well", 10 + CHANNEL_FRESH_MS,
      { WITH_A, { 40, HEAR, CHANNEL_BEAT, A, 4, ME, 1 }, { 41, LOOK } } },
    { "a replay changes nothing", 10 + CHANNEL_FRESH_MS, { WITH_A, { 40, HEAR, CHANNEL_GOODBYE, A, 1 } } },
    { "who says goodbye is not missed", 900 + CHANNEL_FRESH_MS,
      { WITH_A, { 40, HEAR, CHANNEL_GOODBYE, A, 3 }, { 900, SEND, .serial = 2 }, { 901, HEAR, CHANNEL_BEAT, ME, 2 } } },
    { "who falls silent is", 10 + CHANNEL_FRESH_MS,
      { WITH_A, { 900, SEND, .serial = 2 }, { 901, HEAR, CHANNEL_BEAT, ME, 2 } } },
    { "for long, as far as the database tells", 700000 + CHANNEL_FRESH_MS,
      { WITH_A, { 700000, SEND, .serial = 2 }, { 700001, HEAR, CHANNEL_BEAT, ME, 2 }, { 700002, LOOK } } },
    { "for ever, while it tells nothing", 10 + CHANNEL_FRESH_MS,
      { WITH_A, { 700000, SEND, .serial = 2 }, { 700001, HEAR, CHANNEL_BEAT, ME, 2 } } },
    { "and for longer when it tells that the node lives", 10 + CHANNEL_FRESH_MS,
      { WITH_A, { 600000, MENTION, .node = A }, { 700000, SEND, .serial = 2 }, { 700001, HEAR, CHANNEL_BEAT, ME, 2 },
        { 700002, LOOK } } },
    { "a node that only the database knows", CHANNEL_NEVER, { ALONE, { 20, MENTION, .node = A } } },
    { "somebody who is no node asks to look", CHANNEL_NEVER, { ALONE, { 20, HEAR, CHANNEL_LOOK, 77, 1 } } },
    { "and is no peer then", 10 + CHANNEL_FRESH_MS, { ALONE, { 20, HEAR, CHANNEL_LOOK, 77, 1 }, { 21, LOOK } } },
    { "keys are looked for in the database", CHANNEL_NEVER, { WITH_A, { 40, HEAR, CHANNEL_KEYS, A, 3 } } },
    { "what could not be applied", CHANNEL_NEVER, { WITH_A, { 40, HEAR, CHANNEL_USER, A, 3 }, { 41, BREAK } } },
    { "what could", 10 + CHANNEL_FRESH_MS, { WITH_A, { 40, HEAR, CHANNEL_USER, A, 3 } } },
};

static bool take_step(struct channel_trust *trust, const struct step *step)
{
    const struct channel_notice notice = { step->kind, step->node, step->serial, step->ref_node, step->ref_serial,
                                           0, "" };

    switch (step->what) {
    case END:
        break;
    case CONNECT:
        channel_trust_connected(trust, step->at_ms);
        break;
    case DISCONNECT:
        channel_trust_disconnected(trust);
        break;
    case SEND:
        channel_trust_sent(trust, step->serial, step->at_ms);
        break;
    case LOOK:
        channel_trust_looked(trust, step->at_ms);
        break;
    case MENTION:
        channel_trust_mention(trust, step->node, step->at_ms);
        break;
    case BREAK:
        channel_trust_break(trust, step->at_ms);
        break;
    case HEAR:
        return channel_trust_heard(trust, &notice, step->at_ms);
    }
    return false;
}

static void test_stories(void **state)
{
    struct channel_trust *trust = calloc(1, sizeof(*trust));

    (void)state;
    assert_non_null(trust);
    for (size_t i = 0; i < ARRAY_SIZE(STORIES); i++) {
        channel_trust_init(trust, ME);
        for (size_t k = 0; k < ARRAY_SIZE(STORIES[i].steps); k++)
            (void)take_step(trust, &STORIES[i].steps[k]);
        if (channel_trust_until(trust) != STORIES[i].until_ms)
            fail_msg("%s: until %lld, not %lld", STORIES[i].name, (long long)channel_trust_until(trust),
                     (long long)STORIES[i].until_ms);
    }
    free(trust);
}

static void test_what_is_to_be_applied(void **state)
{
    static const struct {
        struct step step;
        bool is_applied;
    } CASES[] = {
        { { 40, HEAR, CHANNEL_BEAT, A, 3, ME, 1 }, false }, { { 41, HEAR, CHANNEL_DENIAL, A, 4 }, true },
        { { 42, HEAR, CHANNEL_DENIAL, A, 4 }, false } /* a replay */, { { 43, HEAR, CHANNEL_USER, A, 3 }, false },
        { { 44, HEAR, CHANNEL_USERS, A, 9 }, true } /* after a gap */, { { 45, HEAR, CHANNEL_KEYS, A, 10 }, true },
        { { 46, HEAR, CHANNEL_USER, ME, 2 }, false } /* our own: applied when it was made */,
        { { 47, HEAR, CHANNEL_USER, B, 5 }, true } /* of a stranger */, { { 48, HEAR, CHANNEL_LOOK, 77, 1 }, true },
    };
    static const struct step BEFORE[] = { WITH_A };
    struct channel_trust *trust = calloc(1, sizeof(*trust));

    (void)state;
    assert_non_null(trust);
    channel_trust_init(trust, ME);
    for (size_t i = 0; i < ARRAY_SIZE(BEFORE); i++)
        (void)take_step(trust, &BEFORE[i]);
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++)
        if (take_step(trust, &CASES[i].step) != CASES[i].is_applied)
            fail_msg("case %zu", i);
    free(trust);
}

/* More peers than there is room for: the room is bounded, and who is not followed is not trusted around. */
static void test_too_many_peers(void **state)
{
    struct channel_trust *trust = calloc(1, sizeof(*trust));
    static const struct step BEFORE[] = { ALONE };

    (void)state;
    assert_non_null(trust);
    channel_trust_init(trust, ME);
    for (size_t i = 0; i < ARRAY_SIZE(BEFORE); i++)
        (void)take_step(trust, &BEFORE[i]);
    for (uint64_t n = 0; n < CHANNEL_PEERS_MAX; n++)
        (void)take_step(trust, &(struct step){ 20, HEAR, CHANNEL_BEAT, 100 + n, 1, ME, 1 });
    for (uint64_t n = 0; n < CHANNEL_PEERS_MAX; n++)
        (void)take_step(trust, &(struct step){ 21, HEAR, CHANNEL_BEAT, 100 + n, 2, ME, 1 });
    channel_trust_looked(trust, 30);
    assert_int_equal(channel_trust_until(trust), CHANNEL_NEVER);
    assert_int_equal(trust->n_peers, CHANNEL_PEERS_MAX);
    (void)take_step(trust, &(struct step){ 31, HEAR, CHANNEL_GOODBYE, 100, 3 });
    (void)take_step(trust, &(struct step){ 32, HEAR, CHANNEL_BEAT, 99 + CHANNEL_PEERS_MAX, 3, ME, 1 });
    channel_trust_looked(trust, 33);
    assert_int_equal(channel_trust_until(trust), 10 + CHANNEL_FRESH_MS);
    free(trust);
}

/* --- fleets ------------------------------------------------------------------------------------------------------- */

enum { NODES = 4, LENGTH_MS = 12000, FLEETS = 300, CHANGES_MAX = 4096, PIPE_MAX = 8192, LOOK_EVERY_MS = 250 };

struct message {
    struct channel_notice notice;
    unsigned change; /* its index, plus 1; 0: none */
    int64_t at_ms;   /* when it arrives */
};

/* In order; `stalled` until then. */
struct pipe {
    struct message messages[PIPE_MAX];
    size_t first, last;
    int64_t stalled_ms;
};

struct node {
    struct channel_trust trust;
    uint64_t serial;
    struct pipe out, in;
    int64_t beat_ms, look_ms, cut_until_ms, database_away_ms, paused_ms;
    bool knows[CHANGES_MAX];
    unsigned n_known; /* all changes before this one */
};

struct fleet {
    struct node nodes[NODES];
    int64_t committed_ms[CHANGES_MAX];
    unsigned n_changes;
    int64_t now_ms, bus_paused_ms;
    uint64_t random;
    unsigned fault_every_ms; /* about */
    bool has_faults, has_database;
    int64_t trusted_ms; /* of all nodes together */
};

static unsigned dice(struct fleet *f, unsigned sides)
{
    f->random = f->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(f->random >> 33) % sides;
}

static void push(struct fleet *f, struct pipe *pipe, const struct channel_notice *notice, unsigned change)
{
    assert_true(pipe->last < PIPE_MAX);
    pipe->messages[pipe->last++] = (struct message){ *notice, change, f->now_ms + dice(f, 3) };
}

/* The next message, when it has arrived. */
static struct message *pull(struct fleet *f, struct pipe *pipe)
{
    if (pipe->first == pipe->last || f->now_ms < pipe->stalled_ms || pipe->messages[pipe->first].at_ms > f->now_ms)
        return NULL;
    return &pipe->messages[pipe->first++];
}

/* As channel.c does it: the number is taken even when nothing can be sent. */
static void tell(struct fleet *f, struct node *node, enum channel_kind kind, unsigned change)
{
    struct channel_notice notice = { .kind = kind, .node = (uint64_t)(node - f->nodes) + 1, .serial = ++node->serial };

    if (kind == CHANNEL_BEAT) {
        notice.ref_node = node->trust.beat_node;
        notice.ref_serial = node->trust.beat_serial;
        channel_trust_sent(&node->trust, notice.serial, f->now_ms);
    }
    if (node->trust.is_connected)
        push(f, &node->out, &notice, change);
}

static void change_something(struct fleet *f, struct node *node)
{
    if (f->n_changes == CHANGES_MAX || f->now_ms < node->database_away_ms)
        return;
    f->committed_ms[f->n_changes] = f->now_ms;
    node->knows[f->n_changes] = true;
    tell(f, node, CHANNEL_USER, ++f->n_changes);
}

static void look(struct fleet *f, struct node *node)
{
    for (unsigned i = node->n_known; i < f->n_changes; i++)
        node->knows[i] = true;
    channel_trust_looked(&node->trust, f->now_ms);
}

/* What was on its way is lost, or arrives all the same. */
static void cut(struct fleet *f, struct node *node)
{
    channel_trust_disconnected(&node->trust);
    node->in.first = node->in.last;
    if (dice(f, 2))
        node->out.first = node->out.last;
    node->cut_until_ms = f->now_ms + dice(f, 2000);
}

static void fail_somehow(struct fleet *f)
{
    struct node *node = &f->nodes[dice(f, NODES)];
    const int64_t until_ms = f->now_ms + dice(f, 3000);

    switch (dice(f, 7)) {
    case 0:
        cut(f, node);
        break;
    case 1:
        node->out.stalled_ms = until_ms;
        break;
    case 2:
        node->in.stalled_ms = until_ms;
        break;
    case 3:
        node->database_away_ms = until_ms;
        break;
    case 4:
        node->paused_ms = until_ms;
        break;
    case 5:
        f->bus_paused_ms = until_ms;
        break;
    default: /* one message gets lost on its way, as it can not by accident */
        if (node->in.first < node->in.last)
            node->in.first++;
    }
}

static void run_bus(struct fleet *f)
{
    for (size_t i = 0; i < NODES && f->now_ms >= f->bus_paused_ms; i++)
        for (const struct message *m = pull(f, &f->nodes[i].out); m != NULL; m = pull(f, &f->nodes[i].out))
            for (size_t k = 0; k < NODES; k++)
                if (f->nodes[k].trust.is_connected)
                    push(f, &f->nodes[k].in, &m->notice, m->change);
}

static void run_node(struct fleet *f, struct node *node)
{
    if (f->now_ms < node->paused_ms)
        return;
    if (!node->trust.is_connected && f->now_ms >= node->cut_until_ms)
        channel_trust_connected(&node->trust, f->now_ms);
    for (const struct message *m = pull(f, &node->in); m != NULL; m = pull(f, &node->in))
        if (channel_trust_heard(&node->trust, &m->notice, f->now_ms) && m->change != 0)
            node->knows[m->change - 1] = true;
    if (f->now_ms >= node->beat_ms) {
        node->beat_ms = f->now_ms + CHANNEL_BEAT_MS;
        tell(f, node, CHANNEL_BEAT, 0);
    }
    if (f->now_ms >= node->look_ms && f->now_ms >= node->database_away_ms) {
        node->look_ms = f->now_ms + LOOK_EVERY_MS;
        look(f, node);
    }
    if (dice(f, 40) == 0)
        change_something(f, node);
}

/* The promise. Whether a node is paused makes no difference: it may be about to answer. */
static void check_node(struct fleet *f, struct node *node, uint64_t seed)
{
    const bool is_trusting = f->now_ms < channel_trust_until(&node->trust);

    f->trusted_ms += is_trusting;
    while (node->n_known < f->n_changes && node->knows[node->n_known])
        node->n_known++;
    if (is_trusting && node->n_known < f->n_changes && f->committed_ms[node->n_known] <= f->now_ms - CHANNEL_FRESH_MS)
        fail_msg("fleet %llu: at %lld node %zu does not know the change of %lld", (unsigned long long)seed,
                 (long long)f->now_ms, node - f->nodes, (long long)f->committed_ms[node->n_known]);
}

static void run_fleet(struct fleet *f, uint64_t seed)
{
    f->random = seed;
    f->fault_every_ms = 100 + (unsigned)(seed % 8) * 400;
    for (size_t i = 0; i < NODES; i++)
        channel_trust_init(&f->nodes[i].trust, i + 1);
    for (f->now_ms = 1; f->now_ms < LENGTH_MS; f->now_ms++) {
        if (f->has_faults && dice(f, f->fault_every_ms) == 0)
            fail_somehow(f);
        run_bus(f);
        for (size_t i = 0; i < NODES; i++)
            run_node(f, &f->nodes[i]);
        for (size_t i = 0; i < NODES; i++)
            check_node(f, &f->nodes[i], seed);
        if (!f->has_database && f->now_ms == 1000) /* all have found each other */
            for (size_t i = 0; i < NODES; i++)
                f->nodes[i].database_away_ms = LENGTH_MS;
    }
}

static int64_t trusted_in_fleet(uint64_t seed, bool has_faults, bool has_database)
{
    struct fleet *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    f->has_faults = has_faults;
    f->has_database = has_database;
    run_fleet(f, seed);
    const int64_t trusted_ms = f->trusted_ms;

    free(f);
    return trusted_ms;
}

static void test_nobody_who_trusts_lacks_a_change(void **state)
{
    int64_t trusted_ms = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= FLEETS; seed++)
        trusted_ms += trusted_in_fleet(seed, true, true);
    /* Otherwise nothing was shown. */
    assert_true(trusted_ms > (int64_t)FLEETS * NODES * LENGTH_MS / 8);
}

static void test_trust_lasts_while_nothing_fails(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        assert_true(trusted_in_fleet(seed, false, true) > (int64_t)NODES * (LENGTH_MS - 1000));
}

static void test_trust_lasts_without_the_database(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++)
        assert_true(trusted_in_fleet(seed, false, false) > (int64_t)NODES * (LENGTH_MS - 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_what_is_to_be_applied),
        cmocka_unit_test(test_too_many_peers),
        cmocka_unit_test(test_nobody_who_trusts_lacks_a_change),
        cmocka_unit_test(test_trust_lasts_while_nothing_fails),
        cmocka_unit_test(test_trust_lasts_without_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
