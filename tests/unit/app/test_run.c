/* dw_app_run(): what it says when it can't, and that it ends when told to. */
#include "../check.h"

#include <arpa/inet.h>
#include <doorward/app.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static enum dw_err nothing(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static const struct dw_route GOOD[] = { { DW_GET, "/", nothing, .needs = DW_PUBLIC }, { 0 } };
static const struct dw_route UNSTATED[] = { { DW_GET, "/", nothing }, { 0 } };
static const struct dw_app_config FINE = { .title = "T", .version = "1", .routes = DW_ROUTES(GOOD) };
static const struct dw_app_config FAULTY = { .title = "T", .version = "1", .routes = DW_ROUTES(GOOD, UNSTATED) };

static void what_is_wrong_is_said(void **state)
{
    const struct {
        const struct dw_app_config *config;
        const char *listen;
        enum dw_err err;
        const char *problem;
    } rows[] = {
        { &FAULTY, "127.0.0.1:0", DW_ERR_TABLE, "GET /: needs are not stated (DW_PUBLIC is written out)" },
        { &FINE, "nowhere", DW_ERR_SETTING, "nowhere is no address to listen on" },
        { NULL, "127.0.0.1:0", DW_ERR_ARGUMENT, "argument" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char problem[DW_PROBLEM_SIZE] = "";
        const struct dw_server_config server = { .listen = rows[i].listen };
        check_err(rows[i].err, dw_app_run(rows[i].config, &server, problem), rows[i].problem);
        assert_string_equal(rows[i].problem, problem);
        check_err(rows[i].err, dw_app_run(rows[i].config, &server, NULL), "without a place for the text");
    }
}

static void an_address_in_use_is_said(void **state)
{
    const int taken = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof(address);
    char listen_on[32], problem[DW_PROBLEM_SIZE] = "", expected[DW_PROBLEM_SIZE];

    assert_int_equal(0, bind(taken, (struct sockaddr *)&address, size));
    assert_int_equal(0, listen(taken, 1));
    assert_int_equal(0, getsockname(taken, (struct sockaddr *)&address, &size));
    snprintf(listen_on, sizeof(listen_on), "127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    CHECK_ERR(DW_ERR_IO, dw_app_run(&FINE, &(struct dw_server_config){ .listen = listen_on }, problem));
    snprintf(expected, sizeof(expected), "can't listen on %s: Address already in use", listen_on);
    assert_string_equal(expected, problem);
    close(taken);
}

static void stop(void *argument, const char *address)
{
    *(bool *)argument = true;
    dw_serve_stop();
}

static void it_serves_until_it_is_stopped(void **state)
{
    bool was_ready = false;
    char problem[DW_PROBLEM_SIZE] = "as it was";
    const struct dw_server_config server = { .listen = "127.0.0.1:0", .on_ready = stop,
                                             .on_ready_argument = &was_ready };

    CHECK_OK(dw_app_run(&FINE, &server, problem));
    assert_true(was_ready);
    assert_string_equal("as it was", problem);
}

CHECK_MAIN(cmocka_unit_test(what_is_wrong_is_said), cmocka_unit_test(an_address_in_use_is_said),
           cmocka_unit_test(it_serves_until_it_is_stopped))
