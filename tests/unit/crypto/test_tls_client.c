/* A client's side of TLS against OpenSSL's own server, byte heap to byte heap. */
#include "../certificate.h"
#include "crypto/tls.h"

#include <openssl/ssl.h>

enum { DAY_S = 86400, STEP = 4096 };

static struct certificate_files ours, others;

static int set_up(void **state)
{
    certificate_open(&ours);
    certificate_open(&others);
    return 0;
}

static int tear_down(void **state)
{
    return certificate_close(&ours) | certificate_close(&others);
}

/* --- two ends --------------------------------------------------------------------------------------------------- */

struct ends {
    SSL_CTX *context;
    SSL *server;
    BIO *to_server, *from_server;
    struct tls_session *client;
};

/* The server has the certificate in `ours`; with `asks`, it wants one of the client that is the same. */
static void ends_open(struct ends *e, const struct tls_peer *peer, bool asks)
{
    char problem[DW_TLS_PROBLEM_SIZE] = "";

    *e = (struct ends){ .context = SSL_CTX_new(TLS_server_method()) };
    assert_int_equal(1, SSL_CTX_use_certificate_file(e->context, ours.certificate, SSL_FILETYPE_PEM));
    assert_int_equal(1, SSL_CTX_use_PrivateKey_file(e->context, ours.key, SSL_FILETYPE_PEM));
    if (asks) {
        assert_int_equal(1, SSL_CTX_load_verify_file(e->context, ours.certificate));
        SSL_CTX_set_verify(e->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    e->server = SSL_new(e->context);
    e->to_server = BIO_new(BIO_s_mem());
    e->from_server = BIO_new(BIO_s_mem());
    SSL_set_bio(e->server, e->to_server, e->from_server);
    SSL_set_accept_state(e->server);
    check_err(DW_OK, tls_session_connect(peer, &e->client, problem), problem);
}

static void ends_close(struct ends *e)
{
    tls_session_free(&e->client);
    SSL_free(e->server);
    SSL_CTX_free(e->context);
}

static void client_to_server(struct ends *e)
{
    const struct dw_str output = tls_session_output(e->client);

    if (output.len > 0)
        assert_int_equal((int)output.len, BIO_write(e->to_server, output.ptr, (int)output.len));
    tls_session_sent(e->client, output.len);
}

static enum tls_result server_to_client(struct ends *e, char *ptr, size_t room, size_t *ret_size)
{
    enum tls_result result = tls_session_read(e->client, ptr, room, ret_size);
    char bytes[STEP];
    int n;

    while (result == TLS_WANTS_INPUT && (n = BIO_read(e->from_server, bytes, sizeof(bytes))) > 0) {
        tls_session_give(e->client, dw_str_n(bytes, (size_t)n));
        CHECK_OK(tls_session_keep(e->client));
        result = tls_session_read(e->client, ptr, room, ret_size);
    }
    return result;
}

static enum tls_result shake_hands(struct ends *e)
{
    enum tls_result result = TLS_WANTS_INPUT;
    char room[16];
    size_t size = 0;

    for (int i = 0; i < 4 && result == TLS_WANTS_INPUT; i++) {
        result = server_to_client(e, room, sizeof(room), &size);
        client_to_server(e);
        (void)SSL_do_handshake(e->server);
    }
    return result;
}

/* --- cases ------------------------------------------------------------------------------------------------------ */

static void bytes_come_through(void **state)
{
    const struct tls_peer peer = { .host = "redis.internal", .ca_file = ours.certificate };
    struct ends e;
    char room[16];
    size_t size = 0;

    certificate_write_for(&ours, "DNS:redis.internal", -DAY_S, DAY_S);
    ends_open(&e, &peer, false);
    assert_int_equal(TLS_WANTS_INPUT, shake_hands(&e));
    assert_true(tls_session_is_open(e.client));
    assert_string_equal(SSL_get_servername(e.server, TLSEXT_NAMETYPE_host_name), "redis.internal");
    assert_int_equal(TLS_DONE, tls_session_write(e.client, DW_STR("PING")));
    client_to_server(&e);
    assert_int_equal(4, SSL_read(e.server, room, sizeof(room)));
    assert_memory_equal(room, "PING", 4);
    assert_int_equal(4, SSL_write(e.server, "PONG", 4));
    assert_int_equal(TLS_DONE, server_to_client(&e, room, sizeof(room), &size));
    assert_int_equal(4, size);
    assert_memory_equal(room, "PONG", 4);
    SSL_shutdown(e.server);
    assert_int_equal(TLS_ENDED, server_to_client(&e, room, sizeof(room), &size));
    assert_string_equal(tls_session_problem(e.client), "it ended the session");
    ends_close(&e);
}

static void a_server_is_the_one_that_was_named(void **state)
{
    static const struct {
        const char *host, *names;
        long from_days, to_days;
        bool is_others; /* the trusted one is another */
        const char *problem; /* NULL: accepted */
    } ROWS[] = {
        { "redis.internal", "DNS:redis.internal", -1, 1, false, NULL },
        { "REDIS.internal", "DNS:redis.internal", -1, 1, false, NULL },
        { "a.redis.internal", "DNS:*.redis.internal", -1, 1, false, NULL },
        { "10.0.0.1", "DNS:redis.internal,IP:10.0.0.1", -1, 1, false, NULL },
        { "2001:db8::1", "IP:2001:db8::1", -1, 1, false, NULL },
        { "redis.internal", "DNS:redis.example", -1, 1, false, "hostname mismatch" },
        { "a.b.redis.internal", "DNS:*.redis.internal", -1, 1, false, "hostname mismatch" },
        { "ab.redis.internal", "DNS:a*.redis.internal", -1, 1, false, "hostname mismatch" },
        { "redis.internal", "IP:10.0.0.1", -1, 1, false, "hostname mismatch" },
        { "10.0.0.1", "DNS:10.0.0.1", -1, 1, false, "IP address mismatch" },
        { "10.0.0.1", "IP:10.0.0.2", -1, 1, false, "IP address mismatch" },
        { "2001:db8::1", "IP:2001:db8::2", -1, 1, false, "IP address mismatch" },
        { "redis.internal", NULL, -1, 1, false, "hostname mismatch" },
        { "redis.internal", "DNS:redis.internal", -2, -1, false, "has expired" },
        { "redis.internal", "DNS:redis.internal", 1, 2, false, "not yet valid" },
        { "redis.internal", "DNS:redis.internal", -1, 1, true, "self-signed" },
    };

    certificate_write_for(&others, "DNS:redis.internal", -DAY_S, DAY_S);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        const struct tls_peer peer = { .host = ROWS[i].host,
                                       .ca_file = ROWS[i].is_others ? others.certificate : ours.certificate };
        struct ends e;

        certificate_write_for(&ours, ROWS[i].names, ROWS[i].from_days * DAY_S, ROWS[i].to_days * DAY_S);
        ends_open(&e, &peer, false);
        const enum tls_result result = shake_hands(&e);
        const char *problem = ROWS[i].problem == NULL ? "" : tls_session_problem(e.client);

        if ((result == TLS_WANTS_INPUT) != (ROWS[i].problem == NULL) ||
            strstr(problem, ROWS[i].problem == NULL ? "" : ROWS[i].problem) == NULL)
            fail_msg("%s, certificate for %s: %d, %s", ROWS[i].host, ROWS[i].names, result, problem);
        assert_int_equal(tls_session_is_open(e.client), ROWS[i].problem == NULL);
        ends_close(&e);
    }
}

static void the_system_trusts_others(void **state)
{
    const struct tls_peer peer = { .host = "redis.internal" };
    struct ends e;

    certificate_write_for(&ours, "DNS:redis.internal", -DAY_S, DAY_S);
    ends_open(&e, &peer, false);
    assert_int_equal(TLS_FAILED, shake_hands(&e));
    assert_non_null(strstr(tls_session_problem(e.client), "self-signed"));
    ends_close(&e);
}

static void a_client_shows_who_it_is(void **state)
{
    struct tls_peer peer = { .host = "redis.internal", .ca_file = ours.certificate };
    struct ends e;
    char room[16];
    size_t size;

    certificate_write_for(&ours, "DNS:redis.internal", -DAY_S, DAY_S);
    ends_open(&e, &peer, true);
    (void)shake_hands(&e);
    assert_int_equal(TLS_FAILED, server_to_client(&e, room, sizeof(room), &size));
    assert_non_null(strstr(tls_session_problem(e.client), "certificate required"));
    ends_close(&e);
    peer.certificate_file = ours.certificate;
    peer.key_file = ours.key;
    ends_open(&e, &peer, true);
    assert_int_equal(TLS_WANTS_INPUT, shake_hands(&e));
    assert_true(SSL_is_init_finished(e.server));
    ends_close(&e);
}

static void files_that_are_wrong_are_named(void **state)
{
    char missing[80], folder[80];

    certificate_write(&ours, -DAY_S, DAY_S);
    certificate_write(&others, -DAY_S, DAY_S);
    snprintf(missing, sizeof(missing), "%s/missing", ours.folder);
    snprintf(folder, sizeof(folder), "%s", ours.folder);
    const struct tls_peer PEERS[] = {
        { "h", .ca_file = missing },
        { "h", .ca_file = folder },
        { "h", .ca_file = ours.key },
        { "h", ours.certificate, missing, ours.key },
        { "h", ours.certificate, ours.certificate, missing },
        { "h", ours.certificate, ours.key, ours.key },
        { "h", ours.certificate, ours.certificate, others.key },
    };

    for (size_t i = 0; i < ARRAY_SIZE(PEERS); i++) {
        struct tls_session *session = NULL;
        char problem[DW_TLS_PROBLEM_SIZE] = "";

        CHECK_ERR(DW_ERR_SETTING, tls_session_connect(&PEERS[i], &session, problem));
        assert_null(session);
        assert_non_null(strstr(problem, ours.folder) != NULL ? problem : strstr(problem, others.folder));
    }
}

static void noise_fails(void **state)
{
    const struct tls_peer peer = { .host = "redis.internal", .ca_file = ours.certificate };
    static const char *const WORDS[] = { "-ERR unknown command\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "+PONG\r\n" };
    struct ends e;
    char room[16];
    size_t size;

    certificate_write_for(&ours, "DNS:redis.internal", -DAY_S, DAY_S);
    for (size_t i = 0; i < ARRAY_SIZE(WORDS); i++) {
        ends_open(&e, &peer, false);
        assert_int_equal(TLS_WANTS_INPUT, tls_session_read(e.client, room, sizeof(room), &size));
        tls_session_give(e.client, dw_str(WORDS[i]));
        assert_int_equal(TLS_FAILED, tls_session_read(e.client, room, sizeof(room), &size));
        assert_string_equal(tls_session_problem(e.client), "it does not speak TLS");
        assert_int_equal(TLS_FAILED, tls_session_write(e.client, DW_STR("PING")));
        ends_close(&e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_through),       cmocka_unit_test(a_server_is_the_one_that_was_named),
        cmocka_unit_test(the_system_trusts_others), cmocka_unit_test(a_client_shows_who_it_is),
        cmocka_unit_test(noise_fails),              cmocka_unit_test(files_that_are_wrong_are_named),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
