/*
 * libssl, loaded when a server has a certificate, or a client asks for TLS.
 *
 * Why: most stand behind a proxy that speaks TLS for them, and every library linked in costs each process its own
 * pages. libcrypto, which it stands on, is there anyway. What are macros in its header go through SSL_CTX_ctrl().
 */
#ifndef CRYPTO_TLS_CALLS_H
#define CRYPTO_TLS_CALLS_H

#include <openssl/ssl.h>

#define TLS_CALLS(X)                                                                                                   \
    X(TLS_server_method)                                                                                               \
    X(TLS_client_method)                                                                                               \
    X(SSL_CTX_new)                                                                                                     \
    X(SSL_CTX_free)                                                                                                    \
    X(SSL_CTX_up_ref)                                                                                                  \
    X(SSL_CTX_ctrl)                                                                                                    \
    X(SSL_CTX_set_options)                                                                                             \
    X(SSL_CTX_set_cipher_list)                                                                                         \
    X(SSL_CTX_set_ciphersuites)                                                                                        \
    X(SSL_CTX_set_alpn_select_cb)                                                                                      \
    X(SSL_CTX_use_certificate)                                                                                         \
    X(SSL_CTX_use_PrivateKey)                                                                                          \
    X(SSL_CTX_set1_cert_store)                                                                                         \
    X(SSL_CTX_set_verify)                                                                                              \
    X(SSL_new)                                                                                                         \
    X(SSL_free)                                                                                                        \
    X(SSL_ctrl)                                                                                                        \
    X(SSL_get0_param)                                                                                                  \
    X(SSL_get_verify_result)                                                                                           \
    X(SSL_set_accept_state)                                                                                            \
    X(SSL_set_connect_state)                                                                                           \
    X(SSL_set_bio)                                                                                                     \
    X(SSL_read_ex)                                                                                                     \
    X(SSL_write_ex)                                                                                                    \
    X(SSL_shutdown)                                                                                                    \
    X(SSL_pending)                                                                                                     \
    X(SSL_get_error)                                                                                                   \
    X(SSL_is_init_finished)                                                                                            \
    X(SSL_select_next_proto)

#define TLS_MEMBER(name) __typeof__(name) *name;
struct tls_calls {
    TLS_CALLS(TLS_MEMBER)
};
#undef TLS_MEMBER

/* Loads the library once, for good; NULL when it is not on this machine. Any thread. */
const struct tls_calls *tls_calls_load(void);

#endif
