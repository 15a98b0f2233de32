/*
 * One operation of `doorward vectors`: a name and a function; a family of them a file.
 *
 * The function reads call->in and appends the members of its answer to call->out (after an opening brace).
 * DW_OK answers ok:true with them, DW_ERR_UNSUPPORTED answers unsupported:true, any other error ok:false.
 */
#ifndef CLI_VECTORS_OP_H
#define CLI_VECTORS_OP_H

#include "base/json.h"
#include <doorward/jose.h>
#include <doorward/password.h>

struct op_call {
    yyjson_val *in;
    struct dw_arena *arena;
    struct buffer *out;
    struct dw_passwords **passwords; /* made when first asked for, and kept: its memory takes time to make */
};

struct op {
    const char *name;
    enum dw_err (*run)(struct op_call *call);
};

/* The families; each ends with { NULL }. */
extern const struct op OPS_JWE[];
extern const struct op OPS_JWS[];
extern const struct op OPS_KEY[];
extern const struct op OPS_OTP[];
extern const struct op OPS_LIMIT[];
extern const struct op OPS_PASSWORD[];
extern const struct op OPS_TEXT[];

/* A member of the request that must be a string (base64url bytes, hex bytes, an integer): DW_ERR_VALIDATION when it
 * is absent or of another type, DW_ERR_ENCODING when it can't be decoded. */
DW_MUST_USE enum dw_err op_str(const struct op_call *call, const char *name, struct dw_str *ret_text);
DW_MUST_USE enum dw_err op_bytes(const struct op_call *call, const char *name, struct dw_str *ret_bytes);
DW_MUST_USE enum dw_err op_hex(const struct op_call *call, const char *name, struct dw_str *ret_bytes);
DW_MUST_USE enum dw_err op_int(const struct op_call *call, const char *name, int64_t min, int64_t max,
                               int64_t *ret_value);
/* `alg` by its JOSE name; DW_ERR_UNSUPPORTED when it is not one of ours. */
DW_MUST_USE enum dw_err op_alg(const struct op_call *call, enum dw_alg *ret_alg);
/* "SHA-256", "sha256", "S256" and so on: 256, 384 or 512. DW_ERR_UNSUPPORTED for another. */
DW_MUST_USE enum dw_err op_hash_bits(const struct op_call *call, const char *name, unsigned *ret_bits);
/* `jwk`, pinned to alg (or DW_ALG_NONE_GIVEN). */
DW_MUST_USE enum dw_err op_jwk(const struct op_call *call, enum dw_alg alg, struct dw_key **ret_key);
/* The password context with the default settings. Borrowed. */
DW_MUST_USE enum dw_err op_passwords(const struct op_call *call, struct dw_passwords **ret_passwords);
/* A member's JSON text, in the arena. */
DW_MUST_USE enum dw_err op_json(const struct op_call *call, yyjson_val *value, struct dw_str *ret_json);

void op_answer_bytes(struct op_call *call, const char *name, struct dw_str bytes); /* base64url */
void op_answer_hex(struct op_call *call, const char *name, struct dw_str bytes);
/* JSON text as a member's value, rewritten: what was signed may have line breaks in it. */
DW_MUST_USE enum dw_err op_answer_json(struct op_call *call, const char *name, struct dw_str json);

#endif
