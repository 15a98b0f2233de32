#include "crypto/tls_calls.h"

#include "base/on_demand.h"

#include <pthread.h>

#define LIBRARY "libssl.so.3"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct tls_calls calls;
static bool is_loaded;

#define TLS_CALL(name) { #name, offsetof(struct tls_calls, name) },
static const struct on_demand_call CALLS[] = { TLS_CALLS(TLS_CALL) };
#undef TLS_CALL

static void load(void)
{
    is_loaded = on_demand_load(LIBRARY, CALLS, ARRAY_SIZE(CALLS), &calls);
}

const struct tls_calls *tls_calls_load(void)
{
    pthread_once(&once, load);
    return is_loaded ? &calls : NULL;
}
