/*
 * A WebSocket route made ready: its channel's table checked, a row for each message, its limits.
 *
 * Each message is a row as a route's: its needs are the route's and then its own, so that one plan decides over a
 * message, and the steps that are the route's can be told from those that are the message's.
 */
#ifndef APP_CHANNEL_H
#define APP_CHANNEL_H

#include "app/application.h"
#include "http/websocket.h"
#include <doorward/websocket.h>

struct channel_message {
    struct dw_str type;
    const char *answer_type;
    const struct app_row *row;
};

struct channel {
    const struct dw_ws_channel *config;
    const struct app_row *row; /* the route's */
    struct channel_message *messages;
    size_t n_messages;
    struct websocket_limits limits;
    struct dw_rate rates[DW_RATES_MAX];
    size_t n_rates;
    unsigned auth_deadline_s;
    unsigned close_unauthenticated, close_forbidden;
};

/* How many rows the messages of a route take. */
size_t channel_count_rows(const struct dw_route *route);
/* Makes the channel of `row`, which is a WebSocket route, and appends the rows of its messages to the application's. */
DW_MUST_USE enum dw_err channel_make(struct dw_app *app, struct app_row *row, struct problem *p);

/* The code by which an error closes a connection. */
unsigned channel_close_code(const struct channel *channel, enum dw_err err);

#endif
