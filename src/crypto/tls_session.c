/* A connection's TLS, with a BIO of our own between OpenSSL and the bytes: nothing is copied that need not be, and no
 * buffer is held by a connection that waits. */
#include "base/buffer.h"
#include "crypto/algorithms.h"
#include "crypto/tls_internal.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>

struct tls_session {
    const struct tls_calls *ssl;
    SSL *connection;
    struct dw_str input;  /* came, and was not taken */
    char *kept;           /* where that is, when it is ours */
    struct buffer output;
    size_t n_handshake;   /* bytes that came for it */
    unsigned long error;  /* OpenSSL's, of the failure */
    bool has_failed, has_ended;
};

/* --- between OpenSSL and the bytes ------------------------------------------------------------------------------ */

static int bytes_read(BIO *bio, char *to, size_t room, size_t *ret_size)
{
    struct tls_session *s = BIO_get_data(bio);
    const size_t size = MIN_OF(room, s->input.len);

    BIO_clear_retry_flags(bio);
    if (size == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(to, s->input.ptr, size);
    s->input = dw_str_n(s->input.ptr + size, s->input.len - size);
    *ret_size = size;
    return 1;
}

static int bytes_write(BIO *bio, const char *from, size_t size, size_t *ret_size)
{
    struct tls_session *s = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (s->output.len > 0 && s->output.len + size > TLS_OUTPUT_MAX) {
        BIO_set_retry_write(bio);
        return 0;
    }
    buffer_append(&s->output, dw_str_n(from, size));
    *ret_size = size;
    return buffer_error(&s->output) == DW_OK;
}

static long bytes_control(BIO *bio, int command, long number, void *pointer)
{
    return command == BIO_CTRL_FLUSH;
}

static pthread_once_t method_once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;

static void method_make(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bytes");

    if (made != NULL && BIO_meth_set_read_ex(made, bytes_read) == 1 && BIO_meth_set_write_ex(made, bytes_write) == 1 &&
        BIO_meth_set_ctrl(made, bytes_control) == 1)
        method = made;
}

/* --- life ------------------------------------------------------------------------------------------------------- */

static enum dw_err session_open(struct tls_session *s, SSL_CTX *context)
{
    s->connection = s->ssl->SSL_new(context);
    BIO *bio = s->connection == NULL || method == NULL ? NULL : BIO_new(method);

    if (bio == NULL)
        return crypto_failed(DW_ERR_NO_MEMORY);
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    s->ssl->SSL_set_bio(s->connection, bio, bio);
    return DW_OK;
}

enum dw_err tls_session_make(const struct tls_calls *ssl, SSL_CTX *context, struct tls_session **ret_session,
                             SSL **ret_connection)
{
    _cleanup_(tls_session_free) struct tls_session *s = calloc(1, sizeof(*s));

    pthread_once(&method_once, method_make);
    if (s == NULL)
        return DW_ERR_NO_MEMORY;
    s->ssl = ssl;
    s->output = (struct buffer)BUFFER_INIT(2 * TLS_OUTPUT_MAX);
    TRY(session_open(s, context));
    *ret_connection = s->connection;
    *ret_session = TAKE_PTR(s);
    return DW_OK;
}

enum dw_err tls_session_new(struct dw_tls *tls, struct tls_session **ret_session)
{
    const struct tls_calls *ssl = tls_calls_of(tls);
    SSL_CTX *context = tls_context_ref(tls);
    SSL *connection;
    const enum dw_err err = tls_session_make(ssl, context, ret_session, &connection);

    ssl->SSL_CTX_free(context);
    TRY(err);
    ssl->SSL_set_accept_state(connection);
    return DW_OK;
}

void tls_session_free(struct tls_session **session)
{
    struct tls_session *s = *session;

    *session = NULL;
    if (s == NULL)
        return;
    s->ssl->SSL_free(s->connection);
    buffer_free(&s->output);
    free(s->kept);
    free(s);
}

/* --- in --------------------------------------------------------------------------------------------------------- */

static void session_forget_kept(struct tls_session *s)
{
    if (s->input.len > 0)
        return;
    free(s->kept);
    s->kept = NULL;
}

void tls_session_give(struct tls_session *s, struct dw_str bytes)
{
    session_forget_kept(s);
    s->input = bytes;
    if (!s->ssl->SSL_is_init_finished(s->connection))
        s->n_handshake += bytes.len;
}

enum dw_err tls_session_keep(struct tls_session *s)
{
    session_forget_kept(s);
    if (s->input.len == 0 || s->kept != NULL)
        return DW_OK;
    s->kept = malloc(s->input.len);
    if (s->kept == NULL)
        return DW_ERR_NO_MEMORY;
    memcpy(s->kept, s->input.ptr, s->input.len);
    s->input.ptr = s->kept;
    return DW_OK;
}

bool tls_session_has_input(const struct tls_session *s)
{
    return s->input.len > 0 || s->ssl->SSL_pending(s->connection) > 0;
}

static enum tls_result session_result(struct tls_session *s, int returned)
{
    switch (s->ssl->SSL_get_error(s->connection, returned)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANTS_INPUT;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANTS_ROOM;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        s->error = ERR_peek_error();
        s->has_failed = true;
        return TLS_FAILED;
    }
}

enum tls_result tls_session_read(struct tls_session *s, char *ptr, size_t room, size_t *ret_size)
{
    const bool was_open = s->ssl->SSL_is_init_finished(s->connection) != 0;

    if (s->has_failed || (!was_open && s->n_handshake > TLS_HANDSHAKE_MAX)) {
        s->has_failed = true;
        return TLS_FAILED;
    }
    ERR_clear_error(); /* an old one on this thread would be taken for ours */
    const int returned = s->ssl->SSL_read_ex(s->connection, ptr, room, ret_size);
    const enum tls_result result = returned == 1 ? TLS_DONE : session_result(s, returned);
    ERR_clear_error();
    return result;
}

/* --- out -------------------------------------------------------------------------------------------------------- */

enum tls_result tls_session_write(struct tls_session *s, struct dw_str plaintext)
{
    size_t size = 0;

    if (s->has_failed || s->has_ended)
        return TLS_FAILED;
    ERR_clear_error();
    const int returned = s->ssl->SSL_write_ex(s->connection, plaintext.ptr, plaintext.len, &size);
    ERR_clear_error();
    s->has_failed = returned != 1 || size != plaintext.len;
    return s->has_failed ? TLS_FAILED : TLS_DONE;
}

void tls_session_end(struct tls_session *s)
{
    if (s->has_ended || !tls_session_is_open(s))
        return;
    s->has_ended = true;
    (void)s->ssl->SSL_shutdown(s->connection); /* the peer's own is not waited for */
    ERR_clear_error();
}

struct dw_str tls_session_output(const struct tls_session *s)
{
    return buffer_str(&s->output);
}

void tls_session_sent(struct tls_session *s, size_t size)
{
    if (size < s->output.len)
        buffer_consume(&s->output, size);
    else
        buffer_free(&s->output);
}

bool tls_session_is_open(const struct tls_session *s)
{
    return !s->has_failed && s->ssl->SSL_is_init_finished(s->connection) != 0;
}

const char *tls_session_problem(const struct tls_session *s)
{
    const long verified = s->ssl->SSL_get_verify_result(s->connection);
    const char *reason = s->error == 0 ? NULL : ERR_reason_error_string(s->error);

    if (verified != X509_V_OK)
        return X509_verify_cert_error_string(verified);
    if (ERR_GET_LIB(s->error) == ERR_LIB_SSL && ERR_GET_REASON(s->error) == SSL_R_WRONG_VERSION_NUMBER)
        return "it does not speak TLS";
    return reason == NULL ? "it ended the session" : reason;
}
