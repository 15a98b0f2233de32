#include "accounts.h"

#include "storage/driver.h"

static const struct storage_driver *const DRIVERS[] = { &STORAGE_SQLITE, NULL };
static const struct actor BENCH = { .id = DW_STR_INIT("bench") };
static unsigned char password_bytes[] = "correct horse battery";
static const struct dw_secret PASSWORD = { password_bytes, sizeof(password_bytes) - 1 };

void accounts_open(struct accounts *a, const char *path, const char *secret)
{
    char url[4096];
    const struct dw_secret key = { (unsigned char *)(uintptr_t)secret, strlen(secret) };
    const struct dw_password_config cheap = { .argon2_memory_kib = 64, .argon2_time = 1, .workers = 1 };
    /* As the server's defaults are, but for tokens that outlive the bench. */
    const struct identity_config config = {
        .issuer = "http://127.0.0.1:8080",
        .audience = "http://127.0.0.1:8080",
        .algorithm = DW_ALG_ES256,
        .access_ttl_s = 86400,
        .refresh_ttl_s = 7 * 86400,
        .refresh_grace_s = 5,
        .registration_open = true,
    };

    *a = (struct accounts){ 0 };
    MUST((size_t)snprintf(url, sizeof(url), "sqlite:%s", path) < sizeof(url));
    const struct storage_config storage = { .url = url, .readers = 1, .migrate = true };
    MUST(storage_open(DRIVERS, &IDENTITY_SCHEMA, &storage, &a->storage) == DW_OK);
    MUST(dw_passwords_new(&cheap, &a->passwords) == DW_OK);
    MUST(identity_open(a->storage, a->passwords, &config, &key, &a->identity) == DW_OK);
    MUST(tenant_find(a->identity, dw_str(NULL), &a->tenant) == DW_OK);
    MUST(dw_arena_new(ACCOUNTS_ARENA_BYTES, &a->arena) == DW_OK);
}

void accounts_close(struct accounts *a)
{
    identity_close(&a->identity);
    dw_passwords_free(&a->passwords);
    storage_close(&a->storage);
    dw_arena_free(&a->arena);
}

void accounts_add(struct accounts *a, const char *username)
{
    const struct dw_str email = dw_arena_printf(a->arena, "%s@example.com", username);
    const struct user_new wanted = { .username = dw_str(username), .email = email, .password = &PASSWORD };
    struct user user;

    MUST(user_create(a->identity, &a->tenant, &BENCH, &wanted, a->arena, &user) == DW_OK);
}

struct dw_str accounts_sign_in(struct accounts *a, const char *username)
{
    const struct sign_in in = { .tenant = a->tenant, .login = dw_str(username), .password = &PASSWORD };
    struct token_pair pair;

    MUST(session_sign_in(a->identity, &in, a->arena, &pair) == DW_OK);
    return pair.access_token;
}
