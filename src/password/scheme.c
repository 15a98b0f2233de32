#include "password/scheme.h"

#include "base/encoding.h"
#include "crypto/hash.h"
#include "password/kdf.h"

static bool argon2_is_allowed(const struct dw_password_info *info)
{
    return (info->version == 0x10 || info->version == 0x13) && info->lanes >= 1 &&
           info->lanes <= PASSWORD_ARGON2_LANES_MAX && info->time >= 1 && info->time <= PASSWORD_ARGON2_TIME_MAX &&
           info->memory_kib >= 8 * info->lanes && info->memory_kib <= PASSWORD_ARGON2_MEMORY_KIB_MAX;
}

static enum dw_err argon2_derive(const struct password_hash *hash, struct dw_str password, unsigned char *ret_bytes,
                                 enum kdf_argon2_type type)
{
    const struct kdf_argon2 in = {
        .type = type,
        .version = hash->info.version,
        .time = hash->info.time,
        .memory_kib = hash->info.memory_kib,
        .lanes = hash->info.lanes,
        .password = password,
        .salt = dw_str_n(hash->salt, hash->info.salt_size),
    };
    return kdf_argon2(&in, ret_bytes, hash->info.hash_size);
}

static enum dw_err argon2id_derive(const struct password_hash *hash, struct dw_str password, unsigned char *ret_bytes)
{
    return argon2_derive(hash, password, ret_bytes, KDF_ARGON2ID);
}

static enum dw_err argon2i_derive(const struct password_hash *hash, struct dw_str password, unsigned char *ret_bytes)
{
    return argon2_derive(hash, password, ret_bytes, KDF_ARGON2I);
}

static enum dw_err argon2d_derive(const struct password_hash *hash, struct dw_str password, unsigned char *ret_bytes)
{
    return argon2_derive(hash, password, ret_bytes, KDF_ARGON2D);
}

/* Each factor is bounded first, so the products fit. */
static bool scrypt_is_allowed(const struct dw_password_info *info)
{
    if (info->log2_n < 1 || info->log2_n > PASSWORD_SCRYPT_LOG2_N_MAX || info->r < 1 ||
        info->r > PASSWORD_SCRYPT_R_MAX || info->p < 1 || info->p > PASSWORD_SCRYPT_P_MAX)
        return false;
    const uint64_t memory = (UINT64_C(128) * info->r) << info->log2_n;
    /* RFC 7914 §2: N is less than 2^(128 * r / 8). */
    return memory <= PASSWORD_SCRYPT_MEMORY_MAX && memory * info->p <= PASSWORD_SCRYPT_WORK_MAX &&
           info->log2_n < 16 * info->r;
}

static enum dw_err scrypt_derive(const struct password_hash *hash, struct dw_str password, unsigned char *ret_bytes)
{
    return kdf_scrypt(password, dw_str_n(hash->salt, hash->info.salt_size), UINT64_C(1) << hash->info.log2_n,
                      hash->info.r, hash->info.p, ret_bytes, hash->info.hash_size);
}

static bool bcrypt_is_allowed(const struct dw_password_info *info)
{
    return info->cost >= PASSWORD_BCRYPT_COST_MIN && info->cost <= PASSWORD_BCRYPT_COST_MAX &&
           info->salt_size == KDF_BCRYPT_SALT_SIZE && info->hash_size == KDF_BCRYPT_HASH_SIZE;
}

static enum dw_err bcrypt_derive(const struct password_hash *hash, struct dw_str password, unsigned char *ret_bytes)
{
    return kdf_bcrypt(password, hash->salt, hash->info.cost, ret_bytes);
}

static bool pbkdf2_is_allowed(const struct dw_password_info *info)
{
    return info->iterations >= 1 && info->iterations <= PASSWORD_PBKDF2_ITERATIONS_MAX;
}

static enum dw_err pbkdf2_derive(const struct password_hash *hash, struct dw_str password, unsigned char *ret_bytes,
                                 unsigned bits)
{
    return kdf_pbkdf2(bits, password, dw_str_n(hash->salt, hash->info.salt_size), hash->info.iterations, ret_bytes,
                      hash->info.hash_size);
}

static enum dw_err pbkdf2_sha1_derive(const struct password_hash *hash, struct dw_str password,
                                      unsigned char *ret_bytes)
{
    return pbkdf2_derive(hash, password, ret_bytes, 160);
}

static enum dw_err pbkdf2_sha256_derive(const struct password_hash *hash, struct dw_str password,
                                        unsigned char *ret_bytes)
{
    return pbkdf2_derive(hash, password, ret_bytes, 256);
}

static enum dw_err pbkdf2_sha512_derive(const struct password_hash *hash, struct dw_str password,
                                        unsigned char *ret_bytes)
{
    return pbkdf2_derive(hash, password, ret_bytes, 512);
}

/* passlib: bcrypt of the base64 text of a SHA-256 (version 1), or of an HMAC under the salt as it is written (2). */
static enum dw_err bcrypt_sha256_derive(const struct password_hash *hash, struct dw_str password,
                                        unsigned char *ret_bytes)
{
    unsigned char digest[SHA256_SIZE];
    char salt[KDF_BCRYPT_SETTING_SIZE], text[2 * SHA256_SIZE];
    const size_t salt_length = kdf_bcrypt_encode(dw_str_n(hash->salt, KDF_BCRYPT_SALT_SIZE), salt);

    if (hash->info.version == 1)
        TRY(hash_sha256(password, digest));
    else
        TRY(hmac_sha2(256, dw_str_n(salt, salt_length), password, digest));
    const size_t length = base64_encode(dw_str_n(digest, sizeof(digest)), true, text);
    const enum dw_err err = kdf_bcrypt(dw_str_n(text, length), hash->salt, hash->info.cost, ret_bytes);

    dw_wipe(text, sizeof(text));
    dw_wipe(digest, sizeof(digest));
    return err;
}

/* Django: of the hexadecimal text of a SHA-256. */
static enum dw_err bcrypt_sha256_hex_derive(const struct password_hash *hash, struct dw_str password,
                                            unsigned char *ret_bytes)
{
    unsigned char digest[SHA256_SIZE];
    char text[2 * SHA256_SIZE];

    TRY(hash_sha256(password, digest));
    const size_t length = hex_encode(dw_str_n(digest, sizeof(digest)), text);
    const enum dw_err err = kdf_bcrypt(dw_str_n(text, length), hash->salt, hash->info.cost, ret_bytes);

    dw_wipe(text, sizeof(text));
    dw_wipe(digest, sizeof(digest));
    return err;
}

/* OWASP's second choice of equal strength, and RFC 9106 §4's version. */
#define ARGON2_DEFAULTS(scheme_name)                                                                                   \
    {                                                                                                                  \
        .scheme = (scheme_name), .memory_kib = 19456, .time = 2, .lanes = 1, .version = 0x13,                          \
        .salt_size = PASSWORD_SALT_SIZE, .hash_size = PASSWORD_HASH_SIZE                                               \
    }

static const struct password_scheme SCHEMES[] = {
    { "argon2id", DW_PASSWORD_ARGON2ID, ARGON2_DEFAULTS("argon2id"), 0, argon2_is_allowed, argon2id_derive },
    { "argon2i", DW_PASSWORD_ARGON2ID, ARGON2_DEFAULTS("argon2i"), 0, argon2_is_allowed, argon2i_derive },
    { "argon2d", DW_PASSWORD_ARGON2ID, ARGON2_DEFAULTS("argon2d"), 0, argon2_is_allowed, argon2d_derive },
    { "scrypt", DW_PASSWORD_SCRYPT,
      { .scheme = "scrypt", .log2_n = 17, .r = 8, .p = 1, .salt_size = PASSWORD_SALT_SIZE,
        .hash_size = PASSWORD_HASH_SIZE },
      0, scrypt_is_allowed, scrypt_derive },
    { "2b", DW_PASSWORD_BCRYPT,
      { .scheme = "bcrypt", .cost = 12, .salt_size = KDF_BCRYPT_SALT_SIZE, .hash_size = KDF_BCRYPT_HASH_SIZE },
      KDF_BCRYPT_PASSWORD_MAX, bcrypt_is_allowed, bcrypt_derive },
    { "pbkdf2", 0, { .scheme = "pbkdf2-sha1" }, 0, pbkdf2_is_allowed, pbkdf2_sha1_derive },
    { "pbkdf2-sha256", 0, { .scheme = "pbkdf2-sha256" }, 0, pbkdf2_is_allowed, pbkdf2_sha256_derive },
    { "pbkdf2-sha512", 0, { .scheme = "pbkdf2-sha512" }, 0, pbkdf2_is_allowed, pbkdf2_sha512_derive },
    { "bcrypt-sha256", 0, { .scheme = "bcrypt-sha256" }, 0, bcrypt_is_allowed, bcrypt_sha256_derive },
    { "bcrypt_sha256", 0, { .scheme = "bcrypt-sha256-hex" }, 0, bcrypt_is_allowed, bcrypt_sha256_hex_derive },
};

_Static_assert(ARRAY_SIZE(SCHEMES) == PASSWORD_SCHEME_COUNT, "each row has its name below, in the same order");

const char *const PASSWORD_SCHEME_NAMES[PASSWORD_SCHEME_COUNT] = {
    "argon2id",    "argon2i",       "argon2d",       "scrypt",        "bcrypt",
    "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512", "bcrypt-sha256", "bcrypt-sha256-hex",
};

unsigned password_scheme_number(const struct password_scheme *scheme)
{
    return (unsigned)(scheme - SCHEMES);
}

const struct password_scheme *password_scheme_by_name(struct dw_str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(SCHEMES); i++) {
        if (dw_str_eq(name, dw_str(SCHEMES[i].defaults.scheme)))
            return &SCHEMES[i];
    }
    return NULL;
}

const struct password_scheme *password_scheme_by_id(enum dw_password_scheme id)
{
    for (size_t i = 0; i < ARRAY_SIZE(SCHEMES); i++) {
        if (SCHEMES[i].id == id)
            return &SCHEMES[i];
    }
    return NULL;
}

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value != 0 ? value : fallback;
}

enum dw_err password_hash_prepare(const struct dw_password_info *params, struct password_hash *ret_hash)
{
    const struct password_scheme *scheme = password_scheme_by_name(dw_str(params->scheme));
    if (scheme == NULL || scheme->id == 0)
        return DW_ERR_SETTING;

    struct dw_password_info info = scheme->defaults;
    info.memory_kib = or_default(params->memory_kib, info.memory_kib);
    info.time = or_default(params->time, info.time);
    info.lanes = or_default(params->lanes, info.lanes);
    info.version = or_default(params->version, info.version);
    info.log2_n = or_default(params->log2_n, info.log2_n);
    info.r = or_default(params->r, info.r);
    info.p = or_default(params->p, info.p);
    info.cost = or_default(params->cost, info.cost);
    info.salt_size = params->salt_size != 0 ? params->salt_size : info.salt_size;
    info.hash_size = params->hash_size != 0 ? params->hash_size : info.hash_size;
    if (!scheme->is_allowed(&info) || info.salt_size < PASSWORD_SALT_MIN || info.salt_size > PASSWORD_SALT_MAX ||
        info.hash_size < PASSWORD_HASH_MIN || info.hash_size > PASSWORD_HASH_MAX)
        return DW_ERR_SETTING;
    *ret_hash = (struct password_hash){ .scheme = scheme, .info = info };
    return DW_OK;
}

enum dw_err password_check_bytes(const struct password_scheme *scheme, struct dw_str password, size_t max_bytes)
{
    if (password.len > max_bytes || (scheme->password_max != 0 && password.len > scheme->password_max))
        return DW_ERR_PASSWORD_LONG;
    if (password.len > 0 && memchr(password.ptr, '\0', password.len) != NULL)
        return DW_ERR_PASSWORD_NUL;
    return dw_str_is_utf8(password) ? DW_OK : DW_ERR_VALIDATION;
}

enum dw_err password_derive(const struct password_hash *hash, struct dw_str password,
                            unsigned char ret_bytes[PASSWORD_HASH_MAX])
{
    return hash->scheme->derive(hash, password, ret_bytes);
}

enum dw_err password_hash_with(const struct dw_password_info *params, struct dw_str salt, struct dw_str password,
                               char ret_encoded[DW_PASSWORD_ENCODED_MAX])
{
    struct dw_password_info wanted = *params;
    struct password_hash hash;

    if (!dw_str_is_absent(salt) && salt.len == 0)
        return DW_ERR_SETTING;
    wanted.salt_size = dw_str_is_absent(salt) ? 0 : salt.len;
    TRY(password_hash_prepare(&wanted, &hash));
    TRY(password_check_bytes(hash.scheme, password, PASSWORD_MAX_BYTES));
    if (dw_str_is_absent(salt))
        dw_random(hash.salt, hash.info.salt_size);
    else
        memcpy(hash.salt, salt.ptr, salt.len);
    TRY(password_derive(&hash, password, hash.hash));
    password_encode(&hash, ret_encoded);
    return DW_OK;
}
