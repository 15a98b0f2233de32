#include "fixture.h"

#include "base/encoding.h"
#include "cli/secret_file.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static int count_files(void)
{
    DIR *folder = opendir(".");
    int n = 0;

    assert_non_null(folder);
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

static void test_made_once(void **state)
{
    _cleanup_secret_ struct dw_secret first = { 0 };
    _cleanup_secret_ struct dw_secret second = { 0 };
    unsigned char bytes[64];
    struct stat status;
    bool is_open = true;
    size_t size = 0;

    (void)state;
    CHECK_ERR(DW_ERR_NOT_FOUND, secret_file_read("s", &first, &is_open));
    umask(0);
    CHECK_OK(secret_file_make("s"));
    assert_int_equal(0, stat("s", &status));
    assert_int_equal(0600, status.st_mode & 07777);
    CHECK_OK(secret_file_read("s", &first, &is_open));
    assert_false(is_open);
    CHECK_OK(base64url_decode(dw_secret_borrow(&first), bytes, sizeof(bytes), &size));
    assert_int_equal(32, size);
    CHECK_ERR(DW_ERR_CONFLICT, secret_file_make("s"));
    CHECK_OK(secret_file_read("s", &second, &is_open));
    assert_true(dw_secret_eq(&first, &second));
    assert_int_equal(1, count_files());
}

static void test_two_are_different(void **state)
{
    _cleanup_secret_ struct dw_secret first = { 0 };
    _cleanup_secret_ struct dw_secret second = { 0 };
    bool is_open;

    (void)state;
    CHECK_OK(secret_file_make("a"));
    CHECK_OK(secret_file_make("b"));
    CHECK_OK(secret_file_read("a", &first, &is_open));
    CHECK_OK(secret_file_read("b", &second, &is_open));
    assert_false(dw_secret_eq(&first, &second));
}

enum { RACERS = 16 };

static void *race(void *argument)
{
    struct dw_secret *read = argument;
    bool is_open;
    const enum dw_err err = secret_file_make("raced");

    if (err != DW_OK && err != DW_ERR_CONFLICT)
        return argument;
    return secret_file_read("raced", read, &is_open) == DW_OK ? NULL : argument;
}

/* Whoever loses the race finds the winner's whole secret. */
static void test_race(void **state)
{
    struct dw_secret secrets[RACERS] = { 0 };
    pthread_t threads[RACERS];

    (void)state;
    for (int i = 0; i < RACERS; i++)
        assert_int_equal(0, pthread_create(&threads[i], NULL, race, &secrets[i]));
    for (int i = 0; i < RACERS; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(43, secrets[i].size);
        assert_true(dw_secret_eq(&secrets[0], &secrets[i]));
    }
    for (int i = 0; i < RACERS; i++)
        dw_secret_free(&secrets[i]);
}

static void test_read(void **state)
{
    static const struct {
        const char *text;
        unsigned mode;
        const char *secret;
        bool is_open;
    } ROWS[] = {
        { "abc\n", 0600, "abc", false }, { "abc\r\n", 0600, "abc", false }, { "abc", 0400, "abc", false },
        { "abc\n\n", 0640, "abc\n", true }, { "a b\n", 0604, "a b", true }, { "", 0600, "", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        _cleanup_secret_ struct dw_secret secret = { 0 };
        bool is_open = !ROWS[i].is_open;

        file_write("f", ROWS[i].text, ROWS[i].mode);
        CHECK_OK(secret_file_read("f", &secret, &is_open));
        check_str(dw_str(ROWS[i].secret), dw_secret_borrow(&secret), ROWS[i].text);
        assert_int_equal(ROWS[i].is_open, is_open);
        assert_int_equal(0, unlink("f"));
    }
}

static void test_too_large_or_no_file(void **state)
{
    struct dw_secret secret = { 0 };
    char text[SECRET_FILE_MAX_BYTES + 2];
    bool is_open;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    file_write("large", text, 0600);
    CHECK_ERR(DW_ERR_IO, secret_file_read("large", &secret, &is_open));
    assert_int_equal(EFBIG, errno);
    CHECK_ERR(DW_ERR_IO, secret_file_read(".", &secret, &is_open));
    CHECK_ERR(DW_ERR_IO, secret_file_make("no/such/folder"));
    assert_null(secret.bytes);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_enter, folder_leave)

CHECK_MAIN(IN_FOLDER(test_made_once), IN_FOLDER(test_two_are_different), IN_FOLDER(test_race), IN_FOLDER(test_read),
           IN_FOLDER(test_too_large_or_no_file))
