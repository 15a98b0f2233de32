#include "fixture.h"

#include "identity/principal.h"
#include "storage/driver.h"

const struct actor SYSTEM = { .id = DW_STR_INIT("system") };

static const struct storage_driver *const DRIVERS[] = { &STORAGE_SQLITE, NULL };
static unsigned char secret_bytes[] = "0123456789abcdef0123456789abcdef";

static void open_all(struct fixture *f)
{
    char url[128];
    const struct dw_secret secret = { secret_bytes, sizeof(secret_bytes) - 1 };
    const struct dw_password_config cheap = { .argon2_memory_kib = 64, .argon2_time = 1, .workers = 2 };
    const struct identity_config config = {
        .issuer = "http://issuer", .audience = "http://issuer", .algorithm = DW_ALG_ES256,
        .access_ttl_s = FIXTURE_ACCESS_TTL_S, .refresh_ttl_s = FIXTURE_REFRESH_TTL_S,
        .refresh_grace_s = FIXTURE_GRACE_S, .session_idle_s = 12 * 3600,
        .session_ttl_s = 86400, .reset_ttl_s = 3600, .verify_ttl_s = 86400, .registration_open = true,
    };

    snprintf(url, sizeof(url), "sqlite:%s/test.db", f->folder);
    assert_int_equal(storage_open(DRIVERS, &IDENTITY_SCHEMA, &(struct storage_config){ .url = url, .migrate = true },
                                  &f->storage), DW_OK);
    assert_int_equal(dw_passwords_new(&cheap, &f->passwords), DW_OK);
    assert_int_equal(identity_open(f->storage, f->passwords, &config, &secret, &f->identity), DW_OK);
    assert_int_equal(tenant_find(f->identity, (struct dw_str){ 0 }, &f->tenant), DW_OK);
}

static void close_all(struct fixture *f)
{
    identity_close(&f->identity);
    dw_passwords_free(&f->passwords);
    storage_close(&f->storage);
}

int fixture_open(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    snprintf(f->folder, sizeof(f->folder), "/tmp/doorward-identity-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(dw_arena_new(1 << 24, &f->arena), DW_OK);
    open_all(f);
    *state = f;
    return 0;
}

int fixture_close(void **state)
{
    struct fixture *f = *state;
    char command[128];

    dw_clock_set(-1);
    close_all(f);
    dw_arena_free(&f->arena);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

void fixture_restart(struct fixture *f)
{
    close_all(f);
    open_all(f);
}

static struct dw_secret borrow(const char *text)
{
    return (struct dw_secret){ (unsigned char *)(uintptr_t)text, strlen(text) };
}

struct user fixture_user(struct fixture *f, const char *name, const char *role)
{
    char password[128], email[128];
    struct user user;

    snprintf(email, sizeof(email), "%s@example.com", name);
    snprintf(password, sizeof(password), "correct horse %zu", strlen(name));
    const struct dw_secret secret = borrow(password);
    const struct user_new new_user = { .username = dw_str(name), .email = dw_str(email), .role = dw_str(role),
                                       .password = &secret };

    assert_int_equal(user_create(f->identity, &f->tenant, &SYSTEM, &new_user, f->arena, &user), DW_OK);
    return user;
}

enum dw_err fixture_sign_in(struct fixture *f, const char *login, const char *password, const char *scope,
                            struct token_pair *ret_pair)
{
    const struct dw_secret secret = borrow(password);
    const struct sign_in in = { .tenant = f->tenant, .login = dw_str(login), .password = &secret,
                                .scope = dw_str(scope) };

    return session_sign_in(f->identity, &in, f->arena, ret_pair);
}

struct token_pair fixture_pair(struct fixture *f, const char *name)
{
    char password[128];
    struct token_pair pair;

    snprintf(password, sizeof(password), "correct horse %zu", strlen(name));
    assert_int_equal(fixture_sign_in(f, name, password, NULL, &pair), DW_OK);
    return pair;
}

enum dw_err fixture_refresh(struct fixture *f, struct dw_str token, struct token_pair *ret_pair)
{
    const struct device device = { .address = DW_STR_INIT("127.0.0.1") };

    return session_refresh(f->identity, token, (struct dw_str){ 0 }, (struct dw_str){ 0 }, &device, f->arena, ret_pair);
}

enum dw_err fixture_check(struct fixture *f, struct dw_str access_token)
{
    struct principal slow, fast;
    const enum dw_err by_database = principal_restore(f->identity, access_token, true, true, f->arena, &slow);
    const enum dw_err by_memory = principal_restore(f->identity, access_token, false, false, f->arena, &fast);

    /* A user that is gone can't be in memory; all else must be judged alike. */
    assert_int_equal(by_memory, by_database == DW_ERR_USER_GONE ? DW_ERR_WOULD_BLOCK : by_database);
    return by_database;
}
