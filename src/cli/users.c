/* doorward user …: accounts, on the database of the working directory, beside a running server or without one. */
#include "cli/actions.h"
#include "cli/output.h"
#include "cli/prompt.h"
#include "identity/credential.h"
#include "identity/custom_role.h"
#include "identity/mfa.h"

enum { PAGE = 100 };

static const struct actor CLI_ACTOR = { .id = DW_STR_INIT("cli") };

static const struct field USER_FIELDS[] = {
    { "id", FIELD_TEXT, offsetof(struct user, id), "ID", 36 },
    { "username", FIELD_TEXT, offsetof(struct user, username), "USER", 20 },
    { "email", FIELD_TEXT, offsetof(struct user, email), "E-MAIL", 28 },
    { "email_verified", FIELD_BOOL, offsetof(struct user, email_verified) },
    { "full_name", FIELD_TEXT, offsetof(struct user, full_name) },
    { "is_active", FIELD_BOOL, offsetof(struct user, is_active), "ACTIVE", 6 },
    { "role", FIELD_TEXT, offsetof(struct user, role), "ROLE", 10 },
    { "permissions", FIELD_WORDS, offsetof(struct user, permissions) },
    { "tenant", FIELD_TEXT, offsetof(struct user, tenant) },
    { "created_at", FIELD_TIME, offsetof(struct user, created_at) },
    { "last_login_at", FIELD_TIME, offsetof(struct user, last_login_at), "LAST SIGN-IN", 20 },
    { "mfa_enabled", FIELD_BOOL, offsetof(struct user, mfa_enabled) },
    { NULL },
};

/* What the domain's errors mean here; the rest is told by its own message. */
static enum dw_err explain(struct cli *cli, enum dw_err err)
{
    const char *name = cli_argument(cli, 0);

    switch (err) {
    case DW_ERR_NOT_FOUND:
        return cli_refuse(cli, err, "no user \"%s\" in this tenant", name);
    case DW_ERR_USER_TAKEN:
        return cli_refuse(cli, err, "the user name or the e-mail address belongs to another user");
    case DW_ERR_VALIDATION:
        return cli_refuse(cli, err, "the user name, the e-mail address or the full name is malformed");
    default:
        return err;
    }
}

static enum dw_err find_tenant(struct cli *cli, struct tenant *ret_tenant)
{
    const enum dw_err err = tenant_find(cli->identity, cli_option_str(cli, "--tenant"), ret_tenant);

    return err == DW_ERR_NOT_FOUND ? cli_refuse(cli, err, "no tenant \"%s\"", cli_option(cli, "--tenant")) : err;
}

/* By name, address or id. */
static enum dw_err find_user(struct cli *cli, struct tenant *ret_tenant, struct user *ret_user)
{
    const struct dw_str wanted = dw_str(cli_argument(cli, 0));

    TRY(find_tenant(cli, ret_tenant));
    enum dw_err err = user_find(cli->identity, ret_tenant, wanted, cli->arena, ret_user);
    if (err == DW_ERR_NOT_FOUND || err == DW_ERR_VALIDATION)
        err = user_get(cli->identity, ret_tenant, wanted, cli->arena, ret_user);
    return explain(cli, err);
}

static enum dw_err check_role(struct cli *cli, struct dw_str role)
{
    struct custom_role found;
    struct tenant tenant;

    if (dw_str_is_absent(role))
        return DW_OK;
    TRY(find_tenant(cli, &tenant));
    const enum dw_err err = custom_role_find(cli->identity, &tenant, role, cli->arena, &found);

    if (err != DW_ERR_NOT_FOUND)
        return err;
    return cli_refuse(cli, DW_ERR_VALIDATION, "no role \"%.*s\"", (int)MIN_OF(role.len, 64), role.ptr);
}

enum dw_err action_user_create(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret password = { 0 };
    struct user_new wanted = {
        .username = dw_str(cli_argument(cli, 0)),
        .email = cli_option_str(cli, "--email"),
        .full_name = cli_option_str(cli, "--full-name"),
        .role = cli_option_str(cli, "--role"),
        .email_verified = cli_option(cli, "--email-verified") != NULL,
        .password = &password,
    };
    struct tenant tenant;
    struct user user;

    TRY(check_role(cli, wanted.role));
    TRY(find_tenant(cli, &tenant));
    TRY(prompt_password(cli, true, &password));
    TRY(explain(cli, user_create(cli->identity, &tenant, &CLI_ACTOR, &wanted, cli->arena, &user)));
    return output_record(cli, USER_FIELDS, &user);
}

static enum dw_err read_filter(struct cli *cli, struct user_filter *ret_filter)
{
    const bool active = cli_option(cli, "--active") != NULL, disabled = cli_option(cli, "--disabled") != NULL;

    if (active && disabled)
        return cli_misuse(cli, "--active and --disabled exclude each other");
    *ret_filter = (struct user_filter){
        .query = cli_option_str(cli, "--query"),
        .role = cli_option_str(cli, "--role"),
        .is_active = active ? 1 : disabled ? 0 : -1,
        .limit = PAGE,
    };
    return check_role(cli, ret_filter->role);
}

/* A page at a time, so that a million users need no more memory than a hundred. */
enum dw_err action_user_list(struct cli *cli)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    char last[DW_UUID_SIZE];
    struct user_filter filter;
    struct user_page page = { .has_more = true };
    struct tenant tenant;
    bool is_first = true;

    TRY(read_filter(cli, &filter));
    TRY(find_tenant(cli, &tenant));
    TRY(dw_arena_new(4 * 1024 * 1024, &arena));
    output_list_begin(cli, USER_FIELDS);
    while (page.has_more) {
        TRY(user_list(cli->identity, &tenant, &filter, arena, &page));
        for (size_t i = 0; i < page.n; i++, is_first = false)
            TRY(output_list_item(cli, USER_FIELDS, &page.users[i], is_first));
        if (page.n > 0)
            snprintf(last, sizeof(last), "%.*s", (int)page.users[page.n - 1].id.len, page.users[page.n - 1].id.ptr);
        page.has_more = page.has_more && page.n > 0;
        filter.after = dw_str(last);
        dw_arena_reset(arena);
    }
    output_list_end(cli);
    return DW_OK;
}

enum dw_err action_user_show(struct cli *cli)
{
    struct tenant tenant;
    struct user user;

    TRY(find_user(cli, &tenant, &user));
    return output_record(cli, USER_FIELDS, &user);
}

static enum dw_err change_user(struct cli *cli, const struct user_change *change)
{
    struct tenant tenant;
    struct user user;

    TRY(find_user(cli, &tenant, &user));
    TRY(explain(cli, user_update(cli->identity, &tenant, &CLI_ACTOR, user.id, change, cli->arena, &user)));
    return output_record(cli, USER_FIELDS, &user);
}

enum dw_err action_user_set_role(struct cli *cli)
{
    const struct user_change change = { .role = dw_str(cli_argument(cli, 1)), .is_active = -1 };

    TRY(check_role(cli, change.role));
    return change_user(cli, &change);
}

enum dw_err action_user_disable(struct cli *cli)
{
    return change_user(cli, &(struct user_change){ .is_active = 0 });
}

enum dw_err action_user_enable(struct cli *cli)
{
    return change_user(cli, &(struct user_change){ .is_active = 1 });
}

enum dw_err action_user_delete(struct cli *cli)
{
    struct tenant tenant;
    struct user user;

    TRY(find_user(cli, &tenant, &user));
    const struct dw_str question = dw_arena_printf(cli->arena, "Delete %.*s for good?", (int)user.username.len,
                                                   user.username.ptr);
    if (question.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    if (cli_option(cli, "--yes") == NULL && !prompt_confirm(cli, question.ptr))
        return cli_refuse(cli, DW_ERR_CONFLICT, "nothing was deleted");
    TRY(explain(cli, user_delete(cli->identity, &tenant, &CLI_ACTOR, user.id)));
    return output_said(cli, "Deleted %.*s", (int)user.username.len, user.username.ptr);
}

enum dw_err action_user_set_password(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret password = { 0 };
    struct tenant tenant;
    struct user user;

    TRY(find_user(cli, &tenant, &user));
    TRY(prompt_password(cli, true, &password));
    TRY(explain(cli, credential_set(cli->identity, &tenant, &CLI_ACTOR, user.id, &password, dw_str_n(NULL, 0))));
    return output_said(cli, "Password of %.*s changed; every sign-in of this user has ended", (int)user.username.len,
                       user.username.ptr);
}

enum dw_err action_user_reset_2fa(struct cli *cli)
{
    struct tenant tenant;
    struct user user;

    TRY(find_user(cli, &tenant, &user));
    const enum dw_err err = mfa_reset(cli->identity, &tenant, &CLI_ACTOR, user.id);

    if (err == DW_ERR_MFA_OFF)
        return cli_refuse(cli, err, "%.*s has no second factor", (int)user.username.len, user.username.ptr);
    TRY(explain(cli, err));
    return output_said(cli, "Second factor of %.*s is off; every sign-in of this user has ended",
                       (int)user.username.len, user.username.ptr);
}
