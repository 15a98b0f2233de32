/* URLs of Redis servers. */
#include "../check.h"

#include "base/cleanup.h"
#include "shared/redis/address.h"

#define LONG_32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG_128 LONG_32 LONG_32 LONG_32 LONG_32

struct row {
    const char *url;
    const char *label; /* NULL: refused */
    const char *user, *password;
};

static const struct row ROWS[] = {
    { "redis://db.internal", "redis://db.internal:6379/0" },
    { "redis://db.internal/", "redis://db.internal:6379/0" },
    { "redis://10.0.0.1:7000/15", "redis://10.0.0.1:7000/15" },
    { "redis://[2001:db8::1]:7000/4095", "redis://[2001:db8::1]:7000/4095" },
    { "redis://:hunter2@h", "redis://h:6379/0", .password = "hunter2" },
    { "redis://ann:hunter2@h:1/2", "redis://h:1/2", "ann", "hunter2" },
    { "redis://a%3Ab:p%40s%2F%25@h", "redis://h:6379/0", "a:b", "p@s/%" },
    { "redis://ann:p@ss:word@h", "redis://h:6379/0", "ann", "p@ss:word" },
    { "unix:/run/redis.sock", "unix:/run/redis.sock" },
    { "unix:///run/redis.sock?db=3", "unix:/run/redis.sock" },
    { "redis://h?db=1", "redis://h:6379/1" },
    { "redis://h:1/2?timeout_ms=500", "redis://h:1/2" },
    { "redis://h?timeout_ms=1&db=3", "redis://h:6379/3" },
    { "rediss://h", "rediss://h:6379/0" },
    { "rediss://ann:hunter2@[2001:db8::1]:6380/1", "rediss://[2001:db8::1]:6380/1", "ann", "hunter2" },
    { "rediss://h?ca=/etc/ca.pem", "rediss://h:6379/0" },
    { "rediss://h?cert=c.pem&key=k.pem&db=2&ca=a.pem&timeout_ms=9", "rediss://h:6379/2" },
    { "unix://ann:hunter2@/run/redis.sock", "unix:/run/redis.sock", "ann", "hunter2" },
    { "" },
    { "redis" },
    { "redis:" },
    { "redis://" },
    { "redis:///0" },
    { "redis://:7000" },
    { "redis://h:" },
    { "redis://h:0" },
    { "redis://h:65536" },
    { "redis://h:99999999999999999999" },
    { "redis://h:port" },
    { "redis://h/x" },
    { "redis://h/0/1" },
    { "redis://h/65536" },
    { "redis://h/-1" },
    { "redis://h#0" },
    { "redis://[::1" },
    { "redis://[]" },
    { "redis://h h" },
    { "redis://h\n" },
    { "redis://h\xc3\xbc" },
    { "redis://ann@h" },
    { "redis://ann:@h" },
    { "redis://:bad%2@h" },
    { "redis://:bad%zz@h" },
    { "redis://" LONG_128 LONG_128 },
    { "redis://:" LONG_128 LONG_128 LONG_128 LONG_128 LONG_128 LONG_128 LONG_128 LONG_128 "@h" },
    { "REDIS://h" },
    { "rediss:" },
    { "rediss://" },
    { "rediss:/h" },
    { "rediss://:6380" },
    { "rediss://h:0" },
    { "rediss://h?tls=0" },
    { "rediss://h?ca=" },
    { "rediss://h?ca=&db=1" },
    { "rediss://h?ca=/a%" },
    { "rediss://h?ca=/a%00b" },
    { "rediss://h?ca=/a&ca=/b" },
    { "rediss://h?ca=/" LONG_128 LONG_128 },
    { "rediss://h?CA=/a" },
    { "rediss://h?cert=/c" },
    { "rediss://h?key=/k" },
    { "rediss://h?cert=/c&key=" },
    { "rediss://h?cert=/c&cert=/d&key=/k" },
    { "rediss://h?verify=no" },
    { "redis://h?ca=/a" },
    { "redis://h?cert=/c&key=/k" },
    { "unix:/a?ca=/a" },
    { "REDISS://h" },
    { "redisss://h" },
    { "http://h" },
    { "unix:" },
    { "unix:/" },
    { "unix:relative" },
    { "unix:/a?db=" },
    { "unix:/a?password=x" },
    { "unix:/a#b" },
    { "redis://h?timeout_ms=0" },
    { "redis://h?timeout_ms=60001" },
    { "redis://h/1?&" },
    { "redis://h?db=1,timeout_ms=2" },
    { "unix:/" LONG_128 },
};

static void check_secret(const char *expected, const struct dw_secret *actual, const char *label)
{
    check_str(expected == NULL ? DW_STR("") : dw_str(expected), dw_secret_borrow(actual), label);
}

static void test_addresses(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_(redis_address_free) struct redis_address address = { 0 };
        const struct row *row = &ROWS[i];
        char label[REDIS_LABEL_SIZE];
        const char *problem = NULL;

        check_err(row->label == NULL ? DW_ERR_SETTING : DW_OK,
                  redis_address_parse(dw_str(row->url), &address, &problem), row->url);
        if (row->label == NULL) {
            assert_non_null(problem);
            assert_null(strstr(problem, "bad"));
            continue;
        }
        redis_address_label(&address, label);
        assert_string_equal(label, row->label);
        check_secret(row->user, &address.user, row->url);
        check_secret(row->password, &address.password, row->url);
    }
}

static void test_parameters(void **state)
{
    _cleanup_(redis_address_free) struct redis_address address = { 0 };
    const char *problem = NULL;

    CHECK_OK(redis_address_parse(DW_STR("unix:/run/redis.sock?db=17&timeout_ms=60000"), &address, &problem));
    assert_int_equal(address.db, 17);
    assert_int_equal(address.timeout_ms, 60000);
    assert_false(address.is_tls);
    CHECK_OK(redis_address_parse(DW_STR("rediss://h?ca=/a%20b%26c&cert=c.pem&key=/k"), &address, &problem));
    assert_true(address.is_tls);
    assert_string_equal(address.ca_file, "/a b&c");
    assert_string_equal(address.certificate_file, "c.pem");
    assert_string_equal(address.key_file, "/k");
    CHECK_ERR(DW_ERR_SETTING, redis_address_parse(dw_str_n("unix:/a\0b", 9), &address, &problem));
    CHECK_ERR(DW_ERR_SETTING, redis_address_parse(dw_str(NULL), &address, &problem));
}

static void test_a_copy_stands_alone(void **state)
{
    struct redis_address address = { 0 }, copy = { 0 };
    const char *problem = NULL;

    CHECK_OK(redis_address_parse(DW_STR("redis://ann:hunter2@h:1/2"), &address, &problem));
    CHECK_OK(redis_address_copy(&address, &copy));
    redis_address_free(&address);
    check_secret("ann", &copy.user, "user");
    check_secret("hunter2", &copy.password, "password");
    assert_int_equal(copy.port, 1);
    assert_int_equal(copy.db, 2);
    redis_address_free(&copy);
}

CHECK_MAIN(cmocka_unit_test(test_addresses), cmocka_unit_test(test_parameters),
           cmocka_unit_test(test_a_copy_stands_alone))
