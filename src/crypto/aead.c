#include "crypto/aead.h"
#include "crypto/algorithms.h"

enum { NONCE_SIZE = 12, TAG_SIZE = 16 };

static void cipher_free(EVP_CIPHER_CTX **context)
{
    EVP_CIPHER_CTX_free(*context);
}

/* Lengths reach OpenSSL as int. */
static bool fits(struct dw_str s)
{
    return s.len <= INT32_MAX - AEAD_OVERHEAD;
}

enum dw_err aead_seal(const struct dw_secret *key, struct dw_str context, struct dw_str plain, struct dw_arena *arena,
                      struct dw_str *ret_sealed)
{
    if (key->size != AEAD_KEY_SIZE || !fits(context) || !fits(plain))
        return DW_ERR_ARGUMENT;
    unsigned char *sealed = dw_arena_alloc(arena, plain.len + AEAD_OVERHEAD);
    _cleanup_(cipher_free) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (sealed == NULL || cipher == NULL)
        return DW_ERR_NO_MEMORY;
    unsigned char *body = sealed + NONCE_SIZE;
    int written = 0;
    dw_random(sealed, NONCE_SIZE);
    if (EVP_EncryptInit_ex2(cipher, algorithms_get()->aes_256_gcm, key->bytes, sealed, NULL) != 1 ||
        EVP_EncryptUpdate(cipher, NULL, &written, (const unsigned char *)context.ptr, (int)context.len) != 1 ||
        EVP_EncryptUpdate(cipher, body, &written, (const unsigned char *)plain.ptr, (int)plain.len) != 1 ||
        EVP_EncryptFinal_ex(cipher, body + plain.len, &written) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, body + plain.len) != 1)
        return crypto_failed(DW_ERR_CRYPTO);
    *ret_sealed = dw_str_n(sealed, plain.len + AEAD_OVERHEAD);
    return DW_OK;
}

enum dw_err aead_open(const struct dw_secret *key, struct dw_str context, struct dw_str sealed,
                      struct dw_secret *ret_plain)
{
    if (key->size != AEAD_KEY_SIZE || !fits(context))
        return DW_ERR_ARGUMENT;
    if (sealed.len < AEAD_OVERHEAD || !fits(sealed))
        return DW_ERR_CRYPTO;
    const size_t size = sealed.len - AEAD_OVERHEAD;
    const unsigned char *nonce = (const unsigned char *)sealed.ptr, *body = nonce + NONCE_SIZE;
    /* One byte more: an empty plain text is a secret too, and calloc(0) may be NULL. */
    _cleanup_secret_ struct dw_secret plain = { calloc(1, size + 1), size };
    _cleanup_(cipher_free) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (plain.bytes == NULL || cipher == NULL)
        return DW_ERR_NO_MEMORY;
    int written = 0;
    if (EVP_DecryptInit_ex2(cipher, algorithms_get()->aes_256_gcm, key->bytes, nonce, NULL) != 1 ||
        EVP_DecryptUpdate(cipher, NULL, &written, (const unsigned char *)context.ptr, (int)context.len) != 1 ||
        EVP_DecryptUpdate(cipher, plain.bytes, &written, body, (int)size) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, (void *)(body + size)) != 1 ||
        EVP_DecryptFinal_ex(cipher, plain.bytes + size, &written) != 1)
        return crypto_failed(DW_ERR_CRYPTO);
    *ret_plain = TAKE_SECRET(plain);
    return DW_OK;
}
