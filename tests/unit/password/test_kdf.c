#include "../check.h"

#include "base/encoding.h"
#include "password/kdf.h"

static struct dw_str hex(struct dw_str bytes, char *text)
{
    return dw_str_n(text, hex_encode(bytes, text));
}

struct argon2_case {
    enum kdf_argon2_type type;
    uint32_t version;
    const char *tag;
};

/* RFC 9106 §5.1 to §5.3, and the reference implementation's answers for version 1.0. */
static const struct argon2_case ARGON2_CASES[] = {
    { KDF_ARGON2D, 0x13, "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb" },
    { KDF_ARGON2I, 0x13, "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8" },
    { KDF_ARGON2ID, 0x13, "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659" },
    { KDF_ARGON2D, 0x10, "96a9d4e5a1734092c85e29f410a45914a5dd1f5cbf08b2670da68a0285abf32b" },
    { KDF_ARGON2I, 0x10, "87aeedd6517ab830cd9765cd8231abb2e647a5dee08f7c05e02fcb763335d0fd" },
    { KDF_ARGON2ID, 0x10, "b64615f07789b66b645b67ee9ed3b377ae350b6bfcbb0fc95141ea8f322613c0" },
};

static void test_argon2(void **state)
{
    unsigned char ones[32], twos[16], threes[8], fours[12], tag[32];
    char text[64];

    (void)state;
    memset(ones, 1, sizeof(ones));
    memset(twos, 2, sizeof(twos));
    memset(threes, 3, sizeof(threes));
    memset(fours, 4, sizeof(fours));
    for (size_t i = 0; i < ARRAY_SIZE(ARGON2_CASES); i++) {
        const struct kdf_argon2 in = {
            .type = ARGON2_CASES[i].type,
            .version = ARGON2_CASES[i].version,
            .time = 3,
            .memory_kib = 32,
            .lanes = 4,
            .password = dw_str_n(ones, sizeof(ones)),
            .salt = dw_str_n(twos, sizeof(twos)),
            .secret = dw_str_n(threes, sizeof(threes)),
            .associated_data = dw_str_n(fours, sizeof(fours)),
        };
        CHECK_OK(kdf_argon2(&in, tag, sizeof(tag)));
        check_str(dw_str(ARGON2_CASES[i].tag), hex(dw_str_n(tag, sizeof(tag)), text), ARGON2_CASES[i].tag);
    }
}

static void test_argon2_refuses(void **state)
{
    const struct kdf_argon2 good = { KDF_ARGON2ID, 0x13, 1, 8, 1, .password = DW_STR_INIT("p"),
                                     .salt = DW_STR_INIT("12345678") };
    struct kdf_argon2 bad[6];
    unsigned char tag[32];

    (void)state;
    CHECK_OK(kdf_argon2(&good, tag, sizeof(tag)));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        bad[i] = good;
    bad[0].version = 0x12;
    bad[1].time = 0;
    bad[2].memory_kib = 7;
    bad[3].lanes = 0;
    bad[4].lanes = 2; /* 8 KiB a lane */
    bad[5].salt = DW_STR("1234567");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_ERR(DW_ERR_ARGUMENT, kdf_argon2(&bad[i], tag, sizeof(tag)));
    CHECK_ERR(DW_ERR_ARGUMENT, kdf_argon2(&good, tag, 3));
}

struct scrypt_case {
    struct dw_str password, salt;
    uint64_t n, r, p;
    const char *key;
};

/* RFC 7914 §12, without the one that takes a gigabyte. */
static const struct scrypt_case SCRYPT_CASES[] = {
    { { NULL, 0 }, { NULL, 0 }, 16, 1, 1,
      "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
      "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906" },
    { DW_STR_INIT("password"), DW_STR_INIT("NaCl"), 1024, 8, 16,
      "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
      "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640" },
    { DW_STR_INIT("pleaseletmein"), DW_STR_INIT("SodiumChloride"), 16384, 8, 1,
      "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
      "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887" },
};

static void test_scrypt(void **state)
{
    unsigned char key[64];
    char text[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SCRYPT_CASES); i++) {
        const struct scrypt_case *row = &SCRYPT_CASES[i];
        CHECK_OK(kdf_scrypt(row->password, row->salt, row->n, row->r, row->p, key, sizeof(key)));
        check_str(dw_str(row->key), hex(dw_str_n(key, sizeof(key)), text), row->key);
    }
    CHECK_ERR(DW_ERR_ARGUMENT, kdf_scrypt(DW_STR("p"), DW_STR("s"), 15, 8, 1, key, 64)); /* no power of two */
    CHECK_ERR(DW_ERR_ARGUMENT, kdf_scrypt(DW_STR("p"), DW_STR("s"), 1, 8, 1, key, 64));
    CHECK_ERR(DW_ERR_ARGUMENT, kdf_scrypt(DW_STR("p"), DW_STR("s"), 16, 0, 1, key, 64));
    CHECK_ERR(DW_ERR_ARGUMENT, kdf_scrypt(DW_STR("p"), DW_STR("s"), UINT64_C(1) << 40, 8, 1, key, 64));
    CHECK_ERR(DW_ERR_ARGUMENT, kdf_scrypt(DW_STR("p"), DW_STR("s"), 16, 8, 1, key, 0));
}

struct bcrypt_case {
    struct dw_str password;
    const char *salt, *hash; /* the last 53 characters, apart */
};

/* As crypt_blowfish and Python's bcrypt answer at cost 5. */
static const struct bcrypt_case BCRYPT_CASES[] = {
    { DW_STR_INIT("U*U"), "CCCCCCCCCCCCCCCCCCCCC.", "E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" },
    { DW_STR_INIT("U*"), "CCCCCCCCCCCCCCCCCCCCC.", "N0wO4z3EELuk/ycIifDScNe.mijJ.Sa" },
    { DW_STR_INIT("U*U*"), "CCCCCCCCCCCCCCCCCCCCC.", "VGOzA784oUp/Z0DY336zx7pLYAy0lwK" },
    { DW_STR_INIT(""), "CCCCCCCCCCCCCCCCCCCCC.", "7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy" },
    { DW_STR_INIT("\xc3\xa9t\xc3\xa9"), "CCCCCCCCCCCCCCCCCCCCC.", "9JqnEJ42xpxVHXRhE1G05t9eSTjVDoS" },
    { DW_STR_INIT("\xff\xff\xa3"), "/OK.fbVrR/bpIqNJ5ianF.", "CE5elHaaO4EbggVDjb8P19RukzXSM3e" },
    { DW_STR_INIT("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"),
      "CCCCCCCCCCCCCCCCCCCCC.", "n2VnrmAaokJwiDSekcCjbZxRIyVngRy" }, /* 72 bytes, the most */
};

static void test_bcrypt(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(BCRYPT_CASES); i++) {
        const struct bcrypt_case *row = &BCRYPT_CASES[i];
        unsigned char salt[KDF_BCRYPT_SALT_SIZE], hash[KDF_BCRYPT_HASH_SIZE];
        char text[64];
        size_t size;
        CHECK_OK(kdf_bcrypt_decode(dw_str(row->salt), salt, sizeof(salt), &size));
        assert_int_equal(size, sizeof(salt));
        CHECK_OK(kdf_bcrypt(row->password, salt, 5, hash));
        check_str(dw_str(row->hash), dw_str_n(text, kdf_bcrypt_encode(dw_str_n(hash, sizeof(hash)), text)), row->hash);
        check_str(dw_str(row->salt), dw_str_n(text, kdf_bcrypt_encode(dw_str_n(salt, sizeof(salt)), text)), row->salt);
    }
}

static void test_bcrypt_never_cuts(void **state)
{
    unsigned char salt[KDF_BCRYPT_SALT_SIZE] = { 0 }, hash[KDF_BCRYPT_HASH_SIZE];
    char password[100];

    (void)state;
    memset(password, 'a', sizeof(password));
    CHECK_OK(kdf_bcrypt(dw_str_n(password, 72), salt, 4, hash));
    CHECK_ERR(DW_ERR_PASSWORD_LONG, kdf_bcrypt(dw_str_n(password, 73), salt, 4, hash));
    CHECK_ERR(DW_ERR_PASSWORD_NUL, kdf_bcrypt(DW_STR("a\0b"), salt, 4, hash));
    CHECK_ERR(DW_ERR_PASSWORD_NUL, kdf_bcrypt(DW_STR("\0"), salt, 4, hash));
    CHECK_ERR(DW_ERR_ARGUMENT, kdf_bcrypt(DW_STR("a"), salt, 3, hash));
    CHECK_ERR(DW_ERR_ARGUMENT, kdf_bcrypt(DW_STR("a"), salt, 32, hash));
}

static void test_bcrypt_base64(void **state)
{
    unsigned char bytes[64];
    size_t size;

    (void)state;
    CHECK_OK(kdf_bcrypt_decode(DW_STR("./"), bytes, sizeof(bytes), &size)); /* bits past the end, dropped */
    assert_int_equal(size, 1);
    assert_int_equal(bytes[0], 0);
    CHECK_ERR(DW_ERR_ENCODING, kdf_bcrypt_decode(DW_STR("ab+d"), bytes, sizeof(bytes), &size));
    CHECK_ERR(DW_ERR_ENCODING, kdf_bcrypt_decode(DW_STR("ab\0d"), bytes, sizeof(bytes), &size));
    CHECK_ERR(DW_ERR_ENCODING, kdf_bcrypt_decode(DW_STR("abcde"), bytes, sizeof(bytes), &size));
    CHECK_ERR(DW_ERR_LIMIT, kdf_bcrypt_decode(DW_STR("abcdefgh"), bytes, 5, &size));
}

CHECK_MAIN(cmocka_unit_test(test_argon2), cmocka_unit_test(test_argon2_refuses), cmocka_unit_test(test_scrypt),
           cmocka_unit_test(test_bcrypt), cmocka_unit_test(test_bcrypt_never_cuts),
           cmocka_unit_test(test_bcrypt_base64))
