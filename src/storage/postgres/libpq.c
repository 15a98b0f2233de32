#include "storage/postgres/libpq.h"

#include "base/cleanup.h"
#include "base/log.h"

#include <dlfcn.h>
#include <pthread.h>

#define LIBRARY "libpq.so.5"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct libpq calls;
static bool is_loaded;

static bool find_call(void *library, const char *name, void *ret_call)
{
    void *found = dlsym(library, name);

    memcpy(ret_call, &found, sizeof(found)); /* POSIX lets a function be found so; ISO C has no cast for it */
    return found != NULL;
}

static void load(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    is_loaded = library != NULL;
#define LIBPQ_FIND(name) is_loaded = is_loaded && find_call(library, #name, &calls.name);
    LIBPQ_CALLS(LIBPQ_FIND)
#undef LIBPQ_FIND
    if (!is_loaded)
        log_event(LOG_ERROR, "database", LOG_CSTR("library", LIBRARY),
                  LOG_CSTR("message", "PostgreSQL's client library (Debian: libpq5) is missing or older than 14"));
}

const struct libpq *libpq_load(void)
{
    pthread_once(&once, load);
    return is_loaded ? &calls : NULL;
}
