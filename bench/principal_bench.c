/*
 * What a request pays for knowing its caller when the token was seen before: every check that changes with time
 * (expiry, deny list, the user's state), from memory, as an event loop does it. And, beside it, the same for a token
 * not seen before, whose signature is verified.
 *
 *     principal_bench DATABASE SECRET        one JSON object a line: {"name","ns"}
 */
#include "accounts.h"
#include "identity/principal.h"

enum { USERS = 16, SIGN_INS_EACH = 16, TOKENS = USERS * SIGN_INS_EACH, ROUNDS = 10, ROUND_NS = 100 * 1000 * 1000 };

struct bench {
    struct accounts accounts;
    struct dw_str tokens[TOKENS];
    struct dw_arena *arena; /* a request's */
    bool keep;
};

static void tokens_make(struct bench *bench)
{
    char username[32];

    for (unsigned i = 0; i < TOKENS; i++) {
        snprintf(username, sizeof(username), "user-%u", i % USERS);
        if (i < USERS)
            accounts_add(&bench->accounts, username);
        bench->tokens[i] = accounts_sign_in(&bench->accounts, username);
    }
}

static void restore(const struct bench *bench, unsigned i, bool may_wait)
{
    struct principal principal;

    MUST(principal_restore(bench->accounts.identity, bench->tokens[i], may_wait, bench->keep, bench->arena,
                           &principal) == DW_OK);
    dw_arena_reset(bench->arena);
}

/* The best of some rounds: what disturbs only adds. */
static double measure_seen(const struct bench *bench)
{
    double best = 1e18;

    for (int round = 0; round < ROUNDS; round++) {
        const int64_t start = thread_cpu_ns();
        int64_t end = start;
        unsigned n = 0;
        for (; end - start < ROUND_NS; end = thread_cpu_ns())
            for (unsigned i = 0; i < TOKENS; i++, n++)
                restore(bench, i, false);
        best = MIN_OF(best, (double)(end - start) / n);
    }
    return best;
}

/* With the users known and the tokens not: the first visit of this thread's tables. */
static double measure_unseen(const struct bench *bench)
{
    double best = 1e18;

    for (int round = 0; round < ROUNDS; round++) {
        principal_forget_thread();
        for (unsigned i = 0; i < USERS; i++)
            restore(bench, i, true);
        const int64_t start = thread_cpu_ns();
        for (unsigned i = 0; i < TOKENS; i++)
            restore(bench, i, false);
        best = MIN_OF(best, (double)(thread_cpu_ns() - start) / TOKENS);
    }
    return best;
}

static void report(const char *name, double ns)
{
    printf("{\"name\":\"%s\",\"ns\":%.1f}\n", name, ns);
}

int main(int argc, char **argv)
{
    static struct bench bench;

    if (argc != 3) {
        fprintf(stderr, "usage: principal_bench DATABASE SECRET\n");
        return 2;
    }
    accounts_open(&bench.accounts, argv[1], argv[2]);
    MUST(dw_arena_new(ACCOUNTS_ARENA_BYTES, &bench.arena) == DW_OK);
    tokens_make(&bench);
    report("token not seen before, every check", measure_unseen(&bench));
    report("token seen before, every check", measure_seen(&bench));
    bench.keep = true;
    report("token seen before, every check, kept in the arena", measure_seen(&bench));
    dw_arena_free(&bench.arena);
    accounts_close(&bench.accounts);
    return 0;
}
