#include "http/wslay_calls.h"

#include "base/on_demand.h"

#include <pthread.h>

#define LIBRARY "libwslay.so.1"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct wslay_calls calls;
static bool is_loaded;

#define WSLAY_CALL(name) { #name, offsetof(struct wslay_calls, name) },
static const struct on_demand_call CALLS[] = { WSLAY_CALLS(WSLAY_CALL) };
#undef WSLAY_CALL

static void load(void)
{
    is_loaded = on_demand_load(LIBRARY, CALLS, ARRAY_SIZE(CALLS), &calls);
}

const struct wslay_calls *wslay_calls_load(void)
{
    pthread_once(&once, load);
    return is_loaded ? &calls : NULL;
}
