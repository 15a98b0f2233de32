/*
 * Users of another system, with the password hashes that it made (spec C1, H7).
 *
 * Many in one write, since each commit waits for the disk. A row that can't be taken does not stop the others. The
 * hashes verify as they are; a weaker one is replaced at the first sign-in (credential.h).
 * Defends against: hashes that could not be verified later, or only at a price (dw_password_info() has ceilings); an
 * import that takes over an account (a name or address that is there stays whose it was).
 * Does not: judge passwords, which it never sees.
 */
#ifndef IDENTITY_USER_IMPORT_H
#define IDENTITY_USER_IMPORT_H

#include "identity/user.h"

struct user_import {
    struct tenant tenant;
    struct dw_str username, email, full_name; /* absent full name: none */
    struct dw_str role;                       /* absent: "user" */
    struct dw_str password_hash;              /* any that dw_password_info() reads */
    bool is_active, email_verified;
    enum dw_err refusal; /* set when the row can't be taken; a row that has one already is left alone */
    bool is_skipped;     /* of the import itself: the row had its refusal before */
};

/*
 * Takes the rows without a refusal, in one write with an audit event each. Refusals: DW_ERR_USER_TAKEN (also by a row
 * before), DW_ERR_VALIDATION (name, address, full name), DW_ERR_ROLE (no such role), DW_ERR_PASSWORD_FORMAT. Any other
 * error is returned, and none of the rows was taken.
 */
DW_MUST_USE enum dw_err user_import(struct identity *identity, const struct actor *actor, struct user_import *rows,
                                    size_t n, struct dw_arena *arena);

extern const struct statement *const USER_IMPORT_STATEMENTS[];

#endif
