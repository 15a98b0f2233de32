/* What the files of TLS share; nobody else includes it. */
#ifndef CRYPTO_TLS_INTERNAL_H
#define CRYPTO_TLS_INTERNAL_H

#include "crypto/tls.h"
#include "crypto/tls_calls.h"

/* A counted reference to the settings, certificate and ticket keys in use. Any thread. */
SSL_CTX *tls_context_ref(struct dw_tls *tls);
const struct tls_calls *tls_calls_of(const struct dw_tls *tls);

#endif
