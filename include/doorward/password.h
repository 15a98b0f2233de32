/*
 * Password hashing: schemes, a context that re-hashes, a policy, and a bounded number of hashes at a time.
 *
 * Defends against: guessing of stolen hashes (Argon2id by default, OWASP's parameters), timing that tells whether an
 * account exists (dw_password_verify_dummy() costs what a right hash costs), bcrypt's silent cut at 72 bytes (refused
 * instead), NUL bytes, huge input, hash strings whose parameters would take the machine (each scheme has a ceiling),
 * and a flood of sign-ins (slots). It knows nothing of HTTP or of accounts.
 *
 * Threading: a context is immutable once made and may be used by any number of threads.
 */
#ifndef DOORWARD_PASSWORD_H
#define DOORWARD_PASSWORD_H

#include <doorward/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dw_password_scheme { DW_PASSWORD_ARGON2ID = 1, DW_PASSWORD_SCRYPT, DW_PASSWORD_BCRYPT };

/* Zero members take the defaults: Argon2id m = 19456 KiB, t = 2, p = 1 (OWASP, RFC 9106 §4); scrypt N = 2^17, r = 8,
 * p = 1; bcrypt cost 12. */
struct dw_password_config {
    enum dw_password_scheme preferred; /* 0: Argon2id */
    uint32_t argon2_memory_kib, argon2_time, argon2_lanes;
    uint32_t scrypt_log2_n, scrypt_r, scrypt_p;
    uint32_t bcrypt_cost;
    unsigned workers; /* hashes at the same time, their memory allocated at once; 0: one a core */
    size_t max_bytes; /* of a password; 0: 1024 */
};

enum { DW_PASSWORD_ENCODED_MAX = 512 };

struct dw_passwords;

/* Allocates the memory of all slots (workers × Argon2 memory) and makes the dummy hash. */
DW_API DW_MUST_USE enum dw_err dw_passwords_new(const struct dw_password_config *config,
                                                struct dw_passwords **ret_passwords);
DW_API void dw_passwords_free(struct dw_passwords **passwords);

/*
 * A new hash in PHC form ($argon2id$…, $scrypt$…) or modular-crypt form ($2b$…), NUL-terminated, with a random salt.
 * Blocks until a slot is free, then computes. Errors: DW_ERR_PASSWORD_NUL, _LONG (past max_bytes, for bcrypt past 72
 * bytes), DW_ERR_VALIDATION for malformed UTF-8.
 */
DW_API DW_MUST_USE enum dw_err dw_password_hash(struct dw_passwords *passwords, const struct dw_secret *password,
                                                char ret_encoded[DW_PASSWORD_ENCODED_MAX]);

/*
 * Whether the password belongs to `encoded`: any known scheme and variant, also as Django (pbkdf2_sha256$…, argon2$…,
 * bcrypt$…, bcrypt_sha256$…, scrypt$…) and passlib ($pbkdf2-sha256$…, $bcrypt-sha256$…) write them. A password that
 * could not have been hashed (NUL, too long) does not match, after the time of a dummy hash. ret_needs_rehash may be
 * NULL: set when it matched and the scheme is not the preferred one or a parameter is below the context's.
 * DW_ERR_PASSWORD_FORMAT when `encoded` is malformed or its parameters are beyond the ceilings.
 */
DW_API DW_MUST_USE enum dw_err dw_password_verify(struct dw_passwords *passwords, struct dw_str encoded,
                                                  const struct dw_secret *password, bool *ret_matches,
                                                  bool *ret_needs_rehash);
/* Costs the time of a verification with the preferred scheme; for accounts that do not exist. */
DW_API void dw_password_verify_dummy(struct dw_passwords *passwords, const struct dw_secret *password);

/* What an encoded hash says of itself. */
struct dw_password_info {
    /* "argon2id", "argon2i", "argon2d", "scrypt", "bcrypt", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512",
     * "bcrypt-sha256" (passlib's), "bcrypt-sha256-hex" (Django's) */
    const char *scheme;
    uint32_t memory_kib, time, lanes, version; /* argon2 */
    uint32_t log2_n, r, p;                     /* scrypt */
    uint32_t cost;                             /* bcrypt */
    uint32_t iterations;                       /* pbkdf2 */
    size_t salt_size, hash_size;
};
/* Reads a hash string, of any scheme that can be verified. DW_ERR_PASSWORD_FORMAT as in dw_password_verify(). */
DW_API DW_MUST_USE enum dw_err dw_password_info(struct dw_str encoded, struct dw_password_info *ret_info);

/* --- policy ----------------------------------------------------------------------------------------------------- */

/*
 * A file of passwords known from breaches, as the public "Pwned Passwords" list comes: a line a password, its SHA-1 in
 * 40 hexadecimal digits, a colon and a count, ordered by hash. It is searched where it lies, a few reads of the disk a
 * look-up, and never loaded; any number of threads may. Replace it by renaming another one to its place, and open anew.
 */
struct dw_breached_passwords;
/* Opens the file; free it after the last policy that names it. DW_ERR_NOT_FOUND, DW_ERR_IO; DW_ERR_VALIDATION when it
 * is no such file, or is not in order. */
DW_API DW_MUST_USE enum dw_err dw_breached_passwords_open(const char *path,
                                                          struct dw_breached_passwords **ret_breached);
/* Closes it and sets *breached to NULL. */
DW_API void dw_breached_passwords_free(struct dw_breached_passwords **breached);

/* NIST SP 800-63B-4 §3.1.1: length, no composition rules, not among the common ones, not the user's own name, not the
 * service's, not from a breach. */
struct dw_password_policy {
    size_t min_chars; /* Unicode code points; 0: 8 */
    size_t max_bytes; /* 0: 1024 */
    const struct dw_str *words; /* n_words that it must not contain, such as the service's name; as `personal` below */
    size_t n_words;
    const struct dw_breached_passwords *breached; /* NULL: none is looked for */
};

/* `personal`: n_personal strings that it must not contain (without case, those of 3 characters or more; absent ones are
 * skipped). Errors: DW_ERR_PASSWORD_SHORT, _LONG, _NUL, _COMMON, _PERSONAL, _CONTEXT, _BREACHED, DW_ERR_VALIDATION (not
 * UTF-8), DW_ERR_IO when the file of breached ones can't be read any more. Waits for the disk where there is one. */
DW_API DW_MUST_USE enum dw_err dw_password_check(const struct dw_password_policy *policy,
                                                 const struct dw_secret *password, const struct dw_str *personal,
                                                 size_t n_personal);

#ifdef __cplusplus
}
#endif
#endif
