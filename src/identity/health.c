#include "identity/health.h"

#include "base/clock.h"
#include "identity/signing_key.h"

enum { PROBE_EVERY_MS = 1000 };

/* Changes nothing, and yet has to reach the disk. */
static const struct statement HEALTH_WRITE = { "health_write", "UPDATE audit_head SET seq = seq WHERE one = 1", 0 };

const struct statement *const HEALTH_STATEMENTS[] = { &HEALTH_WRITE, NULL };

static enum dw_err write_nothing(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &HEALTH_WRITE, NO_VALUES, NULL);
}

/* Whether it is this caller's turn to try. */
static bool take_turn(struct identity *identity)
{
    const int64_t now_ms = clock_monotonic_ms();
    int64_t next_ms = atomic_load(&identity->next_probe_ms);

    return now_ms >= next_ms &&
           atomic_compare_exchange_strong(&identity->next_probe_ms, &next_ms, now_ms + PROBE_EVERY_MS);
}

static bool can_write(struct identity *identity)
{
    if (storage_can_write(identity->storage))
        return true;
    return take_turn(identity) && storage_write(identity->storage, write_nothing, NULL) == DW_OK;
}

void identity_check_health(struct identity *identity, struct identity_health *ret_health)
{
    *ret_health = (struct identity_health){
        .database_answers = storage_ping(identity->storage) == DW_OK,
        .has_key = signing_key_active(identity) != NULL,
    };
    ret_health->can_write = ret_health->database_answers && can_write(identity);
    identity_node_state(identity, &ret_health->node);
}
