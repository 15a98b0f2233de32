/* The program: the table of commands does everything. */
#include "cli/command.h"

#include <fcntl.h>
#include <unistd.h>

/* A stream that was closed before we started would be the next file that we open, and what we print would go into the
 * database. Standard output is opened for reading: writing to it fails, as it should. */
static bool hold_streams(void)
{
    static const int MODES[] = { O_RDONLY, O_RDONLY, O_WRONLY };

    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", MODES[fd]) != fd)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct cli cli = { .in = stdin, .out = stdout, .err = stderr, .environment = environ };

    if (!hold_streams())
        return EXIT_REFUSED;
    return cli_run(&cli, COMMANDS, argc, argv);
}
