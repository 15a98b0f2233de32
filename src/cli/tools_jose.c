#include "cli/tools_jose.h"
#include "base/json.h"
#include "cli/tool_input.h"

enum { INPUT_MAX_BYTES = 64 * 1024, OUTPUT_MAX_BYTES = 1024 * 1024 };

#define ALG_MEANING "HS256 to HS512, RS256 to RS512, PS256 to PS512, ES256 to ES512, or EdDSA"
#define KEY_MEANING "the key: PEM, JWK or JWKS"

const struct option JWT_SIGN_OPTIONS[] = {
    { "--key", "FILE", KEY_MEANING, .is_required = true },
    { "--alg", "ALG", ALG_MEANING },
    { "--typ", "TYPE", "the header's typ (JWT)" },
    { NULL },
};

const struct option JWT_VERIFY_OPTIONS[] = {
    { "--key", "FILE", KEY_MEANING },
    { "--jwks", "FILE", "the same" },
    { "--alg", "ALG", ALG_MEANING, .is_required = true },
    { "--iss", "TEXT", "the issuer that it must name" },
    { "--aud", "TEXT", "the audience that it must be for" },
    { "--sub", "TEXT", "the subject that it must name" },
    { "--typ", "TYPE", "the typ that its header must have" },
    { "--leeway", "SECONDS", "how far clocks may differ, 0 to 300 (0)" },
    { "--now", "SECONDS", "Unix time to judge by, instead of the clock's" },
    { NULL },
};

/* --- reading --- */

static enum dw_err read_alg(struct cli *cli, enum dw_alg *ret_alg)
{
    const struct dw_str name = cli_option_str(cli, "--alg");
    const enum dw_alg alg = dw_alg_by_name(name);

    if (!dw_str_is_absent(name) && alg == DW_ALG_NONE_GIVEN)
        return cli_misuse(cli, "--alg must be one of " ALG_MEANING);
    *ret_alg = alg;
    return DW_OK;
}

/* --- writing --- */

/* JSON on one line, whatever blanks the original had. */
static enum dw_err append_json(struct buffer *out, struct dw_arena *arena, struct dw_str json)
{
    yyjson_val *value = NULL;

    TRY(json_parse(arena, json, JSON_DEPTH_DEFAULT, &value, NULL));
    json_write_value(out, value);
    return buffer_error(out);
}

/* --- jwt --- */

/* Of a set: the only private key that may sign with alg. */
static const struct dw_key *signing_key(const struct jose_keys *keys, enum dw_alg alg)
{
    const struct dw_key *found = keys->key;

    for (size_t i = 0; keys->set != NULL && i < dw_keyset_size(keys->set); i++) {
        const struct dw_key *key = dw_keyset_at(keys->set, i);
        const bool fits = dw_key_is_private(key) && dw_key_alg(key) != DW_ALG_NONE_GIVEN &&
                          (alg == DW_ALG_NONE_GIVEN || dw_key_alg(key) == alg);
        if (fits && found != NULL)
            return NULL;
        found = fits ? key : found;
    }
    return found;
}

enum dw_err action_jwt_sign(struct cli *cli)
{
    _cleanup_(jose_keys_free) struct jose_keys keys = { 0 };
    _cleanup_secret_ struct dw_secret claims = { 0 };
    enum dw_alg alg = DW_ALG_NONE_GIVEN;
    struct dw_str token = { 0 };

    TRY(read_alg(cli, &alg));
    TRY(tool_read_keys(cli, cli_option(cli, "--key"), alg, &keys));
    const struct dw_key *key = signing_key(&keys, alg);
    if (key == NULL)
        return cli_refuse(cli, DW_ERR_JOSE_NO_KEY, "the set must hold exactly one private key for the algorithm");
    if (dw_key_alg(key) == DW_ALG_NONE_GIVEN)
        return cli_misuse(cli, "the key names no algorithm: --alg is needed");
    TRY(tool_read_input(cli, "the object of claims", INPUT_MAX_BYTES, &claims));
    const enum dw_err err =
        dw_jwt_sign(key, cli_option(cli, "--typ"), tool_trimmed(dw_secret_borrow(&claims)), cli->arena, &token);
    if (err != DW_OK)
        return cli_refuse(cli, err, "not signed (%s)", dw_error_info(err)->code);
    return tool_write_line(cli, token);
}

static enum dw_err read_rules(struct cli *cli, struct dw_jwt_rules *ret_rules)
{
    enum dw_alg alg = DW_ALG_NONE_GIVEN;
    struct dw_jwt_rules rules = {
        .issuer = cli_option_str(cli, "--iss"),
        .audience = cli_option_str(cli, "--aud"),
        .subject = cli_option_str(cli, "--sub"),
        .type = cli_option_str(cli, "--typ"),
        .allow_no_expiry = true,
    };

    TRY(read_alg(cli, &alg));
    rules.algs = DW_ALG_BIT(alg);
    TRY(cli_option_int(cli, "--leeway", 0, 300, 0, &rules.leeway_s));
    TRY(cli_option_int(cli, "--now", 1, INT64_MAX / 2, 0, &rules.now_s));
    *ret_rules = rules;
    return DW_OK;
}

enum dw_err action_jwt_verify(struct cli *cli)
{
    _cleanup_(jose_keys_free) struct jose_keys keys = { 0 };
    _cleanup_secret_ struct dw_secret input = { 0 };
    _cleanup_buffer_ struct buffer out = BUFFER_INIT(OUTPUT_MAX_BYTES);
    const char *key_path = cli_option(cli, "--key"), *jwks_path = cli_option(cli, "--jwks");
    struct dw_jwt_rules rules;
    struct dw_claims claims;

    if ((key_path == NULL) == (jwks_path == NULL))
        return cli_misuse(cli, "one of --key and --jwks is needed");
    TRY(read_rules(cli, &rules));
    TRY(tool_read_keys(cli, key_path != NULL ? key_path : jwks_path, dw_alg_by_name(cli_option_str(cli, "--alg")),
                       &keys));
    TRY(tool_read_input(cli, "the token", INPUT_MAX_BYTES, &input));
    const struct dw_str token = tool_trimmed(dw_secret_borrow(&input));
    const enum dw_err err = jose_keys_verify_jwt(&keys, &rules, token, cli->arena, &claims);
    if (err != DW_OK)
        return cli_refuse(cli, err, "the token is refused (%s)", dw_error_info(err)->code);
    TRY(append_json(&out, cli->arena, claims.json));
    return tool_write_line(cli, buffer_str(&out));
}

enum dw_err action_jwt_decode(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret input = { 0 };
    _cleanup_buffer_ struct buffer out = BUFFER_INIT(OUTPUT_MAX_BYTES);
    struct dw_claims claims;

    TRY(tool_read_input(cli, "the token", INPUT_MAX_BYTES, &input));
    const enum dw_err err = dw_jwt_decode_unverified(tool_trimmed(dw_secret_borrow(&input)), cli->arena, &claims);
    if (err != DW_OK)
        return cli_refuse(cli, err, "this is no token that can be read (%s)", dw_error_info(err)->code);
    cli_warn(cli, "nothing was verified: anybody may have written this");
    buffer_append_literal(&out, "{\"header\":");
    TRY(append_json(&out, cli->arena, claims.header_json));
    json_write_key(&out, "claims");
    TRY(append_json(&out, cli->arena, claims.json));
    buffer_append_char(&out, '}');
    TRY(buffer_error(&out));
    return tool_write_line(cli, buffer_str(&out));
}
