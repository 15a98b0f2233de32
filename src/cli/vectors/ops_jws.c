/* jws.verify, jws.verify_json, jws.verify_detached, jws.sign, jws.sign_verify, jwt.verify. */
#include "cli/jose_keys.h"
#include "cli/vectors/op.h"
#include <doorward/jws_json.h>

enum { REQUIRE_MAX = 32 };

/* `algs`: those of them that we have; DW_ERR_UNSUPPORTED when some are named and we have none. */
static enum dw_err read_algs(const struct op_call *call, dw_alg_set *ret_algs)
{
    yyjson_val *list = json_get(call->in, "algs"), *item;
    dw_alg_set algs = 0;
    size_t i, n;

    if (!yyjson_is_arr(list) || yyjson_arr_size(list) == 0)
        return DW_ERR_VALIDATION;
    yyjson_arr_foreach(list, i, n, item) {
        const enum dw_alg alg = dw_alg_by_name(json_str(item));
        if (alg != DW_ALG_NONE_GIVEN)
            algs |= DW_ALG_BIT(alg);
    }
    if (algs == 0)
        return DW_ERR_UNSUPPORTED;
    *ret_algs = algs;
    return DW_OK;
}

/* `jwk` or `jwks`. A key that we can't read is a refusal here, not an unsupported operation. */
static enum dw_err read_keys(const struct op_call *call, struct jose_keys *keys)
{
    struct dw_str json = { 0 };
    yyjson_val *jwks = json_get(call->in, "jwks");

    if (jwks != NULL) {
        TRY(op_json(call, jwks, &json));
        return dw_keyset_from_jwks(json, &keys->set);
    }
    const enum dw_err err = op_jwk(call, DW_ALG_NONE_GIVEN, &keys->key);
    return err == DW_ERR_UNSUPPORTED ? DW_ERR_KEY_TYPE : err;
}

static enum dw_err jws_verify(struct op_call *call)
{
    _cleanup_(jose_keys_free) struct jose_keys keys = { 0 };
    struct dw_str token = { 0 };
    dw_alg_set algs = 0;
    struct dw_jws jws = { 0 };

    TRY(read_algs(call, &algs));
    TRY(op_str(call, "token", &token));
    TRY(read_keys(call, &keys));
    TRY(keys.set != NULL ? dw_jws_verify(keys.set, algs, token, call->arena, &jws)
                         : dw_jws_verify_key(keys.key, algs, token, call->arena, &jws));
    TRY(op_answer_json(call, "header", jws.header_json));
    op_answer_bytes(call, "payload", jws.payload);
    return DW_OK;
}

/* alg unprotected too, where one algorithm alone is asked for: that is how RFC 7520 §4.7 is written. */
static enum dw_err jws_verify_json(struct op_call *call)
{
    _cleanup_(jose_keys_free) struct jose_keys keys = { 0 };
    struct dw_jws_json_rules rules = { 0 };
    struct dw_str json = { 0 };
    struct dw_jws jws;

    TRY(read_algs(call, &rules.algs));
    rules.unprotected_alg = (rules.algs & (rules.algs - 1)) == 0;
    if (json_get(call->in, "payload") != NULL)
        TRY(op_bytes(call, "payload", &rules.payload));
    TRY(op_json(call, json_get(call->in, "jws"), &json));
    TRY(read_keys(call, &keys));
    TRY(keys.set != NULL ? dw_jws_verify_json(keys.set, &rules, json, call->arena, &jws)
                         : dw_jws_verify_json_key(keys.key, &rules, json, call->arena, &jws));
    op_answer_bytes(call, "payload", jws.payload);
    return DW_OK;
}

static enum dw_err jws_verify_detached(struct op_call *call)
{
    _cleanup_(jose_keys_free) struct jose_keys keys = { 0 };
    struct dw_str token = { 0 }, payload = { 0 };
    dw_alg_set algs = 0;
    struct dw_jws jws;

    TRY(read_algs(call, &algs));
    TRY(op_str(call, "token", &token));
    TRY(op_bytes(call, "payload", &payload));
    TRY(read_keys(call, &keys));
    return keys.set != NULL ? dw_jws_verify_detached(keys.set, algs, token, payload, call->arena, &jws)
                            : dw_jws_verify_detached_key(keys.key, algs, token, payload, call->arena, &jws);
}

static enum dw_err read_optional_str(const struct op_call *call, const char *name, struct dw_str *ret_text)
{
    return json_get(call->in, name) == NULL ? DW_OK : op_str(call, name, ret_text);
}

static enum dw_err read_require(const struct op_call *call, const char *names[REQUIRE_MAX + 1])
{
    yyjson_val *list = json_get(call->in, "require"), *item;
    size_t i, n;

    if (list == NULL)
        return DW_OK;
    if (!yyjson_is_arr(list) || yyjson_arr_size(list) > REQUIRE_MAX)
        return DW_ERR_VALIDATION;
    yyjson_arr_foreach(list, i, n, item) {
        if (!yyjson_is_str(item))
            return DW_ERR_VALIDATION;
        names[i] = yyjson_get_str(item);
    }
    return DW_OK;
}

static enum dw_err read_rules(const struct op_call *call, struct dw_jwt_rules *rules)
{
    TRY(read_algs(call, &rules->algs));
    TRY(op_int(call, "now", 1, INT64_MAX / 2, &rules->now_s));
    if (json_get(call->in, "leeway") != NULL)
        TRY(op_int(call, "leeway", 0, 300, &rules->leeway_s));
    TRY(read_optional_str(call, "iss", &rules->issuer));
    TRY(read_optional_str(call, "aud", &rules->audience));
    TRY(read_optional_str(call, "sub", &rules->subject));
    return read_optional_str(call, "typ", &rules->type);
}

static enum dw_err jwt_verify(struct op_call *call)
{
    _cleanup_(jose_keys_free) struct jose_keys keys = { 0 };
    const char *require[REQUIRE_MAX + 1] = { NULL };
    /* The vectors say by `require` whether exp must be there. */
    struct dw_jwt_rules rules = { .require = require, .allow_no_expiry = true };
    struct dw_str token = { 0 };
    struct dw_claims claims = { 0 };

    TRY(read_rules(call, &rules));
    TRY(read_require(call, require));
    TRY(op_str(call, "token", &token));
    TRY(read_keys(call, &keys));
    TRY(jose_keys_verify_jwt(&keys, &rules, token, call->arena, &claims));
    TRY(op_answer_json(call, "header", claims.header_json));
    return op_answer_json(call, "claims", claims.json);
}

static enum dw_err sign(struct op_call *call, struct dw_key **ret_key, enum dw_alg *ret_alg, struct dw_str *ret_token)
{
    struct dw_str header = { 0 }, payload = { 0 };

    TRY(op_alg(call, ret_alg));
    TRY(op_bytes(call, "protected_b64u", &header));
    TRY(op_bytes(call, "payload", &payload));
    TRY(op_jwk(call, *ret_alg, ret_key));
    return dw_jws_sign(*ret_key, header, payload, call->arena, ret_token);
}

static enum dw_err jws_sign(struct op_call *call)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    enum dw_alg alg = DW_ALG_NONE_GIVEN;
    struct dw_str token = { 0 };

    TRY(sign(call, &key, &alg, &token));
    json_write_member_str(call->out, "token", token);
    return DW_OK;
}

static enum dw_err jws_sign_verify(struct op_call *call)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    enum dw_alg alg = DW_ALG_NONE_GIVEN;
    struct dw_str token = { 0 };
    struct dw_jws jws = { 0 };

    TRY(sign(call, &key, &alg, &token));
    const enum dw_err err = dw_jws_verify_key(key, DW_ALG_BIT(alg), token, call->arena, &jws);
    if (err != DW_OK && err != DW_ERR_JOSE_SIGNATURE)
        return err;
    json_write_member_bool(call->out, "match", err == DW_OK);
    return DW_OK;
}

const struct op OPS_JWS[] = {
    { "jws.verify", jws_verify },
    { "jws.verify_json", jws_verify_json },
    { "jws.verify_detached", jws_verify_detached },
    { "jws.sign", jws_sign },
    { "jws.sign_verify", jws_sign_verify },
    { "jwt.verify", jwt_verify },
    { NULL },
};
