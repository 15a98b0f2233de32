/* docs/settings.md, from the table of settings. */
#ifndef CLI_REFERENCE_H
#define CLI_REFERENCE_H

#include "base/cleanup.h"

DW_MUST_USE enum dw_err reference_write_settings(FILE *out);

#endif
