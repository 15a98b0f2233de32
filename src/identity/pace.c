#include "identity/pace.h"

#include "base/ip.h"
#include "identity/audit.h"

enum { DETAIL_SIZE = 64 };

/* The inner limit bounds what is read, by the index over actors; names of events are AUDIT_ACTIONS'. */
static const struct statement PACE_ADDRESSES = {
    "pace_addresses",
    "SELECT DISTINCT e.address FROM (SELECT address, action, at FROM audit_events WHERE actor = $1"
    " ORDER BY seq DESC LIMIT $3) AS e"
    " WHERE e.action = 'session.sign_in' AND e.at > $2 AND e.address IS NOT NULL",
    3,
};

const struct statement *const PACE_STATEMENTS[] = { &PACE_ADDRESSES, NULL };

struct networks {
    char texts[PACE_LOOK_BACK + 1][IP_NETWORK_TEXT_SIZE];
    size_t n;
};

/* Whether it was not among them. */
static bool networks_add(struct networks *networks, struct dw_str address)
{
    char text[IP_NETWORK_TEXT_SIZE];

    ip_network(address, text);
    for (size_t i = 0; i < networks->n; i++)
        if (strcmp(networks->texts[i], text) == 0)
            return false;
    if (networks->n < ARRAY_SIZE(networks->texts))
        memcpy(networks->texts[networks->n++], text, sizeof(text));
    return true;
}

static enum dw_err read_address(const struct row *row, void *argument)
{
    (void)networks_add(argument, row_text(row, 0));
    return DW_OK;
}

enum dw_err pace_look_in(struct transaction *tx, const struct sign_in *in, struct dw_str user_id)
{
    struct networks networks = { .n = 0 };
    char detail[DETAIL_SIZE];

    TRY(sql_each(tx, &PACE_ADDRESSES,
                 VALUES(V_TEXT(user_id), V_INT(dw_clock_now_s() - PACE_WINDOW_S), V_INT(PACE_LOOK_BACK)), read_address,
                 &networks, NULL));
    if (!networks_add(&networks, in->device.address) || networks.n < PACE_NETWORKS)
        return DW_OK;
    snprintf(detail, sizeof(detail), "%zu networks within %d minutes", networks.n, PACE_WINDOW_S / 60);
    const struct audit_event event = { .action = AUDIT_IMPOSSIBLE_PACE, .tenant_id = in->tenant.id, .actor = user_id,
                                       .target = user_id, .address = in->device.address, .detail = dw_str(detail) };

    return audit_append(tx, &event);
}
