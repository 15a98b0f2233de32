#include "cli/help.h"

enum { TEXT_COLUMNS = 100, SUMMARY_COLUMN = 30 };

static const struct option GLOBAL_OPTIONS[] = {
    { "--json", NULL, "answer in JSON, for machines" },
    { "--help", NULL, "this help (-h)" },
    { NULL },
};

/* Words, wrapped, each line after `indent` blanks; the first line goes on where the cursor is. */
static void write_wrapped(FILE *out, const char *text, int indent)
{
    int column = indent;

    while (*text != '\0') {
        const int length = (int)strcspn(text, " ");

        if (column > indent && column + 1 + length > TEXT_COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", length, text);
        column += length;
        text += length + (text[length] == ' ');
    }
    fputc('\n', out);
}

/* "  left      right, wrapped" */
static void write_pair(FILE *out, const char *left, const char *right)
{
    if ((int)strlen(left) + 3 > SUMMARY_COLUMN)
        fprintf(out, "  %s\n%*s", left, SUMMARY_COLUMN, "");
    else
        fprintf(out, "  %-*s", SUMMARY_COLUMN - 2, left);
    write_wrapped(out, right, SUMMARY_COLUMN);
}

static void write_option(FILE *out, const struct option *option)
{
    char left[64];

    snprintf(left, sizeof(left), "%s%s%s", option->name, option->argument == NULL ? "" : " ",
             option->argument == NULL ? "" : option->argument);
    write_pair(out, left, option->meaning);
}

static bool is_in_group(const struct command *command, const char *word)
{
    const size_t length = strlen(word);

    return strncmp(command->words, word, length) == 0 && command->words[length] == ' ';
}

static size_t first_word_length(const struct command *command)
{
    return strcspn(command->words, " ");
}

static void write_summary(FILE *out, const struct command *command)
{
    char left[96];
    int length = snprintf(left, sizeof(left), "%s", command->words);

    for (size_t i = 0; command->arguments[i] != NULL; i++)
        length += snprintf(left + length, sizeof(left) - (size_t)length, " %s", command->arguments[i]);
    write_pair(out, left, command->summary);
}

void help_write_main(FILE *out, const struct command *commands)
{
    fputs("doorward " DOORWARD_VERSION ": accounts and access control for your services\n\n"
          "usage: doorward COMMAND [arguments] [options]\n\n",
          out);
    for (const struct command *c = commands, *last = NULL; c->words != NULL; c++) {
        if (c->is_hidden)
            continue;
        if (last != NULL && (first_word_length(c) != first_word_length(last) ||
                             strncmp(c->words, last->words, first_word_length(c)) != 0) &&
            (strchr(c->words, ' ') != NULL || strchr(last->words, ' ') != NULL))
            fputc('\n', out);
        write_summary(out, c);
        last = c;
    }
    fputs("\nEvery command knows --help and --json. Exit codes: 0 done, 1 refused, 2 wrong usage.\n"
          "The server is set by the environment or by .env in the working directory: doorward settings.\n",
          out);
}

bool help_write_group(FILE *out, const struct command *commands, const char *word)
{
    bool is_any = false;

    for (const struct command *c = commands; c->words != NULL; c++) {
        if (!is_in_group(c, word) || c->is_hidden)
            continue;
        if (!is_any)
            fprintf(out, "usage: doorward %s COMMAND [arguments] [options]\n\n", word);
        write_summary(out, c);
        is_any = true;
    }
    return is_any;
}

void help_write_usage(FILE *out, const struct command *command)
{
    bool has_more = false;

    fprintf(out, "doorward %s", command->words);
    for (size_t i = 0; command->arguments[i] != NULL; i++)
        fprintf(out, " %s", command->arguments[i]);
    for (const struct option *o = command->options; o != NULL && o->name != NULL; o++) {
        if (o->is_required)
            fprintf(out, " %s %s", o->name, o->argument);
        has_more |= !o->is_required;
    }
    fputs(has_more ? " [options]\n" : "\n", out);
}

void help_write_command(FILE *out, const struct command *command)
{
    fputs("usage: ", out);
    help_write_usage(out, command);
    fputc('\n', out);
    write_wrapped(out, command->summary, 0);
    if (command->details != NULL) {
        fputc('\n', out);
        write_wrapped(out, command->details, 0);
    }
    fputs("\noptions:\n", out);
    for (const struct option *o = command->options; o != NULL && o->name != NULL; o++)
        write_option(out, o);
    for (const struct option *o = GLOBAL_OPTIONS; o->name != NULL; o++)
        write_option(out, o);
}

static void write_markdown_command(FILE *out, const struct command *command)
{
    fprintf(out, "\n## doorward %s\n\n%s.\n", command->words, command->summary);
    if (command->details != NULL) {
        fputc('\n', out);
        write_wrapped(out, command->details, 0);
    }
    fputs("\n```\n", out);
    help_write_usage(out, command);
    fputs("```\n", out);
    if (command->options == NULL)
        return;
    fputs("\n| option | meaning |\n|---|---|\n", out);
    for (const struct option *o = command->options; o->name != NULL; o++)
        fprintf(out, "| `%s%s%s` | %s%s |\n", o->name, o->argument == NULL ? "" : " ",
                o->argument == NULL ? "" : o->argument, o->meaning, o->is_required ? " (required)" : "");
}

void help_write_markdown(FILE *out, const struct command *commands)
{
    fputs("# Commands\n\n"
          "Made from the table of commands by `doorward reference commands`; a test compares the two.\n\n"
          "Every command knows `--help` and `--json`. Exit codes: 0 done, 1 refused, 2 wrong usage. Answers go to\n"
          "standard output; what went wrong goes to standard error, as `doorward: …`, or with `--json` as\n"
          "`{\"error\": \"code\", \"detail\": \"text\"}`. No command needs a password or another secret as an\n"
          "argument, where other users of the machine could see it.\n",
          out);
    for (const struct command *c = commands; c->words != NULL; c++)
        write_markdown_command(out, c);
}
