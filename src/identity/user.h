/*
 * Users: the record, look-ups, changes. Passwords are credential.h's. Everything is bound to a tenant.
 */
#ifndef IDENTITY_USER_H
#define IDENTITY_USER_H

#include "identity/tenant.h"

/* A user without credentials: safe to show to the user and to administrators. Strings live in the arena given. */
struct user {
    struct dw_str id;
    struct dw_str tenant_id;
    struct dw_str tenant; /* slug */
    struct dw_str username;
    struct dw_str email;
    bool email_verified;
    struct dw_str full_name; /* absent: none */
    bool is_active;  /* may sign in: she is enabled, and so is her tenant */
    bool is_enabled; /* she herself */
    struct dw_str role;
    struct dw_str direct_permissions; /* the user's own, space-separated */
    struct dw_str permissions;        /* with the role's: what the user may do */
    int64_t token_version;            /* tokens of an older one are dead */
    bool mfa_enabled;
    int64_t created_at;
    int64_t last_login_at; /* -1: never */
};

struct user_new {
    struct dw_str username, email, full_name;
    struct dw_str role; /* absent: "user" */
    bool email_verified;
    int64_t password_ttl_s; /* of a one-time password: how long it signs in, unless another one is set; 0: for good */
    const struct dw_secret *password; /* plain: checked against the policy, then hashed (waits for a hashing slot) */
};

/* Errors: DW_ERR_USER_TAKEN, those of dw_password_check(), DW_ERR_VALIDATION (name or address malformed). */
DW_MUST_USE enum dw_err user_create(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                    const struct user_new *new_user, struct dw_arena *arena, struct user *ret_user);

/* DW_ERR_NOT_FOUND also for a user of another tenant. */
DW_MUST_USE enum dw_err user_get(struct identity *identity, const struct tenant *tenant, struct dw_str id,
                                 struct dw_arena *arena, struct user *ret_user);
/* By user name or e-mail address, without case. */
DW_MUST_USE enum dw_err user_find(struct identity *identity, const struct tenant *tenant, struct dw_str login,
                                  struct dw_arena *arena, struct user *ret_user);

struct user_filter {
    struct dw_str query;   /* part of the user name or address; absent: all */
    struct dw_str role;    /* absent: all */
    int is_active;         /* 1, 0, or -1 for all */
    struct dw_str after;   /* id of the last one seen */
    unsigned limit;        /* 1 to 100 */
};

struct user_page {
    struct user *users; /* in the arena */
    size_t n;
    bool has_more;
};

DW_MUST_USE enum dw_err user_list(struct identity *identity, const struct tenant *tenant,
                                  const struct user_filter *filter, struct dw_arena *arena, struct user_page *ret_page);

/* What to change; absent strings and unset flags leave things as they are. */
struct user_change {
    bool set_full_name; /* to full_name, absent clears it */
    struct dw_str full_name;
    struct dw_str email;     /* asks for verification again when it differs */
    int is_active;           /* 1, 0, or -1; disabling ends every sign-in */
    struct dw_str role;
};

/* Errors: DW_ERR_NOT_FOUND, DW_ERR_USER_TAKEN, DW_ERR_LAST_ADMIN, DW_ERR_VALIDATION. */
DW_MUST_USE enum dw_err user_update(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                    struct dw_str id, const struct user_change *change, struct dw_arena *arena,
                                    struct user *ret_user);
/* DW_ERR_NOT_FOUND, DW_ERR_LAST_ADMIN. Sign-ins and tokens end at once. */
DW_MUST_USE enum dw_err user_delete(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                                    struct dw_str id);
/* Whether any user has the role in the tenant (for the first start). */
DW_MUST_USE enum dw_err user_role_exists(struct identity *identity, const struct tenant *tenant, struct dw_str role,
                                         bool *ret_exists);

/* --- for the other files of this room ---------------------------------------------------------------------------- */

/* Loads by id regardless of tenant: for a token whose signature was right. Inside a read. */
DW_MUST_USE enum dw_err user_load(struct transaction *tx, struct dw_str id, struct dw_arena *arena,
                                  struct user *ret_user);
/* The same as it stands in this write or read; another tenant's does not exist. */
DW_MUST_USE enum dw_err user_load_of(struct transaction *tx, const struct tenant *tenant, struct dw_str id,
                                     struct dw_arena *arena, struct user *ret_user);
/* Inside a write: DW_ERR_USER_TAKEN when another user holds the address, as the verified one before a new one that is
 * not (the present addresses are the table's own constraint). */
DW_MUST_USE enum dw_err user_check_address(struct transaction *tx, const struct tenant *tenant, struct dw_str email_key,
                                           struct dw_str id);
/* A copy in one piece of memory: struct and strings. user_packed_size() bytes are needed, aligned for any type. */
size_t user_packed_size(const struct user *user);
struct user *user_pack(const struct user *user, void *memory);
/* The columns of USER_COLUMNS, in order, from column 0. */
#define USER_COLUMNS                                                                                                   \
    "u.id, u.tenant_id, t.slug, u.username, u.email, u.email_verified, u.full_name, u.is_active, u.role, "             \
    "u.permissions, u.token_version, u.mfa_enabled, u.created_at, u.last_login_at, "                                   \
    "(SELECT r.permissions FROM roles r WHERE r.tenant_id = u.tenant_id AND r.name = u.role), "                                    \
    "t.is_active"
enum { USER_COLUMN_COUNT = 16 };
DW_MUST_USE enum dw_err user_read_row(const struct row *row, struct dw_arena *arena, struct user *ret_user);
/* The look-up keys: ASCII lower case of a user name; normal form in lower case of an address (DW_ERR_VALIDATION). */
DW_MUST_USE enum dw_err user_key_of_name(struct dw_str username, struct dw_arena *arena, struct dw_str *ret_key);
DW_MUST_USE enum dw_err user_key_of_email(struct dw_str email, struct dw_arena *arena, struct dw_str *ret_email,
                                          struct dw_str *ret_key);

extern const struct statement *const USER_STATEMENTS[];
extern const char FORMER_EMAIL_COLUMNS[];

#endif
