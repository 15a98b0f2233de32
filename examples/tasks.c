/*
 * A task manager: people register, sign in, and keep tasks that nobody but the administrator, "admin", sees besides.
 * FILE is a journal: a line of JSON for whatever is made or deleted, on the disk before it is answered, read again at
 * the start. Half a line that a power cut left was never answered, and is cut off.
 */
#define _XOPEN_SOURCE 700
#include <doorward.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>
#include <unistd.h>

/* One struct for users and tasks: what a model does not declare, it neither takes nor shows. */
struct entry {
    struct dw_str kind; /* "user", "task", "key"; absent: what had this id is deleted */
    int64_t id;
    struct dw_str title, description, owner;
    bool completed;
    struct dw_str username, email, full_name, role;
    struct dw_str password; /* in the journal its hash; that of "key" signs the tokens */
};
#define FIELD(member, of_type, ...) { DW_FIELD(struct entry, member), .type = of_type, .flags = __VA_ARGS__ }
#define TEXT(member) FIELD(member, DW_STRING, 0)
#define KEPT(member) FIELD(member, DW_STRING, DW_OMIT_ABSENT)
#define MODEL(model_name, ...)                                                                                         \
    { model_name, .size = sizeof(struct entry), .fields = (const struct dw_field[]){ __VA_ARGS__, { 0 } } }
static const struct dw_model ENTRY =
    MODEL("Entry", FIELD(id, DW_INT, 0), FIELD(completed, DW_BOOL, 0), KEPT(kind), KEPT(title), KEPT(description),
          KEPT(owner), KEPT(username), KEPT(email), KEPT(full_name), KEPT(role), KEPT(password));
static const struct dw_model USER = MODEL("User", TEXT(username), TEXT(email), TEXT(full_name), TEXT(role));
static const struct dw_model TASK = MODEL("Task", FIELD(id, DW_INT, 0), TEXT(title), TEXT(description), TEXT(owner),
                                          FIELD(completed, DW_BOOL, 0));
static const struct dw_model NEW_TASK = MODEL("NewTask", FIELD(title, DW_STRING, DW_REQUIRED, .min = 1, .max = 200),
                                              FIELD(description, DW_STRING, DW_NULLABLE, .max = 2000));
static const struct dw_model NEW_USER =
    MODEL("NewUser", FIELD(username, DW_STRING, DW_REQUIRED, .min = 3, .max = 32, .pattern = "[A-Za-z0-9._-]+"),
          FIELD(email, DW_EMAIL, DW_REQUIRED), FIELD(full_name, DW_STRING, DW_NULLABLE, .max = 100),
          FIELD(password, DW_SECRET, DW_REQUIRED));
enum { ENTRIES_MAX = 50000, KEY_ID = 1, ADMIN_ID };
static struct {
    mtx_t lock;
    struct dw_arena *memory; /* strings stay in it for good: they may be read after the lock is gone */
    struct dw_prepared_model *model;
    struct dw_auth *auth;
    int file;
    int64_t last_id;
    struct entry entries[ENTRIES_MAX]; /* by id; 0 is nobody's */
} store;

static const struct entry *find(struct dw_str id)
{
    int64_t n = 0;

    for (size_t i = 0; i < id.len && n <= store.last_id; i++)
        n = id.ptr[i] >= '0' && id.ptr[i] <= '9' ? n * 10 + id.ptr[i] - '0' : ENTRIES_MAX;
    return &store.entries[n <= store.last_id ? n : 0];
}

static const struct entry *find_by_name(struct dw_str name)
{
    for (const struct entry *e = &store.entries[store.last_id]; e > store.entries; e--)
        if (e->role.ptr != NULL && (dw_str_eq_nocase(e->username, name) || dw_str_eq_nocase(e->email, name)))
            return e;
    return NULL;
}

/* A line of the journal takes the place of the entry of its id. */
static enum dw_err apply(struct dw_str line)
{
    void *parsed;

    DW_TRY(dw_model_parse(store.model, line, store.memory, &parsed, NULL));
    const struct entry *entry = parsed;
    if (entry->id < 1 || entry->id >= ENTRIES_MAX)
        return DW_ERR_LIMIT;
    store.entries[entry->id] = entry->kind.ptr != NULL ? *entry : store.entries[0];
    store.last_id = entry->id > store.last_id ? entry->id : store.last_id;
    return DW_OK;
}

/* Returns when the entry is on the disk; without an id it gets the next one. Under the lock. */
static enum dw_err keep(struct dw_arena *arena, struct entry *entry)
{
    const off_t size = lseek(store.file, 0, SEEK_END);
    struct dw_str json;

    entry->id = entry->id == 0 ? store.last_id + 1 : entry->id;
    DW_TRY(entry->id < ENTRIES_MAX ? dw_model_write(store.model, entry, arena, &json) : DW_ERR_LIMIT);
    if (dprintf(store.file, "%.*s\n", (int)json.len, json.ptr) != (int)json.len + 1 || fsync(store.file) != 0) {
        store.file = ftruncate(store.file, size) == 0 ? store.file : -1; /* nothing may follow half a line */
        return DW_ERR_IO;
    }
    return apply(json);
}

static enum dw_err load(const char *path)
{
    FILE *journal = fdopen(store.file = open(path, O_RDWR | O_CREAT | O_APPEND, 0600), "r+"); /* never closed: locked */
    enum dw_err err = DW_OK;
    char *line = NULL;
    size_t room = 0;
    ssize_t n, size = 0;

    if (journal == NULL || lockf(store.file, F_TLOCK, 0) != 0)
        return DW_ERR_IO;
    while (err == DW_OK && (n = getline(&line, &room, journal)) > 0 && line[n - 1] == '\n') {
        err = apply(dw_str_n(line, (size_t)n - 1));
        size += n;
    }
    free(line);
    return err == DW_OK && (ferror(journal) || ftruncate(store.file, size) != 0) ? DW_ERR_IO : err;
}

static enum dw_err find_user(struct dw_request *r, struct dw_str name, struct dw_user *ret_user)
{
    (void)r;
    mtx_lock(&store.lock);
    const struct entry *e = find_by_name(name);
    if (e != NULL)
        *ret_user = (struct dw_user){ .username = e->username, .password_hash = e->password, .role = e->role };
    mtx_unlock(&store.lock);
    return e == NULL ? DW_ERR_NOT_FOUND : DW_OK;
}

static enum dw_err find_task(struct dw_request *r, const struct dw_dependency *self, void *ret_resource)
{
    (void)self;
    mtx_lock(&store.lock);
    const struct dw_str owner = find(dw_path_parameter(r, "id"))->owner;
    mtx_unlock(&store.lock);
    *(struct dw_resource *)ret_resource = (struct dw_resource){ .owner = owner };
    return owner.ptr == NULL ? DW_ERR_NOT_FOUND : DW_OK;
}

static const struct dw_dependency TASK_BY_ID = { "task", sizeof(struct dw_resource), .resolve = find_task };
static const struct dw_policy OWNER_OR_ADMIN = { "owner or admin", DW_ANY(DW_RULE_OWNER, DW_RULE_ROLE("admin")) };

static enum dw_err sign_up(struct dw_request *r, const struct entry *in, struct entry *out)
{
    char hash[DW_PASSWORD_ENCODED_MAX];

    DW_TRY(dw_auth_hash_password(store.auth, in->username, in->password, hash));
    *out = *in; /* a role that was sent along is no member of NewUser */
    out->kind = out->role = DW_STR("user");
    out->password = dw_str(hash);
    mtx_lock(&store.lock);
    const bool is_taken = find_by_name(in->username) != NULL || find_by_name(in->email) != NULL;
    const enum dw_err err = is_taken ? DW_ERR_USER_TAKEN : keep(dw_request_arena(r), out);
    mtx_unlock(&store.lock);
    return err;
}

static enum dw_err add_task(struct dw_request *r, const struct entry *in, struct entry *out)
{
    *out = *in;
    out->kind = DW_STR("task");
    out->owner = dw_principal(r)->subject;
    mtx_lock(&store.lock);
    const enum dw_err err = keep(dw_request_arena(r), out);
    mtx_unlock(&store.lock);
    return err;
}

/* The caller's own; the administrator's view has all of them. */
static enum dw_err list_tasks(struct dw_request *r, const void *in, struct dw_list *out)
{
    const bool all = strcmp(dw_route(r)->path, "/admin/tasks") == 0;
    struct entry *tasks;

    (void)in;
    mtx_lock(&store.lock);
    out->items = tasks = dw_arena_alloc(dw_request_arena(r), (size_t)store.last_id * sizeof(*tasks));
    for (const struct entry *e = store.entries; tasks != NULL && e++ < &store.entries[store.last_id];)
        if (e->owner.ptr != NULL && (all || dw_str_eq(e->owner, dw_principal(r)->subject)))
            tasks[out->n++] = *e;
    mtx_unlock(&store.lock);
    return tasks == NULL ? DW_ERR_NO_MEMORY : DW_OK;
}

static enum dw_err delete_task(struct dw_request *r, const void *in, void *out)
{
    (void)in, (void)out;
    mtx_lock(&store.lock);
    struct entry gone = { .id = find(dw_path_parameter(r, "id"))->id }; /* 0: somebody was faster */
    const enum dw_err err = gone.id == 0 ? DW_ERR_NOT_FOUND : keep(dw_request_arena(r), &gone);
    mtx_unlock(&store.lock);
    return err;
}

static const struct dw_rate_limit LIMITS[] = { { .name = "accounts", .rule = "60/minute" }, { 0 } };
#define ONE .answer = &TASK, .status = 201
#define MANY .answer = &TASK, .answer_is_list = true
static const struct dw_route ROUTES[] = {
    { DW_POST, "/register", DW_HANDLER(sign_up), .body = &NEW_USER, .answer = &USER, .needs = DW_PUBLIC, .status = 201,
      .lane = DW_HASHING, .rate_limit = "accounts" },
    DW_TOKEN_ROUTE("/token", "accounts"),
    { DW_POST, "/tasks", DW_HANDLER(add_task), .body = &NEW_TASK, ONE, .needs = DW_SIGNED_IN },
    { DW_GET, "/tasks", DW_HANDLER(list_tasks), MANY, .needs = DW_SIGNED_IN },
    { DW_GET, "/admin/tasks", DW_HANDLER(list_tasks), MANY, .needs = DW_ROLE("admin") },
    { DW_DELETE, "/tasks/{id}", delete_task, .needs = DW_POLICY_ON(&OWNER_OR_ADMIN, &TASK_BY_ID) },
    { 0 },
};

/* The first start makes the key of the tokens and the administrator; a password that is given replaces his. */
static enum dw_err prepare(const char *file, const char *password, char problem[DW_PROBLEM_SIZE])
{
    const struct dw_secret typed = { (unsigned char *)password, password == NULL ? 0 : strlen(password) };
    char random[64] = "", hash[DW_PASSWORD_ENCODED_MAX];
    struct entry key = { .kind = DW_STR("key"), .id = KEY_ID, .password = dw_str_n(random, sizeof(random)) };
    struct entry admin = { .kind = DW_STR("user"), .id = ADMIN_ID, .username = DW_STR("admin") };

    dw_random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        random[i] = "0123456789abcdef"[random[i] & 15];
    mtx_init(&store.lock, mtx_plain);
    DW_TRY(dw_arena_new((size_t)1 << 30, &store.memory));
    DW_TRY(dw_model_new(&ENTRY, &store.model, problem));
    snprintf(problem, DW_PROBLEM_SIZE, "%s can't be read, or another process has it", file);
    DW_TRY(load(file));
    DW_TRY(store.last_id < KEY_ID ? keep(store.memory, &key) : DW_OK);
    const struct dw_auth_config config = { .secret = store.entries[KEY_ID].password, .find_user = find_user };
    DW_TRY(dw_auth_new(&config, &store.auth, problem));
    if (password != NULL)
        DW_TRY(dw_password_hash(dw_auth_passwords(store.auth), &typed, hash));
    admin.role = admin.username;
    admin.password = dw_str(password == NULL ? NULL : hash); /* without one he can't sign in */
    return password != NULL || store.last_id < ADMIN_ID ? keep(store.memory, &admin) : DW_OK;
}

int main(int argc, char **argv)
{
    const char *address = "127.0.0.1:8082", *file = "tasks.jsonl", *given = NULL, *unknown = NULL;
    char problem[DW_PROBLEM_SIZE] = "[--listen ADDRESS] [--database FILE] [--admin-password PASSWORD]";

    for (int i = 1; i < argc; i += 2)
        *(strcmp(argv[i], "--listen") == 0           ? &address
          : strcmp(argv[i], "--database") == 0       ? &file
          : strcmp(argv[i], "--admin-password") == 0 ? &given
                                                     : &unknown) = i + 1 < argc ? argv[i + 1] : "";
    enum dw_err err = unknown == NULL ? prepare(file, given, problem) : DW_ERR_ARGUMENT;
    if (err == DW_OK)
        err = dw_app_run(&(struct dw_app_config){ .title = "Tasks", .version = "1", .rate_limits = LIMITS,
                                                  .routes = DW_ROUTES(ROUTES, DW_DOCS_ROUTES), .auth = store.auth },
                         &(struct dw_server_config){ .listen = address }, problem);
    if (err != DW_OK)
        fprintf(stderr, "tasks: %s\n", problem);
    return err != DW_OK; /* what is in the store goes with the process */
}
