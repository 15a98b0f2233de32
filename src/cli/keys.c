/* doorward key …: the keys that sign access tokens. */
#include "base/encoding.h"
#include "cli/actions.h"
#include "cli/output.h"
#include "identity/signing_key.h"

static const struct actor CLI_ACTOR = { .id = DW_STR_INIT("cli") };

static const struct field KEY_FIELDS[] = {
    { "kid", FIELD_TEXT, offsetof(struct signing_key_info, kid), "KID", 43 },
    { "alg", FIELD_TEXT, offsetof(struct signing_key_info, alg), "ALG", 5 },
    { "state", FIELD_TEXT, offsetof(struct signing_key_info, state), "STATE", 8 },
    { "created_at", FIELD_TIME, offsetof(struct signing_key_info, created_at), "CREATED", 20 },
    { "starts_at", FIELD_TIME, offsetof(struct signing_key_info, starts_at), "STARTS", 20 },
    { "retires_at", FIELD_TIME, offsetof(struct signing_key_info, retires_at), "RETIRES", 20 },
    { NULL },
};

enum dw_err action_key_list(struct cli *cli)
{
    struct signing_key_info *keys = NULL;
    size_t n = 0;

    TRY(signing_key_list(cli->identity, cli->arena, &keys, &n));
    output_list_begin(cli, KEY_FIELDS);
    for (size_t i = 0; i < n; i++)
        TRY(output_list_item(cli, KEY_FIELDS, &keys[i], i == 0));
    output_list_end(cli);
    return DW_OK;
}

/* A script reads starts_at. */
static enum dw_err say_rotation(struct cli *cli, const struct signing_key_info *key)
{
    char time[RFC3339_SIZE];

    TRY(output_record(cli, KEY_FIELDS, key));
    if (cli->json || !dw_str_eq(key->state, DW_STR("next")))
        return DW_OK;
    rfc3339_format(key->starts_at, time);
    return output_said(cli, "Scheduled: this key signs from %s on, when every service that keeps the key set knows it. "
                            "If the one that signs has leaked, do not wait: doorward key rotate --now", time);
}

enum dw_err action_key_rotate(struct cli *cli)
{
    struct signing_key_info *keys = NULL;
    struct dw_str kid;
    size_t n = 0;

    TRY(signing_key_rotate(cli->identity, &CLI_ACTOR, cli_option(cli, "--now") != NULL, cli->arena, &kid));
    TRY(signing_key_list(cli->identity, cli->arena, &keys, &n));
    for (size_t i = 0; i < n; i++) {
        if (dw_str_eq(keys[i].kid, kid))
            return say_rotation(cli, &keys[i]);
    }
    return DW_ERR_INTERNAL;
}

enum dw_err action_key_retire(struct cli *cli)
{
    const char *kid = cli_argument(cli, 0);
    const enum dw_err err = signing_key_retire(cli->identity, &CLI_ACTOR, dw_str(kid));

    if (err == DW_ERR_NOT_FOUND)
        return cli_refuse(cli, err, "no key \"%s\"", kid);
    if (err == DW_ERR_CONFLICT)
        return cli_refuse(cli, err, "this key signs: run `doorward key rotate --now` first");
    TRY(err);
    return output_said(cli, "Retired %s; tokens that it signed are refused", kid);
}
