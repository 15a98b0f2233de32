#include "cli/tools_jose.h"
#include "base/json.h"
#include "cli/jose_keys.h"
#include "cli/output.h"
#include <errno.h>

enum { KEY_FILE_MAX_BYTES = 1024 * 1024, INPUT_MAX_BYTES = 64 * 1024, OUTPUT_MAX_BYTES = 2 * KEY_FILE_MAX_BYTES };

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

const struct option JWK_GENERATE_OPTIONS[] = {
    { "--alg", "ALG", ALG_MEANING, .is_required = true },
    { "--bits", "NUMBER", "of an RSA key, 2048 to 8192 (2048)" },
    { "--kid", "TEXT", "its name (the thumbprint of RFC 7638)" },
    { NULL },
};

const struct option JWK_READ_OPTIONS[] = {
    { "--key", "FILE", KEY_MEANING, .is_required = true },
    { "--alg", "ALG", "needed for an RSA key in PEM" },
    { NULL },
};

/* --- reading --- */

/* All of a stream, NUL-terminated behind the end; DW_ERR_LIMIT past `max` bytes. */
static enum dw_err read_all(FILE *in, size_t max, struct dw_secret *ret_content)
{
    _cleanup_secret_ struct dw_secret content = { calloc(1, max + 2), max + 2 };

    if (content.bytes == NULL)
        return DW_ERR_NO_MEMORY;
    const size_t size = fread(content.bytes, 1, max + 1, in);
    if (ferror(in))
        return DW_ERR_IO;
    if (size > max)
        return DW_ERR_LIMIT;
    return dw_secret_copy(dw_str_n(content.bytes, size), ret_content);
}

static struct dw_str trimmed(struct dw_str s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]) != NULL)
        s = dw_str_n(s.ptr + 1, s.len - 1);
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL)
        s.len--;
    return s;
}

static enum dw_err read_input(struct cli *cli, const char *what, struct dw_secret *ret_input)
{
    const enum dw_err err = read_all(cli->in, INPUT_MAX_BYTES, ret_input);

    if (err == DW_ERR_LIMIT)
        return cli_refuse(cli, err, "%s is longer than %d bytes", what, INPUT_MAX_BYTES);
    return err == DW_ERR_IO ? cli_refuse(cli, err, "standard input can't be read") : err;
}

static enum dw_err read_key_file(struct cli *cli, const char *path, struct dw_secret *ret_text)
{
    _cleanup_fclose_ FILE *file = fopen(path, "re");

    if (file == NULL)
        return cli_refuse(cli, DW_ERR_IO, "%s: %s", path, strerror(errno));
    const enum dw_err err = read_all(file, KEY_FILE_MAX_BYTES, ret_text);
    if (err == DW_ERR_IO || err == DW_ERR_LIMIT)
        return cli_refuse(cli, err, "%s: %s", path, err == DW_ERR_IO ? strerror(errno) : "too long for a key");
    return err;
}

static enum dw_err read_alg(struct cli *cli, enum dw_alg *ret_alg)
{
    const struct dw_str name = cli_option_str(cli, "--alg");
    const enum dw_alg alg = dw_alg_by_name(name);

    if (!dw_str_is_absent(name) && alg == DW_ALG_NONE_GIVEN)
        return cli_misuse(cli, "--alg must be one of " ALG_MEANING);
    *ret_alg = alg;
    return DW_OK;
}

static enum dw_err read_keys(struct cli *cli, const char *path, enum dw_alg alg, struct jose_keys *keys)
{
    _cleanup_secret_ struct dw_secret text = { 0 };

    TRY(read_key_file(cli, path, &text));
    const enum dw_err err = jose_keys_parse(trimmed(dw_secret_borrow(&text)), alg, keys);
    if (err == DW_ERR_ARGUMENT)
        return cli_misuse(cli, "an RSA key in PEM needs --alg: it does not say which algorithm it is for");
    return err == DW_OK ? DW_OK : cli_refuse(cli, err, "%s: no usable key (%s)", path, dw_error_info(err)->code);
}

/* --- writing --- */

static enum dw_err write_line(struct cli *cli, struct dw_str text)
{
    return fwrite(text.ptr, 1, text.len, cli->out) == text.len && fputc('\n', cli->out) != EOF ? DW_OK : DW_ERR_IO;
}

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
    TRY(read_keys(cli, cli_option(cli, "--key"), alg, &keys));
    const struct dw_key *key = signing_key(&keys, alg);
    if (key == NULL)
        return cli_refuse(cli, DW_ERR_JOSE_NO_KEY, "the set must hold exactly one private key for the algorithm");
    if (dw_key_alg(key) == DW_ALG_NONE_GIVEN)
        return cli_misuse(cli, "the key names no algorithm: --alg is needed");
    TRY(read_input(cli, "the object of claims", &claims));
    const enum dw_err err =
        dw_jwt_sign(key, cli_option(cli, "--typ"), trimmed(dw_secret_borrow(&claims)), cli->arena, &token);
    if (err != DW_OK)
        return cli_refuse(cli, err, "not signed (%s)", dw_error_info(err)->code);
    return write_line(cli, token);
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
    TRY(read_keys(cli, key_path != NULL ? key_path : jwks_path, dw_alg_by_name(cli_option_str(cli, "--alg")), &keys));
    TRY(read_input(cli, "the token", &input));
    const struct dw_str token = trimmed(dw_secret_borrow(&input));
    const enum dw_err err = jose_keys_verify_jwt(&keys, &rules, token, cli->arena, &claims);
    if (err != DW_OK)
        return cli_refuse(cli, err, "the token is refused (%s)", dw_error_info(err)->code);
    TRY(append_json(&out, cli->arena, claims.json));
    return write_line(cli, buffer_str(&out));
}

enum dw_err action_jwt_decode(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret input = { 0 };
    _cleanup_buffer_ struct buffer out = BUFFER_INIT(OUTPUT_MAX_BYTES);
    struct dw_claims claims;

    TRY(read_input(cli, "the token", &input));
    const enum dw_err err = dw_jwt_decode_unverified(trimmed(dw_secret_borrow(&input)), cli->arena, &claims);
    if (err != DW_OK)
        return cli_refuse(cli, err, "this is no token that can be read (%s)", dw_error_info(err)->code);
    cli_warn(cli, "nothing was verified: anybody may have written this");
    buffer_append_literal(&out, "{\"header\":");
    TRY(append_json(&out, cli->arena, claims.header_json));
    json_write_key(&out, "claims");
    TRY(append_json(&out, cli->arena, claims.json));
    buffer_append_char(&out, '}');
    TRY(buffer_error(&out));
    return write_line(cli, buffer_str(&out));
}

/* --- jwk --- */

enum dw_err action_jwk_generate(struct cli *cli)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    _cleanup_secret_ struct dw_secret json = { 0 };
    const struct dw_str kid = cli_option_str(cli, "--kid");
    enum dw_alg alg = DW_ALG_NONE_GIVEN;
    int64_t bits = 0;

    TRY(read_alg(cli, &alg));
    TRY(cli_option_int(cli, "--bits", 2048, 8192, 0, &bits));
    TRY(dw_key_generate(alg, (unsigned)bits, &key));
    if (!dw_str_is_absent(kid))
        TRY(dw_key_set_id(key, kid));
    TRY(dw_key_private_jwk(key, &json));
    return write_line(cli, dw_secret_borrow(&json));
}

static enum dw_err read_one_or_set(struct cli *cli, struct jose_keys *keys)
{
    enum dw_alg alg = DW_ALG_NONE_GIVEN;

    TRY(read_alg(cli, &alg));
    return read_keys(cli, cli_option(cli, "--key"), alg, keys);
}

enum dw_err action_jwk_public(struct cli *cli)
{
    _cleanup_(jose_keys_free) struct jose_keys keys = { 0 };
    struct dw_str json = { 0 };

    TRY(read_one_or_set(cli, &keys));
    const enum dw_err err = keys.set != NULL ? dw_keyset_public_jwks(keys.set, cli->arena, &json)
                                             : dw_key_public_jwk(keys.key, cli->arena, &json);
    if (err == DW_ERR_KEY_TYPE)
        return cli_refuse(cli, err, "a symmetric key has no public half");
    TRY(err);
    return write_line(cli, json);
}

enum dw_err action_jwk_thumbprint(struct cli *cli)
{
    _cleanup_(jose_keys_free) struct jose_keys keys = { 0 };
    struct dw_str thumbprint = { 0 };

    TRY(read_one_or_set(cli, &keys));
    const size_t n = keys.set != NULL ? dw_keyset_size(keys.set) : 1;
    for (size_t i = 0; i < n; i++) {
        TRY(dw_key_thumbprint(keys.set != NULL ? dw_keyset_at(keys.set, i) : keys.key, 256, cli->arena, &thumbprint));
        TRY(write_line(cli, thumbprint));
    }
    return DW_OK;
}
