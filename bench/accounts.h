/* What the benches of the account domain stand on: an identity on a real SQLite file, with hashes that cost little. */
#ifndef BENCH_ACCOUNTS_H
#define BENCH_ACCOUNTS_H

#include "identity/identity.h"
#include "identity/session.h"

#include <time.h>

enum { ACCOUNTS_ARENA_BYTES = 64 * 1024 * 1024 };

struct accounts {
    struct storage *storage;
    struct dw_passwords *passwords;
    struct identity *identity;
    struct tenant tenant;
    struct dw_arena *arena;
};

/* A bench that can't go on says where, and ends. */
#define MUST(expression)                                                                                               \
    do {                                                                                                               \
        if (!(expression)) {                                                                                           \
            fprintf(stderr, "%s: line %d: %s\n", __FILE__, __LINE__, #expression);                                     \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* `secret`: the server's, when it has made the database. */
void accounts_open(struct accounts *a, const char *path, const char *secret);
void accounts_close(struct accounts *a);
/* A user, and an access token of theirs. */
void accounts_add(struct accounts *a, const char *username);
struct dw_str accounts_sign_in(struct accounts *a, const char *username);

static inline int64_t thread_cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#endif
