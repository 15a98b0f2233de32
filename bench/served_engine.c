/*
 * Doorward's engine with the smallest service: a JSON answer of 400 bytes to everything. Beside bare_engine it shows
 * what the engine alone costs.
 *
 *     served_engine PORT
 */
#include "http/service.h"

#include <stdio.h>

static char json[400];

static enum dw_err begin(void *context, struct dw_request *r, size_t *max_body)
{
    return DW_OK;
}

static enum http_verdict serve(void *context, struct dw_request *r)
{
    dw_answer_status(r, 200);
    dw_answer_body(r, "application/json", dw_str_n(json, sizeof(json)));
    return HTTP_ANSWERED;
}

static enum http_verdict serve_waiting(void *context, struct dw_request *r)
{
    return serve(context, r);
}

static void refuse(void *context, struct dw_request *r, enum dw_err err)
{
    dw_answer_status(r, dw_error_info(err)->status);
}

static void finished(void *context, struct dw_request *r, bool sent) {}

static void finish_head(void *context, struct dw_request *r)
{
    dw_answer_header(r, "X-Request-Id", dw_request_id(r));
}

int main(int argc, char **argv)
{
    static const struct http_service SERVICE = { .begin = begin, .serve = serve, .serve_waiting = serve_waiting,
                                                 .refuse = refuse, .finished = finished, .finish_head = finish_head };
    char listen[64];
    struct dw_server_config config = { .listen = listen, .loops = 1 };

    if (argc != 2) {
        fprintf(stderr, "usage: served_engine PORT\n");
        return 2;
    }
    snprintf(listen, sizeof(listen), "127.0.0.1:%s", argv[1]);
    memset(json, 'x', sizeof(json));
    json[0] = json[sizeof(json) - 1] = '"';
    const enum dw_err err = http_serve(&SERVICE, &config);
    if (err != DW_OK)
        fprintf(stderr, "served_engine: %s\n", dw_error_info(err)->code);
    return err == DW_OK ? 0 : 1;
}
