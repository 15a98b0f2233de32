#include "base/curl_calls.h"

#include "base/log.h"
#include "base/on_demand.h"

#include <pthread.h>

#define LIBRARY "libcurl.so.4"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct curl_calls calls;
static bool is_loaded;

#define CURL_CALL(name) { #name, offsetof(struct curl_calls, name) },
static const struct on_demand_call CALLS[] = { CURL_CALLS(CURL_CALL) };
#undef CURL_CALL

static void load(void)
{
    is_loaded = on_demand_load(LIBRARY, CALLS, ARRAY_SIZE(CALLS), &calls) &&
                calls.curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (!is_loaded)
        log_event(LOG_ERROR, "curl_unavailable", LOG_CSTR("library", LIBRARY));
}

const struct curl_calls *curl_calls_load(void)
{
    pthread_once(&once, load);
    return is_loaded ? &calls : NULL;
}
