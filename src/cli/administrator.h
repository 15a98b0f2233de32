/*
 * The first administrator: made with a one-time password when there is none.
 *
 * Defends against: a default password (it is random, 20 characters of 31, 99 bits), one in a log (it is printed once,
 * on standard output, after the account is in the database), one that lies about and still opens (it signs in for a
 * day, or until another one is set, which the owner is told in the line after it).
 */
#ifndef CLI_ADMINISTRATOR_H
#define CLI_ADMINISTRATOR_H

#include "cli/command.h"

#define ADMINISTRATOR_NAME "admin"
/* An address is needed, and nobody has told one: mail to it reaches no one (RFC 2606 §3). */
#define ADMINISTRATOR_EMAIL "admin@example.com"

enum { ADMINISTRATOR_PASSWORD_TTL_S = 24 * 60 * 60 };

/* ret_password stays empty when there is an administrator already. */
DW_MUST_USE enum dw_err administrator_ensure(struct cli *cli, struct dw_secret *ret_password);
/* The line that people and scripts look for: "Administrator: admin  one-time password: …". */
DW_MUST_USE enum dw_err administrator_print(struct cli *cli, const struct dw_secret *password);

#endif
