/* doorward password …: hashes, by the settings, without any account. */
#include "base/json.h"
#include "cli/actions.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/prompt.h"

/* --scheme goes before the setting, through the same table row. */
enum dw_err action_password_hash(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret password = { 0 };
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(2 * DW_PASSWORD_ENCODED_MAX);
    char encoded[DW_PASSWORD_ENCODED_MAX];

    TRY(prompt_password(cli, true, &password));
    TRY(open_passwords(cli, 1));
    TRY(dw_password_hash(cli->passwords, &password, encoded));
    if (cli->json) {
        buffer_append_char(&b, '{');
        json_write_member_str(&b, "hash", dw_str(encoded));
        buffer_append_char(&b, '}');
    } else {
        buffer_append(&b, dw_str(encoded));
    }
    buffer_append_char(&b, '\n');
    return output_buffer(cli->out, &b);
}

enum dw_err action_password_verify(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret password = { 0 };
    bool matches = false, needs_rehash = false;

    TRY(prompt_password(cli, false, &password));
    TRY(open_passwords(cli, 1));
    const enum dw_err err =
        dw_password_verify(cli->passwords, dw_str(cli_argument(cli, 0)), &password, &matches, &needs_rehash);
    if (err == DW_ERR_PASSWORD_FORMAT)
        return cli_refuse(cli, err, "this is no hash that doorward reads, or its parameters are beyond all reason");
    TRY(err);
    if (!matches)
        return cli_refuse(cli, DW_ERR_PASSWORD_WRONG, "the password does not match");
    if (!cli->json)
        return output_said(cli, needs_rehash ? "The password matches; the hash is weaker than the settings ask for"
                                             : "The password matches");
    return fprintf(cli->out, "{\"matches\":true,\"needs_rehash\":%s}\n", needs_rehash ? "true" : "false") < 0
               ? DW_ERR_IO
               : DW_OK;
}
