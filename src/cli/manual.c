/* doorward(1), from the tables of commands and settings. */
#include "cli/manual.h"

#include "cli/settings.h"

/* groff's own characters: a backslash, a hyphen that must stay one, a dot or quote that begins a line. `code` becomes
 * bold. */
static void write_text(FILE *out, const char *text)
{
    bool is_bold = false;
    char last = '\0';

    if (*text == '.' || *text == '\'')
        fputs("\\&", out);
    for (; *text != '\0'; last = *text++) {
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-' && (text[1] == '-' || last == '-' || is_bold))
            fputs("\\-", out);
        else if (*text == '`')
            fputs((is_bold = !is_bold) ? "\\fB" : "\\fR", out);
        else
            fputc(*text, out);
    }
}

static void write_line(FILE *out, const char *text)
{
    write_text(out, text);
    fputc('\n', out);
}

static void write_option(FILE *out, const struct option *option)
{
    fputs(".TP\n\\fB", out);
    write_text(out, option->name);
    fputs("\\fR", out);
    if (option->argument != NULL)
        fprintf(out, " \\fI%s\\fR", option->argument);
    fputc('\n', out);
    write_text(out, option->meaning);
    fputs(option->is_required ? " (required)\n" : "\n", out);
}

static void write_command(FILE *out, const struct command *command)
{
    fprintf(out, ".SS doorward %s", command->words);
    for (size_t i = 0; command->arguments[i] != NULL; i++)
        fprintf(out, " %s", command->arguments[i]);
    fputc('\n', out);
    write_text(out, command->summary);
    fputs(".\n", out);
    if (command->details != NULL)
        write_line(out, command->details);
    for (const struct option *o = command->options; o != NULL && o->name != NULL; o++)
        write_option(out, o);
}

static void write_setting(FILE *out, const struct setting *setting)
{
    char allowed[SETTING_PROBLEM_SIZE];

    setting_allowed(setting, allowed);
    fprintf(out, ".TP\n\\fB" SETTINGS_PREFIX "%s\\fR\n", setting->name);
    write_line(out, setting->meaning);
    fputs("Allowed: ", out);
    write_text(out, allowed);
    fputs(". Default: ", out);
    if (setting->follows != NULL)
        fputs("as " SETTINGS_PREFIX, out);
    write_text(out, setting->initial != NULL ? setting->initial
                                             : setting->follows != NULL ? setting->follows : setting->otherwise);
    fputs(".\n", out);
}

static const char HEAD[] =
    ".TH DOORWARD 1 2026-11-22 \"doorward " DOORWARD_VERSION "\" \"User Commands\"\n"
    ".SH NAME\n"
    "doorward \\- accounts and access control for your services\n"
    ".SH SYNOPSIS\n"
    ".B doorward\n"
    ".I COMMAND\n"
    "[\\fIarguments\\fR] [\\fIoptions\\fR]\n"
    ".SH DESCRIPTION\n"
    "One program that keeps the accounts of your applications: registration, sign-in, access and refresh tokens,\n"
    "cookie sessions, API keys, second factors, recovery by mail, roles, tenants, an audit log.\n"
    "It needs a folder to write to and nothing else.\n"
    "Start it with \\fBdoorward serve\\fR and open \\fBhttp://127.0.0.1:8080/docs\\fR.\n"
    ".PP\n"
    "Answers go to standard output, what went wrong to standard error.\n"
    "No command needs a password or another secret as an argument, where other users of the machine could see it.\n"
    ".SH COMMON OPTIONS\n"
    ".TP\n\\fB\\-\\-json\\fR\nAnswer in JSON, for machines.\n"
    ".TP\n\\fB\\-\\-help\\fR, \\fB\\-h\\fR\nHelp on the command.\n"
    ".SH COMMANDS\n";

static const char ENVIRONMENT[] =
    ".SH ENVIRONMENT\n"
    "A setting is read from the environment, else from \\fB.env\\fR in the working directory, else its default holds.\n"
    "A wrong value stops the start with the setting's name and what is allowed.\n"
    "\\fBdoorward settings\\fR shows what holds and where it comes from.\n"
    "A secret can also come from a file, as in \\fB" SETTINGS_PREFIX "SECRET_KEY_FILE\\fR.\n";

static const char TAIL[] =
    ".SH FILES\n"
    ".TP\n\\fB" SETTINGS_FILE "\\fR\nSettings, a line of NAME=value each.\n"
    ".TP\n\\fB" SETTINGS_SECRET_FILE "\\fR\nThe secret key that the first start makes, with mode 0600.\n"
    "Without it the database is of no use.\n"
    ".TP\n\\fBdoorward.db\\fR\nThe database, unless " SETTINGS_PREFIX "DATABASE_URL says otherwise.\n"
    ".TP\n\\fBoutbox/\\fR\nMail, as long as no server for it is set.\n"
    ".SH EXIT STATUS\n"
    "0 done, 1 refused, 2 wrong usage.\n"
    ".SH EXAMPLES\n"
    ".EX\n"
    "doorward init\n"
    "doorward serve \\-\\-listen 127.0.0.1:8080\n"
    "doorward user create ada \\-\\-email ada@example.com \\-\\-role admin\n"
    "doorward user list \\-\\-json | jq \\(aq.items[].username\\(aq\n"
    ".EE\n"
    ".SH SEE ALSO\n"
    ".BR libdoorward (3)\n";

enum dw_err manual_write(FILE *out, const struct command *commands)
{
    fputs(HEAD, out);
    for (const struct command *c = commands; c->words != NULL; c++)
        if (!c->is_hidden)
            write_command(out, c);
    fputs(ENVIRONMENT, out);
    for (const struct setting *s = SETTINGS; s->name != NULL; s++)
        write_setting(out, s);
    fputs(TAIL, out);
    return ferror(out) != 0 ? DW_ERR_IO : DW_OK;
}
