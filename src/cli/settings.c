#include "cli/settings.h"

#include "cli/env_file.h"
#include "cli/nearest.h"
#include "cli/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETTINGS_ARENA_BYTES = 1024 * 1024, NAME_SIZE = 64, SHOWN_MAX = 60 };

static const char *const SOURCE_WORDS[] = {
    [SOURCE_DEFAULT] = "default",
    [SOURCE_FILE] = SETTINGS_FILE,
    [SOURCE_ENVIRONMENT] = "environment",
    [SOURCE_COMMAND_LINE] = "command line",
};

/* The work of one load. */
struct loader {
    const struct settings_sources *sources;
    struct settings *settings;
    struct settings_report *report;
    struct env_file file;
    bool is_file_open; /* others than its owner may read the .env */
    bool is_override_wrong;
};

/* A value as a source gave it. */
struct raw {
    struct dw_str text; /* absent: no source gives one */
    enum setting_source source;
    unsigned line; /* of .env */
};

void settings_report_free(struct settings_report *report)
{
    buffer_free(&report->problems);
    buffer_free(&report->warnings);
}

void settings_free(struct settings **settings)
{
    if (*settings == NULL)
        return;
    dw_secret_free(&(*settings)->secret_key);
    dw_secret_free(&(*settings)->smtp_url);
    dw_secret_free(&(*settings)->redis_url);
    dw_secret_free(&(*settings)->metrics_token);
    dw_arena_free(&(*settings)->arena);
    free(*settings);
    *settings = NULL;
}

int setting_find(struct dw_str name)
{
    for (int i = 0; SETTINGS[i].name != NULL; i++) {
        if (dw_str_eq(name, dw_str(SETTINGS[i].name)))
            return i;
    }
    return -1;
}

const char *setting_source_word(enum setting_source source)
{
    return SOURCE_WORDS[source];
}

/* --- the sources ------------------------------------------------------------------------------------------------ */

/* The value of NAME=value when its name is prefix + name (+ suffix). */
static bool matches(struct dw_str full_name, const char *name, const char *suffix)
{
    char wanted[NAME_SIZE];

    snprintf(wanted, sizeof(wanted), SETTINGS_PREFIX "%s%s", name, suffix);
    return dw_str_eq(full_name, dw_str(wanted));
}

static struct dw_str name_of(const char *pair)
{
    const char *equals = strchr(pair, '=');

    return dw_str_n(pair, equals == NULL ? 0 : (size_t)(equals - pair));
}

static struct raw from_overrides(const struct loader *l, const char *name)
{
    for (const char *const *o = l->sources->overrides; o != NULL && o[0] != NULL; o += 2) {
        if (dw_str_eq(dw_str(o[0]), dw_str(name)))
            return (struct raw){ .text = dw_str(o[1]), .source = SOURCE_COMMAND_LINE };
    }
    return (struct raw){ 0 };
}

static struct raw from_environment(const struct loader *l, const char *name, const char *suffix)
{
    for (char *const *e = l->sources->environment; *e != NULL; e++) {
        const struct dw_str full_name = name_of(*e);

        if (full_name.len > 0 && matches(full_name, name, suffix))
            return (struct raw){ .text = dw_str(*e + full_name.len + 1), .source = SOURCE_ENVIRONMENT };
    }
    return (struct raw){ 0 };
}

static struct raw from_file(const struct loader *l, const char *name, const char *suffix)
{
    for (size_t i = 0; i < l->file.n; i++) {
        const struct env_entry *entry = &l->file.entries[i];

        if (matches(entry->name, name, suffix))
            return (struct raw){ .text = entry->value, .source = SOURCE_FILE, .line = entry->line };
    }
    return (struct raw){ 0 };
}

static struct raw find_raw(const struct loader *l, const char *name)
{
    struct raw raw = from_overrides(l, name);

    if (dw_str_is_absent(raw.text))
        raw = from_environment(l, name, "");
    return dw_str_is_absent(raw.text) ? from_file(l, name, "") : raw;
}

/* --- what is told ----------------------------------------------------------------------------------------------- */

static void write_where(struct buffer *b, const struct raw *raw)
{
    if (raw->source == SOURCE_FILE)
        buffer_printf(b, "%s, line %u", SETTINGS_FILE, raw->line);
    else
        buffer_append(b, dw_str(SOURCE_WORDS[raw->source]));
}

/* Foreign bytes on their way to a terminal. */
static void write_shown(struct buffer *b, struct dw_str text)
{
    for (size_t i = 0; i < text.len && i < SHOWN_MAX; i++)
        buffer_append_char(b, text.ptr[i] >= ' ' && text.ptr[i] < 0x7f ? text.ptr[i] : '?');
    if (text.len > SHOWN_MAX)
        buffer_append_literal(b, "...");
}

static void add_problem(struct loader *l, const struct setting *setting, const char *suffix, const struct raw *raw,
                        const char *problem)
{
    struct buffer *b = &l->report->problems;
    /* A database's URL may hold a password. */
    const bool is_shown = *suffix != '\0' || (!setting_is_secret(setting) && setting->type != SETTING_DATABASE);

    buffer_printf(b, SETTINGS_PREFIX "%s%s", setting->name, suffix);
    if (is_shown && !dw_str_is_absent(raw->text)) {
        buffer_append_literal(b, "=");
        write_shown(b, raw->text);
    }
    buffer_append_literal(b, " (");
    write_where(b, raw);
    buffer_append_literal(b, "): ");
    buffer_append(b, dw_str(problem));
    buffer_append_char(b, '\n');
    l->is_override_wrong |= raw->source == SOURCE_COMMAND_LINE;
}

/* --- .env ------------------------------------------------------------------------------------------------------- */

static enum dw_err read_env_file(struct loader *l, struct dw_str *ret_text)
{
    _cleanup_fclose_ FILE *file = fopen(l->sources->env_file, "re");
    struct dw_arena *arena = l->settings->arena;
    struct stat status;

    if (file == NULL && errno == ENOENT && lstat(l->sources->env_file, &status) != 0)
        return DW_ERR_NOT_FOUND; /* not a link to what is not there, such as a volume that is missing */
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        buffer_printf(&l->report->problems, "%s: %s\n", l->sources->env_file, strerror(errno));
        return DW_ERR_SETTING;
    }
    char *text = dw_arena_alloc(arena, ENV_FILE_MAX_BYTES + 1);
    if (text == NULL)
        return DW_ERR_NO_MEMORY;
    const size_t size = fread(text, 1, ENV_FILE_MAX_BYTES + 1, file);
    if (ferror(file) != 0 || size > ENV_FILE_MAX_BYTES) {
        buffer_printf(&l->report->problems, "%s: %s\n", l->sources->env_file,
                      ferror(file) != 0 ? "can't be read" : "larger than 64KiB");
        return DW_ERR_SETTING;
    }
    l->is_file_open = (status.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    *ret_text = dw_str_n(text, size);
    return DW_OK;
}

/* A file that is not there gives nothing; one that is wrong gives a problem and nothing else. */
static enum dw_err load_env_file(struct loader *l)
{
    char problem[ENV_PROBLEM_SIZE];
    struct dw_str text;

    if (l->sources->env_file == NULL)
        return DW_OK;
    const enum dw_err read_err = read_env_file(l, &text);
    if (read_err != DW_OK)
        return read_err == DW_ERR_NO_MEMORY ? read_err : DW_OK;
    const enum dw_err err = env_file_parse(text, l->settings->arena, &l->file, problem);
    if (err == DW_ERR_SETTING)
        buffer_printf(&l->report->problems, "%s, %s\n", l->sources->env_file, problem);
    return err == DW_ERR_NO_MEMORY ? err : DW_OK;
}

/* --- one setting ------------------------------------------------------------------------------------------------ */

/* The text as the struct shall keep it: the environment may change under us. */
static const char *keep(struct loader *l, struct dw_str text)
{
    return dw_arena_copy(l->settings->arena, text).ptr;
}

static void store(struct loader *l, int row, const struct raw *raw)
{
    const struct setting *setting = &SETTINGS[row];
    struct setting_origin *origin = &l->settings->origins[row];
    char problem[SETTING_PROBLEM_SIZE];

    if (!setting_store(setting, raw->text, l->settings, problem)) {
        add_problem(l, setting, "", raw, problem);
        return;
    }
    origin->source = raw->source;
    origin->text = setting_is_secret(setting) ? "" : keep(l, raw->text);
}

static void load_secret_file(struct loader *l, int row, const struct raw *raw)
{
    const struct setting *setting = &SETTINGS[row];
    struct setting_origin *origin = &l->settings->origins[row];
    const char *path = keep(l, raw->text);
    _cleanup_secret_ struct dw_secret content = { 0 };
    char problem[SETTING_PROBLEM_SIZE];
    bool is_open;

    if (path == NULL || *path == '\0') {
        add_problem(l, setting, "_FILE", raw, "the name of a file is needed");
        return;
    }
    const enum dw_err err = secret_file_read(path, &content, &is_open);
    if (err != DW_OK) {
        add_problem(l, setting, "_FILE", raw, err == DW_ERR_NO_MEMORY ? "there is no memory for it" : strerror(errno));
        return;
    }
    if (!setting_store(setting, dw_secret_borrow(&content), l->settings, problem)) {
        add_problem(l, setting, "_FILE", raw, problem);
        return;
    }
    if (is_open)
        buffer_printf(&l->report->warnings, "%s holds a secret, and others may read it: chmod 600\n", path);
    *origin = (struct setting_origin){ .source = raw->source, .text = "", .secret_file = path };
}

/* The value itself or a file of it, from the first source that has either. */
static void load_secret(struct loader *l, int row)
{
    const struct setting *setting = &SETTINGS[row];
    const struct raw values[] = { from_environment(l, setting->name, ""), from_file(l, setting->name, "") };
    const struct raw files[] = { from_environment(l, setting->name, "_FILE"), from_file(l, setting->name, "_FILE") };

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        const bool has_value = !dw_str_is_absent(values[i].text), has_file = !dw_str_is_absent(files[i].text);

        if (has_value && has_file)
            add_problem(l, setting, "", &values[i], "it is set itself and as _FILE: take one of the two away");
        else if (has_value)
            store(l, row, &values[i]);
        else if (has_file)
            load_secret_file(l, row, &files[i]);
        if (has_value && values[i].source == SOURCE_FILE && l->is_file_open)
            buffer_printf(&l->report->warnings, "%s holds a secret, and others may read it: chmod 600\n",
                          l->sources->env_file);
        if (has_value || has_file)
            return;
    }
}

/* The URL by which a server on this machine is reached that listens there. Port 0 is a port nobody knows yet. */
static struct dw_str url_of_address(struct loader *l, struct dw_str address)
{
    static const char *const EVERY_ADDRESS[] = { ":", "0.0.0.0:", "[::]:" };
    struct dw_arena *arena = l->settings->arena;
    const char *scheme = l->settings->tls_cert == NULL ? "http" : "https";

    for (size_t i = 0; i < ARRAY_SIZE(EVERY_ADDRESS); i++) {
        const struct dw_str prefix = dw_str(EVERY_ADDRESS[i]);

        if (dw_str_starts_with(address, prefix))
            return dw_arena_printf(arena, "%s://127.0.0.1:%.*s", scheme, (int)(address.len - prefix.len),
                                   address.ptr + prefix.len);
    }
    return dw_arena_printf(arena, "%s://%.*s", scheme, (int)address.len, address.ptr);
}

/* The value of the setting that this one follows, in this one's form. */
static struct dw_str followed_text(struct loader *l, const struct setting *setting)
{
    const int row = setting_find(dw_str(setting->follows));
    const struct dw_str text = dw_str(l->settings->origins[row].text);

    if (setting->type == SETTING_URL && SETTINGS[row].type == SETTING_ADDRESS && text.ptr != NULL)
        return url_of_address(l, text);
    return text;
}

static void load_row(struct loader *l, int row)
{
    const struct setting *setting = &SETTINGS[row];
    struct raw raw = find_raw(l, setting->name);

    if (setting_is_secret(setting)) {
        load_secret(l, row);
        return;
    }
    if (dw_str_is_absent(raw.text) && setting->initial != NULL)
        raw = (struct raw){ .text = dw_str(setting->initial) };
    if (dw_str_is_absent(raw.text) && setting->follows != NULL)
        raw = (struct raw){ .text = followed_text(l, setting) };
    if (!dw_str_is_absent(raw.text))
        store(l, row, &raw);
}

/* --- names that no row has --------------------------------------------------------------------------------------- */

static bool is_known(struct dw_str name)
{
    const struct dw_str suffix = DW_STR("_FILE");

    if (setting_find(name) >= 0)
        return true;
    if (name.len <= suffix.len || !dw_str_eq(dw_str_n(name.ptr + name.len - suffix.len, suffix.len), suffix))
        return false;
    const int row = setting_find(dw_str_n(name.ptr, name.len - suffix.len));
    return row >= 0 && setting_is_secret(&SETTINGS[row]);
}

static void check_name(struct loader *l, struct dw_str full_name, const struct raw *raw)
{
    const struct dw_str prefix = DW_STR(SETTINGS_PREFIX);
    struct buffer *b = &l->report->warnings;
    const struct setting *nearest = SETTINGS;
    unsigned distance = UINT32_MAX;

    if (!dw_str_starts_with(full_name, prefix))
        return;
    const struct dw_str name = dw_str_n(full_name.ptr + prefix.len, full_name.len - prefix.len);
    if (is_known(name))
        return;
    write_shown(b, full_name);
    buffer_append_literal(b, " (");
    write_where(b, raw);
    buffer_append_literal(b, "): ");
    for (const struct setting *s = SETTINGS; s->name != NULL; s++) {
        const unsigned d = nearest_distance(name, dw_str(s->name));

        nearest = d < distance ? s : nearest;
        distance = MIN_OF(d, distance);
    }
    if (nearest_is_likely(distance, name))
        buffer_printf(b, "no such setting; did you mean " SETTINGS_PREFIX "%s?\n", nearest->name);
    else
        buffer_append_literal(b, "no such setting (doorward settings lists them)\n");
}

static void check_names(struct loader *l)
{
    for (char *const *e = l->sources->environment; *e != NULL; e++)
        check_name(l, name_of(*e), &(struct raw){ .source = SOURCE_ENVIRONMENT });
    for (size_t i = 0; i < l->file.n; i++)
        check_name(l, l->file.entries[i].name, &(struct raw){ .source = SOURCE_FILE, .line = l->file.entries[i].line });
}

enum dw_err settings_load(const struct settings_sources *sources, struct settings **ret_settings,
                          struct settings_report *report)
{
    _cleanup_(settings_free) struct settings *settings = calloc(1, sizeof(*settings));
    struct loader loader = { .sources = sources, .settings = settings, .report = report };

    if (settings == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(dw_arena_new(SETTINGS_ARENA_BYTES, &settings->arena));
    TRY(load_env_file(&loader));
    for (int row = 0; SETTINGS[row].name != NULL; row++)
        load_row(&loader, row);
    check_names(&loader);
    TRY(buffer_error(&report->problems));
    TRY(buffer_error(&report->warnings));
    if (loader.is_override_wrong)
        return DW_ERR_ARGUMENT;
    if (report->problems.len > 0)
        return DW_ERR_SETTING;
    *ret_settings = TAKE_PTR(settings);
    return DW_OK;
}
