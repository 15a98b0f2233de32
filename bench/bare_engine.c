/*
 * The yardstick: libuv and llhttp with nothing around them. One loop, keep-alive, the same bytes to every request.
 *
 *     bare_engine PORT FILE     FILE holds a whole answer, head and body
 *
 * It checks nothing, has no deadlines and no limits: what Doorward spends beyond it is the price of all that.
 */
#include <llhttp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { READ_SIZE = 64 * 1024, ANSWER_MAX = 64 * 1024 };

struct client {
    uv_tcp_t tcp;
    llhttp_t parser;
};

static char answer[ANSWER_MAX];
static size_t answer_size;
static char input[READ_SIZE];
static llhttp_settings_t settings;

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buf)
{
    *ret_buf = uv_buf_init(input, sizeof(input));
}

static int on_message_complete(llhttp_t *parser)
{
    struct client *client = parser->data;
    uv_buf_t buf = uv_buf_init(answer, (unsigned)answer_size);

    return uv_try_write((uv_stream_t *)&client->tcp, &buf, 1) == (int)answer_size ? 0 : -1;
}

static void on_read(uv_stream_t *stream, ssize_t n_read, const uv_buf_t *buf)
{
    struct client *client = stream->data;

    if (n_read == 0)
        return;
    if (n_read < 0 || llhttp_execute(&client->parser, buf->base, (size_t)n_read) != HPE_OK)
        uv_close((uv_handle_t *)stream, on_closed);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        abort();
    uv_tcp_init(listener->loop, &client->tcp);
    client->tcp.data = client;
    uv_accept(listener, (uv_stream_t *)&client->tcp);
    uv_tcp_nodelay(&client->tcp, 1);
    llhttp_init(&client->parser, HTTP_REQUEST, &settings);
    client->parser.data = client;
    uv_read_start((uv_stream_t *)&client->tcp, on_alloc, on_read);
}

int main(int argc, char **argv)
{
    struct sockaddr_in address;
    uv_tcp_t listener;

    if (argc != 3) {
        fprintf(stderr, "usage: bare_engine PORT FILE\n");
        return 2;
    }
    FILE *file = fopen(argv[2], "rb");
    if (file == NULL) {
        perror(argv[2]);
        return 1;
    }
    answer_size = fread(answer, 1, sizeof(answer), file);
    fclose(file);
    signal(SIGPIPE, SIG_IGN);
    llhttp_settings_init(&settings);
    settings.on_message_complete = on_message_complete;
    uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address);
    uv_tcp_init(uv_default_loop(), &listener);
    if (uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 1024, on_connection) != 0) {
        fprintf(stderr, "bare_engine: can't listen on port %s\n", argv[1]);
        return 1;
    }
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
