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
    [AUDIT_PRUNED_PIN] = "was pruned: a head from before that has nothing to be held against, give a later one",
    [AUDIT_CUT_OFF] = "is not in line with the head that was given: the log was cut off, or is another one",
};

/* "17:1f3a…": as an earlier call printed it. *ret_pin: NULL when the option was not given. */
static enum dw_err read_pin(struct cli *cli, const char *option, struct audit_head *ret_head,
                            const struct audit_head **ret_pin)
{
    const char *text = cli_option(cli, option);
    char *end = NULL;

    if (text == NULL)
        return DW_OK;
    errno = 0;
    *ret_head = (struct audit_head){ .seq = strtoll(text, &end, 10) };
    if (errno != 0 || end == text || *end != ':' || ret_head->seq < 1 ||
        strspn(end + 1, "0123456789abcdef") != AUDIT_HASH_SIZE - 1 || strlen(end + 1) != AUDIT_HASH_SIZE - 1)
        return cli_misuse(cli, "%s wants NUMBER:HASH, as `doorward audit verify` prints it", option);
    memcpy(ret_head->hash, end + 1, AUDIT_HASH_SIZE);
    *ret_pin = ret_head;
    return DW_OK;
}

static enum dw_err tell_fault(struct cli *cli, const struct audit_verdict *v)
{
    return cli_refuse(cli, DW_ERR_CONFLICT, "the audit log does not hold: event %lld%s%s %s", (long long)v->seq,
                      v->id[0] != '\0' ? ", id " : "", v->id, FAULTS[v->fault]);
}

struct verified {
    int64_t events, pruned, before_chain;
    struct dw_str head;
};

static const struct field VERIFIED_FIELDS[] = {
    { "events", FIELD_INT, offsetof(struct verified, events) },
    { "pruned", FIELD_INT, offsetof(struct verified, pruned) },
    { "before_chain", FIELD_INT, offsetof(struct verified, before_chain) },
    { "head", FIELD_TEXT, offsetof(struct verified, head) },
    { NULL },
};

enum dw_err action_audit_verify(struct cli *cli)
{
    struct audit_head head, since;
    struct audit_pins pins = { 0 };
    struct audit_verdict v;
    char mark[AUDIT_HASH_SIZE + 24];

    TRY(read_pin(cli, "--head", &head, &pins.head));
    TRY(read_pin(cli, "--since", &since, &pins.since));
    TRY(audit_verify(cli->identity, &pins, &v));
    if (v.fault != AUDIT_INTACT)
        return tell_fault(cli, &v);
    if (v.before_chain > 0)
        cli_warn(cli, "%lld events have no hash: they are from before there was a chain, or were put in their place",
                 (long long)v.before_chain);
    snprintf(mark, sizeof(mark), "%lld:%s", (long long)v.head.seq, v.head.hash);
    return output_record(cli, VERIFIED_FIELDS, &(struct verified){ v.events, v.pruned, v.before_chain, dw_str(mark) });
}

/* --- prune ------------------------------------------------------------------------------------------------------- */

enum dw_err action_audit_prune(struct cli *cli)
{
    const struct actor actor = { .id = DW_STR_INIT("cli") };
    struct audit_verdict v;
    int64_t before_s, events;

    if (rfc3339_parse(cli_option_str(cli, "--before"), &before_s) != DW_OK)
        return cli_misuse(cli, "--before wants a time such as 2026-01-01T00:00:00Z");
    const enum dw_err err = audit_prune(cli->identity, &actor, before_s, &v, &events);

    if (err == DW_ERR_ARGUMENT)
        return cli_misuse(cli, "--before wants a time in the past");
    TRY(err);
    if (v.fault != AUDIT_INTACT)
        return tell_fault(cli, &v);
    return output_said(cli, "%lld events were removed", (long long)events);
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
