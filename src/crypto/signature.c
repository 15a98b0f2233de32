/* key_sign() and key_verify(): RFC 7518 §3, RFC 8037 §3.1. */
#include "crypto/algorithms.h"
#include "crypto/context.h"
#include "crypto/hash.h"
#include "crypto/key_internal.h"
#include <openssl/ec.h>

enum {
    COORDINATE_MAX = 66,
    DER_INTEGER_MAX = 2 + 1 + COORDINATE_MAX,
    DER_MAX = 3 + 2 * DER_INTEGER_MAX,
    ED25519_SIGNATURE = 64,
};

static unsigned char *bytes_of(struct dw_str s)
{
    return (unsigned char *)s.ptr;
}

/* --- ECDSA: R‖S to DER and back (X.690; RFC 3279 §2.2.3) --- */

/* Appends the INTEGER of an unsigned number of `size` bytes; returns the bytes written. */
static size_t der_put_integer(const unsigned char *number, size_t size, unsigned char *out)
{
    while (size > 1 && number[0] == 0) {
        number++;
        size--;
    }
    const size_t sign = number[0] >> 7; /* a set top bit would read as negative */

    out[0] = 0x02;
    out[1] = (unsigned char)(size + sign);
    out[2] = 0;
    memcpy(out + 2 + sign, number, size);
    return 2 + sign + size;
}

static size_t der_put_signature(const unsigned char *rs, size_t coordinate, unsigned char out[DER_MAX])
{
    unsigned char body[2 * DER_INTEGER_MAX];
    size_t size = der_put_integer(rs, coordinate, body);

    size += der_put_integer(rs + coordinate, coordinate, body + size);
    const size_t head = size < 128 ? 2 : 3;
    out[0] = 0x30;
    if (head == 3)
        out[1] = 0x81;
    out[head - 1] = (unsigned char)size;
    memcpy(out + head, body, size);
    return head + size;
}

/* Reads OpenSSL's own DER; ECDSA_SIG is left to it. */
static enum dw_err der_to_rs(const unsigned char *der, size_t size, size_t coordinate, unsigned char *ret_rs)
{
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &der, (long)size);
    const bool done = parsed != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(parsed), ret_rs, (int)coordinate) >= 0 &&
                      BN_bn2binpad(ECDSA_SIG_get0_s(parsed), ret_rs + coordinate, (int)coordinate) >= 0;

    ECDSA_SIG_free(parsed);
    return done ? DW_OK : crypto_failed(DW_ERR_CRYPTO);
}

/* --- HMAC --- */

static enum dw_err mac(const struct key *key, unsigned hash_bits, struct dw_str message,
                       unsigned char ret_mac[HASH_MAX_SIZE])
{
    EVP_MAC_CTX *context = NULL;
    size_t size = 0;

    TRY(context_mac(key->serial, hash_bits, dw_secret_borrow(&key->octets), &context));
    if (EVP_MAC_init(context, NULL, 0, NULL) != 1 || EVP_MAC_update(context, bytes_of(message), message.len) != 1 ||
        EVP_MAC_final(context, ret_mac, &size, HASH_MAX_SIZE) != 1)
        return crypto_failed(DW_ERR_CRYPTO);
    return DW_OK;
}

static enum dw_err mac_verify(const struct key *key, unsigned hash_bits, struct dw_str message, struct dw_str signature)
{
    unsigned char expected[HASH_MAX_SIZE];

    if (signature.len != hash_bits / 8)
        return DW_ERR_JOSE_SIGNATURE;
    TRY(mac(key, hash_bits, message, expected));
    return dw_mem_eq(expected, signature.ptr, signature.len) ? DW_OK : DW_ERR_JOSE_SIGNATURE;
}

/* --- Ed25519: the whole message, no hash of ours --- */

static enum dw_err ed25519_sign(const struct key *key, struct dw_str message, unsigned char *ret_signature,
                                size_t *ret_size)
{
    EVP_MD_CTX *context = context_digest();
    size_t size = ED25519_SIGNATURE;

    if (context == NULL)
        return DW_ERR_NO_MEMORY;
    EVP_MD_CTX_reset(context);
    if (EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) != 1 ||
        EVP_DigestSign(context, ret_signature, &size, bytes_of(message), message.len) != 1)
        return crypto_failed(DW_ERR_CRYPTO);
    EVP_MD_CTX_reset(context);
    *ret_size = size;
    return DW_OK;
}

static enum dw_err ed25519_verify(const struct key *key, struct dw_str message, struct dw_str signature)
{
    EVP_MD_CTX *context = context_digest();

    if (context == NULL)
        return DW_ERR_NO_MEMORY;
    if (signature.len != ED25519_SIGNATURE)
        return DW_ERR_JOSE_SIGNATURE;
    EVP_MD_CTX_reset(context);
    const bool matches = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
                         EVP_DigestVerify(context, bytes_of(signature), signature.len, bytes_of(message),
                                          message.len) == 1;
    EVP_MD_CTX_reset(context);
    return matches ? DW_OK : crypto_failed(DW_ERR_JOSE_SIGNATURE);
}

/* --- RSA and ECDSA: over a digest --- */

static enum dw_err digest_sign(const struct key *key, const struct key_scheme *scheme, struct dw_str message,
                               unsigned char *ret_signature, size_t *ret_size)
{
    unsigned char digest[HASH_MAX_SIZE], signature[KEY_SIGNATURE_MAX];
    size_t size = sizeof signature;
    EVP_PKEY_CTX *context = NULL;

    TRY(hash_sha2(scheme->hash_bits, message, digest));
    TRY(context_pkey(key->serial, scheme->hash_bits, scheme->is_pss ? CONTEXT_SIGN_PSS : CONTEXT_SIGN, key->pkey,
                     &context));
    if (EVP_PKEY_sign(context, signature, &size, digest, scheme->hash_bits / 8) != 1)
        return crypto_failed(DW_ERR_CRYPTO);
    if (scheme->type == KEY_EC) {
        const size_t coordinate = key_coordinate_size(key->bits);
        TRY(der_to_rs(signature, size, coordinate, ret_signature));
        size = 2 * coordinate;
    } else {
        memcpy(ret_signature, signature, size);
    }
    *ret_size = size;
    return DW_OK;
}

static enum dw_err digest_verify(const struct key *key, const struct key_scheme *scheme, struct dw_str message,
                                 struct dw_str signature)
{
    unsigned char digest[HASH_MAX_SIZE], der[DER_MAX];
    EVP_PKEY_CTX *context = NULL;
    const size_t coordinate = key_coordinate_size(key->bits);

    /* RFC 8017 §8.1.2, §8.2.2 and RFC 7518 §3.4: exactly this long. OpenSSL would take a shorter RSA number. */
    if (signature.len != (scheme->type == KEY_EC ? 2 * coordinate : coordinate))
        return DW_ERR_JOSE_SIGNATURE;
    TRY(hash_sha2(scheme->hash_bits, message, digest));
    TRY(context_pkey(key->serial, scheme->hash_bits, scheme->is_pss ? CONTEXT_VERIFY_PSS : CONTEXT_VERIFY, key->pkey,
                     &context));
    if (scheme->type == KEY_EC)
        signature = dw_str_n(der, der_put_signature(bytes_of(signature), coordinate, der));
    if (EVP_PKEY_verify(context, bytes_of(signature), signature.len, digest, scheme->hash_bits / 8) != 1)
        return crypto_failed(DW_ERR_JOSE_SIGNATURE);
    return DW_OK;
}

/* Whether the scheme is one that this key can serve at all. */
static bool scheme_fits(const struct key *key, const struct key_scheme *scheme)
{
    if (key->type != scheme->type || scheme->type == KEY_X25519)
        return false;
    return scheme->type == KEY_ED25519 || algorithms_sha2(scheme->hash_bits) != NULL;
}

enum dw_err key_sign(const struct key *key, const struct key_scheme *scheme, struct dw_str message,
                     unsigned char ret_signature[KEY_SIGNATURE_MAX], size_t *ret_size)
{
    if (!scheme_fits(key, scheme))
        return DW_ERR_ARGUMENT;
    if (!key->has_private)
        return DW_ERR_KEY_USE;
    switch (scheme->type) {
    case KEY_HMAC:
        TRY(mac(key, scheme->hash_bits, message, ret_signature));
        *ret_size = scheme->hash_bits / 8;
        return DW_OK;
    case KEY_ED25519:
        return ed25519_sign(key, message, ret_signature, ret_size);
    case KEY_RSA:
    case KEY_EC:
    case KEY_X25519:
        break;
    }
    return digest_sign(key, scheme, message, ret_signature, ret_size);
}

enum dw_err key_verify(const struct key *key, const struct key_scheme *scheme, struct dw_str message,
                       struct dw_str signature)
{
    if (!scheme_fits(key, scheme))
        return DW_ERR_ARGUMENT;
    switch (scheme->type) {
    case KEY_HMAC:
        return mac_verify(key, scheme->hash_bits, message, signature);
    case KEY_ED25519:
        return ed25519_verify(key, message, signature);
    case KEY_RSA:
    case KEY_EC:
    case KEY_X25519:
        break;
    }
    return digest_verify(key, scheme, message, signature);
}
