/* doorward audit …: the audit log, checked and copied out. */
#include "base/encoding.h"
#include "cli/actions.h"
#include "cli/output.h"
#include "identity/audit.h"

#include <errno.h>

/* --- verify ------------------------------------------------------------------------------------------------------ */

static const char *const FAULTS[] = {
    [AUDIT_INTACT] = "is intact",
    [AUDIT_CHANGED] = "is not what was written there: it was changed, replaced or moved",
    [AUDIT_REMOVED] = "was removed",
    [AUDIT_INSERTED] = "was inserted past the end of the log",
    [AUDIT_CUT_OFF] = "is not in line with the head that was given: the log was cut off, or is another one",
};

/* "17:1f3a…": as an earlier call printed it. */
static enum dw_err read_head(struct cli *cli, struct audit_head *ret_head, bool *ret_is_given)
{
    const char *text = cli_option(cli, "--head");
    char *end = NULL;

    *ret_is_given = text != NULL;
    if (text == NULL)
        return DW_OK;
    errno = 0;
    *ret_head = (struct audit_head){ .seq = strtoll(text, &end, 10) };
    if (errno != 0 || end == text || *end != ':' || ret_head->seq < 1 ||
        strspn(end + 1, "0123456789abcdef") != AUDIT_HASH_SIZE - 1 || strlen(end + 1) != AUDIT_HASH_SIZE - 1)
        return cli_misuse(cli, "--head wants NUMBER:HASH, as `doorward audit verify` prints it");
    memcpy(ret_head->hash, end + 1, AUDIT_HASH_SIZE);
    return DW_OK;
}

struct verified {
    int64_t events, before_chain;
    struct dw_str head;
};

static const struct field VERIFIED_FIELDS[] = {
    { "events", FIELD_INT, offsetof(struct verified, events) },
    { "before_chain", FIELD_INT, offsetof(struct verified, before_chain) },
    { "head", FIELD_TEXT, offsetof(struct verified, head) },
    { NULL },
};

enum dw_err action_audit_verify(struct cli *cli)
{
    struct audit_head known;
    struct audit_verdict v;
    char head[AUDIT_HASH_SIZE + 24];
    bool is_given;

    TRY(read_head(cli, &known, &is_given));
    TRY(audit_verify(cli->identity, is_given ? &known : NULL, &v));
    if (v.fault != AUDIT_INTACT)
        return cli_refuse(cli, DW_ERR_CONFLICT, "the audit log does not hold: event %lld%s%s %s", (long long)v.seq,
                          v.id[0] != '\0' ? ", id " : "", v.id, FAULTS[v.fault]);
    snprintf(head, sizeof(head), "%lld:%s", (long long)v.head.seq, v.head.hash);
    return output_record(cli, VERIFIED_FIELDS, &(struct verified){ v.events, v.before_chain, dw_str(head) });
}

/* --- export ------------------------------------------------------------------------------------------------------ */

enum { LINE_MAX_BYTES = 128 * 1024 };

static enum dw_err export_line(const struct audit_entry *entry, void *argument)
{
    _cleanup_buffer_ struct buffer line = BUFFER_INIT(LINE_MAX_BYTES);

    audit_entry_write(&line, entry);
    buffer_append_char(&line, '\n');
    return output_buffer(argument, &line);
}

enum dw_err action_audit_export(struct cli *cli)
{
    return audit_each(cli->identity, export_line, cli->out);
}
