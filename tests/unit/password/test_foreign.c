/* Hashes of other systems, in Django's and passlib's spellings: read, verified, and due for a better one. */
#include "../check.h"

#include "password/scheme.h"

#define SALT16 "ZGVmZ2hpamtsbW5vcHFycw"
#define TEXT_SALT "NaClNaClNaClNaClNaClNa"
#define BSALT "CCCCCCCCCCCCCCCCCCCCC."

struct known {
    const char *encoded;
    const char *scheme;
};

/* The password is "password". Made with Python's hashlib and crypt; the one with cost 12 is of passlib's manual. */
static const struct known KNOWN[] = {
    { "$pbkdf2$1000$" SALT16 "$7hzINQ8qXmIa0T7dG0VnhDE8hyM", "pbkdf2-sha1" },
    { "$pbkdf2-sha256$1000$" SALT16 "$VZ2ZuT57VGlpkGVT2e3OKgdARk8e9IiuZDc3gBJQ6pw", "pbkdf2-sha256" },
    { "$pbkdf2-sha512$1000$" SALT16
      "$o/q1W6ooUPmU8C0oCNSAXD2oPFyJhjbTm8NG2uEjkKPiLTdsIIQUrqKxWT8deFtJKOMeBWkuSOf.2XnN9o18hg", "pbkdf2-sha512" },
    { "pbkdf2_sha1$1000$" TEXT_SALT "$EsH2NYUo5bU0KFhkJb9/5Zpbc94=", "pbkdf2-sha1" },
    { "pbkdf2_sha256$1000$" TEXT_SALT "$tqIS7xpHLv4cOQWkJEvoPECbzJMqgjFbth0GRTBN+Lw=", "pbkdf2-sha256" },
    { "scrypt$1024$" TEXT_SALT
      "$8$1$Qp36JlYfLxFnjitqk3PDx2zs8MnKaMo/VE7qypwaVw8PmW5LpKuF67XnIMhOnyl+xIo9dHVINNtaF+FtkHUJUA==", "scrypt" },
    { "bcrypt$$2b$04$" BSALT "FXJHjF.8tyWAsIeGLxC7hC/nyX4QxgC", "bcrypt" },
    { "bcrypt_sha256$$2b$04$" BSALT "OVEbrBWNIKOiXonGgrkYYYsdUI5iltu", "bcrypt-sha256-hex" },
    { "$bcrypt-sha256$v=2,t=2b,r=4$" BSALT "$tJIAQxzM2rIsEXCYXIw/MkFrZ789ZUS", "bcrypt-sha256" },
    { "$bcrypt-sha256$2b,4$" BSALT "$E84zCqFwzbmDQpY5MmoMme9M3UIHvBO", "bcrypt-sha256" },
    { "$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku$Kq4Noyk3094Y2QlB8NdRT8SvGiI4ft2", "bcrypt-sha256" },
    { "argon2$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY", "argon2i" },
};

static bool verify(struct dw_passwords *passwords, const char *encoded, const char *password, bool *ret_needs_rehash)
{
    const struct dw_secret secret = { (unsigned char *)(uintptr_t)password, strlen(password) };
    bool matches = false;

    check_err(DW_OK, dw_password_verify(passwords, dw_str(encoded), &secret, &matches, ret_needs_rehash), encoded);
    return matches;
}

static void hashes_of_others_verify_and_are_due(void **state)
{
    const struct dw_password_config cheap = { .argon2_memory_kib = 64, .argon2_time = 1, .workers = 1 };
    _cleanup_(dw_passwords_free) struct dw_passwords *passwords = NULL;

    CHECK_OK(dw_passwords_new(&cheap, &passwords));
    for (size_t i = 0; i < ARRAY_SIZE(KNOWN); i++) {
        struct dw_password_info info;
        bool needs_rehash = false;

        check_err(DW_OK, dw_password_info(dw_str(KNOWN[i].encoded), &info), KNOWN[i].encoded);
        check_str(dw_str(KNOWN[i].scheme), dw_str(info.scheme), KNOWN[i].encoded);
        if (!verify(passwords, KNOWN[i].encoded, "password", &needs_rehash) || !needs_rehash)
            fail_msg("%s: does not match, or is not due", KNOWN[i].encoded);
        if (verify(passwords, KNOWN[i].encoded, "Password", NULL) || verify(passwords, KNOWN[i].encoded, "", NULL))
            fail_msg("%s: matches another password", KNOWN[i].encoded);
    }
}

/* Django's own spelling of what new hashes are is fine as it is. */
static void argon2id_in_django_needs_no_new_hash(void **state)
{
    const struct dw_password_config cheap = { .argon2_memory_kib = 64, .argon2_time = 1, .workers = 1 };
    _cleanup_(dw_passwords_free) struct dw_passwords *passwords = NULL;
    const struct dw_secret password = { (unsigned char *)(uintptr_t) "password", 8 };
    char encoded[DW_PASSWORD_ENCODED_MAX], django[DW_PASSWORD_ENCODED_MAX + 8];
    bool needs_rehash = true;

    CHECK_OK(dw_passwords_new(&cheap, &passwords));
    CHECK_OK(dw_password_hash(passwords, &password, encoded));
    snprintf(django, sizeof(django), "argon2%s", encoded);
    assert_true(verify(passwords, django, "password", &needs_rehash));
    assert_false(needs_rehash);
}

/* bcrypt's 72 bytes are no limit where it gets a digest. */
static void long_passwords_are_not_cut(void **state)
{
    const struct dw_password_config cheap = { .argon2_memory_kib = 64, .argon2_time = 1, .workers = 1 };
    _cleanup_(dw_passwords_free) struct dw_passwords *passwords = NULL;
    char longer[101] = { 0 }, other[101] = { 0 };
    bool matches = true;

    memset(longer, 'a', 100);
    memset(other, 'a', 100);
    other[99] = 'b';
    CHECK_OK(dw_passwords_new(&cheap, &passwords));
    for (size_t i = 0; i < ARRAY_SIZE(KNOWN); i++) {
        struct password_hash hash;
        unsigned char a[PASSWORD_HASH_MAX] = { 0 }, b[PASSWORD_HASH_MAX] = { 0 };

        CHECK_OK(password_decode(dw_str(KNOWN[i].encoded), &hash));
        if (hash.scheme->password_max != 0 || hash.info.cost > 4)
            continue;
        CHECK_OK(password_derive(&hash, dw_str(longer), a));
        CHECK_OK(password_derive(&hash, dw_str(other), b));
        matches = memcmp(a, b, hash.info.hash_size) == 0;
        if (matches)
            fail_msg("%s: the end does not count", KNOWN[i].encoded);
    }
}

static const char *const BAD[] = {
    "pbkdf2_sha256$0$" TEXT_SALT "$tqIS7xpHLv4cOQWkJEvoPECbzJMqgjFbth0GRTBN+Lw=",
    "pbkdf2_sha256$5000001$" TEXT_SALT "$tqIS7xpHLv4cOQWkJEvoPECbzJMqgjFbth0GRTBN+Lw=",
    "pbkdf2_sha256$+1000$" TEXT_SALT "$tqIS7xpHLv4cOQWkJEvoPECbzJMqgjFbth0GRTBN+Lw=",
    "pbkdf2_sha256$1000$short$tqIS7xpHLv4cOQWkJEvoPECbzJMqgjFbth0GRTBN+Lw=",
    "pbkdf2_sha256$1000$" TEXT_SALT "$tqIS7xpHLv4cOQWkJEvoPECbzJMqgjFbth0GRTBN+Lw",
    "pbkdf2_sha256$1000$" TEXT_SALT "$tqIS7xpH",
    "pbkdf2_sha256$1000$" TEXT_SALT,
    "pbkdf2_md5$1000$" TEXT_SALT "$tqIS7xpHLv4cOQWkJEvoPECbzJMqgjFbth0GRTBN+Lw=",
    "$pbkdf2-sha256$1000$" SALT16 "$VZ2ZuT57VGlpkGVT2e3OKgdARk8e9IiuZDc3gBJQ6p+",
    "$pbkdf2-sha256$1000$" SALT16,
    "$pbkdf2-md5$1000$" SALT16 "$VZ2ZuT57VGlpkGVT2e3OKgdARk8e9IiuZDc3gBJQ6pw",
    "$bcrypt-sha256$v=3,t=2b,r=4$" BSALT "$tJIAQxzM2rIsEXCYXIw/MkFrZ789ZUS",
    "$bcrypt-sha256$v=2,t=2x,r=4$" BSALT "$tJIAQxzM2rIsEXCYXIw/MkFrZ789ZUS",
    "$bcrypt-sha256$v=2,t=2b,r=17$" BSALT "$tJIAQxzM2rIsEXCYXIw/MkFrZ789ZUS",
    "$bcrypt-sha256$v=2,t=2b,r=4$" BSALT "$tJIAQxzM2rIsEXCYXIw",
    "bcrypt$2b$04$" BSALT "FXJHjF.8tyWAsIeGLxC7hC/nyX4QxgC",
    "bcrypt_sha256$$2x$04$" BSALT "OVEbrBWNIKOiXonGgrkYYYsdUI5iltu",
    "scrypt$1000$" TEXT_SALT "$8$1$Qp36JlYfLxFnjitqk3PDxw==",
    "scrypt$16777216$" TEXT_SALT "$8$1$Qp36JlYfLxFnjitqk3PDxw==",
    "argon2$argon2d$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
    "argon2$",
    "plain$password",
    "md5$" TEXT_SALT "$5f4dcc3b5aa765d61d8327deb882cf99",
    "password",
    "!",
};

static void what_is_broken_or_too_costly_is_refused(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(BAD); i++) {
        struct dw_password_info info;

        check_err(DW_ERR_PASSWORD_FORMAT, dw_password_info(dw_str(BAD[i]), &info), BAD[i]);
    }
}

static void none_of_them_is_made_anew(void **state)
{
    static const char *const NAMES[] = { "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512", "bcrypt-sha256",
                                         "bcrypt-sha256-hex" };

    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++) {
        const struct dw_password_info params = { .scheme = NAMES[i], .iterations = 1000, .cost = 4 };
        char encoded[DW_PASSWORD_ENCODED_MAX];

        check_err(DW_ERR_SETTING, password_hash_with(&params, dw_str(NULL), DW_STR("password"), encoded), NAMES[i]);
    }
}

CHECK_MAIN(cmocka_unit_test(hashes_of_others_verify_and_are_due),
           cmocka_unit_test(argon2id_in_django_needs_no_new_hash), cmocka_unit_test(long_passwords_are_not_cut),
           cmocka_unit_test(what_is_broken_or_too_costly_is_refused), cmocka_unit_test(none_of_them_is_made_anew))
