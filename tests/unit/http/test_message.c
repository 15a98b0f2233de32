/* The request and the answer alone: accessors, framing, the in-process call, the parser in pieces. */
#include "fixture.h"

#include "http/answer.h"
#include "http/parse.h"

#include <unistd.h>

#define HOST "Host: a\r\n"

static struct dw_request *request_new(void)
{
    struct dw_request *r = NULL;

    CHECK_OK(http_request_new(&r));
    return r;
}

static void targets(void **state)
{
    static const struct row {
        const char *target;
        enum dw_method method;
        enum dw_err err;
        const char *path, *query;
    } ROWS[] = {
        { "/", DW_GET, DW_OK, "/", NULL },
        { "/a/b?c=d?e", DW_GET, DW_OK, "/a/b", "c=d?e" },
        { "/a?", DW_GET, DW_OK, "/a", "" },
        { "//a/../b", DW_GET, DW_OK, "//a/../b", NULL }, /* the router's to judge */
        { "*", DW_OPTIONS, DW_OK, "*", NULL },
        { "*", DW_GET, DW_ERR_BAD_REQUEST, NULL, NULL },
        { "", DW_GET, DW_ERR_BAD_REQUEST, NULL, NULL },
        { "a", DW_GET, DW_ERR_BAD_REQUEST, NULL, NULL },
        { "?a", DW_GET, DW_ERR_BAD_REQUEST, NULL, NULL },
        { "/a b", DW_GET, DW_ERR_BAD_REQUEST, NULL, NULL },
        { "/a#b", DW_GET, DW_ERR_BAD_REQUEST, NULL, NULL },
        { "/\x7f", DW_GET, DW_ERR_BAD_REQUEST, NULL, NULL },
        { "/\xc3\xa9", DW_GET, DW_ERR_BAD_REQUEST, NULL, NULL },
        { "http://a/", DW_GET, DW_ERR_BAD_REQUEST, NULL, NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_request *r = request_new();
        r->method = ROWS[i].method;
        check_err(ROWS[i].err, http_request_set_target(r, dw_str(ROWS[i].target)), ROWS[i].target);
        if (ROWS[i].path != NULL) {
            check_str(dw_str(ROWS[i].path), dw_request_path(r), ROWS[i].target);
            check_str(dw_str(ROWS[i].query), dw_request_query(r), ROWS[i].target);
            assert_int_equal(ROWS[i].query == NULL, dw_str_is_absent(dw_request_query(r)));
        }
        http_request_free(&r);
    }
}

static void cookies(void **state)
{
    static const struct row {
        const char *header, *name, *value; /* NULL: absent */
    } ROWS[] = {
        { "a=1", "a", "1" },         { "a=1; b=2", "b", "2" },    { "a=1;b=2", "b", "2" },   { "aa=1; a=2", "a", "2" },
        { "a=1; a=2", "a", "1" },    { "a=", "a", "" },           { "a", "a", NULL },        { "", "a", NULL },
        { ";;; a=1;", "a", "1" },    { "a=b=c", "a", "b=c" },     { "A=1", "a", NULL },      { " a = 1 ", "a", "1" },
        { "=1; a=2", "", "1" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_request *r = request_new();
        r->headers[r->n_headers++] = (struct http_header){ DW_STR("cookie"), dw_str(ROWS[i].header) };
        const struct dw_str value = dw_request_cookie(r, ROWS[i].name);
        assert_int_equal(ROWS[i].value == NULL, dw_str_is_absent(value));
        check_str(dw_str(ROWS[i].value), value, ROWS[i].header);
        http_request_free(&r);
    }
}

static void methods_and_reasons(void **state)
{
    for (unsigned m = DW_GET; m < DW_METHOD_COUNT; m++)
        assert_int_equal(m, http_method_by_name(dw_str(dw_method_name((enum dw_method)m))));
    assert_int_equal(DW_OTHER_METHOD, http_method_by_name(DW_STR("get")));
    assert_string_equal("Method Not Allowed", http_reason(405));
    assert_string_equal("", http_reason(299));
    /* Every status that an error can have has a line of its own. */
    for (unsigned err = 0; err < DW_ERR_COUNT; err++)
        assert_false(dw_str_is_absent(http_status_line(dw_error_info((enum dw_err)err)->status)));
}

static void ids_differ(void **state)
{
    struct http_id_source source;
    char ids[3][HTTP_REQUEST_ID_SIZE];

    http_id_source_init(&source);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
        http_id_make(&source, ids[i]);
        assert_int_equal(32, strspn(ids[i], "0123456789abcdef"));
    }
    assert_string_not_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[1], ids[2]);
}

/* --- the answer ------------------------------------------------------------------------------------------------- */

static void headers_that_break_an_answer(void **state)
{
    static const struct row {
        const char *name, *value;
        bool broken;
    } ROWS[] = {
        { "X-A", "b", false },        { "X-A", "", false },          { "X-A", "a\tb \xc3\xa9", false },
        { "X-A", "a\r\nB: c", true }, { "X-A", "a\nb", true },       { "X-A", "a\x7f", true },
        { "X A", "b", true },         { "X-A:", "b", true },         { "", "b", true },
        { "X-A\r\nB", "c", true },    { "content-length", "1", true }, { "Transfer-Encoding", "chunked", true },
        { "Connection", "close", true }, { "Date", "now", true },    { "Content-Type", "a/b", true },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_request *r = request_new();
        dw_answer_header(r, ROWS[i].name, dw_str(ROWS[i].value));
        if (r->broken != ROWS[i].broken)
            fail_msg("row %zu: %s: %s", i, ROWS[i].name, ROWS[i].value);
        http_request_free(&r);
    }
}

static void date_line_is_as_the_rfc_says(void **state)
{
    char line[ANSWER_DATE_SIZE];

    check_str(DW_STR("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"), answer_date_line(784111777, line), "RFC 9110");
    check_str(DW_STR("Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"), answer_date_line(0, line), "the epoch");
}

static void head_is_written_as_expected(void **state)
{
    static const struct row {
        enum dw_method method;
        int status;
        const char *content_type;
        struct answer_framing framing;
        unsigned n_pieces;
        const char *lead;
    } ROWS[] = {
        { DW_GET, 200, "a/b", { DW_STR_INIT("Date: x\r\n"), true, false }, 3,
          "HTTP/1.1 200 OK\r\nDate: x\r\nContent-Type: a/b\r\nContent-Length: 4\r\n" },
        { DW_HEAD, 201, NULL, { DW_STR_INIT("Date: x\r\n"), false, false }, 2,
          "HTTP/1.1 201 Created\r\nDate: x\r\nContent-Length: 4\r\nConnection: close\r\n" },
        { DW_GET, 304, "a/b", { DW_STR_INIT("Date: x\r\n"), true, true }, 2,
          "HTTP/1.1 304 Not Modified\r\nDate: x\r\nConnection: keep-alive\r\n" },
        { DW_GET, 299, "a/b", { DW_STR_INIT(""), true, false }, 3,
          "HTTP/1.1 299 \r\nContent-Type: a/b\r\nContent-Length: 4\r\n" },
    };

    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct dw_request *r = request_new();
        struct dw_str pieces[ANSWER_PIECES];
        r->method = ROWS[i].method;
        dw_answer_status(r, ROWS[i].status);
        dw_answer_body(r, ROWS[i].content_type, DW_STR("body"));
        assert_int_equal(ROWS[i].n_pieces, answer_pieces(r, &ROWS[i].framing, pieces));
        check_str(dw_str(ROWS[i].lead), pieces[0], ROWS[i].lead);
        http_request_free(&r);
    }
}

/* --- in process ------------------------------------------------------------------------------------------------- */

static struct dw_called call(struct fixture *f, struct dw_arena *arena, const struct dw_call *c)
{
    struct dw_called called;
    const unsigned finished = f->n_finished;

    CHECK_OK(http_call(&f->service, c, arena, &called));
    assert_int_equal(finished + 1, f->n_finished);
    return called;
}

static void calls_in_process(void **state)
{
    static const struct dw_call_header HEADERS[] = {
        { "X-Thing", DW_STR_INIT("t") }, { "Cookie", DW_STR_INIT("c=1") }, { 0 }
    };
    static const struct dw_call TOO_LARGE = { DW_POST, "/tiny", NULL, DW_STR_INIT("12345678901") };
    struct fixture f;
    struct dw_arena *arena = NULL;

    fixture_init(&f);
    CHECK_OK(dw_arena_new(1 << 20, &arena));
    struct dw_called called = call(&f, arena, &(struct dw_call){ DW_GET, "/whoami?q", HEADERS, { 0 } });
    assert_int_equal(200, called.status);
    check_str(DW_STR("GET /whoami q t 1 test"), called.body, "whoami");
    check_str(DW_STR("text/plain"), dw_called_header(&called, "content-type"), "a header of the answer");
    assert_int_equal(32, dw_called_header(&called, "X-Request-Id").len);
    assert_true(dw_str_is_absent(dw_called_header(&called, "X-Other")));
    assert_null(memmem(called.head.ptr, called.head.len, "\r\n\r\n", 4));

    sem_post(&f.gate);
    called = call(&f, arena, &(struct dw_call){ DW_POST, "/work", NULL, DW_STR_INIT("abc") });
    check_str(DW_STR("abc"), called.body, "what may wait, on this thread");
    called = call(&f, arena, &(struct dw_call){ DW_HEAD, "/hello", NULL, { 0 } });
    check_str(DW_STR(""), called.body, "HEAD");
    check_str(DW_STR("5"), dw_called_header(&called, "Content-Length"), "HEAD");
    assert_int_equal(204, call(&f, arena, &(struct dw_call){ DW_GET, "/none", NULL, { 0 } }).status);
    assert_int_equal(404, call(&f, arena, &(struct dw_call){ DW_GET, "/missing", NULL, { 0 } }).status);
    assert_int_equal(413, call(&f, arena, &TOO_LARGE).status);
    assert_int_equal(400, call(&f, arena, &(struct dw_call){ DW_GET, "no slash", NULL, { 0 } }).status);
    assert_int_equal(500, call(&f, arena, &(struct dw_call){ DW_GET, "/broken", NULL, { 0 } }).status);
    dw_arena_free(&arena);
}

/* --- the parser in pieces --------------------------------------------------------------------------------------- */

#define WHOLE_HEAD                                                                                                     \
    "POST /path/to?query=1 HTTP/1.1\r\n" HOST "Empty:\r\nX-Blanks:  a b \t \r\nContent-Length: 5\r\nLast: z\r\n\r\n"

/* Whatever is cut where, and though the buffer moves at every cut, the slices are the same. */
static void pieces_make_the_same_request(void **state)
{
    static const char WHOLE[] = WHOLE_HEAD "helloGET";
    static const size_t HEAD = sizeof(WHOLE_HEAD) - 1;
    const struct parse_limits limits = { 8192, 32768, 100 };

    for (size_t step = 1; step < sizeof(WHOLE); step++) {
        struct dw_request *r = request_new();
        struct parse p = { .limits = &limits };
        char *memory = malloc(HEAD);
        size_t len = 0, taken = 0;
        enum parse_result result = PARSE_MORE;

        parse_begin(&p, r, memory);
        while (result == PARSE_MORE) {
            const size_t n = MIN_OF(step, HEAD - len);
            char *moved = malloc(HEAD);
            memcpy(moved, memory, len);
            memcpy(moved + len, WHOLE + len, n);
            parse_rebase(&p, memory, moved);
            free(memory);
            memory = moved;
            result = parse_feed(&p, memory + len, n, &taken);
            len += taken;
        }
        assert_int_equal(PARSE_HEAD, result);
        assert_int_equal(HEAD, len);
        check_str(DW_STR("/path/to"), dw_request_path(r), "path");
        check_str(DW_STR("query=1"), dw_request_query(r), "query");
        assert_int_equal(DW_POST, dw_request_method(r));
        assert_int_equal(5, r->n_headers);
        check_str(DW_STR("a"), dw_request_header(r, "HOST"), "first header");
        check_str(DW_STR(""), dw_request_header(r, "Empty"), "empty header");
        assert_false(dw_str_is_absent(dw_request_header(r, "Empty")));
        check_str(DW_STR("a b"), dw_request_header(r, "X-Blanks"), "trimmed header");
        check_str(DW_STR("z"), dw_request_header(r, "Last"), "last header");

        p.body_limit = r->body_bytes.max = 5;
        for (result = PARSE_MORE; result == PARSE_MORE; len += taken)
            result = parse_feed(&p, WHOLE + len, MIN_OF(step, sizeof(WHOLE) - 1 - len), &taken);
        assert_int_equal(PARSE_COMPLETE, result);
        assert_int_equal(HEAD + 5, len); /* the next request was left alone */
        check_str(DW_STR("hello"), dw_request_body(r), "body");
        free(memory);
        http_request_free(&r);
    }
}

CHECK_MAIN(cmocka_unit_test(targets), cmocka_unit_test(cookies), cmocka_unit_test(methods_and_reasons),
           cmocka_unit_test(ids_differ), cmocka_unit_test(headers_that_break_an_answer),
           cmocka_unit_test(date_line_is_as_the_rfc_says), cmocka_unit_test(head_is_written_as_expected),
           cmocka_unit_test(calls_in_process), cmocka_unit_test(pieces_make_the_same_request))
