#include "crypto/key_exchange.h"
#include "crypto/algorithms.h"
#include "crypto/key_internal.h"
#include <openssl/core_names.h>
#include <openssl/rsa.h>

enum { CONCAT_KEY_MAX = 1024 };

static void pkey_context_free(EVP_PKEY_CTX **context)
{
    EVP_PKEY_CTX_free(*context);
}

#define _cleanup_pkey_context_ _cleanup_(pkey_context_free)

static const unsigned char *bytes_of(struct dw_str s)
{
    return (const unsigned char *)s.ptr;
}

/* --- RSAES-OAEP --- */

static const EVP_MD *oaep_hash(unsigned hash_bits)
{
    return hash_bits == 160 ? EVP_sha1() : hash_bits == 256 ? algorithms_get()->sha256 : NULL;
}

static bool oaep_configure(EVP_PKEY_CTX *context, const EVP_MD *hash)
{
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(context, hash) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(context, hash) == 1;
}

enum dw_err key_oaep_encrypt(const struct key *key, unsigned hash_bits, struct dw_str plain, struct dw_arena *arena,
                             struct dw_str *ret_encrypted)
{
    const EVP_MD *hash = oaep_hash(hash_bits);

    if (key->type != KEY_RSA || hash == NULL)
        return DW_ERR_ARGUMENT;
    _cleanup_pkey_context_ EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    unsigned char *encrypted = dw_arena_alloc(arena, KEY_SIGNATURE_MAX);
    size_t size = KEY_SIGNATURE_MAX;
    if (context == NULL || encrypted == NULL)
        return crypto_failed(DW_ERR_NO_MEMORY);
    if (EVP_PKEY_encrypt_init(context) != 1 || !oaep_configure(context, hash) ||
        EVP_PKEY_encrypt(context, encrypted, &size, bytes_of(plain), plain.len) != 1)
        return crypto_failed(DW_ERR_CRYPTO);
    *ret_encrypted = dw_str_n(encrypted, size);
    return DW_OK;
}

enum dw_err key_oaep_decrypt(const struct key *key, unsigned hash_bits, struct dw_str encrypted,
                             struct dw_secret *ret_plain)
{
    const EVP_MD *hash = oaep_hash(hash_bits);

    if (key->type != KEY_RSA || hash == NULL)
        return DW_ERR_ARGUMENT;
    if (!key->has_private)
        return DW_ERR_KEY_USE;
    if (encrypted.len != key_coordinate_size(key->bits)) /* RFC 8017 §7.1.2, step 1b */
        return DW_ERR_CRYPTO;
    _cleanup_pkey_context_ EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    _cleanup_secret_ struct dw_secret plain = { calloc(1, KEY_SIGNATURE_MAX), KEY_SIGNATURE_MAX };
    if (context == NULL || plain.bytes == NULL)
        return crypto_failed(DW_ERR_NO_MEMORY);
    size_t size = KEY_SIGNATURE_MAX;
    const bool done = EVP_PKEY_decrypt_init(context) == 1 && oaep_configure(context, hash) &&
                      EVP_PKEY_decrypt(context, plain.bytes, &size, bytes_of(encrypted), encrypted.len) == 1;
    const enum dw_err err = crypto_failed(done ? DW_OK : DW_ERR_CRYPTO);
    TRY(err);
    return dw_secret_copy(dw_str_n(plain.bytes, size), ret_plain);
}

/* --- Diffie-Hellman --- */

enum dw_err key_agree(const struct key *ours, const struct key *theirs, struct dw_secret *ret_shared)
{
    const bool is_curve = ours->type == KEY_EC || ours->type == KEY_X25519;

    if (!is_curve || ours->type != theirs->type || ours->bits != theirs->bits)
        return DW_ERR_KEY_TYPE;
    if (!ours->has_private)
        return DW_ERR_KEY_USE;
    const size_t size = key_coordinate_size(ours->bits);
    _cleanup_pkey_context_ EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, ours->pkey, NULL);
    _cleanup_secret_ struct dw_secret shared = { calloc(1, size), size };
    size_t written = size;
    if (context == NULL || shared.bytes == NULL)
        return crypto_failed(DW_ERR_NO_MEMORY);
    /* An all-zero secret, of a point of small order, is an error here (RFC 7748 §6.1). */
    if (EVP_PKEY_derive_init(context) != 1 || EVP_PKEY_derive_set_peer(context, theirs->pkey) != 1 ||
        EVP_PKEY_derive(context, shared.bytes, &written) != 1 || written != size)
        return crypto_failed(DW_ERR_CRYPTO);
    *ret_shared = TAKE_SECRET(shared);
    return DW_OK;
}

enum dw_err concat_kdf(const struct dw_secret *shared, struct dw_str context, size_t size, struct dw_secret *ret_key)
{
    if (size == 0 || size > CONCAT_KEY_MAX || shared->size == 0)
        return DW_ERR_ARGUMENT;
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SSKDF", NULL);
    if (kdf == NULL)
        return crypto_failed(DW_ERR_CRYPTO);
    const enum dw_err err = algorithm_derive(kdf, shared, context, size, ret_key);
    EVP_KDF_free(kdf);
    return err;
}
