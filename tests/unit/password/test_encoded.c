#include "../check.h"

#include "password/scheme.h"

#define SALT "c29tZXNhbHQ"
#define HASH "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define BSALT "CCCCCCCCCCCCCCCCCCCCC."
#define BHASH "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define SHASH "SQ/eeuiSRSjGd6P5Y3e+4dptWmUpFg+cP9kgsBrCAO8"

struct info_case {
    const char *encoded;
    struct dw_password_info info;
};

static const struct info_case GOOD[] = {
    { "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH,
      { .scheme = "argon2id", .memory_kib = 256, .time = 2, .lanes = 1, .version = 19, .salt_size = 8,
        .hash_size = 32 } },
    { "$argon2i$m=262144,t=16,p=16$" SALT "$" HASH,
      { .scheme = "argon2i", .memory_kib = 262144, .time = 16, .lanes = 16, .version = 16, .salt_size = 8,
        .hash_size = 32 } },
    { "$argon2d$v=16$m=8,t=1,p=1$" SALT "$AAAAAAAAAAAAAAAA",
      { .scheme = "argon2d", .memory_kib = 8, .time = 1, .lanes = 1, .version = 16, .salt_size = 8, .hash_size = 12 } },
    { "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
      { .scheme = "scrypt", .log2_n = 17, .r = 8, .p = 1, .salt_size = 16, .hash_size = 32 } },
    { "$2b$05$" BSALT BHASH, { .scheme = "bcrypt", .cost = 5, .salt_size = 16, .hash_size = 23 } },
    { "$2a$16$" BSALT BHASH, { .scheme = "bcrypt", .cost = 16, .salt_size = 16, .hash_size = 23 } },
    { "$2y$04$" BSALT BHASH, { .scheme = "bcrypt", .cost = 4, .salt_size = 16, .hash_size = 23 } },
    { "$2b$05$CCCCCCCCCCCCCCCCCCCCCC" BHASH, { .scheme = "bcrypt", .cost = 5, .salt_size = 16, .hash_size = 23 } },
};

static void test_info(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++) {
        const struct dw_password_info *want = &GOOD[i].info;
        struct dw_password_info info;
        check_err(DW_OK, dw_password_info(dw_str(GOOD[i].encoded), &info), GOOD[i].encoded);
        assert_string_equal(info.scheme, want->scheme);
        assert_int_equal(info.memory_kib, want->memory_kib);
        assert_int_equal(info.time, want->time);
        assert_int_equal(info.lanes, want->lanes);
        assert_int_equal(info.version, want->version);
        assert_int_equal(info.log2_n, want->log2_n);
        assert_int_equal(info.r, want->r);
        assert_int_equal(info.p, want->p);
        assert_int_equal(info.cost, want->cost);
        assert_int_equal(info.salt_size, want->salt_size);
        assert_int_equal(info.hash_size, want->hash_size);
    }
}

/* What is read is written back the same, but for bcrypt's older names and stray bits. */
static void test_written_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(GOOD); i++) {
        struct password_hash hash;
        char encoded[DW_PASSWORD_ENCODED_MAX], expected[DW_PASSWORD_ENCODED_MAX];
        CHECK_OK(password_decode(dw_str(GOOD[i].encoded), &hash));
        password_encode(&hash, encoded);
        snprintf(expected, sizeof(expected), "%s", GOOD[i].encoded);
        if (hash.info.cost != 0)
            snprintf(expected, sizeof(expected), "$2b$%02u$" BSALT BHASH, hash.info.cost);
        else if (hash.info.version == 16)
            continue; /* v= is written */
        assert_string_equal(encoded, expected);
    }
}

static const char *const BAD[] = {
    "",
    "$",
    "$$",
    "plain",
    "argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH,
    " $argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2$v=19$m=256,t=2,p=1$" SALT "$" HASH,
    "$ARGON2ID$v=19$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2id",
    "$argon2id$",
    "$argon2id$v=19",
    "$argon2id$v=19$m=256,t=2,p=1",
    "$argon2id$v=19$m=256,t=2,p=1$" SALT,
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$",
    "$argon2id$v=19$m=256,t=2,p=1$$" HASH,
    "$argon2id$v=19$m=256,t=2,p=1" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=2,p=1$" SALT HASH,
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH "$",
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH "\n",
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH "=",
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "=$" HASH,
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$" HASH,                                       /* spare bits set */
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXN-bHQ$" HASH,                                       /* base64url */
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbA$" HASH,                                        /* salt of 7 bytes */
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$nf65EOgLrQMR/uI",                                 /* hash of 11 bytes */
    "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH HASH HASH,                                 /* hash too long */
    "$argon2id$v=19$m=256,t=2,p=1$" SALT SALT SALT SALT SALT SALT SALT SALT SALT "$" HASH,   /* salt too long */
    "$argon2id$v=18$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=019$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=+19$m=256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=256,p=1,t=2$" SALT "$" HASH,
    "$argon2id$v=19$t=2,m=256,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=2$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=2,p=1,$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=2,p=1,keyid=AA$" SALT "$" HASH,
    "$argon2id$v=19$m=0256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=-256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m= 256,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=0x100,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=4294967552,t=2,p=1$" SALT "$" HASH, /* 2^32 + 256 */
    "$argon2id$v=19$m=99999999999999999999,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=7,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=15,t=2,p=2$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=0,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=2,p=0$" SALT "$" HASH,
    /* ceilings */
    "$argon2id$v=19$m=262145,t=2,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=17,p=1$" SALT "$" HASH,
    "$argon2id$v=19$m=256,t=2,p=17$" SALT "$" HASH,
    "$scrypt$ln=21,r=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
    "$scrypt$ln=19,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
    "$scrypt$ln=18,r=8,p=5$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
    "$scrypt$ln=4,r=8,p=17$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
    "$scrypt$ln=4,r=33,p=1$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
    "$2b$17$" BSALT BHASH,
    "$2b$31$" BSALT BHASH,
    /* scrypt */
    "$scrypt$ln=0,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
    "$scrypt$ln=16,r=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$" SHASH, /* RFC 7914 §2 wants N below 2^(16 r) */
    "$scrypt$ln=4,r=0,p=1$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
    "$scrypt$n=16,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
    "$scrypt$ln=4,r=8$c2FsdHNhbHRzYWx0c2FsdA$" SHASH,
    "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
    /* bcrypt */
    "$2b$5$" BSALT BHASH,
    "$2b$03$" BSALT BHASH,
    "$2b$0x$" BSALT BHASH,
    "$2b$005$" BSALT BHASH,
    "$2$05$" BSALT BHASH,
    "$2x$05$" BSALT BHASH,
    "$2c$05$" BSALT BHASH,
    "$2b$05$" BSALT "E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
    "$2b$05$" BSALT BHASH "W",
    "$2b$05$" BSALT "E5YPO9kmyuRGyh0XouQYb4YMJKvyOe+",
    "$2b$05$CCCCCCCCCCCCCCCCCCCC=." BHASH,
    "$2b$05$" BSALT,
    "$2b$05$",
    "$2b$",
    /* others */
    "$1$saltsalt$2vnaRpHa6Jxjz5n83ok8Z0",
    "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
    "$pbkdf2-md5$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk",
    "*0",
    "!",
};

static void test_bad(void **state)
{
    struct dw_password_info info = { .cost = 99 };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        check_err(DW_ERR_PASSWORD_FORMAT, dw_password_info(dw_str(BAD[i]), &info), BAD[i]);
    CHECK_ERR(DW_ERR_PASSWORD_FORMAT, dw_password_info(dw_str_n(NULL, 0), &info));
    CHECK_ERR(DW_ERR_PASSWORD_FORMAT, dw_password_info(DW_STR("$2b$05$" BSALT BHASH "\0"), &info));
    CHECK_ERR(DW_ERR_PASSWORD_FORMAT,
              dw_password_info(DW_STR("$argon2id$v=19$m=256\0,t=2,p=1$" SALT "$" HASH), &info));
    assert_int_equal(info.cost, 99); /* untouched on failure */
}

/* A megabyte, and every prefix of a good string: nothing is read past the end (ASan watches). */
static void test_length(void **state)
{
    static const char WHOLE[] = "$argon2id$v=19$m=256,t=2,p=1$" SALT "$" HASH;
    static char huge[1 << 20];
    struct dw_password_info info;

    (void)state;
    memset(huge, 'A', sizeof(huge));
    memcpy(huge, WHOLE, sizeof(WHOLE) - 1);
    CHECK_ERR(DW_ERR_PASSWORD_FORMAT, dw_password_info(dw_str_n(huge, sizeof(huge)), &info));
    for (size_t length = 0; length < sizeof(WHOLE) - 1; length++) {
        _cleanup_free_ char *prefix = malloc(length + 1);
        assert_non_null(prefix);
        memcpy(prefix, WHOLE, length);
        const enum dw_err err = dw_password_info(dw_str_n(prefix, length), &info);
        assert_true(err == DW_ERR_PASSWORD_FORMAT || (err == DW_OK && info.hash_size < 32));
    }
}

CHECK_MAIN(cmocka_unit_test(test_info), cmocka_unit_test(test_written_back), cmocka_unit_test(test_bad),
           cmocka_unit_test(test_length))
