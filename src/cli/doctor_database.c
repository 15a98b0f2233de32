/* doorward doctor: the database, and what is in it. */
#include "cli/doctor.h"
#include "identity/audit.h"
#include "identity/signing_key.h"

#include <sys/stat.h>

enum {
    CLOCK_APART_S = 5,
    MAIL_STUCK_S = 15 * 60,
    KEYS_OVERDUE_S = 3600,
    WAL_LARGE_MIB = 256,
    MIB = 1024 * 1024,
    PATH_BYTES = 4096,
};

static const struct statement PG_CLOCK = {
    "doctor_clock", "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)", 0,
};
static const struct statement SQLITE_CHECK = { "doctor_check", "PRAGMA quick_check(1)", 0 };
static const struct statement KEY_COUNT = { "doctor_keys", "SELECT COUNT(*) FROM signing_keys", 0 };
static const struct statement OUTBOX_OLDEST = {
    "doctor_outbox", "SELECT COUNT(*), MIN(created_at) FROM outbox WHERE state = 'waiting'", 0,
};
/* Those who may sign in; without a second factor; with a one-time password that nobody has changed. */
static const struct statement ADMINISTRATORS = {
    "doctor_administrators",
    "SELECT COUNT(*), SUM(CASE WHEN u.mfa_enabled = 0 THEN 1 ELSE 0 END),"
    " SUM(CASE WHEN u.password_expires_at IS NOT NULL THEN 1 ELSE 0 END) FROM tenants t JOIN users u"
    " ON u.tenant_id = t.id AND u.role = 'admin' AND u.is_active = 1 WHERE t.slug = 'default'",
    0,
};

static const struct statement *const COMMON[] = { &KEY_COUNT, &OUTBOX_OLDEST, &ADMINISTRATORS, NULL };
static const struct statement *const OF_POSTGRES[] = { &PG_CLOCK, NULL }, *const OF_SQLITE[] = { &SQLITE_CHECK, NULL };
static const struct statement *const *const POSTGRES_LISTS[] = { COMMON, OF_POSTGRES, NULL };
static const struct statement *const *const SQLITE_LISTS[] = { COMMON, OF_SQLITE, NULL };

static bool is_file(const struct doctor *d)
{
    return open_files(d->cli) != NULL;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

struct question {
    const struct statement *statement;
    int64_t numbers[3];
    char text[256];
};

static enum dw_err read_answer(const struct row *row, void *argument)
{
    struct question *q = argument;
    const bool has_three = q->statement == &ADMINISTRATORS, has_two = has_three || q->statement == &OUTBOX_OLDEST;

    if (q->statement == &SQLITE_CHECK) {
        const struct dw_str text = row_text(row, 0);

        snprintf(q->text, sizeof(q->text), "%.*s", (int)text.len, text.ptr);
        return DW_OK;
    }
    q->numbers[0] = row_int(row, 0);
    q->numbers[1] = has_two ? row_int(row, 1) : 0;
    q->numbers[2] = has_three ? row_int(row, 2) : 0;
    return DW_OK;
}

static enum dw_err ask_in(struct transaction *tx, void *argument)
{
    struct question *q = argument;

    return sql_one(tx, q->statement, NO_VALUES, read_answer, q);
}

/* On a connection of its own, with these statements and none of the program's. False: told. */
static bool ask(struct doctor *d, struct question *q)
{
    struct storage *storage = NULL;
    enum dw_err err = open_inspection(d->cli, is_file(d) ? SQLITE_LISTS : POSTGRES_LISTS, &storage);

    if (err == DW_OK)
        err = storage_read(storage, ask_in, q);
    storage_close(&storage);
    if (err != DW_OK)
        doctor_failed(d, "see what the check `database` says", "the database can't be asked");
    return err == DW_OK;
}

/* --- the checks -------------------------------------------------------------------------------------------------- */

static void check_database(struct doctor *d)
{
    struct question keys = { .statement = &KEY_COUNT };
    int applied = 0, known = 0;

    while (IDENTITY_SCHEMA.migrations[known].version != 0)
        known++;
    if (open_must_be_there(d->cli) != DW_OK || open_applied_version(d->cli, &applied) != DW_OK) {
        doctor_failed(d, is_file(d) ? "is this the server's folder, and does the file belong to this user? A damaged "
                                      "file: docs/operations/backup.md"
                                    : "is PostgreSQL running, and are host, port, user and password of "
                                      "DOORWARD_DATABASE_URL right? Try: psql \"$DOORWARD_DATABASE_URL\"",
                      "the database can't be used");
        return;
    }
    if (applied < known)
        doctor_found(d, FINDING_ERROR, "doorward migrate, or start the server",
                     "the database is at version %d, and this program at %d", applied, known);
    else if (ask(d, &keys) && keys.numbers[0] == 0)
        doctor_found(d, FINDING_ERROR, "doorward init, or start the server",
                     "the database is empty: no signing key was made yet");
}

static void check_database_clock(struct doctor *d)
{
    struct question q = { .statement = &PG_CLOCK };

    if (is_file(d) || !ask(d, &q))
        return;
    const int64_t apart = q.numbers[0] - dw_clock_now_s();

    if (apart > CLOCK_APART_S || apart < -CLOCK_APART_S)
        doctor_found(d, FINDING_ERROR, "have both machines' clocks kept by NTP",
                     "this machine's clock and the database's are %lld seconds apart", (long long)apart);
}

static void check_integrity(struct doctor *d)
{
    struct question q = { .statement = &SQLITE_CHECK };
    char wal[PATH_BYTES];
    struct stat status;

    if (!is_file(d))
        return;
    if (ask(d, &q) && strcmp(q.text, "ok") != 0)
        doctor_found(d, FINDING_ERROR, "stop the server and restore a back-up: docs/operations/backup.md",
                     "the database file is damaged: %s", q.text);
    snprintf(wal, sizeof(wal), "%s-wal", d->cli->settings->database_url + strlen("sqlite:"));
    if (stat(wal, &status) == 0 && status.st_size / MIB > WAL_LARGE_MIB)
        doctor_found(d, FINDING_WARNING, "find out which program has the database open for so long, and end it",
                     "%s has %lld MiB: somebody reads without end, and it can't be folded into the database", wal,
                     (long long)status.st_size / MIB);
}

/* Everything the server opens: the keys open with the secret. */
static void check_keys(struct doctor *d)
{
    const struct settings *s = d->cli->settings;
    struct signing_key_info *keys = NULL;
    const int64_t now_s = dw_clock_now_s();
    size_t n = 0;

    if (open_identity(d->cli, OPEN_BESIDE) != DW_OK ||
        signing_key_list(d->cli->identity, d->cli->arena, &keys, &n) != DW_OK) {
        doctor_failed(d, "restore the secret key that this database was made with", "the keys can't be used");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const int64_t age_s = now_s - (keys[i].starts_at < 0 ? keys[i].created_at : keys[i].starts_at);
        const bool is_active = dw_str_eq(keys[i].state, DW_STR("active"));

        if (is_active && s->key_rotation_s > 0 && age_s > 2 * s->key_rotation_s)
            doctor_found(d, FINDING_WARNING, "doorward key rotate; does a server run that does it by age?",
                         "the key that signs is %lld days old, twice DOORWARD_KEY_ROTATION",
                         (long long)age_s / 86400);
        if (keys[i].retires_at >= 0 && keys[i].retires_at + KEYS_OVERDUE_S < now_s)
            doctor_found(d, FINDING_NOTE, "a running server removes it",
                         "key %.*s was to be gone an hour ago", (int)keys[i].kid.len, keys[i].kid.ptr);
    }
}

static void check_administrator(struct doctor *d)
{
    struct question q = { .statement = &ADMINISTRATORS };

    if (!ask(d, &q))
        return;
    if (q.numbers[0] == 0)
        doctor_found(d, FINDING_ERROR, "doorward user enable NAME, or doorward user create NAME --role admin",
                     "no administrator can sign in");
    if (q.numbers[2] > 0)
        doctor_found(d, FINDING_WARNING, "sign in and change it, or: doorward user set-password NAME",
                     "%lld administrators still have a one-time password", (long long)q.numbers[2]);
    if (q.numbers[1] > 0)
        doctor_found(d, FINDING_WARNING, "set one up with POST /2fa/setup, while signed in",
                     "%lld of %lld administrators have no second factor", (long long)q.numbers[1],
                     (long long)q.numbers[0]);
}

static void check_outbox(struct doctor *d)
{
    struct question q = { .statement = &OUTBOX_OLDEST };

    if (!ask(d, &q) || q.numbers[0] == 0)
        return;
    const int64_t age_s = dw_clock_now_s() - q.numbers[1];

    if (age_s > MAIL_STUCK_S)
        doctor_found(d, FINDING_ERROR, "the server's log tells why; the check `mail` looks at the mail server",
                     "%lld mails wait, the oldest for %lld minutes", (long long)q.numbers[0],
                     (long long)age_s / 60);
}

static void check_audit(struct doctor *d)
{
    struct audit_verdict v;

    if (open_identity(d->cli, OPEN_BESIDE) != DW_OK)
        return; /* `keys` has told why */
    if (audit_verify(d->cli->identity, NULL, &v) != DW_OK)
        doctor_failed(d, "see what the check `database` says", "the audit log can't be read");
    else if (v.fault != AUDIT_INTACT)
        doctor_found(d, FINDING_ERROR, "doorward audit verify tells more; somebody had the database in his hands",
                     "the audit log does not hold at event %lld", (long long)v.seq);
}

const struct check DOCTOR_DATABASE_CHECKS[] = {
    { "database", "it is there, at this version, and in use", CHECK_SETTINGS, check_database, 0 },
    { "database_clock", "the database's clock against this one", CHECK_DATABASE, check_database_clock, 0 },
    { "integrity", "the database file is sound, its journal not too large", CHECK_DATABASE, check_integrity,
      CHECK_LONG_MS },
    { "keys", "they open with the secret key, none is too old", CHECK_DATABASE, check_keys, 0 },
    { "administrator", "there is one who can sign in, with a second factor", CHECK_DATABASE, check_administrator, 0 },
    { "outbox", "no mail waits for too long", CHECK_DATABASE, check_outbox, 0 },
    { "audit", "nobody changed the audit log", CHECK_DATABASE, check_audit, CHECK_LONG_MS },
    { NULL },
};
