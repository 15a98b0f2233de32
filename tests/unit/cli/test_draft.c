#include "fixture.h"

#include "cli/draft.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void make(const char *path)
{
    file_write(path, "half of it", 0600);
}

/* What a process does whose draft has been begun; how it ends is what the caller looks at. */
static int run_child(void (*act)(struct cli *cli, struct draft *draft), char ret_path[DRAFT_PATH_SIZE])
{
    int pipe_fds[2], status = 0;

    assert_int_equal(0, pipe(pipe_fds));
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static struct draft draft;
        struct cli cli = { .err = stderr };

        if (dw_arena_new(1 << 20, &cli.arena) != DW_OK || draft_name(&cli, "wanted", &draft) != DW_OK ||
            write(pipe_fds[1], draft.path, sizeof(draft.path)) != (ssize_t)sizeof(draft.path))
            _exit(9);
        make(draft.path);
        char journal[DRAFT_PATH_SIZE + 16];
        snprintf(journal, sizeof(journal), "%s-wal", draft.path);
        make(journal);
        act(&cli, &draft);
        _exit(0);
    }
    close(pipe_fds[1]);
    assert_int_equal(DRAFT_PATH_SIZE, read(pipe_fds[0], ret_path, DRAFT_PATH_SIZE));
    close(pipe_fds[0]);
    assert_int_equal(child, waitpid(child, &status, 0));
    return status;
}

static int wanted_signal;

static void be_killed(struct cli *cli, struct draft *draft)
{
    raise(wanted_signal);
}

static void be_killed_although_ignored(struct cli *cli, struct draft *draft)
{
    raise(SIGHUP);
    make("lived on");
    draft_remove(draft);
}

static void install_meanwhile(struct cli *cli, struct draft *draft)
{
    draft_hold_signals();
    raise(SIGTERM);
    if (draft_install(cli, draft, "wanted", false) == DW_OK)
        make("never");
}

static void install_then_be_killed(struct cli *cli, struct draft *draft)
{
    if (draft_install(cli, draft, "wanted", false) == DW_OK)
        raise(SIGTERM);
}

static void check_gone(const char *path)
{
    char journal[DRAFT_PATH_SIZE + 16];

    snprintf(journal, sizeof(journal), "%s-wal", path);
    assert_int_equal(0, strncmp(path, "wanted.partial-", strlen("wanted.partial-")));
    assert_false(is_there(path));
    assert_false(is_there(journal));
}

/* The process ends by the signal, as whoever sent it expects, and leaves nothing. */
static void test_signals_remove_it(void **state)
{
    static const int SIGNALS[] = { SIGINT, SIGTERM, SIGHUP };
    char path[DRAFT_PATH_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(SIGNALS); i++) {
        wanted_signal = SIGNALS[i];
        const int status = run_child(be_killed, path);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(SIGNALS[i], WTERMSIG(status));
        check_gone(path);
        assert_false(is_there("wanted"));
    }
}

static void test_ignored_signals_stay_ignored(void **state)
{
    char path[DRAFT_PATH_SIZE];
    void (*before)(int) = signal(SIGHUP, SIG_IGN);
    const int status = run_child(be_killed_although_ignored, path);

    signal(SIGHUP, before);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(is_there("lived on"));
    check_gone(path);
}

/* Held back until the file has its name, and what has its name is nobody's to remove. */
static void test_installed_is_kept(void **state)
{
    void (*const ACTS[])(struct cli *, struct draft *) = { install_meanwhile, install_then_be_killed };
    char path[DRAFT_PATH_SIZE];

    for (size_t i = 0; i < ARRAY_SIZE(ACTS); i++) {
        const int status = run_child(ACTS[i], path);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(SIGTERM, WTERMSIG(status));
        assert_true(is_there("wanted"));
        assert_false(is_there(path));
        assert_false(is_there("never"));
        assert_int_equal(0, unlink("wanted"));
    }
}

CHECK_MAIN(cmocka_unit_test_setup_teardown(test_signals_remove_it, folder_enter, folder_leave),
           cmocka_unit_test_setup_teardown(test_ignored_signals_stay_ignored, folder_enter, folder_leave),
           cmocka_unit_test_setup_teardown(test_installed_is_kept, folder_enter, folder_leave))
