/* Mails as files: whole, private, and refused where they can't be written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "mail/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void a_mail_is_a_private_file(void **state)
{
    char parent[] = "/tmp/doorward-folder-XXXXXX", folder[128], path[160], read_back[16];
    struct stat status;

    (void)state;
    assert_non_null(mkdtemp(parent));
    snprintf(folder, sizeof(folder), "%s/outbox", parent);
    snprintf(path, sizeof(path), "%s/one.eml", folder);
    umask(0);
    assert_int_equal(folder_store(folder, DW_STR("one"), DW_STR("a longer first")), DW_OK);
    assert_int_equal(folder_store(folder, DW_STR("one"), DW_STR("second")), DW_OK);
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    const int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, read_back, sizeof(read_back)), 6);
    close(fd);
    assert_memory_equal(read_back, "second", 6);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); /* nothing else lies there */
    rmdir(parent);
}

static void what_can_not_be_written_is_told(void **state)
{
    (void)state;
    assert_int_equal(folder_store("/proc/no/such/folder", DW_STR("one"), DW_STR("x")), DW_ERR_IO);
    assert_int_equal(folder_store("/dev/null", DW_STR("one"), DW_STR("x")), DW_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_is_a_private_file),
        cmocka_unit_test(what_can_not_be_written_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
