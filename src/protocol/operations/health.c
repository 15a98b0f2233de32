/* For whoever runs the server: does the process live, and can it serve? Neither says more than yes or no. */
#include "identity/signing_key.h"
#include "protocol/context.h"
#include "protocol/routes.h"

enum { STATUS_UNAVAILABLE = 503 };

static enum dw_err show_health(struct dw_request *r, const void *in, struct health_out *out)
{
    out->status = DW_STR("ok");
    return DW_OK;
}

static struct dw_str verdict(bool is_ok)
{
    return is_ok ? DW_STR("ok") : DW_STR("failed");
}

static enum dw_err show_readiness(struct dw_request *r, const void *in, struct readiness_out *out)
{
    struct identity *identity = identity_of(r);
    const bool has_database = storage_ping(identity->storage) == DW_OK;
    const bool has_keys = signing_key_active(identity) != NULL;

    out->checks = (struct readiness_checks){ .database = verdict(has_database), .keys = verdict(has_keys) };
    out->status = has_database && has_keys ? DW_STR("ready") : DW_STR("unavailable");
    if (!has_database || !has_keys)
        dw_answer_status(r, STATUS_UNAVAILABLE);
    return DW_OK;
}

const struct dw_route OPERATION_ROUTES[] = {
    { DW_GET, "/healthz", DW_HANDLER(show_health), .answer = &HEALTH_OUT, .needs = DW_PUBLIC, .lane = DW_INLINE,
      .no_store = true, .id = "healthz", .tag = TAG_OPERATIONS, .summary = "Is the process alive?",
      .description = "Asks nothing else: for a supervisor that restarts what hangs." },
    { DW_GET, "/readyz", DW_HANDLER(show_readiness), .answer = &READINESS_OUT, .needs = DW_PUBLIC, .no_store = true,
      .id = "readyz", .tag = TAG_OPERATIONS, .summary = "Can it serve?",
      .description = "Asks the database and looks for the signing key: for a load balancer.",
      .answers = ANSWERS({ 503, "Something that it needs is missing: `checks` says what" }) },
    { 0 },
};
