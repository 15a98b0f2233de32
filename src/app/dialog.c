#include "app/dialog.h"

#include "base/clock.h"

enum { DIALOG_PATH, DIALOG_QUERY, DIALOG_PARAMETERS };
#define DIALOG_ABSENT UINT32_MAX

/* --- keeping a handshake ---------------------------------------------------------------------------------------- */

/* These were about the handshake, or hold a token that Authorization has now. */
static bool header_is_kept(struct dw_str name)
{
    static const struct dw_str PREFIX = DW_STR_INIT("Sec-WebSocket-");

    return !dw_str_eq_nocase(name, DW_STR("Connection")) && !dw_str_eq_nocase(name, DW_STR("Upgrade")) &&
           !(name.len > PREFIX.len && dw_str_eq_nocase(dw_str_n(name.ptr, PREFIX.len), PREFIX));
}

static unsigned headers_count(const struct dw_request *r)
{
    unsigned n = 0;

    for (unsigned i = 0; i < r->n_headers; i++)
        n += header_is_kept(r->headers[i].name);
    return n;
}

static size_t text_count(const struct dw_request *r)
{
    const struct app_state *s = app_state(r);
    size_t size = r->path.len + r->query.len;

    for (size_t i = 0; i < s->match.row->n_names; i++)
        size += s->match.parameters[i].len;
    for (unsigned i = 0; i < r->n_headers; i++)
        if (header_is_kept(r->headers[i].name))
            size += r->headers[i].name.len + r->headers[i].value.len;
    return size;
}

static struct dialog_slice slice_put(struct dialog *dialog, struct dw_str s)
{
    const struct dialog_slice slice = { (uint32_t)dialog->text_size,
                                         dw_str_is_absent(s) ? DIALOG_ABSENT : (uint32_t)s.len };

    if (s.len > 0)
        memcpy(dialog->text + dialog->text_size, s.ptr, s.len);
    dialog->text_size += s.len;
    return slice;
}

static struct dw_str slice_get(const struct dialog *dialog, size_t i)
{
    const struct dialog_slice slice = dialog->slices[i];

    return slice.len == DIALOG_ABSENT ? dw_str_n(NULL, 0) : dw_str_n(dialog->text + slice.at, slice.len);
}

static void dialog_keep(struct dialog *dialog, const struct dw_request *r)
{
    const struct app_state *s = app_state(r);
    size_t n = DIALOG_PARAMETERS;

    dialog->slices[DIALOG_PATH] = slice_put(dialog, r->path);
    dialog->slices[DIALOG_QUERY] = slice_put(dialog, r->query);
    for (size_t i = 0; i < s->match.row->n_names; i++)
        dialog->slices[n++] = slice_put(dialog, s->match.parameters[i]);
    for (unsigned i = 0; i < r->n_headers; i++) {
        if (!header_is_kept(r->headers[i].name))
            continue;
        dialog->slices[n++] = slice_put(dialog, r->headers[i].name);
        dialog->slices[n++] = slice_put(dialog, r->headers[i].value);
        dialog->n_headers++;
    }
    memcpy(dialog->peer, r->peer, sizeof(dialog->peer));
    dialog->is_https = r->is_https;
}

static void dialog_free(void *owner)
{
    struct dialog *dialog = owner;

    if (dialog == NULL)
        return;
    dw_wipe(dialog->text, dialog->text_size);
    dw_secret_free(&dialog->authorization);
    dw_secret_free(&dialog->identity);
    free(dialog->state);
    free(dialog);
}

static void dialog_cleanup(struct dialog **dialog)
{
    dialog_free(*dialog);
}

static const struct dw_app *app_outermost(const struct dw_app *app)
{
    while (app->outer != NULL)
        app = app->outer;
    return app;
}

/* Only one who sent nothing at all may still say who he is. */
static bool may_wait(const struct app_state *s, const struct channel *channel, enum dw_err refusal)
{
    return refusal == DW_ERR_UNAUTHENTICATED && channel->config->takes_auth_message && !s->is_credential_sent;
}

enum dw_err dialog_new(struct dw_request *r, enum dw_err refusal)
{
    const struct app_state *s = app_state(r);
    const struct channel *channel = s->match.row->channel;
    const size_t n_slices = DIALOG_PARAMETERS + s->match.row->n_names + 2 * (size_t)headers_count(r);
    const size_t slices_size = n_slices * sizeof(struct dialog_slice);

    _cleanup_(dialog_cleanup) struct dialog *dialog = calloc(1, sizeof(*dialog) + slices_size + text_count(r));
    if (dialog == NULL)
        return DW_ERR_NO_MEMORY;
    dialog->text = (char *)dialog->slices + slices_size;
    dialog->app = s->app;
    dialog->channel = channel;
    dialog_keep(dialog, r);
    dialog->is_waiting = may_wait(s, channel, refusal);
    dialog->refusal = dialog->is_waiting ? DW_OK : refusal;
    TRY(websocket_new(app_outermost(s->app)->service.hub, &DIALOG_CALLS, &channel->limits, dialog, &r->upgrade));
    dialog->websocket = r->upgrade;
    dialog->ws = (struct dw_ws){ s->app, r->upgrade->member.id };
    const enum dw_err err = refusal == DW_OK ? dialog_note_principal(dialog, r) : DW_OK;
    (void)TAKE_PTR(dialog); /* the websocket's now, and that is the request's */
    return err;
}

/* --- a request of it -------------------------------------------------------------------------------------------- */

struct app_state *dialog_fill(struct dialog *dialog, struct dw_request *r, const struct app_row *row)
{
    struct app_state *s = app_state_make(dialog->app, r);
    size_t n = DIALOG_PARAMETERS;

    if (s == NULL)
        return NULL;
    r->method = DW_GET;
    r->method_text = DW_STR("GET");
    r->path = slice_get(dialog, DIALOG_PATH);
    r->query = slice_get(dialog, DIALOG_QUERY);
    s->match.row = row;
    for (size_t i = 0; i < row->n_names; i++)
        s->match.parameters[i] = slice_get(dialog, n++);
    for (unsigned i = 0; i < dialog->n_headers; i++, n += 2)
        r->headers[r->n_headers++] = (struct http_header){ slice_get(dialog, n), slice_get(dialog, n + 1) };
    memcpy(r->peer, dialog->peer, sizeof(r->peer));
    r->is_https = dialog->is_https;
    s->dialog = dialog;
    if (dialog->authorization.size > 0 && dialog_authorize(r, dw_secret_borrow(&dialog->authorization)) != DW_OK)
        return NULL;
    return s;
}

enum dw_err dialog_authorize(struct dw_request *r, struct dw_str authorization)
{
    unsigned i = 0;

    while (i < r->n_headers && !dw_str_eq_nocase(r->headers[i].name, DW_STR("Authorization")))
        i++;
    if (i == HTTP_MAX_HEADERS)
        return DW_ERR_HEADERS_TOO_LARGE;
    r->headers[i] = (struct http_header){ DW_STR("Authorization"), authorization };
    r->n_headers = MAX_OF(r->n_headers, i + 1);
    return DW_OK;
}

/* --- who it is, and until when ---------------------------------------------------------------------------------- */

/* Tenant and subject, so that no two pairs look alike. */
static enum dw_err identity_of(const struct dw_principal *principal, struct dw_secret *ret_identity)
{
    const struct dw_str tenant = principal->tenant, subject = principal->subject;
    struct dw_secret identity = { malloc(sizeof(tenant.len) + tenant.len + subject.len + 1),
                                  sizeof(tenant.len) + tenant.len + subject.len };

    if (identity.bytes == NULL)
        return DW_ERR_NO_MEMORY;
    memcpy(identity.bytes, &tenant.len, sizeof(tenant.len));
    if (tenant.len > 0)
        memcpy(identity.bytes + sizeof(tenant.len), tenant.ptr, tenant.len);
    if (subject.len > 0)
        memcpy(identity.bytes + sizeof(tenant.len) + tenant.len, subject.ptr, subject.len);
    *ret_identity = identity;
    return DW_OK;
}

enum dw_err dialog_note_principal(struct dialog *dialog, const struct dw_request *r)
{
    const struct app_state *s = app_state(r);
    _cleanup_secret_ struct dw_secret identity = { 0 };

    if (!s->is_authenticated)
        return DW_OK;
    TRY(identity_of(&s->principal, &identity));
    if (dialog->identity.size == 0)
        dialog->identity = TAKE_SECRET(identity);
    else if (!dw_secret_eq(&dialog->identity, &identity))
        return DW_ERR_TOKEN_SUBJECT;
    dialog->websocket->expires_s = s->principal.expires_s;
    return DW_OK;
}

void dialog_close(struct dialog *dialog, const struct dw_request *r, enum dw_err err)
{
    const struct app_state *s = app_state(r);
    const bool has_words = s != NULL && s->fail_error == err && s->fail_text != NULL;

    dispatch_log_failure(r, err);
    hub_close(dialog->websocket->hub, dialog->ws.id, channel_close_code(dialog->channel, err),
              dw_str(has_words ? s->fail_text : dw_error_info(err)->message));
}

/* --- how often -------------------------------------------------------------------------------------------------- */

/* The generic cell rate algorithm: next_us is when the messages so far would have come, had they come evenly. `amount`
 * may run ahead, and then one more may come each `seconds` / `amount`. All rates hold. */
static bool dialog_is_allowed(void *owner, uint64_t now_ms)
{
    enum { US_IN_MS = 1000, US_IN_S = 1000000 };
    struct dialog *dialog = owner;
    const struct channel *channel = dialog->channel;
    const int64_t now_us = (int64_t)now_ms * US_IN_MS;
    int64_t next_us[DW_RATES_MAX];

    for (size_t i = 0; i < channel->n_rates; i++) {
        const int64_t window_us = channel->rates[i].seconds * US_IN_S;
        next_us[i] = MAX_OF(dialog->next_us[i], now_us) + window_us / channel->rates[i].amount;
        if (next_us[i] - now_us > window_us)
            return false;
    }
    memcpy(dialog->next_us, next_us, channel->n_rates * sizeof(next_us[0]));
    return true;
}

/* --- events ----------------------------------------------------------------------------------------------------- */

enum dw_err dialog_resolve(struct dialog *dialog, struct dw_request *r)
{
    TRY(resolve_plan(r));
    return dialog_note_principal(dialog, r);
}

void dialog_finish(struct dialog *dialog, struct dw_request *r, enum dw_err err)
{
    if (err != DW_OK)
        dialog_close(dialog, r, err);
}

static enum http_verdict lane_of(enum dw_lane lane)
{
    return lane == DW_HASHING ? HTTP_TO_HASHING : HTTP_TO_WORKER;
}

enum http_verdict dialog_event_run(const struct dialog_event *how, struct dialog *dialog, struct dw_request *r,
                                    const struct websocket_event *event)
{
    enum dw_err err = how->prepare(dialog, r);

    if (err == DW_OK && how->lane != DW_INLINE && !r->may_block) {
        dispatch_start_over(r);
        return lane_of(how->lane);
    }
    if (err == DW_OK)
        err = how->call(dialog, r, event);
    if (err == DW_ERR_WOULD_BLOCK && !(r->may_block && r->may_hash)) {
        app_state(r)->fail_error = DW_OK;
        app_state(r)->issues = (struct issue_list){ 0 };
        dispatch_start_over(r);
        return r->may_block ? HTTP_TO_HASHING : lane_of(how->lane);
    }
    how->finish(dialog, r, err);
    dispatch_release(r);
    return HTTP_ANSWERED;
}

enum dw_err dialog_open(struct dialog *dialog, struct dw_request *r)
{
    const struct dw_ws_channel *config = dialog->channel->config;

    if (config->state_size > 0 && dialog->state == NULL) {
        dialog->state = calloc(1, config->state_size);
        if (dialog->state == NULL)
            return DW_ERR_NO_MEMORY;
    }
    if (config->opened != NULL)
        TRY(config->opened(r));
    dialog->is_opened = true;
    return DW_OK;
}

static enum dw_err open_call(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    return dialog_open(dialog, r);
}

static enum http_verdict opened_event(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    enum { MS_IN_S = 1000 };
    const struct dw_ws_channel *config = dialog->channel->config;
    const struct dialog_event how = { config->opened == NULL ? DW_INLINE : config->lane, dialog_resolve, open_call,
                                       dialog_finish };

    if (dialog->refusal != DW_OK) {
        dialog_close(dialog, r, dialog->refusal);
        return HTTP_ANSWERED;
    }
    if (dialog->is_waiting) {
        websocket_set_deadline(dialog->websocket, (uint64_t)dialog->channel->auth_deadline_s * MS_IN_S);
        return HTTP_ANSWERED;
    }
    return dialog_event_run(&how, dialog, r, event);
}

static enum dw_err check_prepare(struct dialog *dialog, struct dw_request *r)
{
    const int64_t expires_s = dialog->websocket->expires_s;

    if (expires_s != 0 && dw_clock_now_s() >= expires_s)
        return DW_ERR_TOKEN_EXPIRED;
    return dialog_resolve(dialog, r);
}

static enum dw_err check_call(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    return DW_OK;
}

static enum http_verdict check_event(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    static const struct dialog_event HOW = { DW_INLINE, check_prepare, check_call, dialog_finish };

    if (!dialog->is_waiting)
        return dialog_event_run(&HOW, dialog, r, event);
    if (event->is_late)
        dialog_close(dialog, r, DW_ERR_UNAUTHENTICATED);
    return HTTP_ANSWERED;
}

static enum http_verdict closed_event(struct dialog *dialog, struct dw_request *r, const struct websocket_event *event)
{
    const struct dw_ws_channel *config = dialog->channel->config;

    if (!dialog->is_opened || config->closed == NULL)
        return HTTP_ANSWERED;
    if (config->lane != DW_INLINE && !r->may_block)
        return lane_of(config->lane);
    config->closed(r, event->code);
    return HTTP_ANSWERED;
}

/* Text is, where there are rows, or when it may say who the client is. */
static bool is_for_table(const struct dialog *dialog, const struct websocket_event *event)
{
    return event->is_text && (dialog->channel->n_messages > 0 || dialog->is_waiting);
}

static enum http_verdict on_event(void *owner, struct dw_request *r, const struct websocket_event *event)
{
    struct dialog *dialog = owner;

    if (r->state == NULL && dialog_fill(dialog, r, dialog->channel->row) == NULL && event->kind != WEBSOCKET_CLOSED) {
        dialog_close(dialog, r, DW_ERR_NO_MEMORY);
        return HTTP_ANSWERED;
    }
    switch (event->kind) {
    case WEBSOCKET_OPENED:
        return opened_event(dialog, r, event);
    case WEBSOCKET_MESSAGE:
        return is_for_table(dialog, event) ? message_event(dialog, r, event) : raw_event(dialog, r, event);
    case WEBSOCKET_CHECK:
        return check_event(dialog, r, event);
    case WEBSOCKET_CLOSED:
        break;
    }
    return closed_event(dialog, r, event);
}

static void on_abandon(void *owner, struct dw_request *r)
{
    dispatch_release(r);
}

const struct websocket_calls DIALOG_CALLS = {
    .event = on_event,
    .abandon = on_abandon,
    .is_allowed = dialog_is_allowed,
    .free = dialog_free,
};
