/*
 * For whoever runs the server: does the process live, and can it serve? Anyone may ask, so the answers are words of
 * these tables; names, addresses and reasons are in the log.
 */
#include "identity/health.h"
#include "protocol/context.h"
#include "protocol/routes.h"

enum { STATUS_UNAVAILABLE = 503 };

static enum dw_err show_health(struct dw_request *r, const void *in, struct health_out *out)
{
    out->status = DW_STR("ok");
    return DW_OK;
}

static struct dw_str word(bool is_well)
{
    return is_well ? DW_STR("ok") : DW_STR("failing");
}

static struct dw_str word_if(bool is_configured, bool is_well)
{
    return is_configured ? word(is_well) : DW_STR("not configured");
}

/* Why it can't serve; NULL: it can. Without writes, Redis or the channel it still does what it can, and no other node
 * could do more for the same reason: that is worse, and not the end. */
static const char *reason_of(const struct protocol *protocol, const struct identity_health *health)
{
    if (atomic_load(&protocol->is_stopping))
        return "Not ready: the server is stopping";
    if (!health->database_answers)
        return "Not ready: the database does not answer";
    return health->has_key ? NULL : "Not ready: there is no signing key";
}

static enum dw_err show_readiness(struct dw_request *r, const void *in, struct readiness_out *out)
{
    const struct protocol *protocol = dw_context(r);
    const bool has_redis = protocol->redis_answers != NULL;
    struct identity_health health;

    identity_check_health(protocol->identity, &health);
    const bool redis_is_well = has_redis && protocol->redis_answers(protocol->redis);
    const bool channel_is_well = health.node.channel.is_connected;
    const char *reason = reason_of(protocol, &health);
    const bool is_whole = health.can_write && (!has_redis || redis_is_well) &&
                          (!health.node.has_channel || channel_is_well);

    *out = (struct readiness_out){
        .status = reason != NULL ? DW_STR("not ready") : is_whole ? DW_STR("ready") : DW_STR("degraded"),
        .detail = dw_str(reason),
        .checks = {
            .database = word(health.database_answers), .writes = word(health.can_write),
            .keys = health.has_key ? DW_STR("ok") : DW_STR("missing"), .redis = word_if(has_redis, redis_is_well),
            .channel = word_if(health.node.has_channel, channel_is_well),
        },
    };
    if (reason != NULL) {
        dw_answer_status(r, STATUS_UNAVAILABLE);
        dw_answer_header(r, "Retry-After", DW_STR("1"));
    }
    return DW_OK;
}

const struct dw_route OPERATION_ROUTES[] = {
    { DW_GET, "/healthz", DW_HANDLER(show_health), .answer = &HEALTH_OUT, .needs = DW_PUBLIC, .lane = DW_INLINE,
      .no_store = true, .id = "healthz", .tag = TAG_OPERATIONS, .summary = "Is the process alive?",
      .description = "Asks nothing else: for a supervisor that restarts what hangs.",
      .answers = ANSWERS({ 200, "It is" }) },
    { DW_GET, "/readyz", DW_HANDLER(show_readiness), .answer = &READINESS_OUT, .needs = DW_PUBLIC, .no_store = true,
      .id = "readyz", .tag = TAG_OPERATIONS, .summary = "Can it serve?",
      .description = "Asks the database and looks for the signing key: for a load balancer. `degraded`: it serves, "
                     "without what `checks` shows as failing.",
      .answers = ANSWERS({ 200, "It can" }, { 503, "Something that it needs is missing: `detail` says what" }) },
    { 0 },
};
