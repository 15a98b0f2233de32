#include "cli/tools_jwe.h"
#include "cli/tool_input.h"
#include <doorward/jwe.h>

#define ALG_MEANING "dir, A128KW to A256KW, A128GCMKW to A256GCMKW, RSA-OAEP-256, RSA-OAEP, ECDH-ES, ECDH-ES+A128KW …"
#define ENC_MEANING "A128GCM, A192GCM, A256GCM, A128CBC-HS256, A192CBC-HS384 or A256CBC-HS512"

const struct option JWE_ENCRYPT_OPTIONS[] = {
    { "--key", "FILE", "the key: JWK, or PEM; a public one will do for RSA and ECDH-ES", .is_required = true },
    { "--alg", "ALG", ALG_MEANING "; needed where the key names none" },
    { "--enc", "ENC", ENC_MEANING " (the key's, or A256GCM)" },
    { "--typ", "TYPE", "the header's typ" },
    { "--cty", "TYPE", "the header's cty; JWT says that the text is a signed token: blanks around it are dropped" },
    { NULL },
};

const struct option JWE_DECRYPT_OPTIONS[] = {
    { "--key", "FILE", "the key: JWK, or PEM", .is_required = true },
    { "--alg", "ALG", ALG_MEANING "; needed where the key names none" },
    { "--enc", "ENC", ENC_MEANING " (any of them)" },
    { NULL },
};

/* The key, and the algorithm that it is pinned to: its own, or that of --alg. */
static enum dw_err read_key(struct cli *cli, struct dw_jwe_key **ret_key, enum dw_jwe_alg *ret_alg)
{
    _cleanup_secret_ struct dw_secret text = { 0 };
    const struct dw_str name = cli_option_str(cli, "--alg");
    const enum dw_jwe_alg alg = dw_jwe_alg_by_name(name);
    const char *path = cli_option(cli, "--key");

    if (!dw_str_is_absent(name) && alg == DW_JWE_ALG_NONE_GIVEN)
        return cli_misuse(cli, "--alg must be one of " ALG_MEANING);
    TRY(tool_read_file(cli, path, &text));
    const struct dw_str key = tool_trimmed(dw_secret_borrow(&text));
    const bool is_json = key.len > 0 && key.ptr[0] == '{';
    if (!is_json && alg == DW_JWE_ALG_NONE_GIVEN)
        return cli_misuse(cli, "a key in PEM needs --alg: it does not say which algorithm it is for");
    const enum dw_err err = is_json ? dw_jwe_key_from_jwk(key, alg, ret_key) : dw_jwe_key_from_pem(key, alg, ret_key);
    if (err != DW_OK)
        return cli_refuse(cli, err, "%s: no usable key (%s)", path, dw_error_info(err)->code);
    *ret_alg = dw_jwe_key_alg(*ret_key);
    return *ret_alg != DW_JWE_ALG_NONE_GIVEN ? DW_OK
                                             : cli_misuse(cli, "the key names no algorithm: --alg is needed");
}

static enum dw_err read_enc(struct cli *cli, enum dw_jwe_enc *ret_enc)
{
    const struct dw_str name = cli_option_str(cli, "--enc");
    const enum dw_jwe_enc enc = dw_jwe_enc_by_name(name);

    if (!dw_str_is_absent(name) && enc == DW_JWE_ENC_NONE_GIVEN)
        return cli_misuse(cli, "--enc must be one of " ENC_MEANING);
    *ret_enc = enc;
    return DW_OK;
}

enum dw_err action_jwe_encrypt(struct cli *cli)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
    _cleanup_secret_ struct dw_secret plain = { 0 };
    const struct dw_jwe_header header = { .typ = cli_option_str(cli, "--typ"), .cty = cli_option_str(cli, "--cty") };
    enum dw_jwe_alg alg = DW_JWE_ALG_NONE_GIVEN;
    enum dw_jwe_enc enc = DW_JWE_ENC_NONE_GIVEN;
    struct dw_str token = { 0 };

    TRY(read_enc(cli, &enc));
    TRY(read_key(cli, &key, &alg));
    TRY(tool_read_input(cli, "the text", DW_JWE_MAX_BYTES, &plain));
    struct dw_str text = dw_secret_borrow(&plain);
    if (dw_str_eq_nocase(header.cty, DW_STR("JWT"))) /* `jwt sign` ends its line */
        text = tool_trimmed(text);
    if (enc == DW_JWE_ENC_NONE_GIVEN)
        enc = dw_jwe_key_enc(key) != DW_JWE_ENC_NONE_GIVEN ? dw_jwe_key_enc(key) : DW_JWE_A256GCM;
    const enum dw_err err = dw_jwe_encrypt(key, alg, enc, &header, text, cli->arena, &token);
    if (err != DW_OK)
        return cli_refuse(cli, err, "not encrypted (%s)", dw_error_info(err)->code);
    return tool_write_line(cli, token);
}

enum dw_err action_jwe_decrypt(struct cli *cli)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
    _cleanup_secret_ struct dw_secret input = { 0 };
    enum dw_jwe_alg alg = DW_JWE_ALG_NONE_GIVEN;
    enum dw_jwe_enc enc = DW_JWE_ENC_NONE_GIVEN;
    struct dw_jwe jwe;

    TRY(read_enc(cli, &enc));
    TRY(read_key(cli, &key, &alg));
    TRY(tool_read_input(cli, "the token", DW_JWE_MAX_BYTES + 1, &input));
    const struct dw_str token = tool_trimmed(dw_secret_borrow(&input));
    const dw_jwe_encs encs = enc != DW_JWE_ENC_NONE_GIVEN ? DW_JWE_BIT(enc) : DW_JWE_ENCS_ALL;
    const bool is_json = token.len > 0 && token.ptr[0] == '{';
    const enum dw_err err = (is_json ? dw_jwe_decrypt_json : dw_jwe_decrypt)(key, DW_JWE_BIT(alg), encs, token,
                                                                             cli->arena, &jwe);
    if (err != DW_OK)
        return cli_refuse(cli, err, "the token is refused (%s)", dw_error_info(err)->code);
    return fwrite(jwe.plaintext.ptr, 1, jwe.plaintext.len, cli->out) == jwe.plaintext.len ? DW_OK : DW_ERR_IO;
}
