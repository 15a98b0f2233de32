#include "crypto/algorithms.h"
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <pthread.h>

static struct algorithms fetched;
static pthread_once_t fetch_once = PTHREAD_ONCE_INIT;

static void fetch_all(void)
{
    fetched = (struct algorithms){
        .sha256 = EVP_MD_fetch(NULL, "SHA256", NULL),
        .sha384 = EVP_MD_fetch(NULL, "SHA384", NULL),
        .sha512 = EVP_MD_fetch(NULL, "SHA512", NULL),
        .hmac = EVP_MAC_fetch(NULL, "HMAC", NULL),
        .hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL),
        .aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL),
    };
    if (fetched.sha256 == NULL || fetched.sha384 == NULL || fetched.sha512 == NULL || fetched.hmac == NULL ||
        fetched.hkdf == NULL || fetched.aes_256_gcm == NULL) {
        fputs("doorward: OpenSSL does not offer SHA-2, HMAC, HKDF and AES-256-GCM\n", stderr);
        abort();
    }
}

const struct algorithms *algorithms_get(void)
{
    pthread_once(&fetch_once, fetch_all);
    return &fetched;
}

const EVP_MD *algorithms_sha2(unsigned bits)
{
    const struct algorithms *all = algorithms_get();

    switch (bits) {
    case 256:
        return all->sha256;
    case 384:
        return all->sha384;
    case 512:
        return all->sha512;
    default:
        return NULL;
    }
}

const char *algorithms_sha2_name(unsigned bits)
{
    const EVP_MD *md = algorithms_sha2(bits);

    return md != NULL ? EVP_MD_get0_name(md) : NULL;
}

enum dw_err crypto_failed(enum dw_err err)
{
    ERR_clear_error();
    return err;
}

enum dw_err algorithm_derive(EVP_KDF *kdf, const struct dw_secret *key, struct dw_str info, size_t size,
                             struct dw_secret *ret_key)
{
    _cleanup_secret_ struct dw_secret made = { calloc(1, size), size };
    if (made.bytes == NULL)
        return DW_ERR_NO_MEMORY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key->bytes, key->size),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (char *)info.ptr, info.len),
        OSSL_PARAM_construct_end(),
    };
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
    const bool done = context != NULL && EVP_KDF_derive(context, made.bytes, size, params) == 1;
    EVP_KDF_CTX_free(context);
    if (!done)
        return crypto_failed(DW_ERR_CRYPTO);
    *ret_key = TAKE_SECRET(made);
    return DW_OK;
}
