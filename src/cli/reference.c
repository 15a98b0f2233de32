#include "cli/reference.h"

#include "base/json.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "protocol/routes.h"

enum { ROUTE_MAX_BYTES = 4096 };

static const char HEAD[] =
    "# Settings\n\n"
    "Made from the table of settings by `doorward reference settings`; a test compares the two.\n\n"
    "A setting is read from the environment, else from `.env` in the working directory, else its default holds. A\n"
    "wrong value stops the start with the setting's name and what is allowed; a name that is no setting is told as\n"
    "a warning. `doorward settings` shows what holds and where it comes from.\n\n"
    "Durations: `30s`, `15m`, `12h`, `7d`, or plain seconds. Sizes: `64KiB`, `19MiB`, `1GiB`, or plain bytes. A\n"
    "secret can also come from a file: `DOORWARD_SECRET_KEY_FILE=/run/secrets/key`.\n\n"
    "`.env` holds lines of `NAME=value`, `NAME='as it stands'` or `NAME=\"with \\n escapes\"`, and comments after\n"
    "`#`. Nothing in it is expanded.\n\n"
    "| setting | default | allowed | meaning |\n|---|---|---|---|\n";

enum dw_err reference_write_settings(FILE *out)
{
    char allowed[SETTING_PROBLEM_SIZE];

    fputs(HEAD, out);
    for (const struct setting *s = SETTINGS; s->name != NULL; s++) {
        setting_allowed(s, allowed);
        fprintf(out, "| `" SETTINGS_PREFIX "%s` | ", s->name);
        if (s->initial != NULL)
            fprintf(out, "`%s`", s->initial);
        else if (s->follows != NULL)
            fprintf(out, "as `" SETTINGS_PREFIX "%s`", s->follows);
        else
            fputs(s->otherwise, out);
        fprintf(out, " | %s | %s |\n", allowed, s->meaning);
    }
    return ferror(out) != 0 ? DW_ERR_IO : DW_OK;
}

static void append_needs(struct buffer *b, const struct dw_use *uses)
{
    for (const struct dw_use *use = uses; use != NULL && use->dependency != NULL; use++) {
        json_write_comma(b);
        json_write_str(b, dw_str(use->dependency->name));
        append_needs(b, use->dependency->uses);
    }
}

static enum dw_err write_route(FILE *out, const struct dw_route *route)
{
    _cleanup_buffer_ struct buffer line = BUFFER_INIT(ROUTE_MAX_BYTES);

    buffer_append_char(&line, '{');
    json_write_member_str(&line, "method", dw_str(dw_method_name(route->method)));
    json_write_member_str(&line, "path", dw_str(route->path));
    json_write_key(&line, "needs");
    buffer_append_char(&line, '[');
    append_needs(&line, route->needs.uses);
    buffer_append_literal(&line, "]}\n");
    return output_buffer(out, &line);
}

enum dw_err reference_write_routes(FILE *out)
{
    for (size_t i = 0; PROTOCOL_ROUTES[i] != NULL; i++)
        for (const struct dw_route *route = PROTOCOL_ROUTES[i]; route->path != NULL; route++)
            TRY(write_route(out, route));
    return DW_OK;
}
