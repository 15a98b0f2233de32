/*
 * Mails that must be sent: a row each, written in the transaction of what the mail tells, sent later by the server.
 *
 * Why: a mail server that is down must cost nothing but time. A row is tried until it was taken or the token in it has
 * expired; the waits grow. A row is claimed before it is sent, so that two servers on one database don't both send it;
 * one that died in between is tried again: a mail may come twice, never not at all.
 * Defends against: tokens readable in the database (sealed, and erased when the mail has left), an outbox that grows
 * without end, addresses that no server takes: whoever registers with many holds nobody else's mails up.
 * Does not: know SMTP or the words of a mail; outbox_run() hands each to a function.
 */
#ifndef IDENTITY_OUTBOX_H
#define IDENTITY_OUTBOX_H

#include "identity/user.h"

enum {
    OUTBOX_MAX = 10000,        /* rows that wait */
    OUTBOX_CLAIM_S = 120,      /* longer than any attempt may take */
    OUTBOX_RUN_MAX = 50,       /* mails of one run */
    OUTBOX_KEEP_S = 7 * 86400, /* how long a row is kept after its mail has left */
};

struct outbox_mail {
    struct dw_str id;
    struct dw_str kind; /* "reset", "password_changed" …: the template's name */
    struct dw_str to;
    struct dw_str username;
    struct dw_str payload; /* a token, or what a notice tells; in the arena, which is wiped */
    int64_t created_s, expires_s;
};

/* DW_OK: the mail has left. Anything else: it is tried again. DW_ERR_VALIDATION: there is something about this mail
 * alone (the server does not know its recipient), so that the others need not wait for it. */
typedef enum dw_err outbox_send(void *argument, const struct outbox_mail *mail);

/* Sends what is due, until there is nothing more, or one fails for what would let all fail (its error is handed on), or
 * OUTBOX_RUN_MAX were tried. One thread of a process at a time. */
DW_MUST_USE enum dw_err outbox_run(struct identity *identity, outbox_send *send, void *argument);

/* How many wait. */
DW_MUST_USE enum dw_err outbox_count(struct identity *identity, int64_t *ret_waiting);

/* --- for the other files of this room, inside a write ------------------------------------------------------------ */

struct outbox_entry {
    const char *kind;
    struct dw_str user_id; /* whom it concerns */
    struct dw_str to;
    struct dw_str payload; /* sealed at once */
    int64_t expires_s;
};

/* In a write of an open identity's storage. DW_ERR_BUSY when the outbox is full. */
DW_MUST_USE enum dw_err outbox_add(struct transaction *tx, const struct outbox_entry *entry);
/* Takes back what waits for this user, as its token is dead. */
DW_MUST_USE enum dw_err outbox_take_back(struct transaction *tx, const char *kind, struct dw_str user_id);
/* Removes what left long ago. */
DW_MUST_USE enum dw_err outbox_purge(struct transaction *tx);

extern const struct statement *const OUTBOX_STATEMENTS[];
extern const char OUTBOX_TABLES[];

#endif
