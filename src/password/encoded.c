#include "password/scheme.h"

#include "base/encoding.h"
#include "password/kdf.h"

/*
 * The PHC string format (github.com/P-H-C/phc-string-format) and bcrypt's modular-crypt form, read strictly: one hash
 * has one text.
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

struct prefix_row {
    const char *prefix; /* between the first two dollars */
    const char *scheme;
    bool (*read)(struct dw_str rest, struct password_hash *hash);
};

/* Not $2x$ and $2$: those are other functions, made by a bug. */
static const struct prefix_row PREFIXES[] = {
    { "argon2id", "argon2id", read_argon2 }, { "argon2i", "argon2i", read_argon2 },
    { "argon2d", "argon2d", read_argon2 },   { "scrypt", "scrypt", read_scrypt },
    { "2b", "bcrypt", read_bcrypt },         { "2a", "bcrypt", read_bcrypt },
    { "2y", "bcrypt", read_bcrypt },
};

enum dw_err password_decode(struct dw_str encoded, struct password_hash *ret_hash)
{
    struct dw_str rest = encoded;

    if (encoded.len >= DW_PASSWORD_ENCODED_MAX || take_until(&rest, '$').len != 0)
        return DW_ERR_PASSWORD_FORMAT;
    const struct dw_str prefix = take_until(&rest, '$');
    for (size_t i = 0; i < ARRAY_SIZE(PREFIXES); i++) {
        if (!dw_str_eq(prefix, dw_str(PREFIXES[i].prefix)))
            continue;
        struct password_hash hash = { .scheme = password_scheme_by_name(dw_str(PREFIXES[i].scheme)) };
        hash.info.scheme = PREFIXES[i].scheme;
        if (!PREFIXES[i].read(rest, &hash) || !hash.scheme->is_allowed(&hash.info))
            return DW_ERR_PASSWORD_FORMAT;
        *ret_hash = hash;
        return DW_OK;
    }
    return DW_ERR_PASSWORD_FORMAT;
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
