#include "password/scheme.h"

#include "base/clock.h"
#include "password/metrics.h"
#include "password/slots.h"

#include <sched.h>

enum { WORKERS_MAX = 1024 };

struct dw_passwords {
    struct slots *slots;
    size_t max_bytes;
    struct password_hash preferred; /* the parameters of new hashes */
    struct password_hash dummy;     /* random salt and hash: nothing matches it, and nothing was spent on making it */
};

/* Cores that this process may use, not those of the machine. */
static unsigned count_cores(void)
{
    cpu_set_t cores;
    return sched_getaffinity(0, sizeof(cores), &cores) == 0 ? (unsigned)MAX_OF(CPU_COUNT(&cores), 1) : 1;
}

static struct dw_password_info preferred_params(const struct dw_password_config *config)
{
    const struct password_scheme *scheme =
        password_scheme_by_id(config->preferred != 0 ? config->preferred : DW_PASSWORD_ARGON2ID);

    return (struct dw_password_info){
        .scheme = scheme == NULL ? "" : scheme->defaults.scheme,
        .memory_kib = config->argon2_memory_kib,
        .time = config->argon2_time,
        .lanes = config->argon2_lanes,
        .log2_n = config->scrypt_log2_n,
        .r = config->scrypt_r,
        .p = config->scrypt_p,
        .cost = config->bcrypt_cost,
    };
}

void dw_passwords_free(struct dw_passwords **passwords)
{
    if (passwords == NULL || *passwords == NULL)
        return;
    slots_free(&(*passwords)->slots);
    dw_wipe(*passwords, sizeof(**passwords));
    free(*passwords);
    *passwords = NULL;
}

enum dw_err dw_passwords_new(const struct dw_password_config *config, struct dw_passwords **ret_passwords)
{
    if (config == NULL || ret_passwords == NULL)
        return DW_ERR_ARGUMENT;
    struct dw_password_info params = preferred_params(config);
    const unsigned workers = config->workers != 0 ? config->workers : count_cores();
    struct password_hash argon2;

    if (workers > WORKERS_MAX)
        return DW_ERR_SETTING;
    _cleanup_(dw_passwords_free) struct dw_passwords *passwords = calloc(1, sizeof(*passwords));
    if (passwords == NULL)
        return DW_ERR_NO_MEMORY;
    passwords->max_bytes = config->max_bytes != 0 ? config->max_bytes : PASSWORD_MAX_BYTES;
    TRY(password_hash_prepare(&params, &passwords->preferred));
    passwords->dummy = passwords->preferred;
    dw_random(passwords->dummy.salt, passwords->dummy.info.salt_size);
    dw_random(passwords->dummy.hash, passwords->dummy.info.hash_size);

    /* Also when another scheme is preferred: stored hashes may still be Argon2's, and untouched pages cost nothing. */
    params.scheme = "argon2id";
    TRY(password_hash_prepare(&params, &argon2));
    TRY(slots_new(workers, (size_t)argon2.info.memory_kib * 1024, &passwords->slots));
    *ret_passwords = TAKE_PTR(passwords);
    return DW_OK;
}

static enum dw_err derive_in_slot(struct dw_passwords *passwords, const struct password_hash *hash,
                                  struct dw_str password, unsigned char ret_bytes[PASSWORD_HASH_MAX])
{
    const bool is_measured = metric_is_on(&HASH_TIME);
    const int64_t lined_up_ns = is_measured ? clock_monotonic_ns() : 0;

    slots_enter(passwords->slots);
    const int64_t begun_ns = is_measured ? clock_monotonic_ns() : 0;
    metric_add(&HASHES_RUNNING, 0, 1);
    const enum dw_err err = password_derive(hash, password, ret_bytes);
    metric_add(&HASHES_RUNNING, 0, -1);
    slots_leave(passwords->slots);
    if (is_measured) {
        metric_observe(&HASH_WAIT_TIME, 0, (uint64_t)(begun_ns - lined_up_ns));
        metric_observe(&HASH_TIME, password_scheme_number(hash->scheme), (uint64_t)(clock_monotonic_ns() - begun_ns));
    }
    return err;
}

enum dw_err dw_password_hash(struct dw_passwords *passwords, const struct dw_secret *password,
                             char ret_encoded[DW_PASSWORD_ENCODED_MAX])
{
    if (passwords == NULL || password == NULL || ret_encoded == NULL)
        return DW_ERR_ARGUMENT;
    struct password_hash hash = passwords->preferred;
    const struct dw_str bytes = dw_secret_borrow(password);

    TRY(password_check_bytes(hash.scheme, bytes, passwords->max_bytes));
    dw_random(hash.salt, hash.info.salt_size);
    TRY(derive_in_slot(passwords, &hash, bytes, hash.hash));
    password_encode(&hash, ret_encoded);
    return DW_OK;
}

/* Whether any parameter is weaker than what a new hash would get. Those of other schemes are zero on both sides. */
static bool is_below(const struct password_hash *hash, const struct password_hash *wanted)
{
    const struct dw_password_info *is = &hash->info, *want = &wanted->info;

    return hash->scheme != wanted->scheme || is->memory_kib < want->memory_kib || is->time < want->time ||
           is->lanes < want->lanes || is->version < want->version || is->log2_n < want->log2_n || is->r < want->r ||
           is->p < want->p || is->cost < want->cost || is->salt_size < want->salt_size ||
           is->hash_size < want->hash_size;
}

enum dw_err dw_password_verify(struct dw_passwords *passwords, struct dw_str encoded, const struct dw_secret *password,
                               bool *ret_matches, bool *ret_needs_rehash)
{
    if (passwords == NULL || password == NULL || ret_matches == NULL)
        return DW_ERR_ARGUMENT;
    unsigned char derived[PASSWORD_HASH_MAX];
    const struct dw_str bytes = dw_secret_borrow(password);
    struct password_hash hash;
    bool matches = false;

    TRY(password_decode(encoded, &hash));
    if (password_check_bytes(hash.scheme, bytes, passwords->max_bytes) == DW_OK) {
        TRY(derive_in_slot(passwords, &hash, bytes, derived));
        matches = dw_mem_eq(derived, hash.hash, hash.info.hash_size);
        dw_wipe(derived, sizeof(derived));
    } else {
        dw_password_verify_dummy(passwords, password);
    }
    *ret_matches = matches;
    if (ret_needs_rehash != NULL)
        *ret_needs_rehash = matches && is_below(&hash, &passwords->preferred);
    return DW_OK;
}

void dw_password_verify_dummy(struct dw_passwords *passwords, const struct dw_secret *password)
{
    if (passwords == NULL || password == NULL)
        return;
    unsigned char derived[PASSWORD_HASH_MAX];
    struct dw_str bytes = dw_secret_borrow(password);

    /* One that could not be hashed must not cost more or less for that: the scheme's own work is the same for all. */
    if (password_check_bytes(passwords->dummy.scheme, bytes, passwords->max_bytes) != DW_OK)
        bytes = DW_STR("");
    if (derive_in_slot(passwords, &passwords->dummy, bytes, derived) == DW_OK)
        dw_wipe(derived, sizeof(derived));
}

enum dw_err dw_password_info(struct dw_str encoded, struct dw_password_info *ret_info)
{
    struct password_hash hash;

    if (ret_info == NULL)
        return DW_ERR_ARGUMENT;
    TRY(password_decode(encoded, &hash));
    *ret_info = hash.info;
    return DW_OK;
}
