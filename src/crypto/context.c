#include "crypto/context.h"
#include "crypto/algorithms.h"
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>

enum { SLOTS = 16, HASHES = 3 };

struct slot {
    EVP_MAC_CTX *mac;
    EVP_PKEY_CTX *pkey;
};

struct thread_contexts {
    uint64_t tags[SLOTS]; /* serial, use and hash in one number; 0: empty */
    struct slot slots[SLOTS];
    unsigned next; /* the slot to displace */
    EVP_MD_CTX *digest;
    EVP_MAC_CTX *hmac[HASHES];
};

static pthread_key_t at_thread_end;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static __thread struct thread_contexts *mine;

static void slot_clear(struct thread_contexts *contexts, unsigned i)
{
    EVP_MAC_CTX_free(contexts->slots[i].mac);
    EVP_PKEY_CTX_free(contexts->slots[i].pkey);
    contexts->slots[i] = (struct slot){ 0 };
    contexts->tags[i] = 0;
}

static void contexts_free(void *argument)
{
    struct thread_contexts *contexts = argument;

    for (unsigned i = 0; i < SLOTS; i++)
        slot_clear(contexts, i);
    EVP_MD_CTX_free(contexts->digest);
    for (unsigned i = 0; i < HASHES; i++)
        EVP_MAC_CTX_free(contexts->hmac[i]);
    free(contexts);
    mine = NULL;
}

static void key_make(void)
{
    if (pthread_key_create(&at_thread_end, contexts_free) != 0)
        abort();
}

static struct thread_contexts *contexts_get(void)
{
    if (mine != NULL)
        return mine;
    pthread_once(&key_once, key_make);
    struct thread_contexts *made = calloc(1, sizeof *made);
    if (made == NULL || pthread_setspecific(at_thread_end, made) != 0) {
        free(made);
        return NULL;
    }
    mine = made;
    return mine;
}

uint64_t context_serial_new(void)
{
    static atomic_uint_fast64_t last;

    return atomic_fetch_add_explicit(&last, 1, memory_order_relaxed) + 1;
}

static uint64_t tag_of(uint64_t serial, unsigned hash_bits, enum context_use use)
{
    return serial << 8 | (uint64_t)use << 4 | hash_bits / 128;
}

static struct slot *slot_find(struct thread_contexts *contexts, uint64_t tag)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (contexts->tags[i] == tag)
            return &contexts->slots[i];
    return NULL;
}

static void slot_put(struct thread_contexts *contexts, uint64_t tag, struct slot slot)
{
    unsigned i = contexts->next++ % SLOTS;

    slot_clear(contexts, i);
    contexts->tags[i] = tag;
    contexts->slots[i] = slot;
}

static EVP_MAC_CTX *hmac_new(unsigned hash_bits, struct dw_str key)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)algorithms_sha2_name(hash_bits), 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC_CTX *made = EVP_MAC_CTX_new(algorithms_get()->hmac);

    /* A NULL key would mean "the one before", an empty one is a key. */
    if (made != NULL && EVP_MAC_init(made, (const unsigned char *)(key.len > 0 ? key.ptr : ""), key.len, params) == 1)
        return made;
    EVP_MAC_CTX_free(made);
    return NULL;
}

/* Hash and padding; RFC 7518 §3.5 wants PSS's salt as long as the hash, MGF1 with the same hash (OpenSSL's default). */
static bool pkey_configure(EVP_PKEY_CTX *context, EVP_PKEY *pkey, unsigned hash_bits, enum context_use use)
{
    const bool is_pss = use == CONTEXT_VERIFY_PSS || use == CONTEXT_SIGN_PSS;
    const bool is_sign = use == CONTEXT_SIGN || use == CONTEXT_SIGN_PSS;

    if ((is_sign ? EVP_PKEY_sign_init(context) : EVP_PKEY_verify_init(context)) != 1)
        return false;
    if (EVP_PKEY_CTX_set_signature_md(context, algorithms_sha2(hash_bits)) != 1)
        return false;
    if (!EVP_PKEY_is_a(pkey, "RSA"))
        return true;
    if (EVP_PKEY_CTX_set_rsa_padding(context, is_pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
        return false;
    return !is_pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

/* What a slot is made from: `pkey`, or the octets of `mac_key`. */
struct ingredients {
    unsigned hash_bits;
    enum context_use use;
    struct dw_str mac_key;
    EVP_PKEY *pkey;
};

static bool slot_make(const struct ingredients *from, struct slot *ret_slot)
{
    struct slot made = { 0 };

    if (from->use == CONTEXT_MAC) {
        made.mac = hmac_new(from->hash_bits, from->mac_key);
    } else {
        made.pkey = EVP_PKEY_CTX_new_from_pkey(NULL, from->pkey, NULL);
        if (made.pkey != NULL && !pkey_configure(made.pkey, from->pkey, from->hash_bits, from->use)) {
            EVP_PKEY_CTX_free(made.pkey);
            made.pkey = NULL;
        }
    }
    *ret_slot = made;
    return made.mac != NULL || made.pkey != NULL;
}

/* This thread's slot for the serial number and use, made when it is not there. */
static enum dw_err slot_get(uint64_t serial, const struct ingredients *from, struct slot *ret_slot)
{
    const uint64_t tag = tag_of(serial, from->hash_bits, from->use);
    struct thread_contexts *contexts = contexts_get();

    if (contexts == NULL)
        return DW_ERR_NO_MEMORY;
    const struct slot *found = slot_find(contexts, tag);
    if (found != NULL) {
        *ret_slot = *found;
        return DW_OK;
    }
    struct slot made;
    if (!slot_make(from, &made))
        return crypto_failed(DW_ERR_CRYPTO);
    slot_put(contexts, tag, made);
    *ret_slot = made;
    return DW_OK;
}

enum dw_err context_mac(uint64_t serial, unsigned hash_bits, struct dw_str key, EVP_MAC_CTX **ret_context)
{
    const struct ingredients from = { .hash_bits = hash_bits, .use = CONTEXT_MAC, .mac_key = key };
    struct slot slot = { 0 };

    TRY(slot_get(serial, &from, &slot));
    *ret_context = slot.mac;
    return DW_OK;
}

enum dw_err context_pkey(uint64_t serial, unsigned hash_bits, enum context_use use, EVP_PKEY *pkey,
                         EVP_PKEY_CTX **ret_context)
{
    const struct ingredients from = { .hash_bits = hash_bits, .use = use, .pkey = pkey };
    struct slot slot = { 0 };

    TRY(slot_get(serial, &from, &slot));
    *ret_context = slot.pkey;
    return DW_OK;
}

EVP_MD_CTX *context_digest(void)
{
    struct thread_contexts *contexts = contexts_get();

    if (contexts != NULL && contexts->digest == NULL)
        contexts->digest = EVP_MD_CTX_new();
    return contexts != NULL ? contexts->digest : NULL;
}

EVP_MAC_CTX *context_hmac(unsigned hash_bits)
{
    struct thread_contexts *contexts = contexts_get();

    if (contexts == NULL || algorithms_sha2(hash_bits) == NULL)
        return NULL;
    EVP_MAC_CTX **slot = &contexts->hmac[hash_bits / 128 - 2];
    if (*slot == NULL)
        *slot = hmac_new(hash_bits, DW_STR(""));
    return *slot;
}

void context_forget(uint64_t serial)
{
    if (mine == NULL)
        return;
    for (unsigned i = 0; i < SLOTS; i++)
        if (mine->tags[i] >> 8 == serial)
            slot_clear(mine, i);
}
