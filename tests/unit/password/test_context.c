#include "../check.h"

#include "base/encoding.h"
#include "password/kdf.h"
#include "password/scheme.h"
#include <pthread.h>

/* Weak on purpose: what is tested is not the strength. */
static const struct dw_password_config ARGON2 = { .argon2_memory_kib = 64, .argon2_time = 1, .workers = 2 };
static const struct dw_password_config SCRYPT = { .preferred = DW_PASSWORD_SCRYPT, .scrypt_log2_n = 4, .workers = 2 };
static const struct dw_password_config BCRYPT = { .preferred = DW_PASSWORD_BCRYPT, .bcrypt_cost = 4, .workers = 2 };

static struct dw_passwords *context_new(const struct dw_password_config *config)
{
    struct dw_passwords *passwords = NULL;

    CHECK_OK(dw_passwords_new(config, &passwords));
    return passwords;
}

static struct dw_secret borrow(struct dw_str text)
{
    return (struct dw_secret){ (unsigned char *)(uintptr_t)text.ptr, text.len };
}

static enum dw_err hash(struct dw_passwords *passwords, struct dw_str password, char *ret_encoded)
{
    const struct dw_secret secret = borrow(password);
    return dw_password_hash(passwords, &secret, ret_encoded);
}

static bool verify(struct dw_passwords *passwords, const char *encoded, struct dw_str password, bool *ret_needs_rehash)
{
    const struct dw_secret secret = borrow(password);
    bool matches = false;

    check_err(DW_OK, dw_password_verify(passwords, dw_str(encoded), &secret, &matches, ret_needs_rehash), encoded);
    return matches;
}

struct round_trip {
    const struct dw_password_config *config;
    const char *prefix;
};

static const struct round_trip ROUND_TRIPS[] = {
    { &ARGON2, "$argon2id$v=19$m=64,t=1,p=1$" },
    { &SCRYPT, "$scrypt$ln=4,r=8,p=1$" },
    { &BCRYPT, "$2b$04$" },
};

static void test_round_trip(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROUND_TRIPS); i++) {
        _cleanup_(dw_passwords_free) struct dw_passwords *passwords = context_new(ROUND_TRIPS[i].config);
        char first[DW_PASSWORD_ENCODED_MAX], second[DW_PASSWORD_ENCODED_MAX];
        bool needs_rehash = true;

        CHECK_OK(hash(passwords, DW_STR("pässwörd"), first));
        CHECK_OK(hash(passwords, DW_STR("pässwörd"), second));
        assert_true(dw_str_starts_with(dw_str(first), dw_str(ROUND_TRIPS[i].prefix)));
        assert_string_not_equal(first, second); /* another salt */
        assert_true(verify(passwords, first, DW_STR("pässwörd"), &needs_rehash));
        assert_false(needs_rehash);
        assert_false(verify(passwords, first, DW_STR("passwörd"), &needs_rehash));
        assert_false(needs_rehash);
        assert_false(verify(passwords, first, DW_STR(""), NULL));
        assert_false(verify(passwords, first, DW_STR("pässwörd "), NULL));
    }
}

struct known_answer {
    const char *encoded, *password;
};

/* The reference implementation of Argon2, passlib's scrypt, crypt_blowfish. */
static const struct known_answer KNOWN[] = {
    { "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY", "password" },
    { "$argon2i$m=256,t=2,p=2$c29tZXNhbHQ$tsEVYKap1h6scGt5ovl9aLRGOqOth+AMB+KwHpDFZPs", "password" },
    { "$argon2i$v=16$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY", "password" },
    { "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8", "password" },
    { "$argon2i$v=19$m=256,t=2,p=2$c29tZXNhbHQ$T/XOJ2mh1/TIpJHfCdQan76Q5esCFVoT5MAeIM1Oq2E", "password" },
    { "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password" },
    { "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password" },
    /* 64 MiB: more than a slot of these contexts has */
    { "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg", "password" },
    { "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$SQ/eeuiSRSjGd6P5Y3e+4dptWmUpFg+cP9kgsBrCAO8", "passlib" },
    { "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" },
    { "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" },
    { "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" },
    { "$2a$05$CCCCCCCCCCCCCCCCCCCCCCE5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" }, /* stray bits in the salt */
};

static void test_known_answers(void **state)
{
    _cleanup_(dw_passwords_free) struct dw_passwords *passwords = context_new(&ARGON2);

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(KNOWN); i++) {
        if (!verify(passwords, KNOWN[i].encoded, dw_str(KNOWN[i].password), NULL))
            fail_msg("%s", KNOWN[i].encoded);
        assert_false(verify(passwords, KNOWN[i].encoded, DW_STR("Password"), NULL));
    }
}

struct rehash_case {
    const struct dw_password_config config;
    const char *encoded, *password;
    bool needs_rehash;
};

#define ID_256 "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
#define BCRYPT_5 "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
#define SCRYPT_4 "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$SQ/eeuiSRSjGd6P5Y3e+4dptWmUpFg+cP9kgsBrCAO8"

static const struct rehash_case REHASH[] = {
    { { .argon2_memory_kib = 256, .argon2_time = 2 }, ID_256, "password", true }, /* its salt has only 8 bytes */
    { { .argon2_memory_kib = 256, .argon2_time = 2 }, ID_256, "wrong", false },
    { { .argon2_memory_kib = 256, .argon2_time = 2 }, BCRYPT_5, "U*U", true },
    { { .preferred = DW_PASSWORD_BCRYPT, .bcrypt_cost = 5 }, BCRYPT_5, "U*U", false },
    { { .preferred = DW_PASSWORD_BCRYPT, .bcrypt_cost = 4 }, BCRYPT_5, "U*U", false },
    { { .preferred = DW_PASSWORD_BCRYPT, .bcrypt_cost = 6 }, BCRYPT_5, "U*U", true },
    { { .preferred = DW_PASSWORD_SCRYPT, .scrypt_log2_n = 4 }, SCRYPT_4, "passlib", false },
    { { .preferred = DW_PASSWORD_SCRYPT, .scrypt_log2_n = 5 }, SCRYPT_4, "passlib", true },
    { { .preferred = DW_PASSWORD_SCRYPT, .scrypt_log2_n = 4, .scrypt_p = 2 }, SCRYPT_4, "passlib", true },
};

static void test_needs_rehash(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(REHASH); i++) {
        _cleanup_(dw_passwords_free) struct dw_passwords *passwords = context_new(&REHASH[i].config);
        bool needs_rehash;
        verify(passwords, REHASH[i].encoded, dw_str(REHASH[i].password), &needs_rehash);
        if (needs_rehash != REHASH[i].needs_rehash)
            fail_msg("row %zu", i);
    }
}

/* Made with one context, seen by one that asks for more of a single parameter. */
static void test_any_weaker_parameter(void **state)
{
    static const struct dw_password_config STRONGER[] = {
        { .argon2_memory_kib = 128, .argon2_time = 1 },
        { .argon2_memory_kib = 64, .argon2_time = 2 },
        { .argon2_memory_kib = 64, .argon2_time = 1, .argon2_lanes = 2 },
    };
    static const struct dw_password_config WEAKER = { .argon2_memory_kib = 32, .argon2_time = 1 };
    _cleanup_(dw_passwords_free) struct dw_passwords *maker = context_new(&ARGON2), *weaker = context_new(&WEAKER);
    char encoded[DW_PASSWORD_ENCODED_MAX];
    bool needs_rehash;

    (void)state;
    CHECK_OK(hash(maker, DW_STR("secret"), encoded));
    for (size_t i = 0; i < ARRAY_SIZE(STRONGER); i++) {
        _cleanup_(dw_passwords_free) struct dw_passwords *passwords = context_new(&STRONGER[i]);
        assert_true(verify(passwords, encoded, DW_STR("secret"), &needs_rehash));
        assert_true(needs_rehash);
    }
    assert_true(verify(weaker, encoded, DW_STR("secret"), &needs_rehash));
    assert_false(needs_rehash);
}

static void test_refused_input(void **state)
{
    static char huge[1 << 20];
    _cleanup_(dw_passwords_free) struct dw_passwords *argon2 = context_new(&ARGON2), *bcrypt = context_new(&BCRYPT);
    char encoded[DW_PASSWORD_ENCODED_MAX] = "untouched";

    (void)state;
    memset(huge, 'a', sizeof(huge));
    CHECK_ERR(DW_ERR_PASSWORD_NUL, hash(argon2, DW_STR("a\0b"), encoded));
    CHECK_ERR(DW_ERR_PASSWORD_LONG, hash(argon2, dw_str_n(huge, 1025), encoded));
    CHECK_ERR(DW_ERR_PASSWORD_LONG, hash(argon2, dw_str_n(huge, sizeof(huge)), encoded));
    CHECK_ERR(DW_ERR_VALIDATION, hash(argon2, DW_STR("\xff"), encoded));
    CHECK_ERR(DW_ERR_PASSWORD_LONG, hash(bcrypt, dw_str_n(huge, 73), encoded));
    assert_string_equal(encoded, "untouched");

    CHECK_OK(hash(argon2, dw_str_n(huge, 1024), encoded));
    assert_true(verify(argon2, encoded, dw_str_n(huge, 1024), NULL));
    assert_false(verify(argon2, encoded, dw_str_n(huge, 1025), NULL));
    assert_false(verify(argon2, encoded, dw_str_n(huge, sizeof(huge)), NULL));
    assert_false(verify(argon2, encoded, DW_STR("a\0b"), NULL));
    assert_false(verify(argon2, encoded, DW_STR("\xff"), NULL));

    /* Elsewhere the 73rd byte would not have counted. */
    CHECK_OK(hash(bcrypt, dw_str_n(huge, 72), encoded));
    assert_true(verify(bcrypt, encoded, dw_str_n(huge, 72), NULL));
    assert_false(verify(bcrypt, encoded, dw_str_n(huge, 73), NULL));
    assert_false(verify(argon2, encoded, dw_str_n(huge, 73), NULL));
}

static void test_malformed_hash(void **state)
{
    _cleanup_(dw_passwords_free) struct dw_passwords *passwords = context_new(&ARGON2);
    static const char PAST_CEILING[] =
        "$argon2id$v=19$m=262145,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    const struct dw_secret secret = borrow(DW_STR("password"));
    bool matches = true;

    (void)state;
    CHECK_ERR(DW_ERR_PASSWORD_FORMAT, dw_password_verify(passwords, DW_STR("*"), &secret, &matches, NULL));
    CHECK_ERR(DW_ERR_PASSWORD_FORMAT,
              dw_password_verify(passwords, dw_str(PAST_CEILING), &secret, &matches, NULL));
    assert_true(matches); /* untouched on failure */
}

static void test_settings(void **state)
{
    static const struct dw_password_config BAD[] = {
        { .preferred = (enum dw_password_scheme)9 },
        { .argon2_memory_kib = 7 },
        { .argon2_memory_kib = 256 * 1024 + 1 },
        { .argon2_time = 17 },
        { .argon2_lanes = 17 },
        { .preferred = DW_PASSWORD_SCRYPT, .scrypt_log2_n = 21 },
        { .preferred = DW_PASSWORD_BCRYPT, .bcrypt_cost = 3 },
        { .preferred = DW_PASSWORD_BCRYPT, .bcrypt_cost = 17 },
        { .workers = 100000 },
    };
    struct dw_passwords *passwords = NULL;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++)
        CHECK_ERR(DW_ERR_SETTING, dw_passwords_new(&BAD[i], &passwords));
    assert_null(passwords);
    dw_passwords_free(&passwords);
}

static void test_defaults(void **state)
{
    static const struct dw_password_config DEFAULTS = { 0 };
    _cleanup_(dw_passwords_free) struct dw_passwords *passwords = context_new(&DEFAULTS);
    char encoded[DW_PASSWORD_ENCODED_MAX];
    struct dw_password_info info;

    (void)state;
    CHECK_OK(hash(passwords, DW_STR("secret"), encoded));
    assert_true(dw_str_starts_with(dw_str(encoded), DW_STR("$argon2id$v=19$m=19456,t=2,p=1$")));
    CHECK_OK(dw_password_info(dw_str(encoded), &info));
    assert_int_equal(info.salt_size, 16);
    assert_int_equal(info.hash_size, 32);
}

static void test_hash_with(void **state)
{
    char encoded[DW_PASSWORD_ENCODED_MAX];
    const struct dw_password_info argon2 = { .scheme = "argon2id", .memory_kib = 256, .time = 2, .lanes = 1 };
    const struct dw_password_info scrypt = { .scheme = "scrypt", .log2_n = 4 };
    const struct dw_password_info bcrypt = { .scheme = "bcrypt", .cost = 5 };
    const struct dw_password_info unknown = { .scheme = "md5" };
    unsigned char salt[KDF_BCRYPT_SALT_SIZE];
    size_t size;

    (void)state;
    CHECK_OK(password_hash_with(&argon2, DW_STR("somesalt"), DW_STR("password"), encoded));
    assert_string_equal(encoded, ID_256);
    CHECK_OK(password_hash_with(&scrypt, DW_STR("saltsaltsaltsalt"), DW_STR("passlib"), encoded));
    assert_string_equal(encoded, SCRYPT_4);
    CHECK_OK(kdf_bcrypt_decode(DW_STR("CCCCCCCCCCCCCCCCCCCCC."), salt, sizeof(salt), &size));
    CHECK_OK(password_hash_with(&bcrypt, dw_str_n(salt, size), DW_STR("U*U"), encoded));
    assert_string_equal(encoded, "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
    CHECK_OK(password_hash_with(&argon2, dw_str_n(NULL, 0), DW_STR("password"), encoded));

    CHECK_ERR(DW_ERR_SETTING, password_hash_with(&unknown, DW_STR("somesalt"), DW_STR("p"), encoded));
    CHECK_ERR(DW_ERR_SETTING, password_hash_with(&argon2, DW_STR("short"), DW_STR("p"), encoded));
    CHECK_ERR(DW_ERR_SETTING, password_hash_with(&argon2, DW_STR(""), DW_STR("p"), encoded));
    CHECK_ERR(DW_ERR_SETTING, password_hash_with(&bcrypt, DW_STR("somesalt"), DW_STR("p"), encoded));
    CHECK_ERR(DW_ERR_PASSWORD_NUL, password_hash_with(&bcrypt, dw_str_n(salt, 16), DW_STR("a\0"), encoded));
}

struct worker {
    struct dw_passwords *passwords;
    const char *encoded;
    int wrong;
};

static void *verify_often(void *argument)
{
    struct worker *worker = argument;

    for (int i = 0; i < 50; i++) {
        const struct dw_secret right = borrow(DW_STR("secret")), other = borrow(DW_STR("Secret"));
        bool matches;
        if (dw_password_verify(worker->passwords, dw_str(worker->encoded), &right, &matches, NULL) != DW_OK || !matches)
            worker->wrong++;
        if (dw_password_verify(worker->passwords, dw_str(worker->encoded), &other, &matches, NULL) != DW_OK || matches)
            worker->wrong++;
        dw_password_verify_dummy(worker->passwords, &other);
    }
    return NULL;
}

/* More threads than slots, one context. */
static void test_threads(void **state)
{
    _cleanup_(dw_passwords_free) struct dw_passwords *passwords = context_new(&ARGON2);
    char encoded[DW_PASSWORD_ENCODED_MAX];
    struct worker workers[6];
    pthread_t threads[6];

    (void)state;
    CHECK_OK(hash(passwords, DW_STR("secret"), encoded));
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        workers[i] = (struct worker){ passwords, encoded, 0 };
        assert_int_equal(pthread_create(&threads[i], NULL, verify_often, &workers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
    }
}

CHECK_MAIN(cmocka_unit_test(test_round_trip), cmocka_unit_test(test_known_answers), cmocka_unit_test(test_needs_rehash),
           cmocka_unit_test(test_any_weaker_parameter), cmocka_unit_test(test_refused_input),
           cmocka_unit_test(test_malformed_hash), cmocka_unit_test(test_settings), cmocka_unit_test(test_defaults),
           cmocka_unit_test(test_hash_with), cmocka_unit_test(test_threads))
