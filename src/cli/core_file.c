#include "cli/core_file.h"

#include <sys/resource.h>

enum dw_err core_file_forbid(void)
{
    /* Not 0, which holds for files alone: of 1 byte Linux gives none to the program of a "|" in core_pattern either. */
    static const struct rlimit NONE = { 1, 1 };

    return setrlimit(RLIMIT_CORE, &NONE) == 0 ? DW_OK : DW_ERR_IO;
}
