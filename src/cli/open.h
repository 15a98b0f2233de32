/*
 * Opens what a command works with, in order: settings, secret, database, hashing, accounts. The one place, with
 * serve.c, that names drivers and puts rooms together.
 *
 * Defends against: a default secret (there is none: it is made, or the start stops), a new secret beside an old
 * database (the keys in it could not be opened: refused, and the new file is taken away again), a database made by
 * accident in the wrong folder (only `serve`, `init` and `migrate` make one).
 */
#ifndef CLI_OPEN_H
#define CLI_OPEN_H

#include "cli/command.h"
#include "cli/settings.h"
#include "identity/identity.h"
#include "storage/backup.h"
#include "storage/copy.h"

enum open_as {
    OPEN_BESIDE, /* on what is there, maybe beside a running server, which must learn of every change */
    OPEN_MAKING, /* the same, making what is missing */
    OPEN_SERVER, /* as the server, making what is missing */
};

/* Reads the settings as the command line says, once more. */
DW_MUST_USE enum dw_err open_settings(const struct cli *cli, struct settings **ret_settings,
                                      struct settings_report *report);
/* What the row of cli->command asks for. */
DW_MUST_USE enum dw_err open_needs(struct cli *cli);
/* cli->storage, ->passwords, ->identity, and for the server ->redis, by cli->settings. */
DW_MUST_USE enum dw_err open_identity(struct cli *cli, enum open_as as);
/* cli->passwords alone. workers: 0 for as many as are set. */
DW_MUST_USE enum dw_err open_passwords(struct cli *cli, unsigned workers);
/* cli->storage alone; DW_ERR_NOT_FOUND when the database is not there and must not be made. */
DW_MUST_USE enum dw_err open_storage(struct cli *cli, bool may_make);
/* The migrations that the database has, without touching it; 0 when there is none. */
DW_MUST_USE enum dw_err open_applied_version(struct cli *cli, int *ret_version);
/* The whole database that is set, copied to another (storage/copy.h). */
DW_MUST_USE enum dw_err open_copy(struct cli *cli, const char *to, struct copy_report *report);
/* The database that is set, as it is, with other statements than the program's; the caller closes it. */
DW_MUST_USE enum dw_err open_inspection(const struct cli *cli, const struct statement *const *const *statements,
                                        struct storage **ret_storage);
/* How the database that is set is copied as a file; NULL when it is none. */
const struct file_calls *open_files(const struct cli *cli);
/* DW_ERR_NOT_FOUND, told, when the database is a file that does not exist. */
DW_MUST_USE enum dw_err open_must_be_there(struct cli *cli);
/* Closes all but the settings. */
void open_release(struct cli *cli);
/* Closes whatever is open. */
void open_close(struct cli *cli);

enum { DATABASE_LABEL_SIZE = 256 };
/* The database's URL for people to read: without user, password and parameters. */
void open_database_label(const char *url, char ret_label[DATABASE_LABEL_SIZE]);

#endif
