/* doorward user import: accounts of another system, from a file, with their password hashes. */
#include "cli/actions.h"
#include "cli/import_read.h"
#include "cli/output.h"
#include "identity/user_import.h"

#include <errno.h>

enum { BATCH = 500, PROGRESS_EVERY = 10000, ARENA_LIMIT = 256 << 20 };

static const struct actor CLI_ACTOR = { .id = DW_STR_INIT("cli") };

struct import {
    struct cli *cli;
    struct import_reader reader;
    struct dw_arena *arena; /* of the batch */
    struct tenant tenant;   /* the last one looked up */
    struct dw_str option_tenant;
    struct user_import rows[BATCH];
    int64_t lines[BATCH];
    size_t n;
    int64_t imported, refused, told;
};

struct summary {
    int64_t imported, refused;
};

static const struct field SUMMARY_FIELDS[] = {
    { "imported", FIELD_INT, offsetof(struct summary, imported) },
    { "refused", FIELD_INT, offsetof(struct summary, refused) },
    { NULL },
};

/* --- telling ----------------------------------------------------------------------------------------------------- */

static const struct {
    enum dw_err err;
    const char *words;
} REFUSALS[] = {
    { DW_ERR_USER_TAKEN, "the user name or the e-mail address is taken" },
    { DW_ERR_VALIDATION, "a member is missing, malformed or too long" },
    { DW_ERR_PASSWORD_FORMAT, "password_hash is of no known form, or beyond the limits of its scheme" },
    { DW_ERR_ROLE, "there is no such role" },
    { DW_ERR_NOT_FOUND, "there is no such tenant" },
    { DW_ERR_LIMIT, "it is too long" },
    { DW_ERR_JSON, "it is no JSON" },
    { DW_ERR_JSON_DUPLICATE, "a name stands twice in it" },
    { DW_ERR_JSON_DEPTH, "it is nested too deep" },
};

static const char *words_of(enum dw_err err)
{
    for (size_t i = 0; i < ARRAY_SIZE(REFUSALS); i++)
        if (REFUSALS[i].err == err)
            return REFUSALS[i].words;
    return NULL;
}

static void tell_refused(struct import *i, int64_t line, enum dw_err err)
{
    i->refused++;
    fprintf(i->cli->err, "doorward: line %lld: %s\n", (long long)line, words_of(err));
}

static void tell_progress(struct import *i)
{
    const int64_t seen = i->imported + i->refused;

    if (seen / PROGRESS_EVERY == i->told)
        return;
    i->told = seen / PROGRESS_EVERY;
    fprintf(i->cli->err, "doorward: %lld lines, %lld imported\n", (long long)seen, (long long)i->imported);
    fflush(i->cli->err);
}

/* --- batches ----------------------------------------------------------------------------------------------------- */

static enum dw_err flush(struct import *i)
{
    TRY(user_import(i->cli->identity, &CLI_ACTOR, i->rows, i->n, i->arena));
    for (size_t r = 0; r < i->n; r++) {
        if (i->rows[r].refusal == DW_OK)
            i->imported++;
        else
            tell_refused(i, i->lines[r], i->rows[r].refusal);
    }
    i->n = 0;
    dw_arena_reset(i->arena);
    tell_progress(i);
    return DW_OK;
}

static enum dw_err find_tenant(struct import *i, struct dw_str slug, struct tenant *ret_tenant)
{
    if (slug.len == 0)
        slug = i->option_tenant.len > 0 ? i->option_tenant : DW_STR(TENANT_DEFAULT);
    if (!dw_str_eq(slug, dw_str(i->tenant.slug)))
        TRY(tenant_find(i->cli->identity, slug, &i->tenant));
    *ret_tenant = i->tenant;
    return DW_OK;
}

static void add(struct import *i, const struct import_record *record, enum dw_err refusal)
{
    struct user_import *row = &i->rows[i->n];

    *row = (struct user_import){
        .username = record->username, .email = record->email, .full_name = record->full_name, .role = record->role,
        .password_hash = record->password_hash, .is_active = record->is_active,
        .email_verified = record->email_verified, .refusal = refusal,
    };
    i->lines[i->n++] = i->reader.line;
}

/* False with DW_OK at the end of the file. */
static enum dw_err take_record(struct import *i, bool *ret_goes_on)
{
    struct import_record record = { 0 };
    struct tenant tenant = { 0 };
    enum dw_err err = import_read(&i->reader, i->arena, &record);

    *ret_goes_on = err != DW_ERR_NOT_FOUND;
    if (err == DW_ERR_NOT_FOUND)
        return DW_OK;
    if (err == DW_OK)
        err = find_tenant(i, record.tenant, &tenant);
    if (err != DW_OK && words_of(err) == NULL)
        return err;
    add(i, &record, err);
    i->rows[i->n - 1].tenant = tenant;
    return i->n == BATCH ? flush(i) : DW_OK;
}

static enum dw_err import_all(struct import *i)
{
    for (bool goes_on = true; goes_on;)
        TRY(take_record(i, &goes_on));
    return flush(i);
}

/* --- the command ------------------------------------------------------------------------------------------------- */

static enum dw_err read_format(struct cli *cli, const char *file, enum import_format *ret_format)
{
    const char *wanted = cli_option(cli, "--format"), *end = strrchr(file, '.');

    if (wanted == NULL)
        wanted = end != NULL && strcmp(end, ".csv") == 0 ? "csv" : "jsonl";
    if (strcmp(wanted, "csv") != 0 && strcmp(wanted, "jsonl") != 0)
        return cli_misuse(cli, "--format is csv or jsonl");
    *ret_format = strcmp(wanted, "csv") == 0 ? IMPORT_CSV : IMPORT_JSONL;
    return DW_OK;
}

static void free_import(struct import **import)
{
    if (*import != NULL) {
        import_reader_close(&(*import)->reader);
        dw_arena_free(&(*import)->arena);
    }
    free(*import);
}

static enum dw_err import_stream(struct cli *cli, FILE *in, enum import_format format, struct summary *ret_summary)
{
    _cleanup_(free_import) struct import *i = calloc(1, sizeof(*i));

    if (i == NULL)
        return DW_ERR_NO_MEMORY;
    i->cli = cli;
    i->option_tenant = cli_option_str(cli, "--tenant");
    TRY(dw_arena_new(ARENA_LIMIT, &i->arena));
    const enum dw_err err = import_reader_open(in, format, &i->reader);

    if (err == DW_ERR_VALIDATION || err == DW_ERR_LIMIT)
        return cli_refuse(cli, err,
                          "the first line must name the columns, username, email and password_hash among them");
    TRY(err);
    TRY(import_all(i));
    *ret_summary = (struct summary){ i->imported, i->refused };
    return DW_OK;
}

enum dw_err action_user_import(struct cli *cli)
{
    _cleanup_fclose_ FILE *opened = NULL;
    const char *file = cli_argument(cli, 0);
    enum import_format format = IMPORT_JSONL;
    struct summary summary = { 0 };

    TRY(read_format(cli, file, &format));
    if (strcmp(file, "-") != 0) {
        opened = fopen(file, "re");
        if (opened == NULL)
            return cli_refuse(cli, DW_ERR_IO, "can't read %s: %s", file, strerror(errno));
    }
    const enum dw_err err = import_stream(cli, opened != NULL ? opened : cli->in, format, &summary);

    if (err == DW_ERR_IO && dw_str_is_absent(cli->problem))
        return cli_refuse(cli, err, "can't read %s: %s", file, strerror(errno));
    TRY(err);
    TRY(output_record(cli, SUMMARY_FIELDS, &summary));
    if (summary.refused == 0)
        return DW_OK;
    return cli_refuse(cli, DW_ERR_VALIDATION, "%lld of %lld lines were refused, the others are imported",
                      (long long)summary.refused, (long long)(summary.imported + summary.refused));
}
