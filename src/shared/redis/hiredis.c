#include "shared/redis/hiredis.h"

#include "base/log.h"
#include "base/on_demand.h"

#include <pthread.h>

#define TEXT_OF_VALUE(value) #value
#define TEXT_OF(macro) TEXT_OF_VALUE(macro)
#define LIBRARY "libhiredis.so." TEXT_OF(HIREDIS_SONAME)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct hiredis calls;
static bool is_loaded;

#define HIREDIS_CALL(name) { #name, offsetof(struct hiredis, name) },
static const struct on_demand_call CALLS[] = { HIREDIS_CALLS(HIREDIS_CALL) };
#undef HIREDIS_CALL

static void load(void)
{
    is_loaded = on_demand_load(LIBRARY, CALLS, ARRAY_SIZE(CALLS), &calls);
    if (!is_loaded)
        log_event(LOG_ERROR, "redis", LOG_CSTR("library", LIBRARY),
                  LOG_CSTR("message", "the client library of Redis (Debian 12: libhiredis0.14) is missing"));
}

const struct hiredis *hiredis_load(void)
{
    pthread_once(&once, load);
    return is_loaded ? &calls : NULL;
}
