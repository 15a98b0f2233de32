#include "fixture.h"

#include "base/json.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

int folder_enter(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/doorward-cli-XXXXXX");
    return mkdtemp(folder) != NULL ? chdir(folder) : -1;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

int folder_leave(void **state)
{
    (void)state;
    return chdir("/") == 0 ? nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) : -1;
}

void file_write(const char *path, const char *text, unsigned mode)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(strlen(text), write(fd, text, strlen(text)));
    assert_int_equal(0, fchmod(fd, mode));
}

static char *read_stream(FILE *file)
{
    char *text;
    long size;

    assert_int_equal(0, fseek(file, 0, SEEK_END));
    size = ftell(file);
    assert_true(size >= 0);
    rewind(file);
    text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal((size_t)size, fread(text, 1, (size_t)size, file));
    return text;
}

char *file_read(const char *path)
{
    _cleanup_fclose_ FILE *file = fopen(path, "re");

    if (file == NULL)
        fail_msg("%s can't be read", path);
    return read_stream(file);
}

struct ran run_table(const struct run *run, const struct command *commands)
{
    static char *const NOTHING[] = { NULL };
    _cleanup_fclose_ FILE *in = tmpfile(), *out = tmpfile(), *err = tmpfile();
    struct cli cli = { .in = in, .out = out, .err = err, .environment = run->environment ? run->environment : NOTHING };
    char *argv[RUN_WORDS_MAX + 2] = { strdup("doorward") };
    int argc = 1;

    assert_true(in != NULL && out != NULL && err != NULL);
    if (run->input != NULL)
        assert_true(fputs(run->input, in) >= 0 && fflush(in) == 0 && lseek(fileno(in), 0, SEEK_SET) == 0);
    for (; argc <= RUN_WORDS_MAX && run->words[argc - 1] != NULL; argc++)
        argv[argc] = strdup(run->words[argc - 1]);
    const int code = cli_run(&cli, commands, argc, argv);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return (struct ran){ .code = code, .out = read_stream(out), .err = read_stream(err) };
}

struct ran run_command(const struct run *run)
{
    return run_table(run, COMMANDS);
}

void ran_free(struct ran *ran)
{
    free(ran->out);
    free(ran->err);
}

void check_contains(const char *text, const char *part, const char *label)
{
    if (strstr(text, part) == NULL)
        fail_msg("%s: \"%s\" is not in \"%s\"", label, part, text);
}

const char *json_member(const char *text, const char *name)
{
    static char value[256];
    _cleanup_arena_ struct dw_arena *arena = NULL;
    yyjson_val *root = NULL;

    CHECK_OK(dw_arena_new(1 << 20, &arena));
    CHECK_OK(json_parse(arena, dw_str(text), JSON_DEPTH_DEFAULT, &root, NULL));
    const struct dw_str found = json_get_str(root, name);
    snprintf(value, sizeof(value), "%.*s", (int)found.len, found.ptr == NULL ? "" : found.ptr);
    return value;
}
