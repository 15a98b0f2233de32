/* What the files of TLS share; nobody else includes it. */
#ifndef CRYPTO_TLS_INTERNAL_H
#define CRYPTO_TLS_INTERNAL_H

#include "crypto/tls.h"
#include "crypto/tls_calls.h"

/* A counted reference to the settings, certificate and ticket keys in use. Any thread. */
SSL_CTX *tls_context_ref(struct dw_tls *tls);
const struct tls_calls *tls_calls_of(const struct dw_tls *tls);

/* What holds for either side: protocols, ciphers, buffers. */
bool tls_context_set_rules(const struct tls_calls *ssl, SSL_CTX *context);
struct tls_certificate;
bool tls_context_set_certificate(const struct tls_calls *ssl, SSL_CTX *context,
                                 const struct tls_certificate *certificate);

/* A session that is neither side's yet; its connection is borrowed. DW_ERR_NO_MEMORY. */
DW_MUST_USE enum dw_err tls_session_make(const struct tls_calls *ssl, SSL_CTX *context,
                                         struct tls_session **ret_session, SSL **ret_connection);

#endif
