/*
 * What a stored hash is: its parameters, salt and hash, and the table of schemes that can read, write and compute one.
 *
 * Defends against: lax decoders (libargon2's own takes signs and leading zeros), hash strings whose parameters would
 * take the machine (the ceilings below hold for foreign hashes as for our own settings).
 */
#ifndef PASSWORD_SCHEME_H
#define PASSWORD_SCHEME_H

#include "base/cleanup.h"
#include <doorward/password.h>

/* Ceilings. One hash at a time and slot, so memory is bounded by workers x 256 MiB even for imported hashes. */
enum {
    PASSWORD_ARGON2_MEMORY_KIB_MAX = 256 * 1024,
    PASSWORD_ARGON2_TIME_MAX = 16,
    PASSWORD_ARGON2_LANES_MAX = 16,
    PASSWORD_SCRYPT_LOG2_N_MAX = 20,
    PASSWORD_SCRYPT_R_MAX = 32,
    PASSWORD_SCRYPT_P_MAX = 16,
    PASSWORD_SCRYPT_MEMORY_MAX = 256 * 1024 * 1024, /* 128 * N * r bytes */
    PASSWORD_SCRYPT_WORK_MAX = 1024 * 1024 * 1024,  /* 128 * N * r * p: bounds the time */
    PASSWORD_PBKDF2_ITERATIONS_MAX = 5 * 1000 * 1000,
    PASSWORD_BCRYPT_COST_MIN = 4,
    PASSWORD_BCRYPT_COST_MAX = 16,
    PASSWORD_SALT_MIN = 8, /* RFC 9106 §3.1 */
    PASSWORD_SALT_MAX = 64,
    PASSWORD_HASH_MIN = 12, /* the PHC string format's least for Argon2 */
    PASSWORD_HASH_MAX = 64,
    PASSWORD_SALT_SIZE = 16, /* of new hashes */
    PASSWORD_HASH_SIZE = 32,
    PASSWORD_MAX_BYTES = 1024, /* of a password, where nothing else is set */
};

struct password_scheme;

struct password_hash {
    const struct password_scheme *scheme;
    struct dw_password_info info; /* the parameters, and the sizes of what follows */
    unsigned char salt[PASSWORD_SALT_MAX];
    unsigned char hash[PASSWORD_HASH_MAX];
};

/* One row a variant. */
struct password_scheme {
    const char *name; /* as in the encoded form; bcrypt's is 2b */
    enum dw_password_scheme id; /* 0: read and verified alone; new hashes are never of it */
    struct dw_password_info defaults; /* its scheme, salt_size and hash_size too */
    size_t password_max;              /* bytes; 0: no limit of its own */
    /* Whether the parameters are within the algorithm's limits and our ceilings. */
    bool (*is_allowed)(const struct dw_password_info *info);
    enum dw_err (*derive)(const struct password_hash *hash, struct dw_str password, unsigned char *ret_bytes);
};

/* The row by its name ("argon2id", "argon2i", "argon2d", "scrypt", "bcrypt", "pbkdf2-sha256", …) or by its id; NULL for
 * an unknown one. */
const struct password_scheme *password_scheme_by_name(struct dw_str name);
const struct password_scheme *password_scheme_by_id(enum dw_password_scheme id);

/* All rows by their number, as metrics name them. */
enum { PASSWORD_SCHEME_COUNT = 10 };
extern const char *const PASSWORD_SCHEME_NAMES[PASSWORD_SCHEME_COUNT];
unsigned password_scheme_number(const struct password_scheme *scheme);

/* Fills zero parameters with the scheme's defaults. DW_ERR_SETTING when one is out of bounds. The hash has neither salt
 * nor hash bytes yet. */
DW_MUST_USE enum dw_err password_hash_prepare(const struct dw_password_info *params, struct password_hash *ret_hash);

/* Whether this password may be hashed: DW_ERR_PASSWORD_LONG, _NUL, DW_ERR_VALIDATION for malformed UTF-8. */
DW_MUST_USE enum dw_err password_check_bytes(const struct password_scheme *scheme, struct dw_str password,
                                             size_t max_bytes);

/* What the stored hash should be, into ret_bytes[info.hash_size]. */
DW_MUST_USE enum dw_err password_derive(const struct password_hash *hash, struct dw_str password,
                                        unsigned char ret_bytes[PASSWORD_HASH_MAX]);

/* The text forms. DW_ERR_PASSWORD_FORMAT for what is malformed or past a ceiling. */
DW_MUST_USE enum dw_err password_decode(struct dw_str encoded, struct password_hash *ret_hash);
void password_encode(const struct password_hash *hash, char ret_encoded[DW_PASSWORD_ENCODED_MAX]);

/* A hash with parameters and salt of the caller's choice, without slots; for known answers and tools. params->scheme
 * names the row; zero members take its defaults. salt absent: random. Errors as dw_password_hash(), and DW_ERR_SETTING
 * for parameters or a salt out of bounds. */
DW_MUST_USE enum dw_err password_hash_with(const struct dw_password_info *params, struct dw_str salt,
                                           struct dw_str password, char ret_encoded[DW_PASSWORD_ENCODED_MAX]);

#endif
