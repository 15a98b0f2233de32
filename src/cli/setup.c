/* doorward init, migrate, settings; and, hidden, reference and vectors. */
#include "base/json.h"
#include "cli/actions.h"
#include "cli/administrator.h"
#include "cli/help.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/manual.h"
#include "cli/reference.h"
#include "cli/transfer.h"
#include "cli/vectors/vectors.h"

/* --- init -------------------------------------------------------------------------------------------------------- */

static enum dw_err said_as_json(struct cli *cli, const struct dw_secret *password)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(16 * 1024);
    char label[DATABASE_LABEL_SIZE];

    open_database_label(cli->settings->database_url, label);
    buffer_append_char(&b, '{');
    json_write_member_str(&b, "database", dw_str(label));
    json_write_member_bool(&b, "administrator_created", password->size > 0);
    if (password->size > 0) {
        json_write_member_str(&b, "administrator", DW_STR(ADMINISTRATOR_NAME));
        json_write_member_str(&b, "one_time_password", dw_secret_borrow(password));
    }
    buffer_append_literal(&b, "}\n");
    return output_buffer(cli->out, &b);
}

enum dw_err action_init(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret password = { 0 };
    char label[DATABASE_LABEL_SIZE];

    TRY(open_identity(cli, OPEN_MAKING));
    TRY(administrator_ensure(cli, &password));
    if (cli->json)
        return said_as_json(cli, &password);
    if (password.size > 0)
        TRY(administrator_print(cli, &password));
    open_database_label(cli->settings->database_url, label);
    return output_said(cli, "Ready: %s%s. Start with: doorward serve", label,
                       password.size > 0 ? "" : " (there already, with an administrator; nothing was changed)");
}

/* --- migrate ----------------------------------------------------------------------------------------------------- */

static enum dw_err show_migrations(struct cli *cli, int applied)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(64 * 1024);
    int pending = 0;

    for (const struct migration *m = IDENTITY_SCHEMA.migrations; m->version != 0; m++)
        pending += m->version > applied;
    if (!cli->json) {
        for (const struct migration *m = IDENTITY_SCHEMA.migrations; m->version != 0; m++)
            buffer_printf(&b, "%4d  %-8s %s\n", m->version, m->version > applied ? "pending" : "applied", m->name);
        return output_buffer(cli->out, &b);
    }
    buffer_printf(&b, "{\"version\":%d,\"pending\":%d,\"migrations\":[", applied, pending);
    for (const struct migration *m = IDENTITY_SCHEMA.migrations; m->version != 0; m++) {
        json_write_comma(&b);
        buffer_append_char(&b, '{');
        json_write_member_int(&b, "version", m->version);
        json_write_member_str(&b, "name", dw_str(m->name));
        json_write_member_bool(&b, "applied", m->version <= applied);
        buffer_append_char(&b, '}');
    }
    buffer_append_literal(&b, "]}\n");
    return output_buffer(cli->out, &b);
}

enum dw_err action_migrate(struct cli *cli)
{
    int applied = 0;

    if (cli_option(cli, "--to") != NULL || cli_option(cli, "--to-file") != NULL)
        return transfer(cli);
    if (cli_option(cli, "--status") != NULL) {
        TRY(open_applied_version(cli, &applied));
    } else {
        TRY(open_storage(cli, true));
        TRY(storage_version(cli->storage, &applied));
    }
    return show_migrations(cli, applied);
}

/* --- settings ---------------------------------------------------------------------------------------------------- */

/* What holds: the value as it was given, or in words. ret_is_words: the latter. */
static const char *shown_value(const struct cli *cli, int row, bool *ret_is_words)
{
    const struct setting_origin *origin = &cli->settings->origins[row];
    const bool is_secret = setting_is_secret(&SETTINGS[row]);

    *ret_is_words = origin->text == NULL || is_secret;
    if (origin->text == NULL)
        return SETTINGS[row].otherwise;
    return is_secret ? "(set)" : origin->text;
}

static void write_setting_json(struct cli *cli, struct buffer *b, int row)
{
    bool is_words;
    const char *value = shown_value(cli, row, &is_words);

    json_write_comma(b);
    buffer_append_char(b, '{');
    buffer_append_literal(b, "\"name\":\"" SETTINGS_PREFIX);
    buffer_append(b, dw_str(SETTINGS[row].name));
    buffer_append_char(b, '"');
    json_write_member_str(b, "value", dw_str(is_words && !setting_is_secret(&SETTINGS[row]) ? NULL : value));
    json_write_member_str(b, "source", dw_str(setting_source_word(cli->settings->origins[row].source)));
    json_write_member_str(b, "meaning", dw_str(SETTINGS[row].meaning));
    buffer_append_char(b, '}');
}

static void write_setting_text(struct cli *cli, struct buffer *b, int row)
{
    const struct setting_origin *origin = &cli->settings->origins[row];
    bool is_words;
    const char *value = shown_value(cli, row, &is_words);

    buffer_printf(b, SETTINGS_PREFIX "%s = ", SETTINGS[row].name);
    output_printable(b, dw_str(value), false);
    buffer_printf(b, "  [%s%s", setting_source_word(origin->source), origin->secret_file != NULL ? ", file " : "");
    if (origin->secret_file != NULL)
        output_printable(b, dw_str(origin->secret_file), false);
    buffer_printf(b, "]\n    %s\n", SETTINGS[row].meaning);
}

enum dw_err action_settings(struct cli *cli)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(256 * 1024);

    if (cli->json)
        buffer_append_literal(&b, "{\"items\":[");
    for (int row = 0; SETTINGS[row].name != NULL; row++) {
        if (cli->json)
            write_setting_json(cli, &b, row);
        else
            write_setting_text(cli, &b, row);
    }
    if (cli->json)
        buffer_append_literal(&b, "]}\n");
    return output_buffer(cli->out, &b);
}

/* --- hidden ------------------------------------------------------------------------------------------------------ */

enum dw_err action_reference(struct cli *cli)
{
    const char *what = cli_argument(cli, 0);

    if (strcmp(what, "settings") == 0)
        return reference_write_settings(cli->out);
    if (strcmp(what, "routes") == 0)
        return reference_write_routes(cli->out);
    if (strcmp(what, "manual") == 0)
        return manual_write(cli->out, COMMANDS);
    if (strcmp(what, "commands") != 0)
        return cli_misuse(cli, "settings, commands, manual or routes");
    help_write_markdown(cli->out, COMMANDS);
    return DW_OK;
}

enum dw_err action_vectors(struct cli *cli)
{
    return vectors_run(cli->in, cli->out) == 0
               ? DW_OK
               : cli_refuse(cli, DW_ERR_IO, "reading standard input or writing standard output failed");
}
