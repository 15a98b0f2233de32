/*
 * One TLS connection (RFC 8446, RFC 5246) between two heaps of bytes: what came from the peer, and what is to leave.
 *
 * Why: it knows no socket. Others move the bytes; here they become plaintext and back.
 * Defends against: a peer whose handshake never ends (TLS_HANDSHAKE_MAX bytes), one that makes us answer without
 * reading the answers (TLS_OUTPUT_MAX; then nothing more is read either), renegotiation, protocols and ciphers of old.
 * Does not do: deadlines, which are those of whoever moves the bytes; ask whether a certificate was revoked.
 * One thread at a time.
 */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include "base/cleanup.h"
#include <doorward/tls.h>

enum {
    TLS_HANDSHAKE_MAX = 32 * 1024, /* bytes from the peer */
    TLS_OUTPUT_MAX = 64 * 1024,    /* that wait to leave; a handshake's, or one record of ours */
    TLS_RECORD_MAX = 16 * 1024,    /* plaintext in a record (RFC 8446 §5.1) */
};

struct tls_session;

enum tls_result {
    TLS_DONE,
    TLS_WANTS_INPUT, /* all that came was taken */
    TLS_WANTS_ROOM,  /* the output has to leave first */
    TLS_ENDED,       /* the peer has said that it sends no more */
    TLS_FAILED,      /* broken rules; the output may hold an alert */
};

/* A server's side. DW_ERR_NO_MEMORY. */
DW_MUST_USE enum dw_err tls_session_new(struct dw_tls *tls, struct tls_session **ret_session);
void tls_session_free(struct tls_session **session);

/* Whom a client wants to reach. */
struct tls_peer {
    const char *host;             /* the name, or the address, that its certificate must be for */
    const char *ca_file;          /* who may have signed that, in PEM; NULL: the system's store */
    const char *certificate_file; /* the client's own, in PEM, with its chain; NULL: none */
    const char *key_file;         /* of that */
};

/* A client's side; the files are read now. The handshake begins with the first tls_session_read().
 * DW_ERR_SETTING: one of the files, with ret_problem; DW_ERR_UNSUPPORTED: libssl is missing; DW_ERR_NO_MEMORY. */
DW_MUST_USE enum dw_err tls_session_connect(const struct tls_peer *peer, struct tls_session **ret_session,
                                            char ret_problem[DW_TLS_PROBLEM_SIZE]);

/* Bytes from the peer, borrowed; only when the last ones were all taken. */
void tls_session_give(struct tls_session *session, struct dw_str bytes);
/* Copies what was not taken, as its place is needed. */
DW_MUST_USE enum dw_err tls_session_keep(struct tls_session *session);
/* Whether there may be something to read without new bytes. */
bool tls_session_has_input(const struct tls_session *session);
/* Plaintext, up to `room` bytes, or a step of the handshake. */
enum tls_result tls_session_read(struct tls_session *session, char *ptr, size_t room, size_t *ret_size);

/* Encrypts up to TLS_RECORD_MAX bytes; only when no output is waiting. TLS_DONE or TLS_FAILED. */
enum tls_result tls_session_write(struct tls_session *session, struct dw_str plaintext);
/* Says that we send no more (close_notify): truncation can be told from an end. Nothing when that would be untrue. */
void tls_session_end(struct tls_session *session);
/* What is to leave, borrowed until the next call. */
struct dw_str tls_session_output(const struct tls_session *session);
/* That much of it has left. */
void tls_session_sent(struct tls_session *session, size_t size);

/* The handshake is over, and nothing has failed. */
bool tls_session_is_open(const struct tls_session *session);
/* After TLS_FAILED or TLS_ENDED: why, in words of OpenSSL's or our own; static. */
const char *tls_session_problem(const struct tls_session *session);

#endif
