#include "cli/prompt.h"

#include <errno.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

static const int ENDING_SIGNALS[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static volatile sig_atomic_t caught_signal;

static void remember_signal(int number)
{
    caught_signal = number;
}

/* Bytes up to the end of the input, or of the line on a terminal; the newline is cut. */
static enum dw_err read_input(int fd, bool is_line, unsigned char *bytes, size_t *ret_size)
{
    size_t size = 0;

    while (size < PROMPT_MAX_BYTES + 1) {
        const ssize_t got = read(fd, bytes + size, PROMPT_MAX_BYTES + 1 - size);

        if (got < 0 && errno == EINTR && caught_signal == 0)
            continue;
        if (got < 0)
            return DW_ERR_IO;
        size += (size_t)got;
        if (got == 0 || (is_line && bytes[size - 1] == '\n'))
            break;
    }
    if (size > 0 && bytes[size - 1] == '\n')
        size--;
    if (size > 0 && bytes[size - 1] == '\r')
        size--;
    *ret_size = size;
    return DW_OK;
}

static enum dw_err read_secret(struct cli *cli, bool is_line, struct dw_secret *ret_secret)
{
    unsigned char bytes[PROMPT_MAX_BYTES + 1];
    size_t size = 0;
    enum dw_err err = read_input(fileno(cli->in), is_line, bytes, &size);

    if (err == DW_OK && size > PROMPT_MAX_BYTES)
        err = cli_refuse(cli, DW_ERR_PASSWORD_LONG, "the password is too long");
    if (err == DW_OK)
        err = dw_secret_copy(dw_str_n(bytes, size), ret_secret);
    dw_wipe(bytes, sizeof(bytes));
    return err;
}

/* One line without echo. A signal that would end us is held back until the terminal is as it was. */
static enum dw_err ask_secret(struct cli *cli, const char *question, struct dw_secret *ret_secret)
{
    const struct sigaction remember = { .sa_handler = remember_signal };
    struct sigaction before[ARRAY_SIZE(ENDING_SIGNALS)];
    struct termios shown, hidden;
    const int fd = fileno(cli->in);

    if (tcgetattr(fd, &shown) != 0)
        return DW_ERR_IO;
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    caught_signal = 0;
    for (size_t i = 0; i < ARRAY_SIZE(ENDING_SIGNALS); i++)
        sigaction(ENDING_SIGNALS[i], &remember, &before[i]);
    fprintf(cli->err, "%s: ", question);
    fflush(cli->err);
    enum dw_err err = tcsetattr(fd, TCSAFLUSH, &hidden) == 0 ? read_secret(cli, true, ret_secret) : DW_ERR_IO;
    tcsetattr(fd, TCSAFLUSH, &shown);
    fputc('\n', cli->err);
    for (size_t i = 0; i < ARRAY_SIZE(ENDING_SIGNALS); i++)
        sigaction(ENDING_SIGNALS[i], &before[i], NULL);
    if (caught_signal != 0)
        raise(caught_signal);
    return err;
}

static enum dw_err ask_twice(struct cli *cli, struct dw_secret *ret_password)
{
    _cleanup_secret_ struct dw_secret first = { 0 };
    _cleanup_secret_ struct dw_secret second = { 0 };

    TRY(ask_secret(cli, "New password", &first));
    TRY(ask_secret(cli, "The same again", &second));
    if (!dw_secret_eq(&first, &second))
        return cli_refuse(cli, DW_ERR_VALIDATION, "the two passwords differ");
    *ret_password = TAKE_SECRET(first);
    return DW_OK;
}

enum dw_err prompt_password(struct cli *cli, bool is_new, struct dw_secret *ret_password)
{
    _cleanup_secret_ struct dw_secret password = { 0 };
    const bool is_terminal = isatty(fileno(cli->in)) == 1;
    const enum dw_err err = !is_terminal ? read_secret(cli, false, &password)
                            : is_new     ? ask_twice(cli, &password)
                                         : ask_secret(cli, "Password", &password);

    if (err == DW_ERR_IO)
        return cli_refuse(cli, err, "the password can't be read from standard input");
    TRY(err);
    if (password.size == 0)
        return cli_refuse(cli, DW_ERR_VALIDATION, "a password is needed on standard input");
    *ret_password = TAKE_SECRET(password);
    return DW_OK;
}

bool prompt_confirm(struct cli *cli, const char *question)
{
    char answer[16];

    if (isatty(fileno(cli->in)) != 1)
        return true;
    fprintf(cli->err, "%s [y/N] ", question);
    fflush(cli->err);
    return fgets(answer, sizeof(answer), cli->in) != NULL && (answer[0] == 'y' || answer[0] == 'Y');
}
