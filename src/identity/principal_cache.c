#include "identity/principal_cache.h"

#include "identity/principal.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    USER_WAYS = 4,
    USER_SETS = 1 << 14,
    TOKEN_WAYS = 4,
    TOKEN_SETS = 1 << 11,
    TOKEN_KEEP_MAX = 4096, /* bytes; a longer one is verified each time */
    SWEEP_SETS = 2,        /* looked through for expired tokens with each one that comes in */
};

struct principal_cache {
    uint64_t serial; /* of the identity that it belongs to */
    uint64_t seen;   /* of the invalidation log */
    size_t swept;    /* sets of tokens, so far */
    struct known_user *users[USER_SETS][USER_WAYS];
    struct known_token *tokens[TOKEN_SETS][TOKEN_WAYS];
};

static pthread_key_t thread_key;
static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static __thread struct principal_cache *current;

/* --- users ------------------------------------------------------------------------------------------------------ */

static void user_ref(void *pointer)
{
    atomic_fetch_add_explicit(&((struct known_user *)pointer)->references, 1, memory_order_relaxed);
}

static void user_unref(void *pointer)
{
    struct known_user *known = pointer;

    if (known != NULL && atomic_fetch_sub_explicit(&known->references, 1, memory_order_acq_rel) == 1)
        free(known);
}

static struct known_user **user_set(struct principal_cache *cache, const struct deny_id *id)
{
    return cache->users[(id->low ^ id->high) % USER_SETS];
}

static bool is_same(const struct deny_id *a, const struct deny_id *b)
{
    return a->low == b->low && a->high == b->high;
}

static void user_drop(struct principal_cache *cache, const struct deny_id *id)
{
    struct known_user **set = user_set(cache, id);

    for (unsigned i = 0; i < USER_WAYS; i++) {
        if (set[i] != NULL && is_same(&set[i]->key, id)) {
            user_unref(set[i]);
            set[i] = NULL;
        }
    }
}

/* The newest stands first, the oldest falls out. */
static void user_insert(struct principal_cache *cache, struct known_user *known)
{
    struct known_user **set = user_set(cache, &known->key);

    user_drop(cache, &known->key);
    user_unref(set[USER_WAYS - 1]);
    memmove(&set[1], &set[0], (USER_WAYS - 1) * sizeof(set[0]));
    user_ref(known);
    set[0] = known;
}

const struct user *principal_cache_user(struct principal_cache *cache, const struct deny_id *id)
{
    struct known_user **set = user_set(cache, id);

    for (unsigned i = 0; i < USER_WAYS; i++)
        if (set[i] != NULL && is_same(&set[i]->key, id))
            return &set[i]->user;
    return NULL;
}

void principal_cache_offer(struct identity *identity, const struct user *user, uint64_t read_at)
{
    struct deny_id key;
    struct known_user *known;

    if (!deny_id_parse(user->id, &key))
        return;
    known = malloc(offsetof(struct known_user, user) + user_packed_size(user));
    if (known == NULL)
        return;
    atomic_init(&known->references, 1);
    known->key = key;
    user_pack(user, &known->user);
    invalidation_offer(identity->invalidation, user->id, read_at,
                       (struct change_object){ .pointer = known, .ref = user_ref, .unref = user_unref });
    user_unref(known);
}

/* --- tokens ----------------------------------------------------------------------------------------------------- */

static struct known_token **token_set(struct principal_cache *cache, struct dw_str token)
{
    uint64_t tail;

    memcpy(&tail, token.ptr + token.len - sizeof(tail), sizeof(tail));
    return cache->tokens[(tail * 0x9e3779b97f4a7c15u) >> 53];
}

_Static_assert(TOKEN_SETS == 1 << (64 - 53), "token_set() takes the top bits");

const struct known_token *principal_cache_token(struct principal_cache *cache, struct dw_str token)
{
    if (token.len < sizeof(uint64_t) || token.len > TOKEN_KEEP_MAX)
        return NULL;
    struct known_token **set = token_set(cache, token);

    for (unsigned i = 0; i < TOKEN_WAYS; i++)
        if (set[i] != NULL && set[i]->text.len == token.len && dw_mem_eq(set[i]->text.ptr, token.ptr, token.len))
            return set[i];
    return NULL;
}

static void token_free(struct known_token *known)
{
    if (known == NULL)
        return;
    dw_wipe((char *)known->text.ptr, known->text.len);
    free(known);
}

/* Expired ones would stay until others need their place: a kilobyte each, after a busy hour for good. A round of the
 * hand takes as many new tokens as there are sets, by SWEEP_SETS. */
static void tokens_sweep(struct principal_cache *cache)
{
    const int64_t now_s = dw_clock_now_s();

    for (unsigned n = 0; n < SWEEP_SETS; n++) {
        struct known_token **set = cache->tokens[cache->swept++ % TOKEN_SETS];

        for (unsigned i = 0; i < TOKEN_WAYS; i++)
            if (set[i] != NULL && set[i]->claims.expires_s <= now_s)
                token_free(TAKE_PTR(set[i]));
    }
}

/* The newest stands first; the oldest falls out when no place is free. */
static void token_insert(struct known_token **set, struct known_token *known)
{
    unsigned free_way = 0;

    while (free_way < TOKEN_WAYS - 1 && set[free_way] != NULL)
        free_way++;
    token_free(set[free_way]);
    memmove(&set[1], &set[0], free_way * sizeof(set[0]));
    set[0] = known;
}

/* The strings of `from` in memory that follows the struct. */
static char *pack(struct dw_str *s, char *text)
{
    if (s->ptr == NULL)
        return text;
    memcpy(text, s->ptr, s->len);
    s->ptr = text;
    return text + s->len;
}

const struct known_token *principal_cache_keep(struct principal_cache *cache, struct dw_str token,
                                               const struct access_claims *claims)
{
    struct known_token made = { .text = token, .claims = *claims };
    struct dw_str *const strings[] = {
        &made.text,           &made.claims.subject, &made.claims.token_id, &made.claims.session,
        &made.claims.client,  &made.claims.scope,   &made.claims.tenant,
    };
    size_t size = sizeof(made);

    if (token.len < sizeof(uint64_t) || token.len > TOKEN_KEEP_MAX)
        return NULL;
    if (!deny_id_parse(claims->token_id, &made.token_id) || !deny_id_parse(claims->session, &made.session) ||
        !deny_id_parse(claims->subject, &made.user))
        return NULL;
    for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
        size += strings[i]->len;
    struct known_token *known = malloc(size);

    if (known == NULL)
        return NULL;
    char *text = (char *)known + sizeof(*known);

    for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
        text = pack(strings[i], text);
    *known = made;
    tokens_sweep(cache);
    token_insert(token_set(cache, token), known);
    return known;
}

static void tokens_forget(struct principal_cache *cache)
{
    struct known_token **all = &cache->tokens[0][0];

    for (size_t i = 0; i < (size_t)TOKEN_SETS * TOKEN_WAYS; i++) {
        token_free(all[i]);
        all[i] = NULL;
    }
}

static void users_forget(struct principal_cache *cache)
{
    struct known_user **all = &cache->users[0][0];

    for (size_t i = 0; i < (size_t)USER_SETS * USER_WAYS; i++) {
        if (all[i] == NULL)
            continue; /* leaves untouched pages untouched */
        user_unref(all[i]);
        all[i] = NULL;
    }
}

/* --- the thread's own ------------------------------------------------------------------------------------------- */

static void cache_free(void *pointer)
{
    struct principal_cache *cache = pointer;

    tokens_forget(cache);
    users_forget(cache);
    free(cache);
}

static void make_key(void)
{
    if (pthread_key_create(&thread_key, cache_free) != 0)
        abort();
}

void principal_forget_thread(void)
{
    if (current == NULL)
        return;
    pthread_setspecific(thread_key, NULL);
    cache_free(TAKE_PTR(current));
}

static void apply(const struct change *change, void *argument)
{
    struct principal_cache *cache = argument;
    struct deny_id id;

    switch (change->kind) {
    case CHANGE_KEYS:
        tokens_forget(cache);
        break;
    case CHANGE_USER:
        if (deny_id_parse(dw_str(change->id), &id))
            user_drop(cache, &id);
        break;
    case CHANGE_USERS:
        users_forget(cache);
        break;
    case CHANGE_LOADED:
        user_insert(cache, change->object.pointer);
        break;
    }
}

static struct principal_cache *cache_new(const struct identity *identity)
{
    pthread_once(&thread_once, make_key);
    struct principal_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL)
        return NULL;
    cache->serial = identity->serial;
    /* What the log still holds is learnt at once: users that other loops have asked for. */
    const uint64_t changes = invalidation_now(identity->invalidation);

    cache->seen = changes > INVALIDATION_RING ? changes - INVALIDATION_RING : 0;
    if (pthread_setspecific(thread_key, cache) != 0) {
        free(cache);
        return NULL;
    }
    return cache;
}

struct principal_cache *principal_cache_current(struct identity *identity)
{
    if (current != NULL && current->serial != identity->serial)
        principal_forget_thread();
    if (current == NULL)
        current = cache_new(identity);
    if (current == NULL || invalidation_now(identity->invalidation) == current->seen)
        return current;
    if (!invalidation_catch_up(identity->invalidation, &current->seen, apply, current)) {
        tokens_forget(current);
        users_forget(current);
    }
    return current;
}
