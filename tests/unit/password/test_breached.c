/* Files of breached passwords: what is found in them, whatever their size and line ends, and what is no such file. */
#include "../check.h"

#include "crypto/hash.h"
#include "password/breached.h"

#include <fcntl.h>
#include <unistd.h>

enum { LINE_SIZE = 64, MANY = 5000 };

#define UPPER "0123456789ABCDEF"
#define LOWER "0123456789abcdef"
#define _cleanup_breached_ _cleanup_(dw_breached_passwords_free)

struct file {
    char path[64];
};

static void file_remove(struct file *file)
{
    unlink(file->path);
}

#define _cleanup_file_ _cleanup_(file_remove)

static struct file file_make(const char *bytes, size_t size)
{
    struct file file = { "/tmp/doorward-breached-XXXXXX" };
    const int fd = mkstemp(file.path);

    assert_true(fd >= 0);
    assert_int_equal((ssize_t)size, write(fd, bytes, size));
    close(fd);
    return file;
}

static void line_make(const char *password, const char digits[16], const char *end, char ret_line[LINE_SIZE])
{
    unsigned char digest[SHA1_SIZE];
    char hash[2 * SHA1_SIZE + 1] = "";

    CHECK_OK(hash_sha1(dw_str(password), digest));
    for (size_t i = 0; i < sizeof(hash) - 1; i++)
        hash[i] = digits[i % 2 == 0 ? digest[i / 2] >> 4 : digest[i / 2] & 15];
    snprintf(ret_line, LINE_SIZE, "%s%s", hash, end);
}

static int compare_lines(const void *a, const void *b)
{
    return strncasecmp(a, b, 2 * SHA1_SIZE);
}

/* "phrase 0" … in order; ends of different lengths. */
static size_t list_make(int n, const char *digits, const char *const ends[3], char *ret_bytes)
{
    static char lines[MANY][LINE_SIZE];
    char password[32];
    size_t size = 0;

    for (int i = 0; i < n; i++) {
        snprintf(password, sizeof(password), "phrase %d", i);
        line_make(password, digits, ends[i % 3], lines[i]);
    }
    qsort(lines, (size_t)n, sizeof(lines[0]), compare_lines);
    for (int i = 0; i < n; i++)
        size += (size_t)snprintf(ret_bytes + size, LINE_SIZE, "%s", lines[i]);
    return size;
}

static bool has(const struct dw_breached_passwords *breached, const char *password)
{
    bool is_there = false;

    CHECK_OK(breached_find(breached, dw_str(password), &is_there));
    return is_there;
}

static void all_are_found_and_no_others(void **state)
{
    static const int SIZES[] = { 1, 2, 80, 90, 91, 200, 1000, MANY };
    static const struct {
        const char *digits;
        const char *ends[3];
        bool cuts_last_end;
    } FORMS[] = {
        { UPPER, { ":3\r\n", ":52256179\r\n", ":10\r\n" }, false }, /* as it comes */
        { LOWER, { ":3\n", ":18446744073709551615\n", ":10\n" }, true },
        { UPPER, { "\n", "\n", "\n" }, true },
    };
    static char bytes[MANY * LINE_SIZE];
    char password[32];

    for (size_t f = 0; f < ARRAY_SIZE(FORMS); f++) {
        for (size_t s = 0; s < ARRAY_SIZE(SIZES); s++) {
            const size_t size = list_make(SIZES[s], FORMS[f].digits, FORMS[f].ends, bytes);
            _cleanup_file_ struct file file = file_make(bytes, size - FORMS[f].cuts_last_end);
            _cleanup_breached_ struct dw_breached_passwords *breached = NULL;

            CHECK_OK(dw_breached_passwords_open(file.path, &breached));
            for (int i = 0; i < SIZES[s]; i++) {
                snprintf(password, sizeof(password), "phrase %d", i);
                assert_true(has(breached, password));
                snprintf(password, sizeof(password), "another %d", i);
                assert_false(has(breached, password));
            }
            assert_false(has(breached, ""));
        }
    }
}

#define HASH "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"
#define REPEAT_40(x) x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x

static void what_is_no_such_file_is_refused(void **state)
{
    static const char *const TEXTS[] = {
        "", "\n", "password\n", HASH "0:1\n", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FDG:1\n",
        "8846F7EAEE8FB117AD06BDD830B7586C:1\n", /* the same list by NTLM */
        HASH ";1\n", HASH " 1\n", "\r\n" HASH ":1\n", "\xef\xbb\xbf" HASH ":1\n",
        /* in no order, and without ends */
        REPEAT_40(HASH ":1\n" "0" "0018A45C4D1DEF81644B54AB7F969B88D65" "0000:1\n" HASH ":2\n"),
        HASH ":" REPEAT_40(REPEAT_40("0123")),
    };
    struct dw_breached_passwords *breached = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(TEXTS); i++) {
        _cleanup_file_ struct file file = file_make(TEXTS[i], strlen(TEXTS[i]));

        check_err(DW_ERR_VALIDATION, dw_breached_passwords_open(file.path, &breached), TEXTS[i]);
        assert_null(breached);
    }
    _cleanup_file_ struct file nul = file_make(HASH "\0:1\n", sizeof(HASH "\0:1\n") - 1);

    CHECK_ERR(DW_ERR_VALIDATION, dw_breached_passwords_open(nul.path, &breached));
    CHECK_ERR(DW_ERR_VALIDATION, dw_breached_passwords_open("/tmp", &breached));
    CHECK_ERR(DW_ERR_NOT_FOUND, dw_breached_passwords_open("/tmp/no such file of Doorward", &breached));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_breached_passwords_open(NULL, &breached));
    CHECK_ERR(DW_ERR_ARGUMENT, dw_breached_passwords_open(nul.path, NULL));
    dw_breached_passwords_free(&breached);
    dw_breached_passwords_free(NULL);
}

/* Whoever can't look must not say that nothing is there. */
static void a_file_that_was_cut_or_overwritten_is_an_error(void **state)
{
    static char bytes[MANY * LINE_SIZE];
    const size_t size = list_make(MANY, UPPER, (const char *const[]){ ":1\n", ":22\n", ":333\n" }, bytes);
    _cleanup_file_ struct file file = file_make(bytes, size);
    _cleanup_breached_ struct dw_breached_passwords *breached = NULL;
    bool is_there = false;

    CHECK_OK(dw_breached_passwords_open(file.path, &breached));
    assert_int_equal(0, truncate(file.path, 100));
    CHECK_ERR(DW_ERR_IO, breached_find(breached, DW_STR("phrase 1"), &is_there));
    memset(bytes, 'x', size);
    const int fd = open(file.path, O_WRONLY);

    assert_int_equal((ssize_t)size, write(fd, bytes, size));
    close(fd);
    CHECK_ERR(DW_ERR_IO, breached_find(breached, DW_STR("phrase 1"), &is_there));
}

static void the_policy_asks_it_last(void **state)
{
    char line[LINE_SIZE];
    struct dw_breached_passwords *breached = NULL;
    unsigned char known[] = "a phrase of many", fresh[] = "a phrase of mine";
    const struct dw_secret password = { known, sizeof(known) - 1 }, other = { fresh, sizeof(fresh) - 1 };

    line_make("a phrase of many", UPPER, ":7\r\n", line);
    _cleanup_file_ struct file file = file_make(line, strlen(line));

    CHECK_OK(dw_breached_passwords_open(file.path, &breached));
    struct dw_password_policy policy = { .breached = breached };

    CHECK_ERR(DW_ERR_PASSWORD_BREACHED, dw_password_check(&policy, &password, NULL, 0));
    CHECK_OK(dw_password_check(&policy, &other, NULL, 0));
    policy.min_chars = 30;
    CHECK_ERR(DW_ERR_PASSWORD_SHORT, dw_password_check(&policy, &password, NULL, 0));
    dw_breached_passwords_free(&breached);
    assert_null(breached);
}

CHECK_MAIN(cmocka_unit_test(all_are_found_and_no_others), cmocka_unit_test(what_is_no_such_file_is_refused),
           cmocka_unit_test(a_file_that_was_cut_or_overwritten_is_an_error),
           cmocka_unit_test(the_policy_asks_it_last))
