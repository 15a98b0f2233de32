#include "crypto/algorithms.h"
#include "crypto/context.h"
#include "crypto/key_internal.h"
#include <openssl/ec.h>
#include <openssl/rsa.h>

enum { EXPORT_ARENA_BYTES = 64 * 1024, HMAC_MAX_BYTES = 4096 };

void key_free(struct key **key)
{
    if (*key == NULL)
        return;
    context_forget((*key)->serial);
    EVP_PKEY_free((*key)->pkey);
    dw_secret_free(&(*key)->octets);
    free(*key);
    *key = NULL;
}

static enum dw_err make_pkey(const struct key_parts *parts, EVP_PKEY **ret_pkey)
{
    switch (parts->type) {
    case KEY_RSA:
        return key_rsa_make(parts, ret_pkey);
    case KEY_EC:
        return key_ec_make(parts, ret_pkey);
    case KEY_ED25519:
    case KEY_X25519:
        return key_okp_make(parts, ret_pkey);
    case KEY_HMAC:
        break;
    }
    return DW_ERR_ARGUMENT;
}

static enum dw_err import_hmac(const struct key_parts *parts, struct key *key)
{
    if (parts->k.len == 0 || parts->k.len > HMAC_MAX_BYTES)
        return parts->k.len == 0 ? DW_ERR_KEY_TOO_WEAK : DW_ERR_KEY_MALFORMED;
    key->bits = (unsigned)parts->k.len * 8;
    key->has_private = true;
    return dw_secret_copy(parts->k, &key->octets);
}

/* An RSA d that came without its primes can't be checked by arithmetic: sign and verify once. */
static enum dw_err check_pair(const struct key *key)
{
    static const struct key_scheme scheme = { KEY_RSA, 256, false };
    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t size = 0;

    if (key_sign(key, &scheme, DW_STR("pair"), signature, &size) != DW_OK ||
        key_verify(key, &scheme, DW_STR("pair"), dw_str_n(signature, size)) != DW_OK)
        return DW_ERR_KEY_MALFORMED;
    return DW_OK;
}

enum dw_err key_import(const struct key_parts *parts, struct key **ret_key)
{
    _cleanup_(key_free) struct key *key = calloc(1, sizeof *key);

    if (key == NULL)
        return DW_ERR_NO_MEMORY;
    key->type = parts->type;
    key->serial = context_serial_new();
    if (parts->type == KEY_HMAC) {
        TRY(import_hmac(parts, key));
    } else {
        TRY(make_pkey(parts, &key->pkey));
        key->bits = (unsigned)EVP_PKEY_get_bits(key->pkey);
        key->has_private = !dw_str_is_absent(parts->d);
        if (parts->type == KEY_RSA && key->has_private && dw_str_is_absent(parts->p))
            TRY(check_pair(key));
    }
    *ret_key = TAKE_PTR(key);
    return DW_OK;
}

enum dw_err key_from_params(const char *type, bool is_private, OSSL_PARAM *params, EVP_PKEY **ret_pkey)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *made = NULL;
    const int selection = is_private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY;
    const bool done = context != NULL && params != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
                      EVP_PKEY_fromdata(context, &made, selection, params) == 1;

    EVP_PKEY_CTX_free(context);
    if (!done) {
        EVP_PKEY_free(made);
        return crypto_failed(DW_ERR_KEY_MALFORMED);
    }
    *ret_pkey = made;
    return DW_OK;
}

enum dw_err key_pkey_parts(const EVP_PKEY *pkey, bool with_private, struct dw_arena *arena, struct key_parts *ret_parts)
{
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return key_rsa_parts(pkey, with_private, arena, ret_parts);
    if (EVP_PKEY_is_a(pkey, "EC"))
        return key_ec_parts(pkey, with_private, arena, ret_parts);
    if (EVP_PKEY_is_a(pkey, "ED25519") || EVP_PKEY_is_a(pkey, "X25519"))
        return key_okp_parts(pkey, with_private, arena, ret_parts);
    return DW_ERR_KEY_TYPE;
}

static enum dw_err generate_hmac(unsigned bits, struct key **ret_key)
{
    _cleanup_secret_ struct dw_secret octets = { 0 };

    TRY(dw_secret_random((bits + 7) / 8, &octets));
    const struct key_parts parts = { .type = KEY_HMAC, .k = dw_secret_borrow(&octets) };
    return key_import(&parts, ret_key);
}

static EVP_PKEY *generate_pkey(enum key_type type, unsigned bits)
{
    switch (type) {
    case KEY_RSA:
        return bits >= KEY_RSA_MIN_BITS && bits <= KEY_RSA_MAX_BITS ? EVP_RSA_gen(bits) : NULL;
    case KEY_EC:
        return EVP_EC_gen(bits == 256 ? "P-256" : bits == 384 ? "P-384" : "P-521");
    case KEY_ED25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case KEY_X25519:
        return EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    case KEY_HMAC:
        break;
    }
    return NULL;
}

enum dw_err key_generate(enum key_type type, unsigned bits, struct key **ret_key)
{
    if (type == KEY_HMAC)
        return generate_hmac(bits, ret_key);
    _cleanup_pkey_ EVP_PKEY *pkey = generate_pkey(type, bits);
    if (pkey == NULL)
        return crypto_failed(DW_ERR_ARGUMENT);
    _cleanup_arena_ struct dw_arena *arena = NULL;
    TRY(dw_arena_new(EXPORT_ARENA_BYTES, &arena));
    struct key_parts parts = { 0 };
    TRY(key_pkey_parts(pkey, true, arena, &parts));
    return key_import(&parts, ret_key);
}

enum key_type key_type_of(const struct key *key)
{
    return key->type;
}

unsigned key_bits(const struct key *key)
{
    return key->bits;
}

bool key_has_private(const struct key *key)
{
    return key->has_private;
}

const struct dw_secret *key_octets(const struct key *key)
{
    return &key->octets;
}

enum dw_err key_export(const struct key *key, bool with_private, struct dw_arena *arena, struct key_parts *ret_parts)
{
    if (with_private && !key->has_private)
        return DW_ERR_KEY_USE;
    if (key->type != KEY_HMAC)
        return key_pkey_parts(key->pkey, with_private, arena, ret_parts);
    struct key_parts parts = { .type = KEY_HMAC };
    if (with_private) {
        parts.k = dw_arena_copy(arena, dw_secret_borrow(&key->octets));
        if (dw_str_is_absent(parts.k))
            return DW_ERR_NO_MEMORY;
    }
    *ret_parts = parts;
    return DW_OK;
}
