/* A client's side of TLS: whom it trusts, whom it expects, and who it is itself. */
#include "crypto/algorithms.h"
#include "crypto/tls_certificate.h"
#include "crypto/tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>

static enum dw_err refuse(char *ret_problem, const char *problem)
{
    snprintf(ret_problem, DW_TLS_PROBLEM_SIZE, "%s", problem);
    return crypto_failed(DW_ERR_SETTING);
}

/* --- whom to trust ---------------------------------------------------------------------------------------------- */

static pthread_once_t system_once = PTHREAD_ONCE_INIT;
static X509_STORE *system_store;

/* Some 140 certificates on Debian, a megabyte: read once, when the first client needs them. */
static void system_store_read(void)
{
    X509_STORE *store = X509_STORE_new();

    if (store != NULL && X509_STORE_set_default_paths(store) == 1) {
        system_store = store;
        return;
    }
    X509_STORE_free(store);
}

static enum dw_err store_of_system(X509_STORE **ret_store, char *ret_problem)
{
    pthread_once(&system_once, system_store_read);
    if (system_store == NULL || X509_STORE_up_ref(system_store) != 1)
        return refuse(ret_problem, "the system's store of certificates can't be read");
    *ret_store = system_store;
    return DW_OK;
}

static enum dw_err store_of_file(const char *path, X509_STORE **ret_store, char *ret_problem)
{
    X509_STORE *store = X509_STORE_new();

    if (store == NULL)
        return DW_ERR_NO_MEMORY;
    if (X509_STORE_load_file(store, path) != 1) {
        X509_STORE_free(store);
        snprintf(ret_problem, DW_TLS_PROBLEM_SIZE, "%.200s can't be read, or holds no certificate in PEM", path);
        return crypto_failed(DW_ERR_SETTING);
    }
    *ret_store = store;
    return DW_OK;
}

static enum dw_err context_set_trust(const struct tls_calls *ssl, SSL_CTX *context, const char *ca_file,
                                     char *ret_problem)
{
    X509_STORE *store = NULL;

    if (ca_file != NULL)
        TRY(store_of_file(ca_file, &store, ret_problem));
    else
        TRY(store_of_system(&store, ret_problem));
    ssl->SSL_CTX_set1_cert_store(context, store);
    X509_STORE_free(store);
    ssl->SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    return DW_OK;
}

/* --- who this is ------------------------------------------------------------------------------------------------ */

static enum dw_err context_set_identity(const struct tls_calls *ssl, SSL_CTX *context,
                                        const struct tls_peer *peer, char *ret_problem)
{
    _cleanup_(tls_certificate_clear) struct tls_certificate certificate = { 0 };

    if (peer->certificate_file == NULL)
        return DW_OK;
    TRY(tls_certificate_read(peer->certificate_file, peer->key_file, &certificate, ret_problem));
    return tls_context_set_certificate(ssl, context, &certificate)
               ? DW_OK
               : refuse(ret_problem, "OpenSSL refuses the client's certificate");
}

/* --- whom to expect --------------------------------------------------------------------------------------------- */

/* RFC 9525 §6.3, 6.4: the name that was asked for, or the address, stands in the certificate; `*` is a whole label.
 * RFC 6066 §3: no address is sent as a server's name. */
static bool connection_expect(const struct tls_calls *ssl, SSL *connection, const char *host)
{
    X509_VERIFY_PARAM *expected = ssl->SSL_get0_param(connection);

    if (X509_VERIFY_PARAM_set1_ip_asc(expected, host) == 1)
        return true;
    ERR_clear_error(); /* it is no address */
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(expected, host, 0) == 1 &&
           ssl->SSL_ctrl(connection, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                         (void *)(uintptr_t)host) == 1;
}

static enum dw_err context_open(const struct tls_calls *ssl, SSL_CTX *context, const struct tls_peer *peer,
                                struct tls_session **ret_session, char *ret_problem)
{
    _cleanup_(tls_session_free) struct tls_session *session = NULL;
    SSL *connection;

    if (!tls_context_set_rules(ssl, context))
        return crypto_failed(DW_ERR_CRYPTO);
    TRY(context_set_trust(ssl, context, peer->ca_file, ret_problem));
    TRY(context_set_identity(ssl, context, peer, ret_problem));
    TRY(tls_session_make(ssl, context, &session, &connection));
    if (!connection_expect(ssl, connection, peer->host))
        return refuse(ret_problem, "the host's name is none that a certificate can hold");
    ssl->SSL_set_connect_state(connection);
    *ret_session = TAKE_PTR(session);
    return DW_OK;
}

enum dw_err tls_session_connect(const struct tls_peer *peer, struct tls_session **ret_session,
                                char ret_problem[DW_TLS_PROBLEM_SIZE])
{
    const struct tls_calls *ssl = tls_calls_load();

    if (ssl == NULL) {
        snprintf(ret_problem, DW_TLS_PROBLEM_SIZE, "libssl.so.3 is not on this machine, or not whole");
        return DW_ERR_UNSUPPORTED;
    }
    snprintf(ret_problem, DW_TLS_PROBLEM_SIZE, "no memory");
    SSL_CTX *context = ssl->SSL_CTX_new(ssl->TLS_client_method());
    if (context == NULL)
        return crypto_failed(DW_ERR_NO_MEMORY);
    const enum dw_err err = context_open(ssl, context, peer, ret_session, ret_problem);
    ssl->SSL_CTX_free(context); /* the session has a reference of its own */
    return err;
}
