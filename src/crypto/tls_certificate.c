#include "crypto/tls_certificate.h"

#include "base/buffer.h"
#include "crypto/algorithms.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <unistd.h>

static enum dw_err refuse(char *ret_problem, const char *format, ...) DW_PRINTF(2, 3);

static enum dw_err refuse(char *ret_problem, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(ret_problem, DW_TLS_PROBLEM_SIZE, format, arguments);
    va_end(arguments);
    return crypto_failed(DW_ERR_SETTING);
}

void tls_certificate_clear(struct tls_certificate *certificate)
{
    X509_free(certificate->leaf);
    for (size_t i = 0; i < certificate->n_chain; i++)
        X509_free(certificate->chain[i]);
    EVP_PKEY_free(certificate->key);
    *certificate = (struct tls_certificate){ 0 };
}

/* --- files ------------------------------------------------------------------------------------------------------ */

static enum dw_err file_read(const char *path, struct buffer *ret_text, char *ret_problem)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    ssize_t got = 1;

    if (fd < 0 || fstat(fd, &status) != 0)
        return refuse(ret_problem, "%.200s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return refuse(ret_problem, "%.200s is not a file", path);
    while (got != 0 && ret_text->len <= TLS_FILE_MAX_BYTES) {
        char *room = buffer_reserve(ret_text, 4096);
        if (room == NULL)
            return DW_ERR_NO_MEMORY;
        got = read(fd, room, 4096);
        if (got < 0 && errno != EINTR)
            return refuse(ret_problem, "%.200s: %s", path, strerror(errno));
        buffer_commit(ret_text, got > 0 ? (size_t)got : 0);
    }
    if (ret_text->len == 0)
        return refuse(ret_problem, "%.200s is empty", path);
    return ret_text->len > TLS_FILE_MAX_BYTES ? refuse(ret_problem, "%.200s is too long", path) : DW_OK;
}

/* --- what is in them -------------------------------------------------------------------------------------------- */

/* Nobody is asked for a password: there may be no terminal, and nobody at it. */
static int no_password(char *password, int size, int is_writing, void *context)
{
    return -1;
}

static enum dw_err chain_parse(BIO *bio, const char *path, struct tls_certificate *ret, char *ret_problem)
{
    ret->leaf = PEM_read_bio_X509(bio, NULL, no_password, NULL);
    if (ret->leaf == NULL)
        return refuse(ret_problem, "%.200s holds no certificate in PEM", path);
    for (X509 *next; (next = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL;) {
        if (ret->n_chain == TLS_CHAIN_MAX) {
            X509_free(next);
            return refuse(ret_problem, "%.200s holds more than %d certificates", path, TLS_CHAIN_MAX + 1);
        }
        ret->chain[ret->n_chain++] = next;
    }
    /* The file ends, or what begins like a certificate is none: half a file would leave clients without the chain. */
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
        return refuse(ret_problem, "%.200s: certificate %zu can't be read", path, ret->n_chain + 2);
    return crypto_failed(DW_OK);
}

static enum dw_err chain_read(const char *path, struct tls_certificate *ret, char *ret_problem)
{
    _cleanup_buffer_ struct buffer text = BUFFER_INIT(TLS_FILE_MAX_BYTES + 2 * 4096);

    TRY(file_read(path, &text, ret_problem));
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    if (bio == NULL)
        return DW_ERR_NO_MEMORY;
    const enum dw_err err = chain_parse(bio, path, ret, ret_problem);
    BIO_free(bio);
    return err;
}

static enum dw_err key_read(const char *path, struct tls_certificate *ret, char *ret_problem)
{
    _cleanup_buffer_ struct buffer text = BUFFER_INIT(TLS_FILE_MAX_BYTES + 2 * 4096);

    TRY(file_read(path, &text, ret_problem));
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    if (bio == NULL)
        return DW_ERR_NO_MEMORY;
    ret->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    BIO_free(bio);
    if (ret->key == NULL)
        return refuse(ret_problem, "%.200s holds no private key in PEM, or one with a password", path);
    return crypto_failed(DW_OK);
}

/* --- whether they are in order ---------------------------------------------------------------------------------- */

static enum dw_err key_check(const char *path, EVP_PKEY *key, char *ret_problem)
{
    static const int KINDS[] = { EVP_PKEY_RSA, EVP_PKEY_EC, EVP_PKEY_ED25519 };
    const int kind = EVP_PKEY_get_base_id(key);
    bool is_known = false;

    for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++)
        is_known |= kind == KINDS[i];
    if (!is_known)
        return refuse(ret_problem, "%.200s: the key is none of RSA, EC, Ed25519", path);
    if (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < 2048)
        return refuse(ret_problem, "%.200s: the key has less than 2048 bits", path);
    return DW_OK;
}

static bool seconds_until(const ASN1_TIME *time, int64_t *ret_s)
{
    int days = 0, seconds = 0;

    if (time == NULL || ASN1_TIME_diff(&days, &seconds, NULL, time) != 1)
        return false;
    *ret_s = (int64_t)days * 86400 + seconds;
    return true;
}

static enum dw_err dates_check(const char *path, struct tls_certificate *certificate, char *ret_problem)
{
    int64_t begins_in_s, ends_in_s;

    if (!seconds_until(X509_get0_notBefore(certificate->leaf), &begins_in_s) ||
        !seconds_until(X509_get0_notAfter(certificate->leaf), &ends_in_s))
        return refuse(ret_problem, "%.200s: the certificate's dates can't be read", path);
    if (ends_in_s < 0)
        return refuse(ret_problem, "%.200s: the certificate has expired", path);
    if (begins_in_s > 0)
        return refuse(ret_problem, "%.200s: the certificate is not valid yet", path);
    certificate->expires_s = dw_clock_now_s() + ends_in_s;
    return DW_OK;
}

enum dw_err tls_certificate_read(const char *certificate_file, const char *key_file,
                                 struct tls_certificate *ret_certificate, char ret_problem[DW_TLS_PROBLEM_SIZE])
{
    TRY(chain_read(certificate_file, ret_certificate, ret_problem));
    TRY(key_read(key_file, ret_certificate, ret_problem));
    TRY(key_check(key_file, ret_certificate->key, ret_problem));
    if (X509_check_private_key(ret_certificate->leaf, ret_certificate->key) != 1)
        return refuse(ret_problem, "%.200s is not the key of the first certificate in %.200s", key_file,
                      certificate_file);
    return dates_check(certificate_file, ret_certificate, ret_problem);
}
