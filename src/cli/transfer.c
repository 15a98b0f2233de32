/* doorward migrate --to: the whole installation into another database. */
#include "cli/transfer.h"

#include "base/json.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/secret_file.h"
#include "identity/audit.h"

#include <errno.h>

enum { REPORT_MAX_BYTES = 64 * 1024 };

/* --- where to ---------------------------------------------------------------------------------------------------- */

static bool has_password(struct dw_str url)
{
    const char *host = memmem(url.ptr, url.len, "://", 3);
    const char *end = url.ptr + url.len;

    if (host == NULL)
        return false;
    const char *at = memchr(host + 3, '@', (size_t)(end - host) - 3);

    return (at != NULL && memchr(host + 3, ':', (size_t)(at - host) - 3) != NULL) ||
           memmem(url.ptr, url.len, "password=", 9) != NULL;
}

static enum dw_err read_url_file(struct cli *cli, const char *path, struct dw_secret *ret_url)
{
    bool is_open = false;
    const enum dw_err err = secret_file_read(path, ret_url, &is_open);

    if (err == DW_ERR_NOT_FOUND || err == DW_ERR_IO)
        return cli_refuse(cli, err, "%s: %s", path, strerror(errno));
    TRY(err);
    if (is_open && has_password(dw_secret_borrow(ret_url)))
        cli_warn(cli, "%s holds a password, and others may read it: chmod 600", path);
    return DW_OK;
}

/* Out of the option or the file that one names; checked as DOORWARD_DATABASE_URL would be. Lives as long as the
 * settings, whose own URL it does not touch. */
static enum dw_err read_target(struct cli *cli, const char **ret_to)
{
    const char *file = cli_option(cli, "--to-file"), *from = cli->settings->database_url;
    _cleanup_secret_ struct dw_secret url = { 0 };
    char problem[SETTING_PROBLEM_SIZE];

    if (file != NULL && cli_option(cli, "--to") != NULL)
        return cli_misuse(cli, "--to or --to-file, not both");
    if (file != NULL) {
        TRY(read_url_file(cli, file, &url));
    } else {
        TRY(dw_secret_copy(cli_option_str(cli, "--to"), &url));
        if (has_password(dw_secret_borrow(&url)))
            cli_warn(cli, "a password in the command line is seen by every user of this machine: --to-file takes the "
                          "URL out of a file");
    }
    if (!setting_store(&SETTINGS[setting_find(DW_STR("DATABASE_URL"))], dw_secret_borrow(&url), cli->settings, problem))
        return cli_misuse(cli, "%s: %s", file != NULL ? "--to-file" : "--to", problem);
    *ret_to = cli->settings->database_url;
    cli->settings->database_url = from;
    return DW_OK;
}

/* --- what is told ------------------------------------------------------------------------------------------------ */

static const char *secret_words(const struct cli *cli)
{
    return cli->settings->secret_key.size > 0 ? "is the same as now (" SETTINGS_PREFIX "SECRET_KEY)"
                                              : "is the file " SETTINGS_SECRET_FILE " of this folder";
}

static void write_text(struct cli *cli, struct buffer *b, const struct copy_report *report, const char *label,
                       const char *mark)
{
    for (unsigned i = 0; i < report->list->n; i++)
        buffer_printf(b, "%-24s %12lld\n", report->list->tables[i].name, (long long)report->rows[i]);
    buffer_printf(b, "\nCopied and compared: %lld rows of %u tables, each field. The audit log holds in %s; its head "
                  "is %s.\n\nNow, on every node:\n"
                  "    " SETTINGS_PREFIX "DATABASE_URL names the new database\n"
                  "    the secret key %s: without it the keys in the database can't be opened\n"
                  "Start no server on the old database again: what it would write is not in the new one.\n",
                  (long long)report->total, report->list->n, label, mark, secret_words(cli));
}

static void write_json(struct buffer *b, const struct copy_report *report, const char *label, const char *mark)
{
    buffer_append_char(b, '{');
    json_write_member_str(b, "database", dw_str(label));
    json_write_member_int(b, "rows", report->total);
    json_write_member_str(b, "audit_head", dw_str(mark));
    json_write_key(b, "tables");
    buffer_append_char(b, '[');
    for (unsigned i = 0; i < report->list->n; i++) {
        json_write_comma(b);
        buffer_append_char(b, '{');
        json_write_member_str(b, "name", dw_str(report->list->tables[i].name));
        json_write_member_int(b, "rows", report->rows[i]);
        buffer_append_char(b, '}');
    }
    buffer_append_literal(b, "]}\n");
}

static enum dw_err tell(struct cli *cli, const struct copy_report *report, const struct audit_verdict *v)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(REPORT_MAX_BYTES);
    char label[DATABASE_LABEL_SIZE], mark[AUDIT_HASH_SIZE + 24];

    open_database_label(cli->settings->database_url, label);
    snprintf(mark, sizeof(mark), "%lld:%s", (long long)v->head.seq, v->head.hash);
    if (cli->json)
        write_json(&b, report, label, mark);
    else
        write_text(cli, &b, report, label, mark);
    return output_buffer(cli->out, &b);
}

/* --- doing it ---------------------------------------------------------------------------------------------------- */

/* The copy opens with the secret, and its audit log is the chain that it was. */
static enum dw_err prove(struct cli *cli, const char *to, struct audit_verdict *ret_verdict)
{
    cli->settings->database_url = to;
    TRY(open_identity(cli, OPEN_BESIDE));
    TRY(audit_verify(cli->identity, NULL, ret_verdict));
    if (ret_verdict->fault != AUDIT_INTACT)
        return cli_refuse(cli, DW_ERR_CONFLICT, "every row was copied, but the audit log does not hold at event %lld, "
                          "there as here: see `doorward audit verify`", (long long)ret_verdict->seq);
    return DW_OK;
}

enum dw_err transfer(struct cli *cli)
{
    _cleanup_(copy_report_free) struct copy_report report = { 0 };
    struct audit_verdict verdict;
    const char *to = NULL;

    TRY(read_target(cli, &to));
    TRY(open_identity(cli, OPEN_BESIDE)); /* the source is whole and this is its secret, before anything is done */
    open_release(cli);
    const enum dw_err err = open_copy(cli, to, &report);

    if (err != DW_OK)
        return cli_refuse(cli, err, "%s", report.problem);
    TRY(prove(cli, to, &verdict));
    return tell(cli, &report, &verdict);
}
