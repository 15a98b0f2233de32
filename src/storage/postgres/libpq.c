#include "storage/postgres/libpq.h"

#include "base/log.h"
#include "base/on_demand.h"

#include <pthread.h>

#define LIBRARY "libpq.so.5"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct libpq calls;
static bool is_loaded;

#define LIBPQ_CALL(name) { #name, offsetof(struct libpq, name) },
static const struct on_demand_call CALLS[] = { LIBPQ_CALLS(LIBPQ_CALL) };
#undef LIBPQ_CALL

static void load(void)
{
    is_loaded = on_demand_load(LIBRARY, CALLS, ARRAY_SIZE(CALLS), &calls);
    if (!is_loaded)
        log_event(LOG_ERROR, "database", LOG_CSTR("library", LIBRARY),
                  LOG_CSTR("message", "PostgreSQL's client library (Debian: libpq5) is missing or older than 14"));
}

const struct libpq *libpq_load(void)
{
    pthread_once(&once, load);
    return is_loaded ? &calls : NULL;
}
