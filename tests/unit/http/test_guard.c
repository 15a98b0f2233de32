/* Malformed and smuggling requests over a real connection: bytes in, one refusal out, and the connection ends. */
#include "fixture.h"

#include <unistd.h>

struct row {
    const char *label;
    const char *bytes;
    size_t size;
    int status; /* of the one answer; the connection ends after it */
};

#define BYTES(literal) (literal), sizeof(literal) - 1
#define HOST "Host: a\r\n"
#define SMUGGLED "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

static const struct row REFUSED[] = {
    { "HTTP/0.9", BYTES("GET /\r\n" HOST "\r\n"), 505 },
    { "unknown method", BYTES("FOO / HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "lower-case method", BYTES("get / HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "lower-case protocol", BYTES("GET / http/1.1\r\n" HOST "\r\n"), 400 },
    { "version 0.9", BYTES("GET / HTTP/0.9\r\n" HOST "\r\n"), 505 },
    { "version 1.2", BYTES("GET / HTTP/1.2\r\n" HOST "\r\n"), 505 },
    { "version 2.0", BYTES("GET / HTTP/2.0\r\n" HOST "\r\n"), 505 },
    { "version without dot", BYTES("GET / HTTP/11\r\n" HOST "\r\n"), 505 },
    { "HTTP/2 preface", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505 },
    { "two blanks before the target", BYTES("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "two blanks after the target", BYTES("GET /  HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "blank after the version", BYTES("GET / HTTP/1.1 \r\n" HOST "\r\n"), 505 },
    { "tab in the request line", BYTES("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "bare LF after the request line", BYTES("GET / HTTP/1.1\n" HOST "\r\n"), 505 },
    { "bare LF after a header", BYTES("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400 },
    { "bare LF at the end", BYTES("GET / HTTP/1.1\r\nHost: a\r\n\n" SMUGGLED), 400 },
    { "bare CR after a header", BYTES("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), 400 },
    { "bare CR at the end", BYTES("GET / HTTP/1.1\r\nHost: a\r\n\rX" SMUGGLED), 400 },
    { "folded header", BYTES("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"), 400 },
    { "folded empty header", BYTES("GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n"), 400 },
    { "blank before the first header", BYTES("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400 },
    { "blank before the colon", BYTES("GET / HTTP/1.1\r\nHost : a\r\n\r\n"), 400 },
    { "no colon", BYTES("GET / HTTP/1.1\r\nHost\r\n\r\n"), 400 },
    { "empty header name", BYTES("GET / HTTP/1.1\r\n" HOST ": x\r\n\r\n"), 400 },
    { "separator in a header name", BYTES("GET / HTTP/1.1\r\n" HOST "X(y): z\r\n\r\n"), 400 },
    { "NUL in a header name", BYTES("GET / HTTP/1.1\r\n" HOST "X\0y: z\r\n\r\n"), 400 },
    { "NUL in a header value", BYTES("GET / HTTP/1.1\r\n" HOST "X: y\0z\r\n\r\n"), 400 },
    { "control character in a value", BYTES("GET / HTTP/1.1\r\n" HOST "X: y\x01z\r\n\r\n"), 400 },
    { "NUL in the target", BYTES("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "byte past ASCII in the target", BYTES("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "fragment in the target", BYTES("GET /a#b HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "target without a slash", BYTES("GET hello HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "absolute-form target", BYTES("GET http://a/hello HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "CONNECT", BYTES("CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "GET of *", BYTES("GET * HTTP/1.1\r\n" HOST "\r\n"), 400 },
    { "no Host", BYTES("GET /hello HTTP/1.1\r\n\r\n"), 400 },
    { "two Hosts", BYTES("GET /hello HTTP/1.1\r\n" HOST "host: b\r\n\r\n"), 400 },
    { "the same Host twice", BYTES("GET /hello HTTP/1.1\r\n" HOST HOST "\r\n"), 400 },
    { "empty Host", BYTES("GET /hello HTTP/1.1\r\nHost:\r\n\r\n"), 400 },
    { "Host with a path", BYTES("GET /hello HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400 },
    { "Host with a user", BYTES("GET /hello HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400 },
    { "list of Hosts", BYTES("GET /hello HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400 },
    { "two Authorizations", BYTES("GET /hello HTTP/1.1\r\n" HOST "Authorization: x\r\nauthorization: y\r\n\r\n"), 400 },
    { "two Content-Types",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n"),
      400 },
    { "two Content-Lengths",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0\r\nContent-Length: 34\r\n\r\n" SMUGGLED),
      400 },
    { "the same Content-Length twice",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), 400 },
    { "list of Content-Lengths", BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\nhello"), 400 },
    { "signed Content-Length", BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\nhello"), 400 },
    { "negative Content-Length", BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\nhello"), 400 },
    { "hexadecimal Content-Length", BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\nhello"), 400 },
    { "Content-Length in two words", BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\nhello"), 400 },
    { "empty Content-Length", BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"), 400 },
    { "endless Content-Length",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 99999999999999999999\r\n\r\n"), 400 },
    { "Content-Length past the limit",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 18446744073709551615\r\n\r\n"),
      413 },
    { "length, then chunked",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED),
      400 },
    { "chunked, then length",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" SMUGGLED),
      400 },
    { "chunked twice",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
      400 },
    { "chunked not last",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), 400 },
    { "coding before chunked",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 400 },
    { "identity", BYTES("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n" SMUGGLED), 400 },
    { "xchunked", BYTES("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 400 },
    { "chunked behind a vertical tab",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b" "chunked\r\n\r\n0\r\n\r\n"),
      400 },
    { "quoted chunked", BYTES("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"), 400 },
    { "chunked in HTTP/1.0", BYTES("POST /echo HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400 },
#define CHUNKED "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
    { "chunk size with 0x", BYTES(CHUNKED "0x2\r\nab\r\n0\r\n\r\n"), 400 },
    { "negative chunk size", BYTES(CHUNKED "-2\r\nab\r\n0\r\n\r\n"), 400 },
    { "blank after a chunk size", BYTES(CHUNKED "2 \r\nab\r\n0\r\n\r\n"), 400 },
    { "bare LF after a chunk size", BYTES(CHUNKED "2\nab\r\n0\r\n\r\n"), 400 },
    { "chunk size overflow", BYTES(CHUNKED "fffffffffffffffff\r\nab\r\n0\r\n\r\n"), 400 },
    { "chunk longer than it says", BYTES(CHUNKED "2\r\nabX\r\n0\r\n\r\n"), 400 },
    { "bare LF in a chunk extension", BYTES(CHUNKED "2;a\nb\r\nab\r\n0\r\n\r\n"), 400 },
    { "no chunk size", BYTES(CHUNKED "\r\nab\r\n0\r\n\r\n"), 400 },
    { "malformed trailer", BYTES(CHUNKED "0\r\nFoo : bar\r\n\r\n"), 400 },
    { "Content-Length as a trailer", BYTES(CHUNKED "0\r\nContent-Length: 3\r\n\r\nGET"), 400 },
    { "a TLS hello", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400 },
};

static struct fixture server;

static int start(void **state)
{
    fixture_start(&server, &(struct dw_server_config){ .loops = 1 });
    return 0;
}

static int stop(void **state)
{
    fixture_stop(&server);
    return 0;
}

/* One answer, then the end: whatever was smuggled behind got none. */
static void refused_requests_get_one_answer(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++) {
        const struct row *row = &REFUSED[i];
        const int fd = client_connect(&server);
        struct answer a;
        client_send(fd, row->bytes, row->size);
        client_read_answer(fd, false, &a);
        if (a.status != row->status)
            fail_msg("%s: expected %d, got %d", row->label, row->status, a.status);
        if (!answer_has(&a, "\r\nConnection: close\r\n"))
            fail_msg("%s: the connection stays", row->label);
        client_expect_end(fd, row->label);
        answer_free(&a);
        close(fd);
    }
}

/* The same bytes one at a time: what the parser sees in pieces it must judge alike. */
static void refused_in_pieces_too(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(REFUSED); i++) {
        const struct row *row = &REFUSED[i];
        const int fd = client_connect(&server);
        for (size_t k = 0; k < row->size && client_try_send(fd, row->bytes + k, 1); k++)
            continue;
        client_expect(fd, row->status, row->label);
        client_expect_end(fd, row->label);
        close(fd);
    }
}

static const struct row TAKEN[] = {
    { "plain", BYTES("GET /hello HTTP/1.1\r\n" HOST "\r\n"), 200 },
    { "empty lines before", BYTES("\r\n\r\nGET /hello HTTP/1.1\r\n" HOST "\r\n"), 200 },
    { "Host with a port", BYTES("GET /hello HTTP/1.1\r\nHost: example.com:8080\r\n\r\n"), 200 },
    { "Host as an IPv6 address", BYTES("GET /hello HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"), 200 },
    { "no blank after the colon", BYTES("GET /hello HTTP/1.1\r\nHost:a\r\n\r\n"), 200 },
    { "empty header", BYTES("GET /hello HTTP/1.1\r\n" HOST "X:\r\nY: z\r\n\r\n"), 200 },
    { "OPTIONS of *", BYTES("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), 200 },
    { "another method", BYTES("PROPFIND /hello HTTP/1.1\r\n" HOST "\r\n"), 200 },
    { "Chunked in capitals",
      BYTES("POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: Chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"), 200 },
    { "chunk extension and trailer", BYTES(CHUNKED "2;a=b\r\nab\r\n0\r\nX-Sum: 1\r\n\r\n"), 200 },
    { "unknown path", BYTES("GET /nowhere HTTP/1.1\r\n" HOST "\r\n"), 404 },
};

static void sound_requests_are_taken(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(TAKEN); i++) {
        const struct row *row = &TAKEN[i];
        const int fd = client_connect(&server);
        client_send(fd, row->bytes, row->size);
        client_expect(fd, row->status, row->label);
        client_send_text(fd, SMUGGLED); /* and the connection is in order */
        client_expect(fd, 200, row->label);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refused_requests_get_one_answer),
        cmocka_unit_test(refused_in_pieces_too),
        cmocka_unit_test(sound_requests_are_taken),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
