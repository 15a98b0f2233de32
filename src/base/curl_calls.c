#include "base/curl_calls.h"

#include "base/log.h"

#include <dlfcn.h>
#include <pthread.h>

#define LIBRARY "libcurl.so.4"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct curl_calls calls;
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

#define CURL_FIND(name) has_all = has_all && find_call(library, #name, &calls.name);
    CURL_CALLS(CURL_FIND)
#undef CURL_FIND
    is_loaded = has_all && calls.curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!is_loaded)
        log_event(LOG_ERROR, "curl_unavailable", LOG_CSTR("library", LIBRARY));
}

const struct curl_calls *curl_calls_load(void)
{
    pthread_once(&once, load);
    return is_loaded ? &calls : NULL;
}
