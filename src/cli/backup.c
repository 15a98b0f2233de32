/* doorward backup, restore, user logout-all: a copy of the database beside the running server, and the way back. */
#include "base/encoding.h"
#include "base/json.h"
#include "cli/actions.h"
#include "cli/draft.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/prompt.h"
#include "identity/audit.h"
#include "identity/everyone.h"
#include "storage/backup.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct actor CLI_ACTOR = { .id = DW_STR_INIT("cli") };

/* --- backup ------------------------------------------------------------------------------------------------------ */

static const char PG_DUMP[] =
    "this installation is on PostgreSQL, which has its own tools:\n"
    "    pg_dump --format=custom --no-owner --file=FILE \"$" SETTINGS_PREFIX "DATABASE_URL\"\n"
    "and, so that no minute is lost, write-ahead log archiving (see docs/operations/backup.md)";
static const char PG_RESTORE[] =
    "this installation is on PostgreSQL, which has its own tools: stop every server, then\n"
    "    pg_restore --clean --if-exists --no-owner --exit-on-error --single-transaction --dbname=\"$" SETTINGS_PREFIX
    "DATABASE_URL\" FILE\n"
    "    doorward user logout-all\n"
    "The second command ends what was revoked after the back-up was made and would be good again";

/* The copy opens with the secret of this installation, and its audit log holds. */
static enum dw_err try_copy(struct cli *cli, const char *url, struct audit_verdict *ret_verdict)
{
    const char *own = cli->settings->database_url;

    cli->settings->database_url = url;
    enum dw_err err = open_identity(cli, OPEN_BESIDE);

    if (err == DW_OK)
        err = audit_verify(cli->identity, NULL, ret_verdict);
    open_release(cli);
    cli->settings->database_url = own;
    TRY(err);
    if (ret_verdict->fault != AUDIT_INTACT)
        return cli_refuse(cli, DW_ERR_CONFLICT, "the audit log in it does not hold at event %lld: somebody changed it",
                          (long long)ret_verdict->seq);
    return DW_OK;
}

struct backed_up {
    struct dw_str file;
    int64_t bytes;
    bool verified;
    struct dw_str head;
};

static const struct field BACKED_UP_FIELDS[] = {
    { "file", FIELD_TEXT, offsetof(struct backed_up, file) },
    { "bytes", FIELD_INT, offsetof(struct backed_up, bytes) },
    { "verified", FIELD_BOOL, offsetof(struct backed_up, verified) },
    { "audit_head", FIELD_TEXT, offsetof(struct backed_up, head) },
    { NULL },
};

static enum dw_err tell_backed_up(struct cli *cli, const char *path, const struct audit_verdict *v)
{
    char mark[AUDIT_HASH_SIZE + 24];
    struct stat status;

    if (stat(path, &status) != 0)
        return cli_refuse(cli, DW_ERR_IO, "%s: %s", path, strerror(errno));
    snprintf(mark, sizeof(mark), "%lld:%s", (long long)v->head.seq, v->head.hash);
    if (!cli->json && isatty(STDERR_FILENO))
        fprintf(cli->err, "Keep the secret key too, and elsewhere: without it the back-up is of no use.\n");
    return output_record(cli, BACKED_UP_FIELDS, &(struct backed_up){
        .file = dw_str(path), .bytes = status.st_size, .verified = v->head.seq > 0,
        .head = v->head.seq > 0 ? dw_str(mark) : dw_str(NULL),
    });
}

enum dw_err action_backup(struct cli *cli)
{
    const struct file_calls *files = open_files(cli);
    const bool verify = cli_option(cli, "--verify") != NULL, replace = cli_option(cli, "--force") != NULL;
    _cleanup_(draft_remove) struct draft draft = { 0 };
    const char *path = cli_argument(cli, 0);
    struct audit_verdict verdict = { 0 };
    char problem[TABLE_PROBLEM_SIZE] = "";

    if (files == NULL)
        return cli_refuse(cli, DW_ERR_UNSUPPORTED, "%s", PG_DUMP);
    TRY(open_must_be_there(cli));
    TRY(draft_name(cli, path, &draft));
    TRY(draft_check_place(cli, path, cli->settings->database_url + strlen("sqlite:"), replace));
    enum dw_err err = files->back_up(cli->settings->database_url, draft.path, problem);

    if (err == DW_OK && verify)
        TRY(try_copy(cli, draft.url, &verdict));
    if (err == DW_OK)
        err = files->seal(draft.path, verify, problem);
    if (err != DW_OK)
        return cli_refuse(cli, err, "%s", problem);
    TRY(draft_install(cli, &draft, path, replace));
    return tell_backed_up(cli, path, &verdict);
}

/* --- restore ----------------------------------------------------------------------------------------------------- */

/* When the last thing happened that the back-up knows of. */
static enum dw_err note_time(const struct audit_entry *entry, void *argument)
{
    *(int64_t *)argument = entry->at;
    return DW_OK;
}

/* Brought to this version, proved, and with nothing in it that a token of before could be held against. */
static enum dw_err prepare_copy(struct cli *cli, const char *url, char ret_until[RFC3339_SIZE], int64_t *ret_ended)
{
    const char *own = cli->settings->database_url;
    struct audit_verdict verdict;
    char from[RFC3339_SIZE + 32];
    int64_t last_s = 0;
    int applied = 0;

    cli->settings->database_url = url;
    TRY(open_applied_version(cli, &applied));
    if (applied == 0)
        return cli_refuse(cli, DW_ERR_DATABASE, "%s is no database of Doorward", cli_argument(cli, 0));
    TRY(open_storage(cli, true));
    open_release(cli);
    TRY(try_copy(cli, url, &verdict));
    cli->settings->database_url = url;
    TRY(open_identity(cli, OPEN_BESIDE));
    TRY(audit_each(cli->identity, note_time, &last_s));
    rfc3339_format(last_s, ret_until);
    snprintf(from, sizeof(from), "a back-up that ends at %s", ret_until);
    TRY(everyone_sign_out(cli->identity, &CLI_ACTOR, dw_str(from), cli->arena, ret_ended));
    open_release(cli);
    cli->settings->database_url = own;
    return DW_OK;
}

/* What was there stays, under another name, with its journals where it was too broken for them to be settled; also
 * journals alone, whose file was taken away: whoever opens the restored one would write into it what stands in them. */
static enum dw_err move_aside(struct cli *cli, const char *path, char ret_aside[DRAFT_PATH_SIZE])
{
    char from[DRAFT_PATH_SIZE + 16], to[DRAFT_PATH_SIZE + 16], aside[DRAFT_PATH_SIZE];
    int64_t at_s = dw_clock_now_s();

    do { /* of two in one second the other bears the next */
        snprintf(aside, sizeof(aside), "%s.before-%lld", path, (long long)at_s++);
    } while (access(aside, F_OK) == 0);
    for (size_t i = 0; i < ARRAY_SIZE(DRAFT_SUFFIXES); i++) {
        snprintf(from, sizeof(from), "%s%s", path, DRAFT_SUFFIXES[i]);
        snprintf(to, sizeof(to), "%s%s", aside, DRAFT_SUFFIXES[i]);
        if (access(to, F_OK) == 0 || (rename(from, to) != 0 && errno != ENOENT))
            return cli_refuse(cli, DW_ERR_IO, "%s can't be moved to %s", from, to);
        if (i == 0 && access(to, F_OK) == 0)
            memcpy(ret_aside, aside, sizeof(aside));
    }
    return DW_OK;
}

static enum dw_err tell_restored(struct cli *cli, const char *until, int64_t ended, const char *aside)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(16 * 1024);

    if (cli->json) {
        buffer_append_char(&b, '{');
        json_write_member_str(&b, "restored_until", dw_str(until));
        json_write_member_int(&b, "sign_ins_ended", ended);
        json_write_member_str(&b, "replaced", dw_str(aside[0] == '\0' ? NULL : aside));
        buffer_append_literal(&b, "}\n");
        return output_buffer(cli->out, &b);
    }
    buffer_printf(&b, "Restored: what was acknowledged until %s is there. Every sign-in has ended (%lld), every link "
                  "in a mail is void, and the signing keys are new: no token from before is good.\n",
                  until, (long long)ended);
    if (aside[0] != '\0')
        buffer_printf(&b, "The database that was there is %s now.\n", aside);
    buffer_append_literal(&b, "What was changed after that time is as it was before: look again at users who were "
                              "disabled or deleted, at roles, at passwords that were changed because they had leaked, "
                              "and at API keys that were deleted: these are good again.\n");
    return output_buffer(cli->out, &b);
}

static enum dw_err put_in_place(struct cli *cli, const struct file_calls *files, struct draft *draft, const char *path,
                                char ret_aside[DRAFT_PATH_SIZE])
{
    char problem[TABLE_PROBLEM_SIZE] = "";
    enum dw_err err = files->seal(draft->path, true, problem);

    if (err == DW_OK && access(path, F_OK) == 0)
        err = files->settle(cli->settings->database_url, problem);
    if (err != DW_OK)
        return cli_refuse(cli, err, "%s", problem);
    TRY(draft_give(cli, draft, path));
    draft_hold_signals(); /* between the two there is no database */
    TRY(move_aside(cli, path, ret_aside));
    err = draft_install(cli, draft, path, false);
    if (err != DW_OK && ret_aside[0] != '\0')
        return cli_refuse(cli, err, "%.*s; the database that was there is %s now", (int)cli->problem.len,
                          cli->problem.ptr, ret_aside);
    return err;
}

enum dw_err action_restore(struct cli *cli)
{
    const struct file_calls *files = open_files(cli);
    _cleanup_(draft_remove) struct draft draft = { 0 };
    char from[DRAFT_PATH_SIZE + 8], problem[TABLE_PROBLEM_SIZE] = "", until[RFC3339_SIZE], aside[DRAFT_PATH_SIZE] = "";
    const char *file = cli_argument(cli, 0);
    int64_t ended = 0;

    if (files == NULL)
        return cli_refuse(cli, DW_ERR_UNSUPPORTED, "%s", PG_RESTORE);
    const char *path = cli->settings->database_url + strlen("sqlite:");

    if (access(file, R_OK) != 0)
        return cli_refuse(cli, DW_ERR_IO, "%s: %s", file, strerror(errno));
    if (access(path, F_OK) == 0 && cli_option(cli, "--force") == NULL)
        return cli_refuse(cli, DW_ERR_CONFLICT, "there is a database already, %s: --force moves it aside", path);
    if (access(path, F_OK) == 0 && files->settle(cli->settings->database_url, problem) != DW_OK)
        return cli_refuse(cli, DW_ERR_UNAVAILABLE, "%s", problem);
    TRY(draft_name(cli, path, &draft));
    snprintf(from, sizeof(from), "sqlite:%s", file);
    const enum dw_err err = files->back_up(from, draft.path, problem);

    if (err != DW_OK)
        return cli_refuse(cli, err, "%s", problem);
    TRY(prepare_copy(cli, draft.url, until, &ended));
    TRY(put_in_place(cli, files, &draft, path, aside));
    return tell_restored(cli, until, ended, aside);
}

/* --- user logout-all --------------------------------------------------------------------------------------------- */

enum dw_err action_user_logout_all(struct cli *cli)
{
    int64_t ended = 0;

    if (cli_option(cli, "--yes") == NULL && !prompt_confirm(cli, "End every sign-in of every user?"))
        return cli_refuse(cli, DW_ERR_CONFLICT, "nothing was done");
    TRY(everyone_sign_out(cli->identity, &CLI_ACTOR, dw_str(NULL), cli->arena, &ended));
    return output_said(cli, "Every sign-in has ended (%lld), every link in a mail is void, and the signing keys are "
                       "new. API keys and passwords are as they were.", (long long)ended);
}
