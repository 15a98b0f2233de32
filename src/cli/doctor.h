/*
 * doorward doctor: what is misconfigured, and how to mend it; a table of checks.
 *
 * Why: it is run when something is wrong. So it works with wrong settings, without a database, beside a running server;
 * each check runs in a process of its own with a deadline, so that one which hangs or fails keeps no other from being
 * made. It changes nothing.
 * Defends against: secrets in what it tells (settings are named, their values are not).
 * Threading: one thread; the checks run one after the other.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/open.h"

enum finding_level {
    FINDING_NOTE,    /* worth knowing */
    FINDING_WARNING, /* it works, and should be mended */
    FINDING_ERROR,   /* it does not work, or is not safe */
};

struct doctor {
    struct cli *cli;
    int pipe; /* where findings go */
    int log;  /* what the rooms below log meanwhile */
};

/* What a check needs to be there; otherwise it is passed over. */
enum check_needs {
    CHECK_NOTHING,
    CHECK_SETTINGS, /* cli->settings are whole */
    CHECK_DATABASE, /* it can be opened, at this version */
};

struct check {
    const char *name;    /* NULL ends the table */
    const char *meaning; /* what it looks at */
    enum check_needs needs;
    void (*run)(struct doctor *d);
    int limit_ms; /* 0: CHECK_LIMIT_MS */
};

enum { CHECK_LIMIT_MS = 20 * 1000, CHECK_LONG_MS = 10 * 60 * 1000 };

/* A problem in words, and what to do about it. Never with a secret in it. */
void doctor_found(struct doctor *d, enum finding_level level, const char *mend, const char *format, ...)
    DW_PRINTF(4, 5);
/* The same for a call that failed: with what cli_refuse() noted, or the last line of the log. */
void doctor_failed(struct doctor *d, const char *mend, const char *what);
/* Whether only this machine's own users come to it: "127.0.0.1:8080", "localhost:80", "[::1]:80". */
bool doctor_is_own_address(const char *address);
/* Whether the settings put the server before others than this machine's own users. */
bool doctor_is_public(const struct doctor *d);

extern const struct check DOCTOR_SETTINGS_CHECKS[], DOCTOR_MACHINE_CHECKS[], DOCTOR_DATABASE_CHECKS[],
    DOCTOR_OUTSIDE_CHECKS[];

#endif
