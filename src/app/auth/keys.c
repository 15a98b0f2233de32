#include "app/auth/auth.h"

#include "base/log.h"
#include "http/fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A file is looked at once a second; an issuer is asked again after a minute at the earliest, or where nothing at all
 * is known, after five seconds. */
enum { FILE_INTERVAL_S = 1, URL_INTERVAL_S = 60, EMPTY_INTERVAL_S = 5 };

/* --- rings ------------------------------------------------------------------------------------------------------ */

static void ring_free(struct auth_ring *ring)
{
    if (ring == NULL)
        return;
    dw_keyset_free(&ring->set);
    free(ring);
}

static struct auth_ring *ring_take_current(struct auth_source *source)
{
    pthread_mutex_lock(&source->lock);
    struct auth_ring *ring = source->ring;
    if (ring != NULL)
        ring->references++;
    pthread_mutex_unlock(&source->lock);
    return ring;
}

void auth_ring_drop(struct dw_auth *auth, struct auth_ring *ring)
{
    if (ring == NULL)
        return;
    pthread_mutex_lock(&auth->source.lock);
    const bool is_last = --ring->references == 0;
    pthread_mutex_unlock(&auth->source.lock);
    if (is_last)
        ring_free(ring);
}

/* Takes the set, also on failure. */
static enum dw_err ring_put(struct dw_auth *auth, struct dw_keyset *set)
{
    struct auth_source *source = &auth->source;
    struct auth_ring *ring = calloc(1, sizeof(*ring));

    if (ring == NULL) {
        dw_keyset_free(&set);
        return DW_ERR_NO_MEMORY;
    }
    *ring = (struct auth_ring){ .set = set, .references = 1 };
    pthread_mutex_lock(&source->lock);
    struct auth_ring *old = source->ring;
    source->ring = ring;
    pthread_mutex_unlock(&source->lock);
    auth_ring_drop(auth, old);
    return DW_OK;
}

/* --- loading ---------------------------------------------------------------------------------------------------- */

static bool file_is_same(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static enum dw_err all_read(int fd, size_t size, struct dw_arena *arena, struct dw_str *ret_text)
{
    char *text = dw_arena_alloc(arena, size + 1);
    size_t len = 0;

    if (text == NULL)
        return DW_ERR_NO_MEMORY;
    while (len < size) {
        const ssize_t n = read(fd, text + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return DW_ERR_IO;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_text = dw_str_n(text, len);
    return DW_OK;
}

/* DW_OK with an absent text: the file is as it was. */
static enum dw_err file_load(struct auth_source *source, const char *path, struct dw_arena *arena,
                             struct dw_str *ret_text, struct stat *ret_seen)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *ret_text = dw_str_n(NULL, 0);
    if (fd < 0 || fstat(fd, ret_seen) != 0 || !S_ISREG(ret_seen->st_mode) || ret_seen->st_size > FETCH_BYTES_MAX)
        return DW_ERR_IO;
    if (source->ring != NULL && file_is_same(ret_seen, &source->seen))
        return DW_OK;
    return all_read(fd, (size_t)ret_seen->st_size, arena, ret_text);
}

static enum dw_err default_fetch(void *context, const char *url, struct dw_arena *arena, struct dw_str *ret_body)
{
    return http_fetch(url, arena, ret_body);
}

/* A set without a single key that can be used is no set: it would lock everybody out. */
static enum dw_err set_make(struct dw_str text, struct dw_keyset **ret_set)
{
    _cleanup_(dw_keyset_free) struct dw_keyset *set = NULL;

    TRY(dw_keyset_from_jwks(text, &set));
    if (dw_keyset_size(set) == 0)
        return DW_ERR_JOSE_NO_KEY;
    *ret_set = TAKE_PTR(set);
    return DW_OK;
}

static enum dw_err source_load(struct dw_auth *auth)
{
    const struct dw_auth_config *config = &auth->config;
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct stat seen = auth->source.seen;
    struct dw_keyset *set = NULL;
    struct dw_str text;

    TRY(dw_arena_new(4 * (size_t)FETCH_BYTES_MAX, &arena));
    if (config->jwks_file != NULL)
        TRY(file_load(&auth->source, config->jwks_file, arena, &text, &seen));
    else
        TRY((config->fetch == NULL ? default_fetch : config->fetch)(config->fetch_context, config->jwks_url, arena,
                                                                    &text));
    if (dw_str_is_absent(text) && config->jwks_file != NULL)
        return DW_OK;
    TRY(set_make(text, &set));
    TRY(ring_put(auth, set));
    auth->source.seen = seen;
    return DW_OK;
}

/* Under `loading`. The next time is set whether or not it worked. */
static enum dw_err load_now(struct dw_auth *auth)
{
    struct auth_source *source = &auth->source;
    const bool is_file = auth->config.jwks_file != NULL;
    const enum dw_err err = source_load(auth);
    const int64_t now_s = dw_clock_now_s();
    int64_t interval_s = is_file ? FILE_INTERVAL_S : URL_INTERVAL_S;

    if (err != DW_OK)
        log_event(LOG_WARNING, "keys_not_loaded",
                  LOG_CSTR("from", is_file ? auth->config.jwks_file : auth->config.jwks_url), LOG_ERR(err));
    if (err != DW_OK && !is_file && source->ring == NULL)
        interval_s = EMPTY_INTERVAL_S;
    atomic_store(&source->allowed_s, now_s + interval_s);
    atomic_store(&source->due_s, now_s + (err == DW_OK && !is_file ? auth->config.keys_max_age_s : interval_s));
    return err;
}

enum dw_err auth_keys_load(struct dw_auth *auth)
{
    pthread_mutex_lock(&auth->source.loading);
    const enum dw_err err = load_now(auth);
    pthread_mutex_unlock(&auth->source.loading);
    return err;
}

/* --- holding ---------------------------------------------------------------------------------------------------- */

static bool is_past(const _Atomic int64_t *when_s)
{
    return dw_clock_now_s() >= atomic_load(when_s);
}

/* Nothing is known: whoever comes waits for the one who looks. */
static void load_first(struct dw_auth *auth)
{
    struct auth_source *source = &auth->source;

    pthread_mutex_lock(&source->loading);
    if (source->ring == NULL && is_past(&source->allowed_s))
        (void)load_now(auth); /* told in the log; the caller sees whether there are keys */
    pthread_mutex_unlock(&source->loading);
}

/* Something is known: one looks, the others go on with what there is. */
static void load_due(struct dw_auth *auth)
{
    struct auth_source *source = &auth->source;

    if (pthread_mutex_trylock(&source->loading) != 0)
        return;
    if (is_past(&source->due_s))
        (void)load_now(auth);
    pthread_mutex_unlock(&source->loading);
}

enum dw_err auth_ring_hold(struct dw_auth *auth, bool may_wait, struct auth_ring **ret_ring)
{
    struct auth_source *source = &auth->source;
    struct auth_ring *ring = ring_take_current(source);
    const bool must_look = ring == NULL ? is_past(&source->allowed_s) : is_past(&source->due_s);

    if (must_look) {
        const bool is_first = ring == NULL;
        auth_ring_drop(auth, ring);
        if (!may_wait)
            return DW_ERR_WOULD_BLOCK;
        if (is_first)
            load_first(auth);
        else
            load_due(auth);
        ring = ring_take_current(source);
    }
    if (ring == NULL)
        return DW_ERR_UNAVAILABLE;
    *ret_ring = ring;
    return DW_OK;
}

enum dw_err auth_ring_renew(struct dw_auth *auth, const struct auth_ring *held, bool may_wait,
                            struct auth_ring **ret_ring)
{
    struct auth_source *source = &auth->source;

    if (!may_wait)
        return is_past(&source->allowed_s) ? DW_ERR_WOULD_BLOCK : DW_ERR_JOSE_NO_KEY;
    pthread_mutex_lock(&source->loading);
    if (source->ring == held && is_past(&source->allowed_s))
        (void)load_now(auth);
    pthread_mutex_unlock(&source->loading);
    struct auth_ring *ring = ring_take_current(source);
    if (ring == held) {
        auth_ring_drop(auth, ring);
        return DW_ERR_JOSE_NO_KEY;
    }
    *ret_ring = ring;
    return DW_OK;
}

void auth_source_free(struct dw_auth *auth)
{
    auth_ring_drop(auth, auth->source.ring);
    auth->source.ring = NULL;
}

enum dw_err dw_auth_refresh_keys(struct dw_auth *auth)
{
    if (auth == NULL)
        return DW_ERR_ARGUMENT;
    return auth->has_source ? auth_keys_load(auth) : DW_OK;
}
