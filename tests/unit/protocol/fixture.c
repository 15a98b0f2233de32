#include "fixture.h"

#include "base/log.h"
#include "storage/driver.h"

#include <ftw.h>
#include <unistd.h>

enum { ARENA_LIMIT = 64 << 20, LISTS_MAX = 64 };

enum dw_err fixture_database_failure, fixture_write_failure;

/* SQLite, but for the question whether it is there. */
static enum dw_err version_or_failure(void *state, int64_t deadline_ms, int *ret_applied)
{
    return fixture_database_failure != DW_OK ? fixture_database_failure
                                             : STORAGE_SQLITE.version(state, deadline_ms, ret_applied);
}

static enum dw_err write_or_failure(void *state, int64_t deadline_ms, enum dw_err (*fn)(struct transaction *, void *),
                                    void *argument)
{
    return fixture_write_failure != DW_OK ? fixture_write_failure
                                          : STORAGE_SQLITE.write(state, deadline_ms, fn, argument);
}

static unsigned char secret_bytes[] = "0123456789abcdef0123456789abcdef";

/* What no call of the domain does yet. */
static const struct statement SET_PERMISSIONS = {
    "test_set_permissions", "UPDATE users SET permissions = $2 WHERE id = $1", 2,
};
static const struct statement MAKE_TENANT = {
    "test_make_tenant", "INSERT INTO tenants (id, slug, name, created_at) VALUES ($1, $2, $2, 0)", 2,
};
static const struct statement *const TEST_STATEMENTS[] = { &SET_PERMISSIONS, &MAKE_TENANT, NULL };

static void open_storage(struct fixture *f)
{
    /* The database borrows these while it is open. */
    static const struct statement *const *lists[LISTS_MAX];
    static struct storage_schema schema;
    static struct storage_driver driver;
    const struct storage_driver *const drivers[] = { &driver, NULL };
    char url[128];

    driver = STORAGE_SQLITE;
    driver.version = version_or_failure;
    driver.write = write_or_failure;
    schema = (struct storage_schema){ IDENTITY_SCHEMA.migrations, lists };
    lists[0] = TEST_STATEMENTS;
    for (size_t i = 0; IDENTITY_SCHEMA.statements[i] != NULL; i++) {
        assert_true(i + 2 < LISTS_MAX);
        lists[i + 1] = IDENTITY_SCHEMA.statements[i];
    }
    snprintf(url, sizeof(url), "sqlite:%s/test.db", f->folder);
    CHECK_OK(storage_open(drivers, &schema, &(struct storage_config){ .url = url, .migrate = true }, &f->storage));
}

static void open_all(struct fixture *f)
{
    char problem[DW_PROBLEM_SIZE] = "";
    const struct dw_secret secret = { secret_bytes, sizeof(secret_bytes) - 1 };
    const struct dw_password_config cheap = { .argon2_memory_kib = 64, .argon2_time = 1, .workers = 2 };
    const struct identity_config config = {
        .issuer = ISSUER, .audience = ISSUER, .algorithm = DW_ALG_ES256, .access_ttl_s = FIXTURE_ACCESS_TTL_S,
        .key_lead_s = 3600,
        .refresh_ttl_s = 7 * 86400, .refresh_grace_s = FIXTURE_GRACE_S, .session_idle_s = 12 * 3600,
        .session_ttl_s = 86400, .reauth_ttl_s = FIXTURE_REAUTH_TTL_S, .reset_ttl_s = 3600, .verify_ttl_s = 86400,
        .registration_open = true,
    };

    open_storage(f);
    CHECK_OK(dw_passwords_new(&cheap, &f->passwords));
    CHECK_OK(identity_open(f->storage, f->passwords, &config, &secret, &f->identity));
    const struct protocol_config protocol = { .identity = f->identity, .public_url = PUBLIC_URL "/", .issuer = ISSUER };

    if (protocol_app_new(&protocol, &f->protocol, problem) != DW_OK)
        fail_msg("the tables are refused: %s", problem);
}

static void close_all(struct fixture *f)
{
    protocol_app_free(&f->protocol);
    identity_close(&f->identity);
    dw_passwords_free(&f->passwords);
    storage_close(&f->storage);
}

int fixture_open(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    log_setup(LOG_WARNING, LOG_FORMAT_TEXT, STDERR_FILENO);
    snprintf(f->folder, sizeof(f->folder), "/tmp/doorward-protocol-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    CHECK_OK(dw_arena_new(ARENA_LIMIT, &f->arena));
    open_all(f);
    *state = f;
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

int fixture_close(void **state)
{
    struct fixture *f = *state;

    dw_clock_set(-1);
    close_all(f);
    dw_arena_free(&f->arena);
    assert_int_equal(nftw(f->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS), 0);
    free(f);
    return 0;
}

void fixture_restart(struct fixture *f)
{
    close_all(f);
    open_all(f);
}

/* --- calls ------------------------------------------------------------------------------------------------------ */

const char *format(struct fixture *f, const char *text, ...)
{
    enum { TEXT_MAX = 8192 };
    char buffer[TEXT_MAX];
    va_list arguments;

    va_start(arguments, text);
    const int length = vsnprintf(buffer, sizeof(buffer), text, arguments);
    va_end(arguments);
    assert_in_range(length, 0, sizeof(buffer) - 1);
    const struct dw_str copy = dw_arena_copy(f->arena, dw_str_n(buffer, (size_t)length));

    assert_non_null(copy.ptr);
    return copy.ptr;
}

int ask_with(struct fixture *f, enum dw_method method, const char *target, const struct dw_call_header *headers,
             const char *body)
{
    const struct dw_call call = { .method = method, .target = target, .headers = headers, .body = dw_str(body) };

    CHECK_OK(dw_call(protocol_app(f->protocol), &call, f->arena, &f->called));
    return f->called.status;
}

int ask(struct fixture *f, enum dw_method method, const char *target, const char *token, const char *json)
{
    struct dw_call_header headers[3] = { 0 };
    size_t n = 0;

    if (token != NULL)
        headers[n++] = (struct dw_call_header){ "Authorization", dw_str(format(f, "Bearer %s", token)) };
    if (json != NULL)
        headers[n++] = (struct dw_call_header){ "Content-Type", DW_STR("application/json") };
    return ask_with(f, method, target, headers, json);
}

int ask_token(struct fixture *f, const char *form)
{
    const struct dw_call_header headers[] = { { "Content-Type", DW_STR("application/x-www-form-urlencoded") }, { 0 } };

    return ask_with(f, DW_POST, "/token", headers, form);
}

int ask_refresh(struct fixture *f, const char *refresh_token)
{
    return ask(f, DW_POST, "/token/refresh", NULL, format(f, "{\"refresh_token\":\"%s\"}", refresh_token));
}

/* --- people ----------------------------------------------------------------------------------------------------- */

void sign_in(struct fixture *f, struct person *person, const char *password)
{
    STATUS(200, ask_token(f, format(f, "grant_type=password&username=%s&password=%s", person->name, password)));
    person->access = answer_text(f, "access_token");
    person->refresh = answer_text(f, "refresh_token");
}

struct person newcomer(struct fixture *f, const char *name)
{
    struct person person = { .name = name };

    STATUS(201, ask(f, DW_POST, "/register", NULL,
                    format(f, "{\"username\":\"%s\",\"email\":\"%s@example.com\",\"password\":\"" PASSWORD "\"}", name,
                           name)));
    person.id = answer_text(f, "id");
    sign_in(f, &person, PASSWORD);
    return person;
}

struct execution {
    const struct statement *statement;
    const struct value *values;
};

static enum dw_err execute(struct transaction *tx, void *argument)
{
    const struct execution *e = argument;

    return sql_exec(tx, e->statement, e->values, NULL);
}

struct person holder(struct fixture *f, const char *name, const char *role, const char *permissions)
{
    const struct dw_secret password = { (unsigned char *)PASSWORD, sizeof(PASSWORD) - 1 };
    const struct actor system = { .id = DW_STR_INIT("system") };
    const struct user_new new_user = { .username = dw_str(name), .email = dw_str(format(f, "%s@example.com", name)),
                                       .role = dw_str(role), .password = &password };
    struct person person = { .name = name };
    struct tenant tenant;
    struct user user;

    CHECK_OK(tenant_find(f->identity, dw_str(NULL), &tenant));
    CHECK_OK(user_create(f->identity, &tenant, &system, &new_user, f->arena, &user));
    person.id = user.id.ptr;
    struct execution e = { &SET_PERMISSIONS, VALUES(V_TEXT(user.id), V_CSTR(permissions)) };

    CHECK_OK(storage_write(f->storage, execute, &e));
    sign_in(f, &person, PASSWORD);
    return person;
}

void make_tenant(struct fixture *f, const char *slug)
{
    char id[DW_UUID_SIZE];

    dw_uuid7(id);
    struct execution e = { &MAKE_TENANT, VALUES(V_CSTR(id), V_CSTR(slug)) };

    CHECK_OK(storage_write(f->storage, execute, &e));
}

/* --- answers ---------------------------------------------------------------------------------------------------- */

yyjson_val *answer(struct fixture *f)
{
    yyjson_val *root = NULL;

    CHECK_OK(json_parse(f->arena, f->called.body, JSON_DEPTH_DEFAULT, &root, NULL));
    return root;
}

const char *answer_text(struct fixture *f, const char *member)
{
    const struct dw_str text = json_get_str(answer(f), member);

    if (text.ptr == NULL)
        fail_msg("no %s in %s", member, f->called.body.ptr);
    return dw_arena_copy(f->arena, text).ptr;
}

struct dw_str header(const struct fixture *f, const char *name)
{
    return dw_called_header(&f->called, name);
}

bool body_has(const struct fixture *f, const char *text)
{
    return memmem(f->called.body.ptr, f->called.body.len, text, strlen(text)) != NULL;
}

void check_status(struct fixture *f, int expected, int actual, const char *what)
{
    if (expected != actual)
        fail_msg("%s: expected %d, got %d: %.*s", what, expected, actual, (int)MIN_OF(f->called.body.len, 2000),
                 f->called.body.ptr);
}

void check_detail(struct fixture *f, int status, int actual, const char *detail)
{
    check_status(f, status, actual, detail);
    check_str(dw_str(detail), json_get_str(answer(f), "detail"), "detail");
}

void check_token_refused(struct fixture *f, int actual)
{
    check_detail(f, 401, actual, "Could not validate credentials");
    check_str(DW_STR("Bearer error=\"invalid_token\""), header(f, "WWW-Authenticate"), "WWW-Authenticate");
}

void check_refused_member(struct fixture *f, int actual, const char *member)
{
    check_status(f, 422, actual, member);
    yyjson_val *detail = json_get(answer(f), "detail");

    assert_true(yyjson_arr_size(detail) > 0);
    for (size_t i = 0; i < yyjson_arr_size(detail); i++) {
        yyjson_val *loc = json_get(yyjson_arr_get(detail, i), "loc");

        check_str(DW_STR("body"), json_str(yyjson_arr_get(loc, 0)), member);
        check_str(dw_str(member), json_str(yyjson_arr_get(loc, 1)), member);
    }
}
