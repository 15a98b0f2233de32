/* PEM (RFC 7468) and the legacy labels of PKCS#1 and SEC1. */
#include "crypto/algorithms.h"
#include "crypto/key_internal.h"
#include <openssl/bio.h>
#include <openssl/decoder.h>

enum { PEM_MAX_BYTES = 64 * 1024, PARTS_ARENA_BYTES = 64 * 1024 };

static const struct label {
    const char *begin;
    const char *structure; /* OpenSSL's name */
    bool is_private;
} LABELS[] = {
    { "-----BEGIN PRIVATE KEY-----", "PrivateKeyInfo", true },
    { "-----BEGIN PUBLIC KEY-----", "SubjectPublicKeyInfo", false },
    { "-----BEGIN RSA PRIVATE KEY-----", "type-specific", true },
    { "-----BEGIN RSA PUBLIC KEY-----", "type-specific", false },
    { "-----BEGIN EC PRIVATE KEY-----", "type-specific", true },
};

/* From the first block that holds a key: `openssl ecparam -genkey` writes the parameters before it. */
static const struct label *label_find(struct dw_str pem, struct dw_str *ret_block)
{
    const struct label *found = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(LABELS); i++) {
        const char *at = memmem(pem.ptr, pem.len, LABELS[i].begin, strlen(LABELS[i].begin));
        if (at == NULL || (found != NULL && at > ret_block->ptr))
            continue;
        found = &LABELS[i];
        *ret_block = dw_str_n(at, pem.len - (size_t)(at - pem.ptr));
    }
    return found;
}

static enum dw_err decode(struct dw_str block, const struct label *label, EVP_PKEY **ret_pkey)
{
    EVP_PKEY *pkey = NULL;
    const int selection = label->is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    OSSL_DECODER_CTX *decoder =
        OSSL_DECODER_CTX_new_for_pkey(&pkey, "PEM", label->structure, NULL, selection, NULL, NULL);
    BIO *bio = BIO_new_mem_buf(block.ptr, (int)block.len);
    /* An encrypted key must be refused, not asked about on the terminal. */
    const bool done = decoder != NULL && bio != NULL &&
                      OSSL_DECODER_CTX_set_passphrase(decoder, (const unsigned char *)"", 0) == 1 &&
                      OSSL_DECODER_from_bio(decoder, bio) == 1 && pkey != NULL;

    BIO_free(bio);
    OSSL_DECODER_CTX_free(decoder);
    if (!done) {
        EVP_PKEY_free(pkey);
        return crypto_failed(DW_ERR_KEY_MALFORMED);
    }
    *ret_pkey = pkey;
    return crypto_failed(DW_OK);
}

enum dw_err key_import_pem(struct dw_str pem, struct key **ret_key)
{
    struct dw_str block = { 0 };

    if (pem.len == 0 || pem.len > PEM_MAX_BYTES)
        return DW_ERR_KEY_MALFORMED;
    const struct label *label = label_find(pem, &block);
    if (label == NULL)
        return DW_ERR_KEY_MALFORMED;
    _cleanup_pkey_ EVP_PKEY *pkey = NULL;
    TRY(decode(block, label, &pkey));
    _cleanup_arena_ struct dw_arena *arena = NULL;
    TRY(dw_arena_new(PARTS_ARENA_BYTES, &arena));
    struct key_parts parts = { 0 };
    TRY(key_pkey_parts(pkey, label->is_private, arena, &parts));
    return key_import(&parts, ret_key);
}
