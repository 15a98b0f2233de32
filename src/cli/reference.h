/* docs/settings.md, from the table of settings; the server's routes, for tests that go through all of them. */
#ifndef CLI_REFERENCE_H
#define CLI_REFERENCE_H

#include "base/cleanup.h"

DW_MUST_USE enum dw_err reference_write_settings(FILE *out);
/* A JSON object a line: method, path, and what the row needs, down to the last dependency; those that OpenAPI leaves
 * out included. */
DW_MUST_USE enum dw_err reference_write_routes(FILE *out);

#endif
