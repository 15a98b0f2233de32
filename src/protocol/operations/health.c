/* For whoever runs the server: does the process live, and can it serve? Neither says more than yes or no. */
#include "identity/signing_key.h"
#include "protocol/context.h"
#include "protocol/routes.h"

static enum dw_err show_health(struct dw_request *r, const void *in, struct health_out *out)
{
    out->status = DW_STR("ok");
    return DW_OK;
}

static enum dw_err show_readiness(struct dw_request *r, const void *in, struct readiness_out *out)
{
    const struct protocol *protocol = dw_context(r);
    struct identity *identity = protocol->identity;

    if (atomic_load(&protocol->is_stopping))
        return dw_fail(r, DW_ERR_UNAVAILABLE, "Not ready: the server is stopping");
    if (storage_ping(identity->storage) != DW_OK)
        return dw_fail(r, DW_ERR_UNAVAILABLE, "Not ready: the database does not answer");
    if (signing_key_active(identity) == NULL)
        return dw_fail(r, DW_ERR_UNAVAILABLE, "Not ready: there is no signing key");
    *out = (struct readiness_out){
        .status = DW_STR("ready"), .checks = { .database = DW_STR("ok"), .keys = DW_STR("ok") },
    };
    return DW_OK;
}

const struct dw_route OPERATION_ROUTES[] = {
    { DW_GET, "/healthz", DW_HANDLER(show_health), .answer = &HEALTH_OUT, .needs = DW_PUBLIC, .lane = DW_INLINE,
      .no_store = true, .id = "healthz", .tag = TAG_OPERATIONS, .summary = "Is the process alive?",
      .description = "Asks nothing else: for a supervisor that restarts what hangs.",
      .answers = ANSWERS({ 200, "It is" }) },
    { DW_GET, "/readyz", DW_HANDLER(show_readiness), .answer = &READINESS_OUT, .needs = DW_PUBLIC, .no_store = true,
      .id = "readyz", .tag = TAG_OPERATIONS, .summary = "Can it serve?",
      .description = "Asks the database and looks for the signing key: for a load balancer.",
      .answers = ANSWERS({ 200, "It can" }, { 503, "Something that it needs is missing: `detail` says what" }) },
    { 0 },
};
