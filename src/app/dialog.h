/*
 * What an application keeps of a WebSocket connection: the handshake's request, the credential, the rights' end.
 *
 * Why: each message and each check is a request of its own to the dependencies, with the path, query, headers and peer
 * of the handshake. So these are kept, in one block, without the headers that were only about the handshake.
 * Defends against: credentials that linger (wiped with the dialog). Owned by its websocket (http/websocket.h), whose
 * events use it one at a time.
 */
#ifndef APP_DIALOG_H
#define APP_DIALOG_H

#include "app/channel.h"

/* A piece of the block. */
struct dialog_slice {
    uint32_t at, len; /* len DIALOG_ABSENT: absent */
};

struct dialog {
    struct dw_ws ws;
    const struct dw_app *app;
    const struct channel *channel;
    struct websocket *websocket; /* whose owner this is */
    enum dw_err refusal;         /* why it is closed as soon as it is there */
    bool is_waiting;             /* for the message that says who it is */
    bool is_opened;              /* so closed() is due */
    bool is_https;
    char peer[HTTP_ADDRESS_SIZE];
    struct dw_secret authorization; /* value of the header that a message replaced; else none */
    struct dw_secret identity;      /* tenant and subject of the credential; none: not known */
    void *state;                    /* dw_ws_state() */
    int64_t next_us[DW_RATES_MAX];  /* see dialog_is_allowed() */
    unsigned n_headers;
    char *text;                     /* of the slices */
    size_t text_size;
    struct dialog_slice slices[];  /* path, query, the path's parameters, then name and value of each header */
};

/* A dialog of the handshake in `r`, which goes there as r->upgrade; it is closed at once when `refusal` is an error. */
DW_MUST_USE enum dw_err dialog_new(struct dw_request *r, enum dw_err refusal);

/* The handshake again, in an empty request, for this row. NULL without memory. */
struct app_state *dialog_fill(struct dialog *dialog, struct dw_request *r, const struct app_row *row);
/* Another value of Authorization, in the request alone; it is borrowed. */
DW_MUST_USE enum dw_err dialog_authorize(struct dw_request *r, struct dw_str authorization);

/* The credential was found good: notes when it ends. DW_ERR_TOKEN_SUBJECT when it is another's than before. */
DW_MUST_USE enum dw_err dialog_note_principal(struct dialog *dialog, const struct dw_request *r);
/* Closes by an error of who or whether. */
void dialog_close(struct dialog *dialog, const struct dw_request *r, enum dw_err err);

/* The calls of the websocket (dialog_event.c, message_event.c). */
extern const struct websocket_calls DIALOG_CALLS;
enum http_verdict message_event(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event);
enum http_verdict raw_event(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event);
/* Makes the connection's state and calls opened(). */
DW_MUST_USE enum dw_err dialog_open(struct dialog *dialog, struct dw_request *r);

/* How an event comes to its end, whatever its kind. */
struct dialog_event {
    enum dw_lane lane;
    enum dw_err (*prepare)(struct dialog *dialog, struct dw_request *r); /* never waits on the loop */
    enum dw_err (*call)(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event);
    void (*finish)(struct dialog *dialog, struct dw_request *r, enum dw_err err);
};
enum http_verdict dialog_event_run(const struct dialog_event *how, struct dialog *dialog, struct dw_request *r,
                                    const struct websocket_event *event);
/* A prepare() for events that need what the route needs. */
DW_MUST_USE enum dw_err dialog_resolve(struct dialog *dialog, struct dw_request *r);
/* A finish() that closes by an error. */
void dialog_finish(struct dialog *dialog, struct dw_request *r, enum dw_err err);

/* --- sending JSON (message_write.c) --- */

/* {"type":…,"id":…} and the members of `object`, a JSON object or absent; `id` is JSON or absent. */
void message_write(const char *type, struct dw_str id, struct dw_str object, struct buffer *b);
/* {"type":"error",…}; what went wrong is in the request's state. */
void message_write_error(struct dw_request *r, struct dw_str id, enum dw_err err, struct buffer *b);
/* To the dialog's client; what can't be sent closes by itself. */
void message_send(const struct dialog *dialog, const struct buffer *b);

#endif
