/*
 * What the settings ask of new passwords: DOORWARD_PASSWORD_MIN, _WORDS and _BREACHED in the terms of the library.
 */
#ifndef CLI_PASSWORD_POLICY_H
#define CLI_PASSWORD_POLICY_H

#include "cli/command.h"
#include <doorward/password.h>

/* Opens cli->breached where a file is set. The policy borrows from cli->settings and cli->breached. A setting that
 * can't be used is told. */
DW_MUST_USE enum dw_err password_policy_open(struct cli *cli, struct dw_password_policy *ret_policy);

#endif
