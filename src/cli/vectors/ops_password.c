/* password.verify, password.info, password.hash, password.roundtrip; kdf.argon2, kdf.scrypt, kdf.bcrypt. */
#include "base/encoding.h"
#include "cli/vectors/op.h"
#include "password/kdf.h"
#include "password/scheme.h"

enum { REPEAT_MAX = 1024 * 1024, TAG_MAX = 4096, ARGON2_MEMORY_MAX_KIB = 1024 * 1024, BCRYPT_COST_MAX = 16 };

/* --- passwords of the request --- */

/* `password_repeat`: [hex byte, count]. */
static enum dw_err repeated(const struct op_call *call, yyjson_val *pair, struct dw_str *ret_password)
{
    const struct dw_str hex = json_str(yyjson_arr_get(pair, 0));
    yyjson_val *count = yyjson_arr_get(pair, 1);
    unsigned char byte = 0;
    size_t size = 0;

    if (yyjson_arr_size(pair) != 2 || hex.len != 2 || !yyjson_is_uint(count) || yyjson_get_uint(count) > REPEAT_MAX)
        return DW_ERR_VALIDATION;
    TRY(hex_decode(hex, &byte, 1, &size));
    const size_t n = (size_t)yyjson_get_uint(count);
    char *bytes = dw_arena_alloc(call->arena, n + 1);
    if (bytes == NULL)
        return DW_ERR_NO_MEMORY;
    memset(bytes, byte, n);
    *ret_password = dw_str_n(bytes, n);
    return DW_OK;
}

static enum dw_err read_password(const struct op_call *call, struct dw_str *ret_password)
{
    yyjson_val *pair = json_get(call->in, "password_repeat");

    return pair != NULL ? repeated(call, pair, ret_password) : op_bytes(call, "password", ret_password);
}

/* Borrowed: the arena owns and wipes it. */
static struct dw_secret as_secret(struct dw_str bytes)
{
    return (struct dw_secret){ (unsigned char *)bytes.ptr, bytes.len };
}

/* --- password.* --- */

/* Formats of other systems that we don't read, as against broken ones of our own. */
static bool is_foreign(struct dw_str encoded)
{
    static const struct dw_str PREFIXES[] = {
        DW_STR_INIT("$1$"), DW_STR_INIT("$5$"), DW_STR_INIT("$6$"),
        DW_STR_INIT("$7$"), DW_STR_INIT("$y$"), DW_STR_INIT("$2x$"),
    };

    for (size_t i = 0; i < ARRAY_SIZE(PREFIXES); i++)
        if (dw_str_starts_with(encoded, PREFIXES[i]))
            return true;
    return false;
}

static enum dw_err read_encoded(const struct op_call *call, struct dw_str *ret_encoded)
{
    TRY(op_str(call, "encoded", ret_encoded));
    return is_foreign(*ret_encoded) ? DW_ERR_UNSUPPORTED : DW_OK;
}

static enum dw_err matches(struct op_call *call, struct dw_str encoded, struct dw_str password, bool *ret_matches,
                           bool *ret_needs_rehash)
{
    const struct dw_secret secret = as_secret(password);
    struct dw_passwords *passwords = NULL;

    TRY(op_passwords(call, &passwords));
    return dw_password_verify(passwords, encoded, &secret, ret_matches, ret_needs_rehash);
}

static enum dw_err password_verify(struct op_call *call)
{
    struct dw_str encoded = { 0 }, password = { 0 };
    bool match = false, needs_rehash = false;

    TRY(read_encoded(call, &encoded));
    TRY(read_password(call, &password));
    TRY(matches(call, encoded, password, &match, &needs_rehash));
    json_write_member_bool(call->out, "match", match);
    if (match)
        json_write_member_bool(call->out, "needs_rehash", needs_rehash);
    return DW_OK;
}

/* The parameters by the names of the PHC strings, bcrypt's cost by its own. */
static const struct param {
    const char *name;
    size_t offset;
} PARAMS[] = {
    { "m", offsetof(struct dw_password_info, memory_kib) },
    { "t", offsetof(struct dw_password_info, time) },
    { "p", offsetof(struct dw_password_info, lanes) },
    { "ln", offsetof(struct dw_password_info, log2_n) },
    { "r", offsetof(struct dw_password_info, r) },
    { "p", offsetof(struct dw_password_info, p) },
    { "cost", offsetof(struct dw_password_info, cost) },
    { "iterations", offsetof(struct dw_password_info, iterations) },
};

static uint32_t *param_of(struct dw_password_info *info, const struct param *param)
{
    return (void *)((char *)info + param->offset);
}

/* Which of them a scheme has: first and one past the last. */
static void params_of(struct dw_str scheme, size_t *ret_first, size_t *ret_end)
{
    const bool is_argon2 = dw_str_starts_with(scheme, DW_STR("argon2"));
    const bool is_scrypt = dw_str_eq(scheme, DW_STR("scrypt"));

    const bool is_pbkdf2 = dw_str_starts_with(scheme, DW_STR("pbkdf2"));

    *ret_first = is_argon2 ? 0 : is_scrypt ? 3 : is_pbkdf2 ? 7 : 6;
    *ret_end = is_argon2 ? 3 : is_scrypt ? 6 : is_pbkdf2 ? 8 : 7;
}

static enum dw_err password_info_op(struct op_call *call)
{
    struct dw_password_info info;
    struct dw_str encoded = { 0 };
    size_t i, end;

    TRY(read_encoded(call, &encoded));
    TRY(dw_password_info(encoded, &info));
    json_write_member_str(call->out, "alg", dw_str(info.scheme));
    if (info.version != 0)
        json_write_member_int(call->out, "version", info.version);
    json_write_key(call->out, "params");
    buffer_append_char(call->out, '{');
    for (params_of(dw_str(info.scheme), &i, &end); i < end; i++)
        json_write_member_int(call->out, PARAMS[i].name, *param_of(&info, &PARAMS[i]));
    buffer_append_char(call->out, '}');
    json_write_member_int(call->out, "salt_len", (int64_t)info.salt_size);
    json_write_member_int(call->out, "hash_len", (int64_t)info.hash_size);
    return DW_OK;
}

static enum dw_err read_params(const struct op_call *call, struct dw_password_info *ret_info)
{
    const struct op_call params = { .in = json_get(call->in, "params"), .arena = call->arena };
    struct dw_str name = { 0 };
    int64_t value = 0;
    size_t i, end;

    TRY(op_str(call, "alg", &name));
    if (password_scheme_by_name(name) == NULL)
        return DW_ERR_UNSUPPORTED;
    *ret_info = (struct dw_password_info){ .scheme = name.ptr };
    for (params_of(name, &i, &end); i < end; i++) {
        if (json_get(params.in, PARAMS[i].name) == NULL)
            continue;
        TRY(op_int(&params, PARAMS[i].name, 0, UINT32_MAX, &value));
        *param_of(ret_info, &PARAMS[i]) = (uint32_t)value;
    }
    return DW_OK;
}

static enum dw_err password_hash_op(struct op_call *call)
{
    struct dw_password_info info;
    struct dw_str salt = { 0 }, password = { 0 };
    char encoded[DW_PASSWORD_ENCODED_MAX];

    TRY(read_params(call, &info));
    if (json_get(call->in, "salt") != NULL)
        TRY(op_bytes(call, "salt", &salt));
    TRY(read_password(call, &password));
    TRY(password_hash_with(&info, salt, password, encoded));
    json_write_member_str(call->out, "encoded", dw_str(encoded));
    return DW_OK;
}

static enum dw_err password_roundtrip(struct op_call *call)
{
    struct dw_password_info info;
    struct dw_str password = { 0 };
    char encoded[DW_PASSWORD_ENCODED_MAX];
    bool match = false;
    yyjson_val *wrong;
    size_t i, n;

    TRY(read_params(call, &info));
    TRY(read_password(call, &password));
    TRY(password_hash_with(&info, dw_str(NULL), password, encoded));
    TRY(matches(call, dw_str(encoded), password, &match, NULL));
    json_write_member_bool(call->out, "match", match);
    json_write_key(call->out, "wrong_match");
    buffer_append_char(call->out, '[');
    yyjson_arr_foreach(json_get(call->in, "wrong"), i, n, wrong) {
        TRY(base64url_decode_arena(call->arena, json_str(wrong), &password));
        TRY(matches(call, dw_str(encoded), password, &match, NULL));
        json_write_comma(call->out);
        buffer_append(call->out, match ? DW_STR("true") : DW_STR("false"));
    }
    buffer_append_char(call->out, ']');
    return DW_OK;
}

/* --- kdf.* --- */

static enum dw_err read_argon2_type(const struct op_call *call, enum kdf_argon2_type *ret_type)
{
    static const struct {
        const char *name;
        enum kdf_argon2_type type;
    } NAMES[] = { { "argon2d", KDF_ARGON2D }, { "argon2i", KDF_ARGON2I }, { "argon2id", KDF_ARGON2ID },
                  { "d", KDF_ARGON2D },       { "i", KDF_ARGON2I },       { "id", KDF_ARGON2ID } };
    struct dw_str name = { 0 };

    TRY(op_str(call, "type", &name));
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        if (dw_str_eq_nocase(name, dw_str(NAMES[i].name))) {
            *ret_type = NAMES[i].type;
            return DW_OK;
        }
    return DW_ERR_UNSUPPORTED;
}

static enum dw_err kdf_argon2_op(struct op_call *call)
{
    struct kdf_argon2 in = { 0 };
    int64_t version, time, memory, lanes, size;
    unsigned char tag[TAG_MAX];

    TRY(read_argon2_type(call, &in.type));
    TRY(op_int(call, "version", 0, 255, &version));
    TRY(op_int(call, "t", 1, 1024, &time));
    TRY(op_int(call, "m", 1, ARGON2_MEMORY_MAX_KIB, &memory));
    TRY(op_int(call, "p", 1, 255, &lanes));
    TRY(op_int(call, "tag_len", 1, TAG_MAX, &size));
    TRY(read_password(call, &in.password));
    TRY(op_bytes(call, "salt", &in.salt));
    if (json_get(call->in, "secret") != NULL)
        TRY(op_bytes(call, "secret", &in.secret));
    if (json_get(call->in, "ad") != NULL)
        TRY(op_bytes(call, "ad", &in.associated_data));
    in.version = (uint32_t)version;
    in.time = (uint32_t)time;
    in.memory_kib = (uint32_t)memory;
    in.lanes = (uint32_t)lanes;
    TRY(kdf_argon2(&in, tag, (size_t)size));
    op_answer_hex(call, "tag", dw_str_n(tag, (size_t)size));
    return DW_OK;
}

static enum dw_err kdf_scrypt_op(struct op_call *call)
{
    struct dw_str password = { 0 }, salt = { 0 };
    int64_t n, r, p, size;
    unsigned char key[TAG_MAX];

    TRY(op_int(call, "n", 1, INT64_MAX, &n));
    TRY(op_int(call, "r", 1, UINT32_MAX, &r));
    TRY(op_int(call, "p", 1, UINT32_MAX, &p));
    TRY(op_int(call, "dklen", 1, TAG_MAX, &size));
    TRY(read_password(call, &password));
    TRY(op_bytes(call, "salt", &salt));
    TRY(kdf_scrypt(password, salt, (uint64_t)n, (uint64_t)r, (uint64_t)p, key, (size_t)size));
    op_answer_hex(call, "key", dw_str_n(key, (size_t)size));
    return DW_OK;
}

/* SHA-1 too: PBKDF2 with it is what old systems left behind. */
static enum dw_err read_pbkdf2_hash(const struct op_call *call, unsigned *ret_bits)
{
    struct dw_str name = { 0 };

    TRY(op_str(call, "hash", &name));
    if (dw_str_eq_nocase(name, DW_STR("SHA-1")) || dw_str_eq_nocase(name, DW_STR("SHA1"))) {
        *ret_bits = 160;
        return DW_OK;
    }
    TRY(op_hash_bits(call, "hash", ret_bits));
    return *ret_bits == 384 ? DW_ERR_UNSUPPORTED : DW_OK;
}

static enum dw_err kdf_pbkdf2_op(struct op_call *call)
{
    struct dw_str password = { 0 }, salt = { 0 };
    int64_t iterations, size;
    unsigned char key[TAG_MAX];
    unsigned bits = 0;

    TRY(read_pbkdf2_hash(call, &bits));
    TRY(op_int(call, "iterations", 1, UINT32_MAX, &iterations));
    TRY(op_int(call, "dklen", 1, TAG_MAX, &size));
    TRY(read_password(call, &password));
    TRY(op_bytes(call, "salt", &salt));
    TRY(kdf_pbkdf2(bits, password, salt, (uint32_t)iterations, key, (size_t)size));
    op_answer_hex(call, "key", dw_str_n(key, (size_t)size));
    return DW_OK;
}

/* "$2b$05$" and 22 characters of salt. */
static enum dw_err read_setting(struct dw_str setting, uint32_t *ret_cost, unsigned char *ret_salt)
{
    enum { PREFIX = 7 };
    size_t size = 0;

    if (setting.len != KDF_BCRYPT_SETTING_SIZE)
        return DW_ERR_VALIDATION;
    const char *text = setting.ptr;
    const bool is_known = text[0] == '$' && text[1] == '2' && memchr("aby", text[2], 3) != NULL && text[3] == '$' &&
                          text[6] == '$' && text[4] >= '0' && text[4] <= '9' && text[5] >= '0' && text[5] <= '9';
    if (!is_known)
        return DW_ERR_VALIDATION;
    *ret_cost = (uint32_t)(10 * (text[4] - '0') + text[5] - '0');
    if (*ret_cost < PASSWORD_BCRYPT_COST_MIN || *ret_cost > BCRYPT_COST_MAX)
        return DW_ERR_VALIDATION;
    return kdf_bcrypt_decode(dw_str_n(text + PREFIX, setting.len - PREFIX), ret_salt, KDF_BCRYPT_SALT_SIZE, &size);
}

static enum dw_err kdf_bcrypt_op(struct op_call *call)
{
    struct dw_str setting = { 0 }, password = { 0 };
    unsigned char salt[KDF_BCRYPT_SALT_SIZE], hash[KDF_BCRYPT_HASH_SIZE];
    char encoded[KDF_BCRYPT_ENCODED_SIZE + 1];
    uint32_t cost = 0;

    TRY(op_str(call, "setting", &setting));
    TRY(is_foreign(setting) ? DW_ERR_UNSUPPORTED : read_setting(setting, &cost, salt));
    TRY(read_password(call, &password));
    TRY(kdf_bcrypt(password, salt, cost, hash));
    memcpy(encoded, setting.ptr, 7);
    size_t at = 7;
    at += kdf_bcrypt_encode(dw_str_n(salt, sizeof salt), encoded + at);
    at += kdf_bcrypt_encode(dw_str_n(hash, sizeof hash), encoded + at);
    json_write_member_str(call->out, "encoded", dw_str_n(encoded, at));
    return DW_OK;
}

const struct op OPS_PASSWORD[] = {
    { "password.verify", password_verify },
    { "password.info", password_info_op },
    { "password.hash", password_hash_op },
    { "password.roundtrip", password_roundtrip },
    { "kdf.argon2", kdf_argon2_op },
    { "kdf.scrypt", kdf_scrypt_op },
    { "kdf.pbkdf2", kdf_pbkdf2_op },
    { "kdf.bcrypt", kdf_bcrypt_op },
    { NULL },
};
