#include "cli/administrator.h"

#include "identity/role.h"
#include "identity/user.h"

enum { PASSWORD_CHARS = 20 };

/* Without characters that look alike (0 o, 1 l i); 31 of them. */
static const char ALPHABET[] = "23456789abcdefghjkmnpqrstuvwxyz";
_Static_assert(sizeof(ALPHABET) - 1 == 31, "administrator.h counts on it");

/* Each character alike probable: a byte past the last whole round of the alphabet is thrown again. */
static char random_char(void)
{
    const unsigned n = sizeof(ALPHABET) - 1;
    unsigned char byte;

    do {
        dw_random(&byte, sizeof(byte));
    } while (byte >= 256 / n * n);
    return ALPHABET[byte % n];
}

static enum dw_err make_password(struct dw_secret *ret_password)
{
    TRY(dw_secret_random(PASSWORD_CHARS, ret_password));
    for (size_t i = 0; i < ret_password->size; i++)
        ret_password->bytes[i] = (unsigned char)random_char();
    return DW_OK;
}

enum dw_err administrator_ensure(struct cli *cli, struct dw_secret *ret_password)
{
    _cleanup_secret_ struct dw_secret password = { 0 };
    const struct actor system = { .id = DW_STR_INIT("system") };
    const struct user_new wanted = {
        .username = DW_STR_INIT(ADMINISTRATOR_NAME),
        .email = DW_STR_INIT(ADMINISTRATOR_EMAIL),
        .role = DW_STR_INIT(ROLE_ADMIN),
        .password = &password,
        .password_ttl_s = ADMINISTRATOR_PASSWORD_TTL_S,
    };
    struct tenant tenant;
    struct user user;
    bool is_there = false;

    TRY(tenant_find(cli->identity, dw_str_n(NULL, 0), &tenant));
    TRY(user_role_exists(cli->identity, &tenant, DW_STR(ROLE_ADMIN), &is_there));
    if (is_there)
        return DW_OK;
    TRY(make_password(&password));
    const enum dw_err err = user_create(cli->identity, &tenant, &system, &wanted, cli->arena, &user);
    if (err == DW_ERR_USER_TAKEN) {
        /* Another process that starts now was faster; or somebody else has the name. */
        TRY(user_role_exists(cli->identity, &tenant, DW_STR(ROLE_ADMIN), &is_there));
        return is_there ? DW_OK
                        : cli_refuse(cli, err, "there is no administrator, and the name " ADMINISTRATOR_NAME
                                               " is taken: doorward user set-role " ADMINISTRATOR_NAME " admin");
    }
    TRY(err);
    *ret_password = TAKE_SECRET(password);
    return DW_OK;
}

enum dw_err administrator_print(struct cli *cli, const struct dw_secret *password)
{
    const int written = fprintf(cli->out, "Administrator: " ADMINISTRATOR_NAME "  one-time password: %.*s\n"
                                "It is good for 24 hours. Change it: POST /users/me/password, or "
                                "doorward user set-password " ADMINISTRATOR_NAME "\n",
                                (int)password->size, (const char *)password->bytes);

    if (written < 0 || fflush(cli->out) != 0)
        return cli_refuse(cli, DW_ERR_IO, "the administrator's password could not be printed; set another one: "
                                          "doorward user set-password " ADMINISTRATOR_NAME);
    return DW_OK;
}
