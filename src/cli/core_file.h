/*
 * Keeps what the server holds out of core files.
 *
 * Why: its memory has the keys that everything is sealed and signed with, and the passwords and tokens of requests
 * under way. A crash, or a supervisor that ends a process that hangs, would write all of it to a disk, for longer than
 * any of them was meant to live, and for whoever reads crash reports.
 * Does not: keep root, or a debugger of the same user, out of the process's memory.
 */
#ifndef CLI_CORE_FILE_H
#define CLI_CORE_FILE_H

#include "base/cleanup.h"

/* From now on, for this process and for what it starts. DW_ERR_IO when the system does not let us. */
DW_MUST_USE enum dw_err core_file_forbid(void);

#endif
