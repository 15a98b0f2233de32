#include "crypto/content.h"
#include "crypto/algorithms.h"
#include "crypto/hash.h"

enum { BLOCK_SIZE = 16, GCM_TAG_SIZE = 16, TEXT_MAX_BYTES = 1 << 30, WRAPPED_MAX_BYTES = 4096, WRAPPED_MIN_BYTES = 24 };

/* One run of a cipher. Fetched each time: what JWE costs is elsewhere, and a server without it should not pay. */
struct run {
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *context;
};

static void run_free(struct run *run)
{
    EVP_CIPHER_CTX_free(run->context);
    EVP_CIPHER_free(run->cipher);
}

#define _cleanup_run_ _cleanup_(run_free)

static unsigned char *bytes_of(struct dw_str s)
{
    return (unsigned char *)s.ptr;
}

/* mode: "GCM", "CBC" or "WRAP" of AES with a key of key.len bytes. */
static enum dw_err run_start(struct run *run, const char *mode, struct dw_str key, struct dw_str iv, bool is_sealing)
{
    char name[32];

    snprintf(name, sizeof name, "AES-%zu-%s", key.len * 8, mode);
    run->cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    run->context = EVP_CIPHER_CTX_new();
    if (run->cipher == NULL || run->context == NULL)
        return crypto_failed(run->cipher == NULL ? DW_ERR_CRYPTO : DW_ERR_NO_MEMORY);
    if (EVP_CipherInit_ex2(run->context, run->cipher, bytes_of(key), bytes_of(iv), is_sealing, NULL) != 1)
        return crypto_failed(DW_ERR_CRYPTO);
    return DW_OK;
}

static bool run_update(struct run *run, unsigned char *out, struct dw_str in, size_t *ret_size)
{
    int written = 0;

    if (EVP_CipherUpdate(run->context, out, &written, bytes_of(in), (int)in.len) != 1)
        return false;
    *ret_size = (size_t)written;
    return true;
}

static bool run_finish(struct run *run, unsigned char *out, size_t *size)
{
    int written = 0;

    if (EVP_CipherFinal_ex(run->context, out + *size, &written) != 1)
        return false;
    *size += (size_t)written;
    return true;
}

/* --- AES-GCM (RFC 7518 §5.3) --- */

static enum dw_err gcm_seal(const struct dw_secret *key, struct dw_str associated, struct dw_str plain,
                            unsigned char *body, unsigned char *tag, struct content_box *box)
{
    _cleanup_run_ struct run run = { 0 };
    size_t size = 0;

    TRY(run_start(&run, "GCM", dw_secret_borrow(key), box->iv, true));
    if ((associated.len > 0 && !run_update(&run, NULL, associated, &size)) || !run_update(&run, body, plain, &size) ||
        !run_finish(&run, body, &size) ||
        EVP_CIPHER_CTX_ctrl(run.context, EVP_CTRL_AEAD_GET_TAG, GCM_TAG_SIZE, tag) != 1)
        return crypto_failed(DW_ERR_CRYPTO);
    box->body = dw_str_n(body, size);
    box->tag = dw_str_n(tag, GCM_TAG_SIZE);
    return DW_OK;
}

static enum dw_err gcm_open(const struct dw_secret *key, struct dw_str associated, const struct content_box *box,
                            struct dw_secret *plain)
{
    _cleanup_run_ struct run run = { 0 };
    size_t size = 0;

    if (box->iv.len != CONTENT_GCM_IV_SIZE || box->tag.len != GCM_TAG_SIZE)
        return DW_ERR_CRYPTO;
    TRY(run_start(&run, "GCM", dw_secret_borrow(key), box->iv, false));
    if ((associated.len > 0 && !run_update(&run, NULL, associated, &size)) ||
        !run_update(&run, plain->bytes, box->body, &size) ||
        EVP_CIPHER_CTX_ctrl(run.context, EVP_CTRL_AEAD_SET_TAG, GCM_TAG_SIZE, bytes_of(box->tag)) != 1 ||
        !run_finish(&run, plain->bytes, &size))
        return crypto_failed(DW_ERR_CRYPTO);
    plain->size = size;
    return DW_OK;
}

/* --- AES-CBC with HMAC (RFC 7518 §5.2): the key's first half authenticates, the second encrypts --- */

static struct dw_str mac_half(const struct dw_secret *key)
{
    return dw_str_n(key->bytes, key->size / 2);
}

static struct dw_str cipher_half(const struct dw_secret *key)
{
    return dw_str_n(key->bytes + key->size / 2, key->size / 2);
}

/* The MAC; its first half is the tag. HMAC's hash has as many bits as the whole key. */
static enum dw_err cbc_mac(const struct dw_secret *key, struct dw_str associated, const struct content_box *box,
                           unsigned char ret_mac[HASH_MAX_SIZE])
{
    unsigned char length[8];
    const uint64_t bits = (uint64_t)associated.len * 8;

    for (size_t i = 0; i < sizeof length; i++)
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    const struct dw_str parts[] = { associated, box->iv, box->body, dw_str_n(length, sizeof length) };
    return hmac_sha2_parts((unsigned)key->size * 8, mac_half(key), parts, ARRAY_SIZE(parts), ret_mac);
}

static enum dw_err cbc_seal(const struct dw_secret *key, struct dw_str associated, struct dw_str plain,
                            unsigned char *body, unsigned char *tag, struct content_box *box)
{
    _cleanup_run_ struct run run = { 0 };
    unsigned char mac[HASH_MAX_SIZE];
    size_t size = 0;

    TRY(run_start(&run, "CBC", cipher_half(key), box->iv, true));
    if (!run_update(&run, body, plain, &size) || !run_finish(&run, body, &size))
        return crypto_failed(DW_ERR_CRYPTO);
    box->body = dw_str_n(body, size);
    TRY(cbc_mac(key, associated, box, mac));
    memcpy(tag, mac, key->size / 2);
    box->tag = dw_str_n(tag, key->size / 2);
    return DW_OK;
}

static enum dw_err cbc_open(const struct dw_secret *key, struct dw_str associated, const struct content_box *box,
                            struct dw_secret *plain)
{
    _cleanup_run_ struct run run = { 0 };
    unsigned char mac[HASH_MAX_SIZE];
    size_t size = 0;

    if (box->iv.len != CONTENT_CBC_IV_SIZE || box->tag.len != key->size / 2)
        return DW_ERR_CRYPTO;
    TRY(cbc_mac(key, associated, box, mac));
    if (!dw_mem_eq(mac, box->tag.ptr, box->tag.len))
        return DW_ERR_CRYPTO;
    TRY(run_start(&run, "CBC", cipher_half(key), box->iv, false));
    if (!run_update(&run, plain->bytes, box->body, &size) || !run_finish(&run, plain->bytes, &size))
        return crypto_failed(DW_ERR_CRYPTO);
    plain->size = size;
    return DW_OK;
}

/* --- either --- */

enum dw_err content_seal(const struct content_scheme *scheme, const struct dw_secret *key, struct dw_str associated,
                         struct dw_str plain, struct dw_arena *arena, struct content_box *ret_box)
{
    const size_t iv_size = scheme->is_gcm ? CONTENT_GCM_IV_SIZE : CONTENT_CBC_IV_SIZE;

    if (key->size != content_key_size(scheme) || plain.len > TEXT_MAX_BYTES || associated.len > TEXT_MAX_BYTES)
        return DW_ERR_ARGUMENT;
    unsigned char *iv = dw_arena_alloc(arena, iv_size), *body = dw_arena_alloc(arena, plain.len + BLOCK_SIZE),
                  *tag = dw_arena_alloc(arena, HASH_MAX_SIZE / 2);
    if (iv == NULL || body == NULL || tag == NULL)
        return DW_ERR_NO_MEMORY;
    dw_random(iv, iv_size);
    struct content_box box = { .iv = dw_str_n(iv, iv_size) };
    TRY((scheme->is_gcm ? gcm_seal : cbc_seal)(key, associated, plain, body, tag, &box));
    *ret_box = box;
    return DW_OK;
}

enum dw_err content_open(const struct content_scheme *scheme, const struct dw_secret *key, struct dw_str associated,
                         const struct content_box *box, struct dw_secret *ret_plain)
{
    if (key->size != content_key_size(scheme) || box->body.len > TEXT_MAX_BYTES || associated.len > TEXT_MAX_BYTES)
        return DW_ERR_ARGUMENT;
    const size_t capacity = box->body.len + BLOCK_SIZE;
    _cleanup_secret_ struct dw_secret plain = { calloc(1, capacity), capacity };
    if (plain.bytes == NULL)
        return DW_ERR_NO_MEMORY;
    TRY((scheme->is_gcm ? gcm_open : cbc_open)(key, associated, box, &plain));
    *ret_plain = TAKE_SECRET(plain);
    return DW_OK;
}

/* --- AES key wrap --- */

static bool is_wrapping_key(const struct dw_secret *wrapping)
{
    return wrapping->size == 16 || wrapping->size == 24 || wrapping->size == 32;
}

/* RFC 3394 §2: two blocks of 64 bits or more. */
static bool is_wrapped_size(size_t size)
{
    return size >= WRAPPED_MIN_BYTES && size <= WRAPPED_MAX_BYTES && size % 8 == 0;
}

enum dw_err key_wrap(const struct dw_secret *wrapping, const struct dw_secret *key, struct dw_arena *arena,
                     struct dw_str *ret_wrapped)
{
    _cleanup_run_ struct run run = { 0 };
    size_t size = 0;

    if (!is_wrapping_key(wrapping) || !is_wrapped_size(key->size + KEY_WRAP_OVERHEAD))
        return DW_ERR_ARGUMENT;
    unsigned char *wrapped = dw_arena_alloc(arena, key->size + 2 * KEY_WRAP_OVERHEAD);
    if (wrapped == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(run_start(&run, "WRAP", dw_secret_borrow(wrapping), dw_str_n(NULL, 0), true));
    if (!run_update(&run, wrapped, dw_secret_borrow(key), &size) || size != key->size + KEY_WRAP_OVERHEAD)
        return crypto_failed(DW_ERR_CRYPTO);
    *ret_wrapped = dw_str_n(wrapped, size);
    return DW_OK;
}

enum dw_err key_unwrap(const struct dw_secret *wrapping, struct dw_str wrapped, struct dw_secret *ret_key)
{
    _cleanup_run_ struct run run = { 0 };
    size_t size = 0;

    if (!is_wrapping_key(wrapping))
        return DW_ERR_ARGUMENT;
    if (!is_wrapped_size(wrapped.len))
        return DW_ERR_CRYPTO;
    _cleanup_secret_ struct dw_secret key = { calloc(1, wrapped.len), wrapped.len };
    if (key.bytes == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(run_start(&run, "WRAP", dw_secret_borrow(wrapping), dw_str_n(NULL, 0), false));
    if (!run_update(&run, key.bytes, wrapped, &size) || size != wrapped.len - KEY_WRAP_OVERHEAD)
        return crypto_failed(DW_ERR_CRYPTO);
    dw_wipe(key.bytes + size, key.size - size);
    key.size = size;
    *ret_key = TAKE_SECRET(key);
    return DW_OK;
}
