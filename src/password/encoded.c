#include "password/scheme.h"

#include "base/encoding.h"
#include "password/kdf.h"

/*
 * The PHC string format (github.com/P-H-C/phc-string-format), bcrypt's modular-crypt form, and what passlib and Django
 * make of them, read strictly.
 */

/* Cuts what stands before the next `mark` off the front; all of the rest when there is none. */
static struct dw_str take_until(struct dw_str *rest, char mark)
{
    const char *found = rest->len == 0 ? NULL : memchr(rest->ptr, mark, rest->len);
    const size_t length = found == NULL ? rest->len : (size_t)(found - rest->ptr);
    const struct dw_str taken = dw_str_n(rest->ptr, length);
    const size_t skipped = length + (found == NULL ? 0 : 1);

    *rest = dw_str_n(rest->ptr + skipped, rest->len - skipped);
    return taken;
}

/* `name=` and a decimal number without sign or leading zero, below 2^31. */
static bool read_number(struct dw_str text, struct dw_str name, uint32_t *ret_number)
{
    uint32_t number = 0;

    if (!dw_str_starts_with(text, name))
        return false;
    text = dw_str_n(text.ptr + name.len, text.len - name.len);
    if (text.len < 1 || text.len > 9 || (text.ptr[0] == '0' && text.len > 1))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        number = number * 10 + (uint32_t)(text.ptr[i] - '0');
    }
    *ret_number = number;
    return true;
}

static bool read_salt_and_hash(struct dw_str rest, struct password_hash *hash)
{
    const struct dw_str salt = take_until(&rest, '$');

    return base64_decode(salt, false, hash->salt, sizeof(hash->salt), &hash->info.salt_size) == DW_OK &&
           base64_decode(rest, false, hash->hash, sizeof(hash->hash), &hash->info.hash_size) == DW_OK &&
           hash->info.salt_size >= PASSWORD_SALT_MIN && hash->info.hash_size >= PASSWORD_HASH_MIN;
}

/* v=19$m=65536,t=2,p=1$salt$hash; version 1.0 had no v= (it is then 16). */
static bool read_argon2(struct dw_str rest, struct password_hash *hash)
{
    if (dw_str_starts_with(rest, DW_STR("v="))) {
        if (!read_number(take_until(&rest, '$'), DW_STR("v="), &hash->info.version))
            return false;
    } else {
        hash->info.version = 0x10;
    }
    struct dw_str parameters = take_until(&rest, '$');
    return read_number(take_until(&parameters, ','), DW_STR("m="), &hash->info.memory_kib) &&
           read_number(take_until(&parameters, ','), DW_STR("t="), &hash->info.time) &&
           read_number(parameters, DW_STR("p="), &hash->info.lanes) && read_salt_and_hash(rest, hash);
}

/* ln=17,r=8,p=1$salt$hash, as passlib writes it. */
static bool read_scrypt(struct dw_str rest, struct password_hash *hash)
{
    struct dw_str parameters = take_until(&rest, '$');

    return read_number(take_until(&parameters, ','), DW_STR("ln="), &hash->info.log2_n) &&
           read_number(take_until(&parameters, ','), DW_STR("r="), &hash->info.r) &&
           read_number(parameters, DW_STR("p="), &hash->info.p) && read_salt_and_hash(rest, hash);
}

/* 12$ and 22 characters of salt, then 31 of hash. */
static bool read_bcrypt(struct dw_str rest, struct password_hash *hash)
{
    enum { SALT_CHARS = 22, HASH_CHARS = 31 };
    const struct dw_str cost = take_until(&rest, '$');

    if (cost.len != 2 || cost.ptr[0] < '0' || cost.ptr[0] > '9' || cost.ptr[1] < '0' || cost.ptr[1] > '9' ||
        rest.len != SALT_CHARS + HASH_CHARS)
        return false;
    hash->info.cost = (uint32_t)(cost.ptr[0] - '0') * 10 + (uint32_t)(cost.ptr[1] - '0');
    return kdf_bcrypt_decode(dw_str_n(rest.ptr, SALT_CHARS), hash->salt, sizeof(hash->salt), &hash->info.salt_size) ==
               DW_OK &&
           kdf_bcrypt_decode(dw_str_n(rest.ptr + SALT_CHARS, HASH_CHARS), hash->hash, sizeof(hash->hash),
                             &hash->info.hash_size) == DW_OK;
}

/* --- as passlib writes them -------------------------------------------------------------------------------------- */

/* Base64 with '.' where others have '+', and without padding. */
static bool read_ab64(struct dw_str text, unsigned char *ret_bytes, size_t capacity, size_t *ret_size)
{
    enum { TEXT_MAX = 128 };
    char standard[TEXT_MAX];

    if (text.len > sizeof(standard) || (text.len > 0 && memchr(text.ptr, '+', text.len) != NULL))
        return false;
    for (size_t i = 0; i < text.len; i++)
        standard[i] = text.ptr[i] == '.' ? '+' : text.ptr[i];
    return base64_decode(dw_str_n(standard, text.len), false, ret_bytes, capacity, ret_size) == DW_OK;
}

/* 29000$salt$hash */
static bool read_pbkdf2(struct dw_str rest, struct password_hash *hash)
{
    if (!read_number(take_until(&rest, '$'), DW_STR(""), &hash->info.iterations))
        return false;
    const struct dw_str salt = take_until(&rest, '$');
    return read_ab64(salt, hash->salt, sizeof(hash->salt), &hash->info.salt_size) &&
           read_ab64(rest, hash->hash, sizeof(hash->hash), &hash->info.hash_size) &&
           hash->info.salt_size >= PASSWORD_SALT_MIN && hash->info.hash_size >= PASSWORD_HASH_MIN;
}

static bool is_one_of(struct dw_str text, struct dw_str a, struct dw_str b)
{
    return dw_str_eq(text, a) || dw_str_eq(text, b);
}

/* v=2,t=2b,r=12$salt$hash, and before version 2: 2b,12$salt$hash */
static bool read_bcrypt_sha256(struct dw_str rest, struct password_hash *hash)
{
    enum { SALT_CHARS = 22, TEXT_SIZE = 3 + SALT_CHARS + 31 };
    struct dw_str parameters = take_until(&rest, '$');
    const struct dw_str first = take_until(&parameters, ',');
    const struct dw_str salt = take_until(&rest, '$');
    char text[TEXT_SIZE + 1];
    bool is_read;

    hash->info.version = 1;
    if (dw_str_eq(first, DW_STR("v=2"))) {
        hash->info.version = 2;
        is_read = is_one_of(take_until(&parameters, ','), DW_STR("t=2b"), DW_STR("t=2a")) &&
                  read_number(parameters, DW_STR("r="), &hash->info.cost);
    } else {
        is_read = is_one_of(first, DW_STR("2b"), DW_STR("2a")) && read_number(parameters, DW_STR(""), &hash->info.cost);
    }
    if (!is_read || hash->info.cost > 99 || salt.len != SALT_CHARS || rest.len != TEXT_SIZE - 3 - SALT_CHARS)
        return false;
    snprintf(text, sizeof(text), "%02u$%.*s%.*s", hash->info.cost, (int)salt.len, salt.ptr, (int)rest.len, rest.ptr);
    return read_bcrypt(dw_str(text), hash);
}

/* --- as Django writes them --------------------------------------------------------------------------------------- */

/* Its salts are text, taken as they are. */
static bool take_text_salt(struct dw_str *rest, struct password_hash *hash)
{
    const struct dw_str salt = take_until(rest, '$');

    if (salt.len < PASSWORD_SALT_MIN || salt.len > sizeof(hash->salt))
        return false;
    memcpy(hash->salt, salt.ptr, salt.len);
    hash->info.salt_size = salt.len;
    return true;
}

static bool read_padded_hash(struct dw_str text, struct password_hash *hash)
{
    return base64_decode(text, true, hash->hash, sizeof(hash->hash), &hash->info.hash_size) == DW_OK &&
           hash->info.hash_size >= PASSWORD_HASH_MIN;
}

/* 600000$salt$hash */
static bool read_django_pbkdf2(struct dw_str rest, struct password_hash *hash)
{
    return read_number(take_until(&rest, '$'), DW_STR(""), &hash->info.iterations) && take_text_salt(&rest, hash) &&
           read_padded_hash(rest, hash);
}

/* 16384$salt$8$5$hash: N itself, not its logarithm. */
static bool read_django_scrypt(struct dw_str rest, struct password_hash *hash)
{
    uint32_t n;

    if (!read_number(take_until(&rest, '$'), DW_STR(""), &n) || n < 2 || (n & (n - 1)) != 0)
        return false;
    hash->info.log2_n = (uint32_t)__builtin_ctz(n);
    return take_text_salt(&rest, hash) && read_number(take_until(&rest, '$'), DW_STR(""), &hash->info.r) &&
           read_number(take_until(&rest, '$'), DW_STR(""), &hash->info.p) && read_padded_hash(rest, hash);
}

/* $2b$12$… behind the name */
static bool read_django_bcrypt(struct dw_str rest, struct password_hash *hash)
{
    static const char *const NAMES[] = { "2b", "2a", "2y" };

    if (take_until(&rest, '$').len != 0)
        return false;
    const struct dw_str name = take_until(&rest, '$');
    for (size_t i = 0; i < ARRAY_SIZE(NAMES); i++)
        if (dw_str_eq(name, dw_str(NAMES[i])))
            return read_bcrypt(rest, hash);
    return false;
}

/* argon2id$v=19$… behind the name; older ones were argon2i. */
static bool read_django_argon2id(struct dw_str rest, struct password_hash *hash)
{
    return dw_str_eq(take_until(&rest, '$'), DW_STR("argon2id")) && read_argon2(rest, hash);
}

static bool read_django_argon2i(struct dw_str rest, struct password_hash *hash)
{
    return dw_str_eq(take_until(&rest, '$'), DW_STR("argon2i")) && read_argon2(rest, hash);
}

/* --- both ways --------------------------------------------------------------------------------------------------- */

struct prefix_row {
    const char *prefix; /* up to the next dollar */
    const char *scheme;
    bool (*read)(struct dw_str rest, struct password_hash *hash);
};

/* Not $2x$ and $2$: those are other functions, made by a bug. */
static const struct prefix_row PREFIXES[] = {
    { "argon2id", "argon2id", read_argon2 }, { "argon2i", "argon2i", read_argon2 },
    { "argon2d", "argon2d", read_argon2 },   { "scrypt", "scrypt", read_scrypt },
    { "2b", "bcrypt", read_bcrypt },         { "2a", "bcrypt", read_bcrypt },
    { "2y", "bcrypt", read_bcrypt },
    { "pbkdf2", "pbkdf2-sha1", read_pbkdf2 },
    { "pbkdf2-sha256", "pbkdf2-sha256", read_pbkdf2 },
    { "pbkdf2-sha512", "pbkdf2-sha512", read_pbkdf2 },
    { "bcrypt-sha256", "bcrypt-sha256", read_bcrypt_sha256 },
};

/* Django's have no dollar in front. */
static const struct prefix_row DJANGO[] = {
    { "pbkdf2_sha256", "pbkdf2-sha256", read_django_pbkdf2 },
    { "pbkdf2_sha1", "pbkdf2-sha1", read_django_pbkdf2 },
    { "pbkdf2_sha512", "pbkdf2-sha512", read_django_pbkdf2 },
    { "argon2", "argon2id", read_django_argon2id },
    { "argon2", "argon2i", read_django_argon2i },
    { "bcrypt_sha256", "bcrypt-sha256-hex", read_django_bcrypt },
    { "bcrypt", "bcrypt", read_django_bcrypt },
    { "scrypt", "scrypt", read_django_scrypt },
};

static enum dw_err decode_by(const struct prefix_row *rows, size_t n, struct dw_str prefix, struct dw_str rest,
                             struct password_hash *ret_hash)
{
    for (size_t i = 0; i < n; i++) {
        if (!dw_str_eq(prefix, dw_str(rows[i].prefix)))
            continue;
        struct password_hash hash = { .scheme = password_scheme_by_name(dw_str(rows[i].scheme)) };
        hash.info.scheme = rows[i].scheme;
        if (!rows[i].read(rest, &hash))
            continue; /* another row may have the same name */
        if (!hash.scheme->is_allowed(&hash.info))
            break;
        *ret_hash = hash;
        return DW_OK;
    }
    return DW_ERR_PASSWORD_FORMAT;
}

enum dw_err password_decode(struct dw_str encoded, struct password_hash *ret_hash)
{
    struct dw_str rest = encoded;

    if (encoded.len >= DW_PASSWORD_ENCODED_MAX)
        return DW_ERR_PASSWORD_FORMAT;
    const struct dw_str first = take_until(&rest, '$');
    if (first.len > 0)
        return decode_by(DJANGO, ARRAY_SIZE(DJANGO), first, rest, ret_hash);
    const struct dw_str prefix = take_until(&rest, '$');
    return decode_by(PREFIXES, ARRAY_SIZE(PREFIXES), prefix, rest, ret_hash);
}

void password_encode(const struct password_hash *hash, char ret_encoded[DW_PASSWORD_ENCODED_MAX])
{
    const struct dw_password_info *info = &hash->info;
    const struct dw_str salt = dw_str_n(hash->salt, info->salt_size), bytes = dw_str_n(hash->hash, info->hash_size);
    const size_t size = DW_PASSWORD_ENCODED_MAX;
    char *out = ret_encoded;

    /* The longest: 64 + 64 bytes as base64, and less than 100 characters of parameters. */
    switch (hash->scheme->id) {
    case DW_PASSWORD_BCRYPT:
        out += snprintf(out, size, "$%s$%02u$", hash->scheme->name, info->cost);
        out += kdf_bcrypt_encode(salt, out);
        out += kdf_bcrypt_encode(bytes, out);
        *out = '\0';
        return;
    case DW_PASSWORD_SCRYPT:
        out += snprintf(out, size, "$%s$ln=%u,r=%u,p=%u$", hash->scheme->name, info->log2_n, info->r, info->p);
        break;
    case DW_PASSWORD_ARGON2ID:
        out += snprintf(out, size, "$%s$v=%u$m=%u,t=%u,p=%u$", hash->scheme->name, info->version, info->memory_kib,
                        info->time, info->lanes);
        break;
    }
    out += base64_encode(salt, false, out);
    *out++ = '$';
    out += base64_encode(bytes, false, out);
    *out = '\0';
}
