/*
 * A certificate and its key for HTTPS (TLS 1.2 and 1.3): what dw_server_config.tls takes.
 *
 * Why: a server shall be safe to put on a network without a proxy in front of it, and a renewed certificate shall not
 * cost a connection.
 * Defends against: old protocols and ciphers (forward secrecy and authenticated encryption alone: Mozilla's
 * "intermediate" without its DHE), renegotiation, compression, early data; a certificate that does not belong to its
 * key, or that has expired: it is never put to use.
 * Does not do: client certificates, several certificates by name (SNI is not looked at), OCSP stapling.
 * Threading: dw_tls_reload() may run on any thread while a server serves with it; the others belong to one thread.
 */
#ifndef DOORWARD_TLS_H
#define DOORWARD_TLS_H

#include <doorward/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dw_tls;

enum { DW_TLS_PROBLEM_SIZE = 512 };

/* Reads a certificate in PEM, followed by those that lead to its root, and its private key in PEM without a password:
 * RSA of 2048 bits or more, P-256, P-384, Ed25519. Both may be the same file. The names are copied.
 * DW_ERR_SETTING, with ret_problem saying which file and why: missing, empty, no PEM, expired, not yet valid, too weak,
 * or the two don't belong together. DW_ERR_UNSUPPORTED when OpenSSL's libssl is not on this machine. */
DW_API DW_MUST_USE enum dw_err dw_tls_new(const char *certificate_file, const char *key_file, struct dw_tls **ret_tls,
                                          char ret_problem[DW_TLS_PROBLEM_SIZE]);
/* Reads both files again: connections from now on get the new certificate, those that stand go on. When they can't be
 * used (as above) everything stays as it was. Also makes new keys for session tickets (RFC 8446 §4.6.1), which live as
 * long as what was read: worth doing once a day even if the files are the same. Any thread. */
DW_API DW_MUST_USE enum dw_err dw_tls_reload(struct dw_tls *tls, char ret_problem[DW_TLS_PROBLEM_SIZE]);
/* Whether the files are others than those that were last looked at by dw_tls_new() or dw_tls_reload(), by their dates,
 * sizes and inodes. Any thread. */
DW_API bool dw_tls_is_stale(struct dw_tls *tls);
/* When the certificate in use expires; Unix seconds. Any thread. */
DW_API int64_t dw_tls_expires_s(struct dw_tls *tls);
/* After the servers that use it have returned. */
DW_API void dw_tls_free(struct dw_tls **tls);

#ifdef __cplusplus
}
#endif
#endif
