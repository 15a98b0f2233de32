/*
 * The server's own certificate: DOORWARD_TLS_CERT and DOORWARD_TLS_KEY.
 *
 * Why: a start with what no browser would accept shall not look like a success.
 */
#ifndef CLI_CERTIFICATE_H
#define CLI_CERTIFICATE_H

#include "cli/command.h"

#include <doorward/tls.h>

/* NULL when none is set. What can't be used stops the start, told by name. */
DW_MUST_USE enum dw_err certificate_open(struct cli *cli, struct dw_tls **ret_tls);
/* Reads it again; when that can't be done the old one goes on, and the log says why. */
void certificate_reload(struct dw_tls *tls);
/* Says in the log until when it lasts, as a warning when that is soon. */
void certificate_tell(struct dw_tls *tls);

#endif
