/* The program: the table of commands does everything. */
#include "cli/command.h"

#include <unistd.h>

int main(int argc, char **argv)
{
    struct cli cli = { .in = stdin, .out = stdout, .err = stderr, .environment = environ };

    return cli_run(&cli, COMMANDS, argc, argv);
}
