#include "http/wslay_calls.h"

#include "base/cleanup.h"

#include <dlfcn.h>
#include <pthread.h>

#define LIBRARY "libwslay.so.1"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct wslay_calls calls;
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
    bool has_all = library != NULL;

#define WSLAY_FIND(name) has_all = has_all && find_call(library, #name, &calls.name);
    WSLAY_CALLS(WSLAY_FIND)
#undef WSLAY_FIND
    is_loaded = has_all;
}

const struct wslay_calls *wslay_calls_load(void)
{
    pthread_once(&once, load);
    return is_loaded ? &calls : NULL;
}
