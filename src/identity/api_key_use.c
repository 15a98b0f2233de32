#include "identity/api_key_use.h"

#include "crypto/hash.h"
#include "identity/audit.h"

enum { BUCKETS = 1024, BATCH_MAX = 256, HOUR_S = 3600, ADDRESS_SIZE = 64 };

struct noted {
    struct noted *next;
    char key_id[DW_UUID_SIZE], user_id[DW_UUID_SIZE], tenant_id[DW_UUID_SIZE], address[ADDRESS_SIZE];
    int64_t at_s;
    bool is_new;        /* not in the database yet */
    int64_t hour_s;     /* when the hour began in which the addresses are counted */
    uint64_t addresses[API_KEY_ADDRESSES_MAX]; /* by a part of their hash */
    unsigned n_addresses;
    bool is_suspicious; /* to be told */
    bool is_told;       /* in this hour */
};

struct api_key_uses {
    pthread_mutex_t mutex;
    struct noted *buckets[BUCKETS]; /* under the mutex */
    size_t n;
};

static const struct statement USE_WRITE = {
    "api_key_use_write",
    "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)",
    2,
};

const struct statement *const API_KEY_USE_STATEMENTS[] = { &USE_WRITE, NULL };

enum dw_err api_key_uses_new(struct api_key_uses **ret_uses)
{
    struct api_key_uses *uses = calloc(1, sizeof(*uses));

    if (uses == NULL)
        return DW_ERR_NO_MEMORY;
    pthread_mutex_init(&uses->mutex, NULL);
    *ret_uses = uses;
    return DW_OK;
}

void api_key_uses_free(struct api_key_uses **uses)
{
    struct api_key_uses *u = *uses;

    if (u == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (struct noted *n = u->buckets[i], *next; n != NULL; n = next) {
            next = n->next;
            free(n);
        }
    }
    pthread_mutex_destroy(&u->mutex);
    free(u);
    *uses = NULL;
}

/* --- noting, under the mutex ------------------------------------------------------------------------------------- */

static struct noted **bucket_of(struct api_key_uses *uses, struct dw_str key_id)
{
    struct deny_id id = { 0, 0 };

    /* The low half of a UUIDv7 is random. */
    return deny_id_parse(key_id, &id) ? &uses->buckets[id.low % BUCKETS] : &uses->buckets[0];
}

static struct noted *find(struct api_key_uses *uses, struct dw_str key_id)
{
    for (struct noted *n = *bucket_of(uses, key_id); n != NULL; n = n->next)
        if (dw_str_eq(key_id, dw_str(n->key_id)))
            return n;
    return NULL;
}

static void copy_text(char *to, size_t size, struct dw_str from)
{
    snprintf(to, size, "%.*s", (int)from.len, from.len > 0 ? from.ptr : "");
}

static struct noted *find_or_make(struct api_key_uses *uses, const struct api_key_use *use)
{
    struct noted *noted = find(uses, use->key_id);

    if (noted != NULL || uses->n >= API_KEY_USES_MAX)
        return noted;
    noted = calloc(1, sizeof(*noted));
    if (noted == NULL)
        return NULL;
    struct noted **bucket = bucket_of(uses, use->key_id);

    copy_text(noted->key_id, sizeof(noted->key_id), use->key_id);
    copy_text(noted->user_id, sizeof(noted->user_id), use->user_id);
    copy_text(noted->tenant_id, sizeof(noted->tenant_id), use->tenant_id);
    noted->hour_s = use->at_s;
    noted->next = *bucket;
    *bucket = noted;
    uses->n++;
    return noted;
}

static void note_address(struct noted *noted, uint64_t address, int64_t now_s)
{
    if (now_s - noted->hour_s >= HOUR_S) {
        noted->hour_s = now_s;
        noted->n_addresses = 0;
        noted->is_told = false;
    }
    for (unsigned i = 0; i < noted->n_addresses; i++)
        if (noted->addresses[i] == address)
            return;
    if (noted->n_addresses < API_KEY_ADDRESSES_MAX)
        noted->addresses[noted->n_addresses++] = address;
    else if (!noted->is_told)
        noted->is_suspicious = noted->is_told = true;
}

void api_key_note_use(struct identity *identity, const struct api_key_use *use)
{
    struct api_key_uses *uses = identity->api_key_uses;
    unsigned char digest[SHA256_SIZE];
    uint64_t address;

    if (hash_sha256(use->address, digest) != DW_OK)
        return;
    memcpy(&address, digest, sizeof(address));
    pthread_mutex_lock(&uses->mutex);
    struct noted *noted = find_or_make(uses, use);

    if (noted != NULL) {
        copy_text(noted->address, sizeof(noted->address), use->address);
        noted->is_new = noted->is_new || use->at_s != noted->at_s;
        noted->at_s = use->at_s;
        note_address(noted, address, use->at_s);
    }
    pthread_mutex_unlock(&uses->mutex);
}

int64_t api_key_noted_use(struct identity *identity, struct dw_str key_id)
{
    struct api_key_uses *uses = identity->api_key_uses;

    pthread_mutex_lock(&uses->mutex);
    const struct noted *noted = find(uses, key_id);
    const int64_t at_s = noted == NULL ? -1 : noted->at_s;
    pthread_mutex_unlock(&uses->mutex);
    return at_s;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

struct batch {
    struct noted *items; /* copies */
    size_t n;
};

/* Takes what is new out of a bucket, and drops what has not been used for an hour. False when the batch is full. */
static bool gather(struct api_key_uses *uses, size_t bucket, int64_t now_s, struct batch *batch)
{
    for (struct noted **at = &uses->buckets[bucket]; *at != NULL;) {
        struct noted *noted = *at;

        if (noted->is_new || noted->is_suspicious) {
            if (batch->n == BATCH_MAX)
                return false;
            batch->items[batch->n++] = *noted;
            noted->is_new = noted->is_suspicious = false;
        } else if (now_s - noted->at_s >= HOUR_S) {
            *at = noted->next;
            free(noted);
            uses->n--;
            continue;
        }
        at = &noted->next;
    }
    return true;
}

static enum dw_err write_batch(struct transaction *tx, void *argument)
{
    const struct batch *batch = argument;

    for (size_t i = 0; i < batch->n; i++) {
        const struct noted *noted = &batch->items[i];
        const struct audit_event event = { .action = AUDIT_API_KEY_MANY_ADDRESSES, .tenant_id = noted->tenant_id,
                                           .actor = dw_str(noted->user_id), .target = dw_str(noted->key_id),
                                           .address = dw_str(noted->address) };

        TRY(sql_exec(tx, &USE_WRITE, VALUES(V_CSTR(noted->key_id), V_INT(noted->at_s)), NULL));
        if (noted->is_suspicious)
            TRY(audit_append(tx, &event));
    }
    return DW_OK;
}

/* What could not be written is new again. */
static void give_back(struct api_key_uses *uses, const struct batch *batch)
{
    pthread_mutex_lock(&uses->mutex);
    for (size_t i = 0; i < batch->n; i++) {
        struct noted *noted = find(uses, dw_str(batch->items[i].key_id));

        if (noted == NULL)
            continue;
        noted->is_new = true;
        noted->is_suspicious = noted->is_suspicious || batch->items[i].is_suspicious;
    }
    pthread_mutex_unlock(&uses->mutex);
}

static enum dw_err flush(struct identity *identity, struct batch *batch)
{
    if (batch->n == 0)
        return DW_OK;
    const enum dw_err err = storage_write(identity->storage, write_batch, batch);

    if (err != DW_OK)
        give_back(identity->api_key_uses, batch);
    batch->n = 0;
    return err;
}

enum dw_err api_key_write_uses(struct identity *identity)
{
    struct api_key_uses *uses = identity->api_key_uses;
    _cleanup_free_ struct noted *items = calloc(BATCH_MAX, sizeof(*items));
    struct batch batch = { .items = items };

    if (items == NULL)
        return DW_ERR_NO_MEMORY;
    for (size_t bucket = 0; bucket < BUCKETS;) {
        pthread_mutex_lock(&uses->mutex);
        const bool is_done = gather(uses, bucket, dw_clock_now_s(), &batch);
        pthread_mutex_unlock(&uses->mutex);
        if (is_done)
            bucket++;
        else
            TRY(flush(identity, &batch));
    }
    return flush(identity, &batch);
}
