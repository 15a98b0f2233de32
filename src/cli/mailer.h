/*
 * The server's mails, on a thread of their own, as a mail server may keep one waiting: looks at who forgot a password,
 * and sends what the outbox holds.
 *
 * It looks twice a second and not when something arrives, so that nothing about the moment of an answer tells whether
 * there was a mail to write.
 */
#ifndef CLI_MAILER_H
#define CLI_MAILER_H

#include "cli/settings.h"
#include "identity/identity.h"
#include "mail/template.h"
#include <doorward/metrics.h>

enum { MAILER_TURN_MS = 500, MAILER_COUNT_TURNS = 20 };

#define MAILER_FOLDER "outbox"

struct mailer;

/* Rows about the mails, for metrics_register(). */
extern struct dw_metric *const MAILER_METRICS[];

/* `identity` and `settings` are borrowed until mailer_stop(). DW_ERR_SETTING, and ret_problem, for a template that
 * can't be used. */
DW_MUST_USE enum dw_err mailer_start(struct identity *identity, const struct settings *settings,
                                     struct mailer **ret_mailer, char ret_problem[MAIL_PROBLEM_SIZE]);
/* A mail under way is broken off; the next start sends it again. */
void mailer_stop(struct mailer **mailer);

#endif
