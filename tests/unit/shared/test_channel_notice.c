/* The bytes of the channel between nodes: what is written is read, and nothing else is. */
#include "../check.h"
#include "crypto/hash.h"
#include "shared/channel_notice.h"

#define USER_ID "0190a5e4-0000-7000-8000-0123456789ab"

enum { VERSION_AT = 0, KIND_AT = 1, SERIAL_AT = 10, ID_AT = 42, TAG_AT = CHANNEL_NOTICE_SIZE - SHA256_SIZE };

static struct dw_secret key, other_key;

static int make_keys(void **state)
{
    (void)state;
    assert_int_equal(dw_secret_random(CHANNEL_KEY_SIZE, &key), DW_OK);
    assert_int_equal(dw_secret_random(CHANNEL_KEY_SIZE, &other_key), DW_OK);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    dw_secret_free(&key);
    dw_secret_free(&other_key);
    return 0;
}

static const struct channel_notice DENIAL = { CHANNEL_DENIAL, 0x0123456789abcdef, 9, 7, 8, INT64_MAX, USER_ID };

static bool reads(const unsigned char *bytes, size_t size, struct channel_notice *ret_notice)
{
    return channel_notice_read(dw_str_n((const char *)bytes, size), &key, ret_notice);
}

static void test_what_is_written_is_read(void **state)
{
    static const struct channel_notice CASES[] = {
        { CHANNEL_BEAT, 1, 1, 2, 3, 0, "" },    { CHANNEL_GOODBYE, 1, 2, 0, 0, 0, "" },
        { CHANNEL_LOOK, 1, 1, 0, 0, 0, "" },    { CHANNEL_KEYS, 1, 3, 0, 0, 0, "" },
        { CHANNEL_USERS, 1, 4, 0, 0, 0, "" },   { CHANNEL_USER, 1, 5, 0, 0, 0, USER_ID },
        { CHANNEL_DENIAL, 0x0123456789abcdef, UINT64_MAX, 7, 8, INT64_MAX, USER_ID },
        { CHANNEL_DENIAL, 1, 6, 0, 0, -1, USER_ID },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        unsigned char bytes[CHANNEL_NOTICE_SIZE];
        struct channel_notice read = { 0 };

        assert_int_equal(channel_notice_write(&CASES[i], &key, bytes), DW_OK);
        assert_true(reads(bytes, sizeof(bytes), &read));
        assert_int_equal(read.kind, CASES[i].kind);
        assert_true(read.node == CASES[i].node && read.serial == CASES[i].serial);
        assert_true(read.ref_node == CASES[i].ref_node && read.ref_serial == CASES[i].ref_serial);
        assert_true(read.expires_s == CASES[i].expires_s);
        assert_string_equal(read.id, CASES[i].id);
    }
}

static void test_each_bit_counts(void **state)
{
    unsigned char bytes[CHANNEL_NOTICE_SIZE];
    struct channel_notice read = { .serial = 42 };

    (void)state;
    assert_int_equal(channel_notice_write(&DENIAL, &key, bytes), DW_OK);
    for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_false(reads(bytes, sizeof(bytes), &read));
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    assert_int_equal(read.serial, 42); /* untouched */
    assert_true(reads(bytes, sizeof(bytes), &read));
}

static void test_one_size_only(void **state)
{
    unsigned char bytes[4 * CHANNEL_NOTICE_SIZE] = { 0 };
    struct channel_notice read;

    (void)state;
    assert_int_equal(channel_notice_write(&DENIAL, &key, bytes), DW_OK);
    for (size_t size = 0; size <= sizeof(bytes); size++)
        assert_true(reads(bytes, size, &read) == (size == CHANNEL_NOTICE_SIZE));
    assert_false(channel_notice_read(dw_str_n(NULL, 0), &key, &read));
}

static void test_of_another_installation(void **state)
{
    unsigned char bytes[CHANNEL_NOTICE_SIZE];
    struct channel_notice read;

    (void)state;
    assert_int_equal(channel_notice_write(&DENIAL, &other_key, bytes), DW_OK);
    assert_false(reads(bytes, sizeof(bytes), &read));
}

/* Under the right key, and wrong all the same: another version's, or a fault of ours. */
static void test_well_signed_nonsense(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        const char *bytes;
        size_t size;
    } CASES[] = {
        { "another version", VERSION_AT, "\x02", 1 },
        { "no kind", KIND_AT, "\x07", 1 },
        { "the highest kind", KIND_AT, "\xff", 1 },
        { "a kind without an id", KIND_AT, "\x00", 1 },
        { "number 0", SERIAL_AT, "\0\0\0\0\0\0\0\0", 8 },
        { "no id", ID_AT, "\0", 1 },
        { "an id that is no UUID", ID_AT, "x", 1 },
        { "a NUL within", ID_AT + 20, "\0", 1 },
        { "something behind the id", ID_AT + 38, "x", 1 },
        { "no end", ID_AT + 36, "abcd", 4 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(CASES); i++) {
        unsigned char bytes[CHANNEL_NOTICE_SIZE];
        struct channel_notice read;

        assert_int_equal(channel_notice_write(&DENIAL, &key, bytes), DW_OK);
        memcpy(bytes + CASES[i].at, CASES[i].bytes, CASES[i].size);
        assert_int_equal(hmac_sha256(&key, dw_str_n((const char *)bytes, TAG_AT), bytes + TAG_AT), DW_OK);
        if (reads(bytes, sizeof(bytes), &read))
            fail_msg("%s", CASES[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read), cmocka_unit_test(test_each_bit_counts),
        cmocka_unit_test(test_one_size_only),           cmocka_unit_test(test_of_another_installation),
        cmocka_unit_test(test_well_signed_nonsense),
    };

    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
