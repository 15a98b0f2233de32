#include "identity/metrics.h"

static const char *const TABLE_RESULTS[] = { [TABLE_HIT] = "hit", [TABLE_MISS] = "miss" };
static const char *const KINDS[CREDENTIAL_KINDS] = {
    [CREDENTIAL_TOKEN] = "access_token", [CREDENTIAL_API_KEY] = "api_key", [CREDENTIAL_COOKIE] = "session",
};
#define AUDIT_NAME(symbol, name) name,
static const char *const ACTIONS[AUDIT_ACTION_COUNT] = { AUDIT_ACTIONS(AUDIT_NAME) };
#undef AUDIT_NAME

static bool read_age(const struct dw_metric *self, unsigned series, int64_t *ret_value);
static bool read_fresh(const struct dw_metric *self, unsigned series, int64_t *ret_value);

#define TABLE_LABEL { { "result", TABLE_RESULTS, ARRAY_SIZE(TABLE_RESULTS) } }

struct dw_metric TOKEN_TABLE = {
    .name = "doorward_token_table_total", .kind = DW_COUNTER, .labels = TABLE_LABEL,
    .help = "Access tokens looked up in the tables of those verified before; a miss is a signature to check.",
};
struct dw_metric USER_TABLE = {
    .name = "doorward_user_table_total", .kind = DW_COUNTER, .labels = TABLE_LABEL,
    .help = "Users looked up in memory for a token; a miss is a question to the database.",
};
struct dw_metric CREDENTIALS = {
    .name = "doorward_credentials_total", .kind = DW_COUNTER, .is_sparse = true,
    .labels = { { "kind", KINDS, CREDENTIAL_KINDS }, METRICS_ERROR_LABEL("result") },
    .help = "Credentials that requests came with, and whether they were good.",
};
struct dw_metric SIGN_INS = {
    .name = "doorward_sign_ins_total", .kind = DW_COUNTER, .is_sparse = true,
    .labels = { METRICS_ERROR_LABEL("result") },
    .help = "Attempts to sign in by a password; ok: it was right, a second factor may still be asked for.",
};
struct dw_metric REFRESHES = {
    .name = "doorward_refreshes_total", .kind = DW_COUNTER, .is_sparse = true,
    .labels = { METRICS_ERROR_LABEL("result") }, .help = "Refresh tokens that were sent, and what became of it.",
};
struct dw_metric AUDIT_EVENTS = {
    .name = "doorward_audit_events_total", .kind = DW_COUNTER, .is_sparse = true,
    .labels = { { "action", ACTIONS, AUDIT_ACTION_COUNT } }, .help = "Events that this node has put in the audit log.",
};
static struct dw_metric MEMORY_AGE = {
    .name = "doorward_memory_age_seconds", .kind = DW_GAUGE, .unit = DW_NANOSECONDS, .read = read_age,
    .help = "Since when this node has not looked at what other nodes and commands have changed.",
};
static struct dw_metric MEMORY_FRESH = {
    .name = "doorward_memory_fresh", .kind = DW_GAUGE, .read = read_fresh,
    .help = "1: token checks rely on memory; 0: each of them asks the database.",
};

static bool read_age(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    enum { NS_IN_MS = 1000000 };
    const struct identity *identity = __atomic_load_n(&self->argument, __ATOMIC_ACQUIRE);
    const int64_t age_ms = identity == NULL ? -1 : identity_memory_age_ms(identity);

    *ret_value = age_ms * NS_IN_MS;
    return age_ms >= 0;
}

static bool read_fresh(const struct dw_metric *self, unsigned series, int64_t *ret_value)
{
    const struct identity *identity = __atomic_load_n(&self->argument, __ATOMIC_ACQUIRE);

    *ret_value = identity != NULL && identity_is_fresh(identity);
    return identity != NULL;
}

void identity_metrics_watch(const struct identity *identity)
{
    __atomic_store_n(&MEMORY_AGE.argument, (const void *)identity, __ATOMIC_RELEASE);
    __atomic_store_n(&MEMORY_FRESH.argument, (const void *)identity, __ATOMIC_RELEASE);
}

struct dw_metric *const IDENTITY_METRICS[] = {
    &TOKEN_TABLE, &USER_TABLE, &CREDENTIALS, &SIGN_INS, &REFRESHES, &AUDIT_EVENTS, &MEMORY_AGE, &MEMORY_FRESH,
    NULL,
};
