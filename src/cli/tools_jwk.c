/* doorward jwk …: keys that sign and keys that encrypt. */
#include "cli/tool_input.h"
#include "cli/tools_jose.h"
#include "jose/jwe_key.h"

#define ANY_ALG_MEANING                                                                                                \
    "of signatures (ES256 …), of encryption (A256KW, RSA-OAEP-256, ECDH-ES …), or A256GCM … for `dir`"

const struct option JWK_GENERATE_OPTIONS[] = {
    { "--alg", "ALG", ANY_ALG_MEANING, .is_required = true },
    { "--bits", "NUMBER", "of an RSA key, 2048 to 8192 (2048)" },
    { "--crv", "CURVE", "of an ECDH-ES key: P-256, P-384, P-521 or X25519 (P-256)" },
    { "--kid", "TEXT", "its name (the thumbprint of RFC 7638)" },
    { NULL },
};

const struct option JWK_READ_OPTIONS[] = {
    { "--key", "FILE", "the key: PEM, JWK or JWKS", .is_required = true },
    { "--alg", "ALG", "needed for an RSA key in PEM, and for a PEM key that encrypts" },
    { NULL },
};

/* What --alg names: one for signatures, or one for encryption; `dir` by its content encryption. */
struct any_alg {
    enum dw_alg signing;
    enum dw_jwe_alg encrypting;
    enum dw_jwe_enc enc;
};

static enum dw_err read_alg(struct cli *cli, struct any_alg *ret_alg)
{
    const struct dw_str name = cli_option_str(cli, "--alg");
    struct any_alg alg = { dw_alg_by_name(name), dw_jwe_alg_by_name(name), dw_jwe_enc_by_name(name) };

    if (alg.enc != DW_JWE_ENC_NONE_GIVEN)
        alg.encrypting = DW_JWE_DIR;
    if (!dw_str_is_absent(name) && alg.signing == DW_ALG_NONE_GIVEN && alg.encrypting == DW_JWE_ALG_NONE_GIVEN)
        return cli_misuse(cli, "--alg must be an algorithm " ANY_ALG_MEANING);
    *ret_alg = alg;
    return DW_OK;
}

/* --- generate --- */

/* The bits that dw_jwe_key_generate() takes. */
static enum dw_err read_size(struct cli *cli, enum dw_jwe_alg alg, unsigned *ret_bits)
{
    static const struct {
        const char *name;
        unsigned bits;
    } CURVES[] = { { "P-256", 256 }, { "P-384", 384 }, { "P-521", 521 }, { "X25519", 255 } };
    const struct dw_str curve = cli_option_str(cli, "--crv");
    int64_t bits = 0;

    TRY(cli_option_int(cli, "--bits", 2048, 8192, 0, &bits));
    *ret_bits = (unsigned)bits;
    if (dw_str_is_absent(curve))
        return DW_OK;
    for (size_t i = 0; alg >= DW_JWE_ECDH_ES && i < ARRAY_SIZE(CURVES); i++)
        if (dw_str_eq(curve, dw_str(CURVES[i].name))) {
            *ret_bits = CURVES[i].bits;
            return DW_OK;
        }
    return cli_misuse(cli, "--crv is P-256, P-384, P-521 or X25519, for ECDH-ES alone");
}

static enum dw_err generate_signing(struct cli *cli, enum dw_alg alg, unsigned bits, struct dw_secret *ret_json)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    const struct dw_str kid = cli_option_str(cli, "--kid");

    TRY(dw_key_generate(alg, bits, &key));
    if (!dw_str_is_absent(kid))
        TRY(dw_key_set_id(key, kid));
    return dw_key_private_jwk(key, ret_json);
}

static enum dw_err generate_encrypting(struct cli *cli, const struct any_alg *alg, unsigned bits,
                                       struct dw_secret *ret_json)
{
    _cleanup_(dw_jwe_key_free) struct dw_jwe_key *key = NULL;
    const struct dw_str kid = cli_option_str(cli, "--kid");

    if (alg->encrypting == DW_JWE_DIR && alg->enc == DW_JWE_ENC_NONE_GIVEN)
        return cli_misuse(cli, "a key for `dir` is made for one content encryption: --alg A256GCM, say");
    TRY(dw_jwe_key_generate(alg->encrypting, alg->enc, alg->encrypting < DW_JWE_RSA_OAEP ? 0 : bits, &key));
    if (!dw_str_is_absent(kid))
        TRY(dw_jwe_key_set_id(key, kid));
    return dw_jwe_key_private_jwk(key, ret_json);
}

enum dw_err action_jwk_generate(struct cli *cli)
{
    _cleanup_secret_ struct dw_secret json = { 0 };
    struct any_alg alg = { 0 };
    unsigned bits = 0;

    TRY(read_alg(cli, &alg));
    TRY(read_size(cli, alg.encrypting, &bits));
    TRY(alg.signing != DW_ALG_NONE_GIVEN ? generate_signing(cli, alg.signing, bits, &json)
                                         : generate_encrypting(cli, &alg, bits, &json));
    return tool_write_line(cli, dw_secret_borrow(&json));
}

/* --- public, thumbprint --- */

/* One key that encrypts, or one or several that sign. */
struct any_key {
    struct dw_jwe_key *encrypting;
    struct jose_keys signing;
};

static void any_key_free(struct any_key *key)
{
    dw_jwe_key_free(&key->encrypting);
    jose_keys_free(&key->signing);
}

static enum dw_err parse_encrypting(struct dw_str text, enum dw_jwe_alg alg, struct dw_jwe_key **ret_key)
{
    return text.len > 0 && text.ptr[0] == '{' ? dw_jwe_key_from_jwk(text, alg, ret_key)
                                              : dw_jwe_key_from_pem(text, alg, ret_key);
}

/* A JWK says itself what it is for: one that can't sign may be one that encrypts. */
static enum dw_err parse(struct dw_str text, const struct any_alg *alg, struct any_key *key)
{
    if (alg->encrypting != DW_JWE_ALG_NONE_GIVEN)
        return parse_encrypting(text, alg->encrypting, &key->encrypting);
    const enum dw_err err = jose_keys_parse(text, alg->signing, &key->signing);
    const bool may_encrypt = err == DW_ERR_KEY_USE || err == DW_ERR_UNSUPPORTED;
    if (may_encrypt && parse_encrypting(text, DW_JWE_ALG_NONE_GIVEN, &key->encrypting) == DW_OK)
        return DW_OK;
    return err;
}

static enum dw_err read_any(struct cli *cli, struct any_key *key)
{
    _cleanup_secret_ struct dw_secret text = { 0 };
    const char *path = cli_option(cli, "--key");
    struct any_alg alg = { 0 };

    TRY(read_alg(cli, &alg));
    TRY(tool_read_file(cli, path, &text));
    const enum dw_err err = parse(tool_trimmed(dw_secret_borrow(&text)), &alg, key);
    if (err == DW_ERR_ARGUMENT)
        return cli_misuse(cli, "an RSA key in PEM needs --alg: it does not say which algorithm it is for");
    return err == DW_OK ? DW_OK : cli_refuse(cli, err, "%s: no usable key (%s)", path, dw_error_info(err)->code);
}

enum dw_err action_jwk_public(struct cli *cli)
{
    _cleanup_(any_key_free) struct any_key key = { 0 };
    struct dw_str json = { 0 };

    TRY(read_any(cli, &key));
    const enum dw_err err = key.encrypting != NULL    ? dw_jwe_key_public_jwk(key.encrypting, cli->arena, &json)
                            : key.signing.set != NULL ? dw_keyset_public_jwks(key.signing.set, cli->arena, &json)
                                                      : dw_key_public_jwk(key.signing.key, cli->arena, &json);
    if (err == DW_ERR_KEY_TYPE)
        return cli_refuse(cli, err, "a symmetric key has no public half");
    TRY(err);
    return tool_write_line(cli, json);
}

enum dw_err action_jwk_thumbprint(struct cli *cli)
{
    _cleanup_(any_key_free) struct any_key key = { 0 };
    struct dw_str thumbprint = { 0 };

    TRY(read_any(cli, &key));
    if (key.encrypting != NULL) {
        TRY(jwk_thumbprint(key.encrypting->key, 256, cli->arena, &thumbprint));
        return tool_write_line(cli, thumbprint);
    }
    const struct dw_keyset *set = key.signing.set;
    const size_t n = set != NULL ? dw_keyset_size(set) : 1;
    for (size_t i = 0; i < n; i++) {
        TRY(dw_key_thumbprint(set != NULL ? dw_keyset_at(set, i) : key.signing.key, 256, cli->arena, &thumbprint));
        TRY(tool_write_line(cli, thumbprint));
    }
    return DW_OK;
}
