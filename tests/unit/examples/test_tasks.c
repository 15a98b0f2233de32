/* examples/tasks.c as its own test would see it: its tables, another current user, and neither socket nor journal. */
int tasks_main(int argc, char **argv);
#define main tasks_main
#include "../../../examples/tasks.c"
#undef main

#include "../check.h"

#include <sys/stat.h>

static enum dw_err be_ada(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    struct dw_principal *principal = ret_value;

    principal->subject = principal->username = DW_STR("ada");
    principal->role = dw_str(self->parameter);
    return DW_OK;
}

static const struct dw_dependency ADA = { .name = "ada", .size = sizeof(struct dw_principal), .resolve = be_ada,
                                          .parameter = "user" };
static const struct dw_dependency ADA_AS_ADMIN = { .name = "ada", .size = sizeof(struct dw_principal),
                                                   .resolve = be_ada, .parameter = "admin" };

struct fixture {
    struct dw_app *app;
    struct dw_arena *arena;
    char journal[64];
};

static void set_up(struct fixture *f)
{
    char problem[DW_PROBLEM_SIZE] = "";

    memset(&store, 0, sizeof(store));
    snprintf(f->journal, sizeof(f->journal), "/tmp/doorward-tasks-XXXXXX");
    const int fd = mkstemp(f->journal);
    assert_true(fd >= 0);
    close(fd);
    if (prepare(f->journal, "a phrase that is long enough", problem) != DW_OK)
        fail_msg("%s", problem);
    CHECK_OK(dw_arena_new(1 << 20, &f->arena));
    CHECK_OK(dw_app_new(&(struct dw_app_config){ .title = "Tasks", .version = "1", .routes = DW_ROUTES(ROUTES),
                                                 .auth = store.auth, .rate_limits = LIMITS },
                        &f->app, problem));
}

static void tear_down(struct fixture *f)
{
    dw_app_free(&f->app);
    dw_auth_free(&store.auth);
    dw_model_free(&store.model);
    dw_arena_free(&store.memory);
    dw_arena_free(&f->arena);
    unlink(f->journal);
}

static int ask(struct fixture *f, enum dw_method method, const char *target, const char *body, struct dw_called *called)
{
    static const struct dw_call_header JSON[] = { { "Content-Type", DW_STR_INIT("application/json") }, { 0 } };

    CHECK_OK(dw_call(f->app, &(struct dw_call){ .method = method, .target = target, .headers = JSON,
                                                .body = dw_str(body) },
                     f->arena, called));
    return called->status;
}

/* Sockets of this process. */
static size_t count_sockets(void)
{
    struct stat is;
    size_t n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fstat(fd, &is) == 0 && S_ISSOCK(is.st_mode);
    return n;
}

static off_t journal_size(const struct fixture *f)
{
    struct stat is;

    assert_int_equal(0, stat(f->journal, &is));
    return is.st_size;
}

static void another_user_and_no_database(void **state)
{
    struct dw_called called;
    struct fixture f = { 0 };

    const size_t sockets = count_sockets();
    set_up(&f);
    const off_t size = journal_size(&f);
    assert_int_equal(401, ask(&f, DW_GET, "/tasks", "", &called));
    CHECK_OK(dw_app_override(f.app, &DW_CURRENT_PRINCIPAL, &ADA));
    assert_int_equal(200, ask(&f, DW_GET, "/tasks", "", &called));
    check_str(DW_STR("[]"), called.body, "nobody of that name is in the journal, and she has no task");
    assert_int_equal(422, ask(&f, DW_POST, "/tasks", "{}", &called));
    assert_int_equal(403, ask(&f, DW_GET, "/admin/tasks", "", &called));
    CHECK_OK(dw_app_override(f.app, &DW_CURRENT_PRINCIPAL, &ADA_AS_ADMIN));
    assert_int_equal(200, ask(&f, DW_GET, "/admin/tasks", "", &called));
    assert_int_equal(404, ask(&f, DW_DELETE, "/tasks/1", "", &called));
    CHECK_OK(dw_app_override(f.app, &DW_CURRENT_PRINCIPAL, NULL));
    assert_int_equal(401, ask(&f, DW_GET, "/admin/tasks", "", &called));
    assert_int_equal(size, journal_size(&f));
    assert_int_equal(sockets, count_sockets());
    tear_down(&f);
}

/* The policy alone, of plain facts. */
static void owners_and_administrators_delete(void **state)
{
    static const struct {
        const char *subject, *role;
        enum dw_err expected;
    } ROWS[] = { { "ada", "user", DW_OK }, { "bob", "admin", DW_OK }, { "bob", "user", DW_ERR_FORBIDDEN } };
    const struct dw_resource task = { .owner = DW_STR("ada") };

    for (size_t i = 0; i < sizeof(ROWS) / sizeof(ROWS[0]); i++) {
        const struct dw_principal who = { .subject = dw_str(ROWS[i].subject), .role = dw_str(ROWS[i].role) };
        check_err(ROWS[i].expected,
                  dw_policy_decide(&OWNER_OR_ADMIN, &(struct dw_facts){ .principal = &who, .resource = &task }, NULL),
                  ROWS[i].subject);
    }
}

CHECK_MAIN(cmocka_unit_test(another_user_and_no_database), cmocka_unit_test(owners_and_administrators_delete))
