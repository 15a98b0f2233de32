/* A server's side of TLS against OpenSSL's own client, byte heap to byte heap. */
#include "../certificate.h"
#include "crypto/tls.h"
#include "crypto/tls_internal.h"

#include <openssl/err.h>

enum { HEAP_MAX = 1 << 20, DAY_S = 86400 };

static struct certificate_files files;
static const struct tls_calls *ssl;

static int set_up(void **state)
{
    certificate_open(&files);
    certificate_write(&files, -DAY_S, DAY_S);
    ssl = tls_calls_load();
    return ssl == NULL;
}

static int tear_down(void **state)
{
    return certificate_close(&files);
}

/* --- two ends --------------------------------------------------------------------------------------------------- */

struct ends {
    struct dw_tls *tls;
    struct tls_session *server;
    SSL_CTX *context;
    SSL *client;
    BIO *to_client, *from_client;
    size_t step; /* bytes that the server gets at a time */
    char heard[HEAP_MAX];
    size_t n_heard;
};

static void ends_open(struct ends *e, size_t step)
{
    char problem[DW_TLS_PROBLEM_SIZE];

    *e = (struct ends){ .step = step };
    CHECK_OK(dw_tls_new(files.certificate, files.key, &e->tls, problem));
    CHECK_OK(tls_session_new(e->tls, &e->server));
    e->context = ssl->SSL_CTX_new(TLS_client_method());
    e->client = ssl->SSL_new(e->context);
    e->to_client = BIO_new(BIO_s_mem());
    e->from_client = BIO_new(BIO_s_mem());
    ssl->SSL_set_bio(e->client, e->to_client, e->from_client);
    SSL_set_connect_state(e->client);
}

static void ends_close(struct ends *e)
{
    ssl->SSL_free(e->client);
    ssl->SSL_CTX_free(e->context);
    tls_session_free(&e->server);
    dw_tls_free(&e->tls);
}

static void server_to_client(struct ends *e)
{
    const struct dw_str output = tls_session_output(e->server);

    if (output.len > 0)
        assert_int_equal((int)output.len, BIO_write(e->to_client, output.ptr, (int)output.len));
    tls_session_sent(e->server, output.len);
}

/* Everything that the client has sent, a few bytes at a time; the last result. */
static enum tls_result client_to_server(struct ends *e)
{
    enum tls_result result = TLS_WANTS_INPUT;
    char bytes[4096];
    int n;

    while ((n = BIO_read(e->from_client, bytes, (int)MIN_OF(e->step, sizeof(bytes)))) > 0) {
        tls_session_give(e->server, dw_str_n(bytes, (size_t)n));
        do {
            size_t size = 0;
            result = tls_session_read(e->server, e->heard + e->n_heard, HEAP_MAX - e->n_heard, &size);
            e->n_heard += size;
        } while (result == TLS_DONE);
        if (result == TLS_FAILED || result == TLS_ENDED)
            break;
        assert_false(tls_session_has_input(e->server));
    }
    return result;
}

static void shake_hands(struct ends *e)
{
    for (int i = 0; i < 10 && !(tls_session_is_open(e->server) && ssl->SSL_is_init_finished(e->client)); i++) {
        (void)SSL_do_handshake(e->client);
        client_to_server(e);
        server_to_client(e);
    }
    assert_true(tls_session_is_open(e->server));
}

/* --- cases ------------------------------------------------------------------------------------------------------ */

static void bytes_come_through(void **state)
{
    static const size_t STEPS[] = { 1, 7, 4096 };
    static char sent[HEAP_MAX / 2], back[TLS_RECORD_MAX];
    static struct ends e;
    size_t size;

    dw_random(sent, sizeof(sent));
    for (size_t i = 0; i < ARRAY_SIZE(STEPS); i++) {
        ends_open(&e, STEPS[i]);
        shake_hands(&e);
        assert_int_equal(1, ssl->SSL_write_ex(e.client, sent, 50000, &size));
        client_to_server(&e);
        assert_int_equal(50000, e.n_heard);
        assert_memory_equal(sent, e.heard, 50000);
        assert_int_equal(TLS_DONE, tls_session_write(e.server, dw_str_n(sent, TLS_RECORD_MAX)));
        server_to_client(&e);
        assert_int_equal(1, ssl->SSL_read_ex(e.client, back, sizeof(back), &size));
        assert_int_equal(TLS_RECORD_MAX, size);
        assert_memory_equal(sent, back, size);
        tls_session_end(e.server);
        server_to_client(&e);
        assert_int_equal(0, ssl->SSL_read_ex(e.client, back, sizeof(back), &size));
        assert_int_equal(SSL_ERROR_ZERO_RETURN, ssl->SSL_get_error(e.client, 0));
        assert_int_equal(TLS_FAILED, tls_session_write(e.server, DW_STR("after the end")));
        ssl->SSL_shutdown(e.client);
        assert_int_equal(TLS_ENDED, client_to_server(&e));
        ends_close(&e);
    }
}

static void what_was_not_read_is_kept(void **state)
{
    static struct ends e;
    char bytes[4096], first;
    size_t size;

    ends_open(&e, 4096);
    shake_hands(&e);
    assert_int_equal(1, ssl->SSL_write_ex(e.client, "hello", 5, &size));
    assert_int_equal(1, ssl->SSL_write_ex(e.client, "world", 5, &size));
    const int n = BIO_read(e.from_client, bytes, sizeof(bytes));
    tls_session_give(e.server, dw_str_n(bytes, (size_t)n));
    assert_int_equal(TLS_DONE, tls_session_read(e.server, &first, 1, &size));
    CHECK_OK(tls_session_keep(e.server));
    memset(bytes, 0xff, sizeof(bytes)); /* their place is needed */
    assert_true(tls_session_has_input(e.server));
    for (e.n_heard = 0; e.n_heard < 9; e.n_heard += size)
        assert_int_equal(TLS_DONE, tls_session_read(e.server, e.heard + e.n_heard, 9, &size));
    assert_memory_equal("elloworld", e.heard, 9);
    assert_false(tls_session_has_input(e.server));
    ends_close(&e);
}

/* Each asks for one back: what is to leave stays within its limit, however many come. */
static void key_updates_without_end(void **state)
{
    static struct ends e;
    enum tls_result result = TLS_WANTS_INPUT;

    ends_open(&e, 4096);
    shake_hands(&e);
    for (int i = 0; i < 5000 && result == TLS_WANTS_INPUT; i++) {
        SSL_key_update(e.client, SSL_KEY_UPDATE_REQUESTED);
        (void)SSL_do_handshake(e.client);
        result = client_to_server(&e);
    }
    assert_true(tls_session_output(e.server).len <= 2 * TLS_OUTPUT_MAX);
    ends_close(&e);
}

static void noise_fails(void **state)
{
    static struct ends e;
    char noise[2000], room[16];
    size_t size;

    for (size_t i = 0; i < 200; i++) {
        ends_open(&e, 4096);
        dw_random(noise, sizeof(noise));
        if (i % 2 == 0)
            memcpy(noise, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11);
        tls_session_give(e.server, dw_str_n(noise, 1 + i * 10 % sizeof(noise)));
        const enum tls_result result = tls_session_read(e.server, room, sizeof(room), &size);
        assert_true(result == TLS_FAILED || result == TLS_WANTS_INPUT);
        assert_false(tls_session_is_open(e.server));
        assert_int_equal(TLS_FAILED, tls_session_write(e.server, DW_STR("not yet")));
        ends_close(&e);
    }
}

static void handshake_has_a_limit(void **state)
{
    static struct ends e;
    static char huge[TLS_HANDSHAKE_MAX + 1];
    char room[16];
    size_t size;

    ends_open(&e, 4096);
    memcpy(huge, "\x16\x03\x01\x40\x00\x01\x00\xff\xff", 9);
    tls_session_give(e.server, dw_str_n(huge, sizeof(huge)));
    assert_int_equal(TLS_FAILED, tls_session_read(e.server, room, sizeof(room), &size));
    ends_close(&e);
}

static void reload_keeps_what_is_good(void **state)
{
    char problem[DW_TLS_PROBLEM_SIZE] = "";
    struct dw_tls *tls = NULL;

    CHECK_OK(dw_tls_new(files.certificate, files.key, &tls, problem));
    const int64_t expires_s = dw_tls_expires_s(tls);
    assert_false(dw_tls_is_stale(tls));
    certificate_write(&files, -2 * DAY_S, -DAY_S);
    assert_true(dw_tls_is_stale(tls));
    CHECK_ERR(DW_ERR_SETTING, dw_tls_reload(tls, problem));
    assert_non_null(strstr(problem, "has expired"));
    assert_int_equal(expires_s, dw_tls_expires_s(tls));
    assert_false(dw_tls_is_stale(tls)); /* looked at, and found wanting: once is enough */
    certificate_write(&files, DAY_S, 2 * DAY_S);
    CHECK_ERR(DW_ERR_SETTING, dw_tls_reload(tls, problem));
    assert_non_null(strstr(problem, "not valid yet"));
    certificate_write(&files, -DAY_S, 10 * DAY_S);
    CHECK_OK(dw_tls_reload(tls, problem));
    assert_true(dw_tls_expires_s(tls) > expires_s);
    dw_tls_free(&tls);
    assert_null(tls);
}

/* What begins like a certificate and is none: a file that was not written to its end. */
static void half_a_chain_is_none(void **state)
{
    static const char *const TAILS[] = { "-----BEGIN CERTIFICATE-----\n",
                                         "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
                                         "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n" };
    char problem[DW_TLS_PROBLEM_SIZE] = "";
    struct dw_tls *tls = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(TAILS); i++) {
        certificate_write(&files, -DAY_S, DAY_S);
        FILE *file = fopen(files.certificate, "a");
        assert_true(fputs(TAILS[i], file) >= 0);
        fclose(file);
        CHECK_ERR(DW_ERR_SETTING, dw_tls_new(files.certificate, files.key, &tls, problem));
        assert_non_null(strstr(problem, "certificate 2 can't be read"));
        assert_int_equal(0, ERR_peek_error());
    }
    certificate_write(&files, -DAY_S, DAY_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_through),      cmocka_unit_test(what_was_not_read_is_kept),
        cmocka_unit_test(key_updates_without_end), cmocka_unit_test(noise_fails),
        cmocka_unit_test(handshake_has_a_limit),   cmocka_unit_test(reload_keeps_what_is_good),
        cmocka_unit_test(half_a_chain_is_none),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
