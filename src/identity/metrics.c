#include "identity/metrics.h"

#include "identity/node.h"

static const char *const TABLE_RESULTS[] = { [TABLE_HIT] = "hit", [TABLE_MISS] = "miss" };
static const char *const KINDS[CREDENTIAL_KINDS] = {
    [CREDENTIAL_TOKEN] = "access_token", [CREDENTIAL_API_KEY] = "api_key", [CREDENTIAL_COOKIE] = "session",
};
#define AUDIT_NAME(symbol, name) name,
static const char *const ACTIONS[AUDIT_ACTION_COUNT] = { AUDIT_ACTIONS(AUDIT_NAME) };
#undef AUDIT_NAME

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
/* --- this node among others ------------------------------------------------------------------------------------- */

static struct identity *_Atomic watched;

void identity_metrics_watch(struct identity *identity)
{
    atomic_store(&watched, identity);
}

static bool node_state(struct identity_node_state *ret_state)
{
    struct identity *identity = atomic_load(&watched);

    if (identity != NULL)
        identity_node_state(identity, ret_state);
    return identity != NULL;
}

/* A row, and how it is read from a struct identity_node_state `s`; without `is_there` there is no such series. */
#define NODE_ROW(symbol, metric_name, metric_kind, metric_unit, is_there, value, text)                                 \
    static bool read_##symbol(const struct dw_metric *self, unsigned series, int64_t *ret_value)                       \
    {                                                                                                                  \
        struct identity_node_state s;                                                                                  \
                                                                                                                       \
        if (!node_state(&s) || !(is_there))                                                                            \
            return false;                                                                                              \
        *ret_value = (int64_t)(value);                                                                                 \
        return true;                                                                                                   \
    }                                                                                                                  \
    static struct dw_metric symbol = { .name = (metric_name), .kind = (metric_kind), .unit = (metric_unit),            \
                                       .help = (text), .read = read_##symbol }

enum { NS_IN_MS = 1000000 };

NODE_ROW(MEMORY_AGE, "doorward_memory_age_seconds", DW_GAUGE, DW_NANOSECONDS, s.is_shared && s.look_age_ms >= 0,
         s.look_age_ms * NS_IN_MS, "Since when this node has not looked at what others have written.");
NODE_ROW(MEMORY_FRESH, "doorward_memory_fresh", DW_GAUGE, DW_PLAIN, true, s.is_fresh,
         "1: token checks rely on memory; 0: each of them asks the database.");
NODE_ROW(CHANNEL_UP, "doorward_channel_connected", DW_GAUGE, DW_PLAIN, s.has_channel, s.channel.is_connected,
         "1: this node hears and is heard on the channel between nodes.");
NODE_ROW(CHANNEL_TRUSTED, "doorward_channel_trusted", DW_GAUGE, DW_PLAIN, s.has_channel, s.channel.is_trusted,
         "1: what came by the channel is all that there was; memory may be relied on without the database.");
NODE_ROW(CHANNEL_PEERS, "doorward_channel_peers", DW_GAUGE, DW_PLAIN, s.has_channel, s.channel.n_peers,
         "Other nodes that are heard, or missed.");
NODE_ROW(CHANNEL_SENT, "doorward_channel_sent_total", DW_COUNTER, DW_PLAIN, s.has_channel, s.channel.n_sent,
         "Messages told on the channel.");
NODE_ROW(CHANNEL_DROPPED, "doorward_channel_dropped_total", DW_COUNTER, DW_PLAIN, s.has_channel,
         s.channel.n_dropped, "Messages that could not be sent: the others look into the database instead.");
NODE_ROW(CHANNEL_RECEIVED, "doorward_channel_received_total", DW_COUNTER, DW_PLAIN, s.has_channel,
         s.channel.n_received, "Messages heard on the channel.");
NODE_ROW(CHANNEL_REFUSED, "doorward_channel_refused_total", DW_COUNTER, DW_PLAIN, s.has_channel,
         s.channel.n_refused, "Messages that no node of this installation has sent.");
NODE_ROW(CHANNEL_BREAKS, "doorward_channel_breaks_total", DW_COUNTER, DW_PLAIN, s.has_channel, s.channel.n_breaks,
         "How often something may have been missed on the channel.");

struct dw_metric *const IDENTITY_METRICS[] = {
    &TOKEN_TABLE, &USER_TABLE, &CREDENTIALS, &SIGN_INS, &REFRESHES, &AUDIT_EVENTS, &MEMORY_AGE, &MEMORY_FRESH,
    &CHANNEL_UP, &CHANNEL_TRUSTED, &CHANNEL_PEERS, &CHANNEL_SENT, &CHANNEL_DROPPED, &CHANNEL_RECEIVED,
    &CHANNEL_REFUSED, &CHANNEL_BREAKS, NULL,
};
