/*
 * A certificate, its chain and its key, read from files and found to be in order.
 *
 * Defends against: a server that starts with what no client would accept, and finds out from its users. Says what is
 * wrong and with which file; never a byte of the key.
 */
#ifndef CRYPTO_TLS_CERTIFICATE_H
#define CRYPTO_TLS_CERTIFICATE_H

#include "base/cleanup.h"
#include <doorward/tls.h>
#include <openssl/x509.h>
#include <sys/stat.h>

enum { TLS_CHAIN_MAX = 10, TLS_FILE_MAX_BYTES = 256 * 1024 };

struct tls_certificate {
    X509 *leaf;
    X509 *chain[TLS_CHAIN_MAX];
    size_t n_chain;
    EVP_PKEY *key;
    int64_t expires_s;
};

/* DW_ERR_SETTING with ret_problem. *ret_certificate is to be cleared in any case. */
DW_MUST_USE enum dw_err tls_certificate_read(const char *certificate_file, const char *key_file,
                                             struct tls_certificate *ret_certificate,
                                             char ret_problem[DW_TLS_PROBLEM_SIZE]);
void tls_certificate_clear(struct tls_certificate *certificate);

#endif
