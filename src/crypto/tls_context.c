/* What all connections of a server share: its certificate. And the rules, Mozilla's "intermediate", for either side. */
#include "crypto/algorithms.h"
#include "crypto/tls_certificate.h"
#include "crypto/tls_internal.h"

#include <pthread.h>

/* No DHE: it is slow, clients that need it are gone, and they make a server do work for little of theirs. Each of these
 * is safe, so the client chooses: it knows what its processor is quick at. */
#define CIPHERS_1_2                                                                                                    \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"                         \
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CIPHERS_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256:P-384"

/* What tells that a file was replaced. */
struct file_mark {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct dw_tls {
    const struct tls_calls *ssl;
    char *certificate_file, *key_file;
    pthread_mutex_t mutex; /* over what follows */
    SSL_CTX *context;
    int64_t expires_s;
    struct file_mark marks[2]; /* as they were before they were read */
};

const struct tls_calls *tls_calls_of(const struct dw_tls *tls)
{
    return tls->ssl;
}

SSL_CTX *tls_context_ref(struct dw_tls *tls)
{
    pthread_mutex_lock(&tls->mutex);
    SSL_CTX *context = tls->context;
    tls->ssl->SSL_CTX_up_ref(context);
    pthread_mutex_unlock(&tls->mutex);
    return context;
}

/* --- rules ------------------------------------------------------------------------------------------------------ */

/* RFC 7301 §3.2: a client that names its protocols, and not ours, is told so. */
static int on_protocols(SSL *session, const unsigned char **ret_chosen, unsigned char *ret_size,
                        const unsigned char *offered, unsigned offered_size, void *calls)
{
    static const unsigned char OURS[] = "\x08http/1.1";
    const struct tls_calls *ssl = calls;
    unsigned char *chosen = NULL;

    if (ssl->SSL_select_next_proto(&chosen, ret_size, OURS, sizeof(OURS) - 1, offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_chosen = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* Everything is said, as OpenSSL's own configuration file might say something else. */
bool tls_context_set_rules(const struct tls_calls *ssl, SSL_CTX *context)
{
    static char groups[] = GROUPS; /* the call takes it as not constant, and leaves it alone */
    const uint64_t options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION;
    const long modes = SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;

    ssl->SSL_CTX_set_options(context, options);
    ssl->SSL_CTX_ctrl(context, SSL_CTRL_MODE, modes, NULL);
    /* Tickets carry their session themselves; nothing is kept here. */
    ssl->SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, SSL_SESS_CACHE_OFF, NULL);
    return ssl->SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_2_VERSION, NULL) == 1 &&
           ssl->SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, 0, NULL) == 1 &&
           ssl->SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, groups) == 1 &&
           ssl->SSL_CTX_set_cipher_list(context, CIPHERS_1_2) == 1 &&
           ssl->SSL_CTX_set_ciphersuites(context, CIPHERS_1_3) == 1;
}

bool tls_context_set_certificate(const struct tls_calls *ssl, SSL_CTX *context,
                                 const struct tls_certificate *certificate)
{
    if (ssl->SSL_CTX_use_certificate(context, certificate->leaf) != 1 ||
        ssl->SSL_CTX_use_PrivateKey(context, certificate->key) != 1)
        return false;
    for (size_t i = 0; i < certificate->n_chain; i++)
        if (ssl->SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, certificate->chain[i]) != 1)
            return false;
    return true;
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static struct file_mark mark_of(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return (struct file_mark){ 0 };
    return (struct file_mark){ status.st_dev, status.st_ino, status.st_size, status.st_mtim };
}

static bool mark_eq(const struct file_mark *a, const struct file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

static void tls_mark(struct dw_tls *tls)
{
    const struct file_mark marks[] = { mark_of(tls->certificate_file), mark_of(tls->key_file) };

    pthread_mutex_lock(&tls->mutex);
    memcpy(tls->marks, marks, sizeof(marks));
    pthread_mutex_unlock(&tls->mutex);
}

static enum dw_err context_make(const struct dw_tls *tls, SSL_CTX **ret_context, int64_t *ret_expires_s,
                                char *ret_problem)
{
    _cleanup_(tls_certificate_clear) struct tls_certificate certificate = { 0 };
    const struct tls_calls *ssl = tls->ssl;

    TRY(tls_certificate_read(tls->certificate_file, tls->key_file, &certificate, ret_problem));
    SSL_CTX *context = ssl->SSL_CTX_new(ssl->TLS_server_method());
    if (context == NULL)
        return crypto_failed(DW_ERR_NO_MEMORY);
    ssl->SSL_CTX_set_alpn_select_cb(context, on_protocols, (void *)(uintptr_t)ssl);
    if (!tls_context_set_rules(ssl, context) || !tls_context_set_certificate(ssl, context, &certificate)) {
        ssl->SSL_CTX_free(context);
        snprintf(ret_problem, DW_TLS_PROBLEM_SIZE, "%.200s: OpenSSL refuses the certificate: its key or signature is "
                                                   "too weak, or of a kind that TLS has no use for",
                 tls->certificate_file);
        return crypto_failed(DW_ERR_SETTING);
    }
    *ret_context = context;
    *ret_expires_s = certificate.expires_s;
    return DW_OK;
}

/* --- public ----------------------------------------------------------------------------------------------------- */

enum dw_err dw_tls_new(const char *certificate_file, const char *key_file, struct dw_tls **ret_tls,
                       char ret_problem[DW_TLS_PROBLEM_SIZE])
{
    if (certificate_file == NULL || key_file == NULL || ret_tls == NULL || ret_problem == NULL)
        return DW_ERR_ARGUMENT;
    _cleanup_(dw_tls_free) struct dw_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL)
        return DW_ERR_NO_MEMORY;
    pthread_mutex_init(&tls->mutex, NULL);
    tls->certificate_file = strdup(certificate_file);
    tls->key_file = strdup(key_file);
    if (tls->certificate_file == NULL || tls->key_file == NULL)
        return DW_ERR_NO_MEMORY;
    tls->ssl = tls_calls_load();
    if (tls->ssl == NULL) {
        snprintf(ret_problem, DW_TLS_PROBLEM_SIZE, "libssl.so.3 is not on this machine, or not whole");
        return DW_ERR_UNSUPPORTED;
    }
    TRY(dw_tls_reload(tls, ret_problem));
    *ret_tls = TAKE_PTR(tls);
    return DW_OK;
}

enum dw_err dw_tls_reload(struct dw_tls *tls, char ret_problem[DW_TLS_PROBLEM_SIZE])
{
    SSL_CTX *context = NULL;
    int64_t expires_s = 0;

    if (tls == NULL || ret_problem == NULL)
        return DW_ERR_ARGUMENT;
    tls_mark(tls);
    TRY(context_make(tls, &context, &expires_s, ret_problem));
    pthread_mutex_lock(&tls->mutex);
    SSL_CTX *before = tls->context;
    tls->context = context;
    tls->expires_s = expires_s;
    pthread_mutex_unlock(&tls->mutex);
    tls->ssl->SSL_CTX_free(before); /* the connections that have it keep it */
    return DW_OK;
}

bool dw_tls_is_stale(struct dw_tls *tls)
{
    if (tls == NULL)
        return false;
    const struct file_mark now[] = { mark_of(tls->certificate_file), mark_of(tls->key_file) };
    pthread_mutex_lock(&tls->mutex);
    const bool is_same = mark_eq(&now[0], &tls->marks[0]) && mark_eq(&now[1], &tls->marks[1]);
    pthread_mutex_unlock(&tls->mutex);
    return !is_same;
}

int64_t dw_tls_expires_s(struct dw_tls *tls)
{
    if (tls == NULL)
        return 0;
    pthread_mutex_lock(&tls->mutex);
    const int64_t expires_s = tls->expires_s;
    pthread_mutex_unlock(&tls->mutex);
    return expires_s;
}

void dw_tls_free(struct dw_tls **tls)
{
    struct dw_tls *t = tls == NULL ? NULL : *tls;

    if (t == NULL)
        return;
    *tls = NULL;
    if (t->ssl != NULL)
        t->ssl->SSL_CTX_free(t->context);
    free(t->certificate_file);
    free(t->key_file);
    pthread_mutex_destroy(&t->mutex);
    free(t);
}
