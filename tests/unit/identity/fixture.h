/* An identity on a real SQLite file in a temporary folder, with cheap hashes. */
#ifndef TEST_IDENTITY_FIXTURE_H
#define TEST_IDENTITY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "identity/identity.h"
#include "identity/session.h"

enum { FIXTURE_ACCESS_TTL_S = 900, FIXTURE_REFRESH_TTL_S = 7 * 86400, FIXTURE_GRACE_S = 5 };

struct fixture {
    char folder[64];
    struct storage *storage;
    struct dw_passwords *passwords;
    struct identity *identity;
    struct tenant tenant;
    struct dw_arena *arena;
};

extern const struct actor SYSTEM;

int fixture_open(void **state);
int fixture_close(void **state);
/* Closes and opens the same database again, as a restart does. */
void fixture_restart(struct fixture *f);

/* A user whose password is "correct horse " and the length of the name. */
struct user fixture_user(struct fixture *f, const char *name, const char *role);
enum dw_err fixture_sign_in(struct fixture *f, const char *login, const char *password, const char *scope,
                            struct token_pair *ret_pair);
struct token_pair fixture_pair(struct fixture *f, const char *name);
enum dw_err fixture_refresh(struct fixture *f, struct dw_str token, struct token_pair *ret_pair);
/* What a worker, and then an event loop, would say of the token. */
enum dw_err fixture_check(struct fixture *f, struct dw_str access_token);

#endif
