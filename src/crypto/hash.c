#include "crypto/hash.h"
#include "crypto/algorithms.h"
#include "crypto/context.h"
#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/hmac.h>

enum dw_err hash_sha2(unsigned bits, struct dw_str data, unsigned char *ret_digest)
{
    const EVP_MD *md = algorithms_sha2(bits);
    EVP_MD_CTX *context = context_digest();

    if (md == NULL)
        return DW_ERR_ARGUMENT;
    if (context == NULL)
        return DW_ERR_NO_MEMORY;
    if (EVP_DigestInit_ex2(context, md, NULL) != 1 || EVP_DigestUpdate(context, data.ptr, data.len) != 1 ||
        EVP_DigestFinal_ex(context, ret_digest, NULL) != 1)
        return crypto_failed(DW_ERR_CRYPTO);
    return DW_OK;
}

enum dw_err hash_sha256(struct dw_str data, unsigned char ret_digest[SHA256_SIZE])
{
    return hash_sha2(256, data, ret_digest);
}

enum dw_err hash_sha1(struct dw_str data, unsigned char ret_digest[SHA1_SIZE])
{
    const bool done = EVP_Digest(data.ptr, data.len, ret_digest, NULL, EVP_sha1(), NULL) == 1;

    return done ? DW_OK : crypto_failed(DW_ERR_CRYPTO);
}

enum dw_err hmac_sha2_parts(unsigned bits, struct dw_str key, const struct dw_str *parts, size_t n_parts,
                            unsigned char *ret_mac)
{
    if (algorithms_sha2(bits) == NULL)
        return DW_ERR_ARGUMENT;
    EVP_MAC_CTX *context = context_hmac(bits);
    if (context == NULL)
        return crypto_failed(DW_ERR_NO_MEMORY);
    size_t size = 0;
    /* A NULL key would mean "the one before". */
    const unsigned char *bytes = (const unsigned char *)(key.len > 0 ? key.ptr : "");
    bool done = EVP_MAC_init(context, bytes, key.len, NULL) == 1;
    for (size_t i = 0; done && i < n_parts; i++)
        done = EVP_MAC_update(context, (const unsigned char *)parts[i].ptr, parts[i].len) == 1;
    done = done && EVP_MAC_final(context, ret_mac, &size, bits / 8) == 1;
    /* Keyed with nothing again: the context outlives the key. */
    const bool forgotten = EVP_MAC_init(context, (const unsigned char *)"", 0, NULL) == 1;
    return done && forgotten ? DW_OK : crypto_failed(DW_ERR_CRYPTO);
}

enum dw_err hmac_sha2(unsigned bits, struct dw_str key, struct dw_str data, unsigned char *ret_mac)
{
    return hmac_sha2_parts(bits, key, &data, 1, ret_mac);
}

enum dw_err hmac_sha256(const struct dw_secret *key, struct dw_str data, unsigned char ret_mac[SHA256_SIZE])
{
    return hmac_sha2(256, dw_secret_borrow(key), data, ret_mac);
}

enum dw_err hmac_sha1(struct dw_str key, struct dw_str data, unsigned char ret_mac[SHA1_SIZE])
{
    unsigned size = 0;

    if (key.len > INT_MAX || HMAC(EVP_sha1(), key.len > 0 ? key.ptr : "", (int)key.len,
                                  (const unsigned char *)data.ptr, data.len, ret_mac, &size) == NULL)
        return crypto_failed(DW_ERR_CRYPTO);
    return DW_OK;
}

enum dw_err hkdf_sha256(const struct dw_secret *key, struct dw_str info, size_t size, struct dw_secret *ret_key)
{
    if (size == 0 || size > 255 * SHA256_SIZE) /* RFC 5869 §2.3 */
        return DW_ERR_ARGUMENT;
    return algorithm_derive(algorithms_get()->hkdf, key, info, size, ret_key);
}
