/*
 * The whole server without its sockets: SQLite in a temporary folder, cheap hashes, calls in process.
 */
#ifndef PROTOCOL_FIXTURE_H
#define PROTOCOL_FIXTURE_H

#include "../check.h"
#include "base/json.h"
#include "identity/user.h"
#include "protocol/protocol.h"

enum { FIXTURE_ACCESS_TTL_S = 900, FIXTURE_GRACE_S = 5, FIXTURE_REAUTH_TTL_S = 600 };

#define PASSWORD "mind the purple gap"
#define ISSUER "https://issuer.example"
#define PUBLIC_URL "https://id.example.com"

struct fixture {
    char folder[64];
    struct storage *storage;
    struct dw_passwords *passwords;
    struct identity *identity;
    struct protocol *protocol;
    struct dw_arena *arena;
    struct dw_called called; /* the latest answer */
};

struct person {
    const char *name;
    const char *id, *access, *refresh;
};

/* What the database answers when it is asked whether it is there. */
extern enum dw_err fixture_database_failure;
/* The same for every write. */
extern enum dw_err fixture_write_failure;

int fixture_open(void **state);
int fixture_close(void **state);
/* Closes and opens the same database again, as a restart does. */
void fixture_restart(struct fixture *f);

/* Calls; each returns the status and keeps the answer. token, json: NULL for none. */
int ask(struct fixture *f, enum dw_method method, const char *target, const char *token, const char *json);
int ask_with(struct fixture *f, enum dw_method method, const char *target, const struct dw_call_header *headers,
             const char *body);
int ask_token(struct fixture *f, const char *form);
int ask_refresh(struct fixture *f, const char *refresh_token);

/* Somebody who registered and signed in; with a role that the domain gave her; with permissions of her own as well. */
struct person newcomer(struct fixture *f, const char *name);
struct person holder(struct fixture *f, const char *name, const char *role, const char *permissions);
void sign_in(struct fixture *f, struct person *person, const char *password);
/* A tenant beside "default". */
void make_tenant(struct fixture *f, const char *slug);

/* Of the latest answer: the parsed body, a string of it, a header. */
yyjson_val *answer(struct fixture *f);
const char *answer_text(struct fixture *f, const char *member);
struct dw_str header(const struct fixture *f, const char *name);
/* Whether the body has the text anywhere. */
bool body_has(const struct fixture *f, const char *text);

void check_status(struct fixture *f, int expected, int actual, const char *what);
void check_detail(struct fixture *f, int status, int actual, const char *detail);
/* 401 with `Bearer error="invalid_token"`. */
void check_token_refused(struct fixture *f, int actual);
/* A 422 whose entries are about exactly this member of the body. */
void check_refused_member(struct fixture *f, int actual, const char *member);
/* NUL-terminated, in the fixture's arena. */
const char *format(struct fixture *f, const char *text, ...) DW_PRINTF(2, 3);

#define STATUS(expected, call) check_status(f, (expected), (call), #call)

#endif
