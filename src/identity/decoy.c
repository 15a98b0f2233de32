#include "identity/decoy.h"

#include "crypto/hash.h"

enum { TEXT_MAX = 512, SAMPLE_ARENA = 64 * 1024 };

/* The last characters of an id are random: the least of them are a fair choice, and much the same one each time. */
static const struct statement DECOY_SAMPLE = {
    "decoy_sample", "SELECT password_hash FROM users ORDER BY substr(id, 25) LIMIT $1", 1,
};

const struct statement *const DECOY_STATEMENTS[] = { &DECOY_SAMPLE, NULL };

struct decoys {
    pthread_mutex_t mutex;
    struct dw_arena *arena; /* of the hashes; under the mutex, as all below */
    struct dw_str hashes[DECOY_COUNT];
    size_t n;
};

enum dw_err decoys_new(struct decoys **ret_decoys)
{
    struct decoys *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return DW_ERR_NO_MEMORY;
    pthread_mutex_init(&d->mutex, NULL);
    *ret_decoys = d;
    return DW_OK;
}

void decoys_free(struct decoys **decoys)
{
    struct decoys *d = *decoys;

    if (d == NULL)
        return;
    dw_arena_free(&d->arena);
    pthread_mutex_destroy(&d->mutex);
    free(d);
    *decoys = NULL;
}

/* --- taking the sample ------------------------------------------------------------------------------------------ */

static enum dw_err read_hash(const struct row *row, void *argument)
{
    struct decoys *taken = argument;
    const struct dw_str hash = dw_arena_copy(taken->arena, row_text(row, 0));

    if (hash.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    if (taken->n < DECOY_COUNT)
        taken->hashes[taken->n++] = hash;
    return DW_OK;
}

static enum dw_err take(struct transaction *tx, void *argument)
{
    struct decoys *taken = argument;

    taken->n = 0;
    return sql_each(tx, &DECOY_SAMPLE, VALUES(V_INT(DECOY_COUNT)), read_hash, taken, NULL);
}

enum dw_err decoy_sample(struct identity *identity)
{
    struct decoys *kept = identity->decoys, taken = { 0 };

    TRY(dw_arena_new(SAMPLE_ARENA, &taken.arena));
    const enum dw_err err = storage_read(identity->storage, take, &taken);

    if (err == DW_OK) {
        pthread_mutex_lock(&kept->mutex);
        struct dw_arena *const old = kept->arena;

        memcpy(kept->hashes, taken.hashes, sizeof(kept->hashes));
        kept->n = taken.n;
        kept->arena = taken.arena;
        taken.arena = old;
        pthread_mutex_unlock(&kept->mutex);
    }
    dw_arena_free(&taken.arena);
    return err;
}

/* --- standing in ------------------------------------------------------------------------------------------------ */

/* A number that belongs to the name; nobody without the server's secret can tell it. */
static size_t number_of(const struct identity *identity, const struct tenant *tenant, struct dw_str login)
{
    char text[TEXT_MAX];
    unsigned char mac[SHA256_SIZE];
    size_t number = 0;
    int length = snprintf(text, sizeof(text), "decoy %s ", tenant->id);

    for (size_t i = 0; i < login.len && length < TEXT_MAX; i++) {
        const char c = login.ptr[i];

        text[length++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    if (hmac_sha256(&identity->keys.guard, dw_str_n(text, (size_t)length), mac) != DW_OK)
        return 0;
    memcpy(&number, mac, sizeof(number));
    return number;
}

/* False when there is none yet. */
static bool choose(struct decoys *d, size_t number, char ret_hash[DW_PASSWORD_ENCODED_MAX])
{
    pthread_mutex_lock(&d->mutex);
    const bool has_any = d->n > 0;

    if (has_any) {
        const struct dw_str hash = d->hashes[number % d->n];

        snprintf(ret_hash, DW_PASSWORD_ENCODED_MAX, "%.*s", (int)hash.len, hash.ptr);
    }
    pthread_mutex_unlock(&d->mutex);
    return has_any;
}

void decoy_verify(struct identity *identity, const struct tenant *tenant, struct dw_str login,
                  const struct dw_secret *password)
{
    char hash[DW_PASSWORD_ENCODED_MAX];
    bool ignored;
    const bool is_done = choose(identity->decoys, number_of(identity, tenant, login), hash) &&
                         dw_password_verify(identity->passwords, dw_str(hash), password, &ignored, NULL) == DW_OK;

    if (!is_done)
        dw_password_verify_dummy(identity->passwords, password);
    dw_wipe(hash, sizeof(hash));
}
