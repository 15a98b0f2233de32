#include "identity/mfa.h"

#include "base/encoding.h"
#include "identity/mfa_attempt.h"
#include "identity/node.h"
#include "identity/notice.h"
#include "identity/session_sql.h"
#include <doorward/otp.h>

enum { RECOVERY_BYTES = 15, GROUP_CHARS = 4, SCRATCH = 1 << 16 };

const char MFA_TABLES[] =
    "CREATE TABLE second_factors ("
    " user_id TEXT PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,"
    " sealed TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " is_enabled INTEGER NOT NULL,"
    " last_step BIGINT NOT NULL,"
    " failures BIGINT NOT NULL,"
    " paused_until BIGINT NOT NULL);"

    "CREATE TABLE recovery_codes ("
    " user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
    " code_hash TEXT NOT NULL,"
    " created_at BIGINT NOT NULL,"
    " used_at BIGINT,"
    " PRIMARY KEY (user_id, code_hash));";

/* Whoever comes second keeps the first one's secret. */
static const struct statement FACTOR_INSERT = {
    "second_factor_insert",
    "INSERT INTO second_factors (user_id, sealed, created_at, is_enabled, last_step, failures, paused_until)"
    " VALUES ($1, $2, $3, 0, -1, 0, 0) ON CONFLICT (user_id) DO NOTHING",
    3,
};
static const struct statement FACTOR_SECRET = {
    "second_factor_secret", "SELECT sealed, is_enabled FROM second_factors WHERE user_id = $1", 1,
};
static const struct statement FACTOR_ENABLE = {
    "second_factor_enable", "UPDATE second_factors SET is_enabled = 1 WHERE user_id = $1", 1,
};
static const struct statement FACTOR_DELETE = {
    "second_factor_delete", "DELETE FROM second_factors WHERE user_id = $1", 1,
};
static const struct statement RECOVERY_INSERT = {
    "recovery_code_insert", "INSERT INTO recovery_codes (user_id, code_hash, created_at) VALUES ($1, $2, $3)", 3,
};
static const struct statement RECOVERY_DELETE = {
    "recovery_code_delete", "DELETE FROM recovery_codes WHERE user_id = $1", 1,
};
static const struct statement USER_SET_MFA = {
    "user_set_mfa", "UPDATE users SET mfa_enabled = $3, updated_at = $4 WHERE tenant_id = $1 AND id = $2", 4,
};

const struct statement *const MFA_STATEMENTS[] = {
    &FACTOR_INSERT,   &FACTOR_SECRET,   &FACTOR_ENABLE, &FACTOR_DELETE,
    &RECOVERY_INSERT, &RECOVERY_DELETE, &USER_SET_MFA,  NULL,
};

/* What every write here works with. */
struct factor_change {
    const struct tenant *tenant;
    const struct actor *actor;
    struct mfa_attempt attempt;
    bool is_enabled; /* what the user's record says afterwards */
    enum audit_action action;
    const char *notice;
    struct mfa_codes codes;
};

static struct factor_change change_of(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                               struct dw_str user_id, struct dw_arena *arena)
{
    return (struct factor_change){
        .tenant = tenant,
        .actor = actor,
        .attempt = { .identity = identity, .tenant_id = tenant->id, .user_id = user_id, .address = actor->address,
                     .arena = arena },
    };
}

static enum dw_err set_user(struct transaction *tx, const struct factor_change *c)
{
    const struct mfa_attempt *a = &c->attempt;

    TRY(sql_exec(tx, &USER_SET_MFA,
                 VALUES(V_CSTR(c->tenant->id), V_TEXT(a->user_id), V_INT(c->is_enabled), V_INT(dw_clock_now_s())),
                 NULL));
    return identity_announce(tx, a->identity, CHANGE_USER, a->user_id);
}

/* --- setting up ------------------------------------------------------------------------------------------------- */

/* Of an issuer's URL, what apps can show: the host. A colon is not allowed there, so no port either. */
static struct dw_str issuer_name(const char *issuer)
{
    const char *scheme_end = strstr(issuer, "://");
    const char *host = scheme_end != NULL ? scheme_end + 3 : issuer;
    const size_t length = strcspn(host, ":/?#");

    return length > 0 ? dw_str_n(host, length) : DW_STR("Doorward");
}

static enum dw_err describe(const struct factor_change *c, const struct user *user, struct dw_str secret,
                            struct mfa_setup *ret_setup)
{
    const struct dw_otpauth otpauth = { .type = DW_OTP_TOTP, .label = user->email, .secret = secret,
                                        .issuer = issuer_name(c->attempt.identity->config.issuer) };
    struct mfa_setup setup = { .secret = base32_encode_arena(c->attempt.arena, secret) };

    if (setup.secret.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(dw_otpauth_build(&otpauth, c->attempt.arena, &setup.uri));
    *ret_setup = setup;
    return DW_OK;
}

struct setting_up {
    struct factor_change change;
    struct dw_str sealed; /* of a new secret, for a user who has none */
    struct dw_secret secret;
    bool is_enabled;
    struct user user;
};

static enum dw_err read_secret(const struct row *row, void *argument)
{
    struct setting_up *s = argument;
    const struct mfa_attempt *a = &s->change.attempt;

    s->is_enabled = row_bool(row, 1);
    return s->is_enabled ? DW_OK
                         : mfa_unseal(a->identity, a->user_id, row_text(row, 0), a->arena, &s->secret);
}

static enum dw_err apply_set_up(struct transaction *tx, void *argument)
{
    struct setting_up *s = argument;
    const struct mfa_attempt *a = &s->change.attempt;
    int64_t changes = 0;

    dw_secret_free(&s->secret);
    TRY(user_load_of(tx, s->change.tenant, a->user_id, a->arena, &s->user));
    TRY(sql_exec(tx, &FACTOR_INSERT, VALUES(V_TEXT(a->user_id), V_TEXT(s->sealed), V_INT(dw_clock_now_s())),
                 &changes));
    TRY(sql_one(tx, &FACTOR_SECRET, VALUES(V_TEXT(a->user_id)), read_secret, s));
    if (s->is_enabled)
        return DW_ERR_MFA_ON;
    return changes == 1 ? mfa_audit(tx, a, AUDIT_MFA_SET_UP, DW_OK) : DW_OK;
}

enum dw_err mfa_set_up(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                       struct dw_str user_id, struct dw_arena *arena, struct mfa_setup *ret_setup)
{
    _cleanup_secret_ struct dw_secret fresh = { 0 };
    struct setting_up s = { .change = change_of(identity, tenant, actor, user_id, arena) };

    TRY(dw_secret_random(DW_OTP_SECRET_SIZE, &fresh));
    TRY(mfa_seal(identity, user_id, dw_secret_borrow(&fresh), arena, &s.sealed));
    enum dw_err err = identity_write_as(identity, actor, apply_set_up, &s);

    if (err == DW_OK)
        err = describe(&s.change, &s.user, dw_secret_borrow(&s.secret), ret_setup);
    dw_secret_free(&s.secret);
    return err;
}

/* --- recovery codes --------------------------------------------------------------------------------------------- */

/* "ABCD-EFGH-IJKL-MNOP-QRST-UVWX": 120 bits. */
static struct dw_str recovery_code_new(struct dw_arena *arena)
{
    unsigned char bytes[RECOVERY_BYTES];
    char chars[RECOVERY_BYTES * 8 / 5];

    dw_random(bytes, sizeof(bytes));
    base32_encode(dw_str_n(bytes, sizeof(bytes)), false, chars);
    const struct dw_str code =
        dw_arena_printf(arena, "%.4s-%.4s-%.4s-%.4s-%.4s-%.4s", chars, chars + GROUP_CHARS, chars + 2 * GROUP_CHARS,
                        chars + 3 * GROUP_CHARS, chars + 4 * GROUP_CHARS, chars + 5 * GROUP_CHARS);

    dw_wipe(bytes, sizeof(bytes));
    dw_wipe(chars, sizeof(chars));
    return code;
}

/* New ones instead of all that were. */
static enum dw_err replace_codes(struct transaction *tx, struct factor_change *c)
{
    const struct mfa_attempt *a = &c->attempt;

    TRY(sql_exec(tx, &RECOVERY_DELETE, VALUES(V_TEXT(a->user_id)), NULL));
    for (size_t i = 0; i < MFA_RECOVERY_CODES; i++) {
        struct dw_str hash;

        c->codes.codes[i] = recovery_code_new(a->arena);
        if (c->codes.codes[i].ptr == NULL)
            return DW_ERR_NO_MEMORY;
        TRY(mfa_recovery_hash(a->identity, a->user_id, c->codes.codes[i], a->arena, &hash));
        TRY(sql_exec(tx, &RECOVERY_INSERT, VALUES(V_TEXT(a->user_id), V_TEXT(hash), V_INT(dw_clock_now_s())), NULL));
    }
    return DW_OK;
}

/* --- changes that a code allows --------------------------------------------------------------------------------- */

/* An attempt, and when it was right, `then`. */
static enum dw_err attempt_then(struct transaction *tx, struct factor_change *c,
                                enum dw_err (*then)(struct transaction *tx, struct factor_change *c))
{
    struct user user;

    TRY(user_load_of(tx, c->tenant, c->attempt.user_id, c->attempt.arena, &user));
    TRY(mfa_attempt_in(tx, &c->attempt));
    if (c->attempt.refusal != DW_OK)
        return DW_OK;
    TRY(then(tx, c));
    TRY(notice_add(tx, &(struct notice){ .kind = c->notice, .user_id = c->attempt.user_id,
                                         .from = c->attempt.address }));
    return mfa_audit(tx, &c->attempt, c->action, DW_OK);
}

/* Runs the write, and tells memory what it changed. */
static enum dw_err change_run(struct factor_change *c, enum dw_err (*apply)(struct transaction *tx, void *argument),
                              int64_t *ret_wait_s)
{
    struct identity *identity = c->attempt.identity;

    TRY(identity_write_as(identity, c->actor, apply, c));
    if (c->attempt.refusal == DW_ERR_MFA_PAUSED)
        *ret_wait_s = c->attempt.wait_s;
    TRY(c->attempt.refusal);
    identity_publish(identity, CHANGE_USER, c->attempt.user_id);
    return DW_OK;
}

static enum dw_err turn_on(struct transaction *tx, struct factor_change *c)
{
    TRY(sql_exec(tx, &FACTOR_ENABLE, VALUES(V_TEXT(c->attempt.user_id)), NULL));
    TRY(replace_codes(tx, c));
    return set_user(tx, c);
}

static enum dw_err apply_enable(struct transaction *tx, void *argument)
{
    return attempt_then(tx, argument, turn_on);
}

enum dw_err mfa_enable(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                       struct dw_str user_id, struct dw_str code, struct dw_arena *arena, struct mfa_codes *ret_codes,
                       int64_t *ret_wait_s)
{
    const struct mfa_proof proof = { .code = code };
    struct factor_change c = change_of(identity, tenant, actor, user_id, arena);

    c.attempt.proof = &proof;
    c.is_enabled = true;
    c.action = AUDIT_MFA_ENABLED;
    c.notice = NOTICE_MFA_ENABLED;
    TRY(change_run(&c, apply_enable, ret_wait_s));
    *ret_codes = c.codes;
    return DW_OK;
}

static enum dw_err turn_off(struct transaction *tx, struct factor_change *c)
{
    TRY(sql_exec(tx, &RECOVERY_DELETE, VALUES(V_TEXT(c->attempt.user_id)), NULL));
    TRY(sql_exec(tx, &FACTOR_DELETE, VALUES(V_TEXT(c->attempt.user_id)), NULL));
    return set_user(tx, c);
}

static enum dw_err apply_disable(struct transaction *tx, void *argument)
{
    return attempt_then(tx, argument, turn_off);
}

enum dw_err mfa_disable(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                        struct dw_str user_id, const struct mfa_proof *proof, int64_t *ret_wait_s)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(SCRATCH, &arena));
    struct factor_change c = change_of(identity, tenant, actor, user_id, arena);

    c.attempt.proof = proof;
    c.attempt.is_enabled = true;
    c.action = AUDIT_MFA_DISABLED;
    c.notice = NOTICE_MFA_DISABLED;
    return change_run(&c, apply_disable, ret_wait_s);
}

static enum dw_err apply_renew(struct transaction *tx, void *argument)
{
    return attempt_then(tx, argument, replace_codes);
}

enum dw_err mfa_renew_codes(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                            struct dw_str user_id, const struct mfa_proof *proof, struct dw_arena *arena,
                            struct mfa_codes *ret_codes, int64_t *ret_wait_s)
{
    struct factor_change c = change_of(identity, tenant, actor, user_id, arena);

    c.attempt.proof = proof;
    c.attempt.is_enabled = true;
    c.action = AUDIT_MFA_CODES_RENEWED;
    c.notice = NOTICE_RECOVERY_CODES_RENEWED;
    TRY(change_run(&c, apply_renew, ret_wait_s));
    *ret_codes = c.codes;
    return DW_OK;
}

/* --- lost ones -------------------------------------------------------------------------------------------------- */

struct lost_factor {
    struct factor_change change;
    const struct actor *actor;
    struct denials denials;
};

/* Whoever signed in with the lost factor may be who found it: every sign-in ends, and every token. */
static enum dw_err apply_reset(struct transaction *tx, void *argument)
{
    struct lost_factor *l = argument;
    struct factor_change *c = &l->change;
    const struct mfa_attempt *a = &c->attempt;
    const struct audit_event event = { .action = AUDIT_MFA_RESET, .tenant_id = c->tenant->id, .actor = l->actor->id,
                                       .target = a->user_id, .address = l->actor->address };
    struct user user;

    l->denials = (struct denials){ 0 };
    TRY(user_load_of(tx, c->tenant, c->attempt.user_id, c->attempt.arena, &user));
    if (!user.mfa_enabled)
        return DW_ERR_MFA_OFF;
    TRY(turn_off(tx, c));
    TRY(sql_exec(tx, &USER_NEXT_VERSION, VALUES(V_CSTR(c->tenant->id), V_TEXT(a->user_id)), NULL));
    TRY(session_end_in(tx, a->identity, a->user_id, dw_str_n(NULL, 0), a->arena, &l->denials));
    TRY(notice_add(tx, &(struct notice){ .kind = NOTICE_MFA_DISABLED, .user_id = a->user_id, .from = a->address,
                                         .detail = DW_STR("An administrator did it.") }));
    return audit_append(tx, &event);
}

enum dw_err mfa_reset(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                      struct dw_str user_id)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(1 << 20, &arena));
    struct lost_factor l = { .change = change_of(identity, tenant, actor, user_id, arena), .actor = actor };

    TRY(identity_write_as(identity, actor, apply_reset, &l));
    return session_publish(identity, user_id, &l.denials);
}
