#include "identity/mfa_attempt.h"

#include "base/encoding.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "identity/notice.h"
#include <doorward/otp.h>

enum {
    WINDOW_STEPS = 1,    /* RFC 6238 §5.2: one step of drift */
    RECOVERY_CHARS = 24, /* 120 bits: nothing to guess, so a plain MAC keeps it */
    PAUSE_FIRST_S = 5 * 60,
    PAUSE_DOUBLINGS = 9, /* 5 minutes that often is more than a day */
    PAUSE_MAX_S = 24 * 3600,
};

static const struct statement FACTOR_TAKE = {
    "second_factor_take",
    "UPDATE second_factors SET failures = failures + 1 WHERE user_id = $1 AND is_enabled = $2 AND paused_until <= $3"
    " RETURNING sealed, last_step, failures",
    3,
};
static const struct statement FACTOR_STATE = {
    "second_factor_state", "SELECT is_enabled, paused_until FROM second_factors WHERE user_id = $1", 1,
};
/* A step is spent once: the row has moved on for whoever comes second. */
static const struct statement FACTOR_ACCEPT = {
    "second_factor_accept",
    "UPDATE second_factors SET failures = 0, last_step = $2 WHERE user_id = $1 AND last_step < $2",
    2,
};
static const struct statement FACTOR_FORGIVE = {
    "second_factor_forgive", "UPDATE second_factors SET failures = 0 WHERE user_id = $1", 1,
};
static const struct statement FACTOR_PAUSE = {
    "second_factor_pause", "UPDATE second_factors SET paused_until = $2 WHERE user_id = $1", 2,
};
static const struct statement RECOVERY_SPEND = {
    "recovery_code_spend",
    "UPDATE recovery_codes SET used_at = $3 WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
    3,
};

const struct statement *const MFA_ATTEMPT_STATEMENTS[] = {
    &FACTOR_TAKE, &FACTOR_STATE, &FACTOR_ACCEPT, &FACTOR_FORGIVE, &FACTOR_PAUSE, &RECOVERY_SPEND, NULL,
};

enum dw_err mfa_audit(struct transaction *tx, const struct mfa_attempt *attempt, enum audit_action action,
                      enum dw_err result)
{
    const struct audit_event event = { .action = action, .tenant_id = attempt->tenant_id, .actor = attempt->user_id,
                                       .target = attempt->user_id, .address = attempt->address, .result = result };

    return audit_append(tx, &event);
}

/* --- secrets at rest -------------------------------------------------------------------------------------------- */

static struct dw_str seal_context(struct dw_arena *arena, struct dw_str user_id)
{
    return dw_arena_printf(arena, "second_factors/%.*s", (int)user_id.len, user_id.ptr);
}

enum dw_err mfa_seal(struct identity *identity, struct dw_str user_id, struct dw_str secret, struct dw_arena *arena,
                     struct dw_str *ret_sealed)
{
    const struct dw_str context = seal_context(arena, user_id);
    struct dw_str sealed;

    if (context.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(aead_seal(&identity->keys.sealing, context, secret, arena, &sealed));
    const struct dw_str text = base64url_encode_arena(arena, sealed);

    if (text.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_sealed = text;
    return DW_OK;
}

enum dw_err mfa_unseal(struct identity *identity, struct dw_str user_id, struct dw_str sealed, struct dw_arena *arena,
                       struct dw_secret *ret_secret)
{
    const struct dw_str context = seal_context(arena, user_id);
    struct dw_str bytes;

    if (context.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(base64url_decode_arena(arena, sealed, &bytes));
    return aead_open(&identity->keys.sealing, context, bytes, ret_secret);
}

/* Capitals without what people write between the groups. */
static bool recovery_normalize(struct dw_str code, char ret_chars[RECOVERY_CHARS])
{
    size_t n = 0;

    for (size_t i = 0; i < code.len; i++) {
        const char c = code.ptr[i];

        if (c == '-' || c == ' ')
            continue;
        if (n == RECOVERY_CHARS)
            return false;
        ret_chars[n++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    }
    return n == RECOVERY_CHARS;
}

enum dw_err mfa_recovery_hash(struct identity *identity, struct dw_str user_id, struct dw_str code,
                              struct dw_arena *arena, struct dw_str *ret_hash)
{
    char chars[RECOVERY_CHARS];
    unsigned char mac[SHA256_SIZE];

    if (!recovery_normalize(code, chars))
        return DW_ERR_MFA_CODE;
    const struct dw_str text =
        dw_arena_printf(arena, "%.*s/%.*s", (int)user_id.len, user_id.ptr, RECOVERY_CHARS, chars);

    dw_wipe(chars, sizeof(chars));
    if (text.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(hmac_sha256(&identity->keys.recovery, text, mac));
    const struct dw_str hash = base64url_encode_arena(arena, dw_str_n(mac, sizeof(mac)));

    if (hash.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_hash = hash;
    return DW_OK;
}

/* --- an attempt ------------------------------------------------------------------------------------------------- */

struct factor {
    struct mfa_attempt *attempt;
    struct dw_secret secret;
    int64_t last_step, failures;
};

static enum dw_err read_factor(const struct row *row, void *argument)
{
    struct factor *f = argument;

    f->last_step = row_int(row, 1);
    f->failures = row_int(row, 2);
    return mfa_unseal(f->attempt->identity, f->attempt->user_id, row_text(row, 0), f->attempt->arena, &f->secret);
}

struct state {
    bool is_enabled;
    int64_t paused_until;
};

static enum dw_err read_state(const struct row *row, void *argument)
{
    *(struct state *)argument = (struct state){ row_bool(row, 0), row_int(row, 1) };
    return DW_OK;
}

/* Why no attempt could be taken. */
static enum dw_err judge_untaken(struct transaction *tx, struct mfa_attempt *a, int64_t now_s)
{
    struct state state;
    const enum dw_err err = sql_one(tx, &FACTOR_STATE, VALUES(V_TEXT(a->user_id)), read_state, &state);

    if (err == DW_ERR_NOT_FOUND)
        return DW_ERR_MFA_OFF;
    TRY(err);
    if (state.is_enabled != a->is_enabled)
        return state.is_enabled ? DW_ERR_MFA_ON : DW_ERR_MFA_OFF;
    a->refusal = DW_ERR_MFA_PAUSED;
    a->wait_s = MAX_OF(state.paused_until - now_s, 1);
    return mfa_audit(tx, a, AUDIT_MFA_FAILED, DW_ERR_MFA_PAUSED);
}

static enum dw_err check_code(struct transaction *tx, struct factor *f, int64_t now_s, bool *ret_is_right)
{
    const struct dw_totp totp = { .window = WINDOW_STEPS };
    bool matches = false;
    int64_t step = 0, changes = 0;
    const enum dw_err err = dw_totp_verify(dw_secret_borrow(&f->secret), &totp, f->attempt->proof->code, now_s,
                                           f->last_step, &matches, &step);

    if (err == DW_ERR_VALIDATION) /* no six digits: a wrong code like any other */
        matches = false;
    else
        TRY(err);
    if (matches)
        TRY(sql_exec(tx, &FACTOR_ACCEPT, VALUES(V_TEXT(f->attempt->user_id), V_INT(step)), &changes));
    *ret_is_right = changes == 1;
    return DW_OK;
}

static enum dw_err check_recovery_code(struct transaction *tx, const struct mfa_attempt *a, int64_t now_s,
                                       bool *ret_is_right)
{
    struct dw_str hash;
    int64_t changes = 0;
    const enum dw_err err = mfa_recovery_hash(a->identity, a->user_id, a->proof->recovery_code, a->arena, &hash);

    *ret_is_right = false;
    if (err == DW_ERR_MFA_CODE)
        return DW_OK;
    TRY(err);
    TRY(sql_exec(tx, &RECOVERY_SPEND, VALUES(V_TEXT(a->user_id), V_TEXT(hash), V_INT(now_s)), &changes));
    if (changes == 0)
        return DW_OK;
    *ret_is_right = true;
    TRY(sql_exec(tx, &FACTOR_FORGIVE, VALUES(V_TEXT(a->user_id)), NULL));
    TRY(notice_add(tx, &(struct notice){ .kind = NOTICE_RECOVERY_CODE_USED, .user_id = a->user_id,
                                         .from = a->address }));
    return mfa_audit(tx, a, AUDIT_MFA_RECOVERY_USED, DW_OK);
}

/* Five wrong ones in a row: a pause, and a longer one after each further five. */
static enum dw_err refuse(struct transaction *tx, struct mfa_attempt *a, int64_t failures, int64_t now_s)
{
    a->refusal = DW_ERR_MFA_CODE;
    TRY(mfa_audit(tx, a, AUDIT_MFA_FAILED, DW_ERR_MFA_CODE));
    if (failures % MFA_ATTEMPTS != 0)
        return DW_OK;
    const int64_t doublings = MIN_OF(failures / MFA_ATTEMPTS - 1, (int64_t)PAUSE_DOUBLINGS);
    const int64_t pause_s = MIN_OF((int64_t)PAUSE_FIRST_S << doublings, PAUSE_MAX_S);

    TRY(sql_exec(tx, &FACTOR_PAUSE, VALUES(V_TEXT(a->user_id), V_INT(now_s + pause_s)), NULL));
    /* Where it is on, whoever typed these codes had the password right. */
    if (a->is_enabled)
        TRY(notice_add_suspicion(tx, &(struct notice){ .kind = NOTICE_MFA_PAUSED, .user_id = a->user_id,
                                                       .from = a->address }));
    return mfa_audit(tx, a, AUDIT_MFA_PAUSED, DW_OK);
}

enum dw_err mfa_attempt_in(struct transaction *tx, struct mfa_attempt *a)
{
    const int64_t now_s = dw_clock_now_s();
    struct factor f = { .attempt = a };
    bool is_right = false;

    a->refusal = DW_OK;
    a->wait_s = 0;
    enum dw_err err = sql_one(tx, &FACTOR_TAKE, VALUES(V_TEXT(a->user_id), V_INT(a->is_enabled), V_INT(now_s)),
                              read_factor, &f);

    if (err == DW_ERR_NOT_FOUND)
        return judge_untaken(tx, a, now_s);
    if (err == DW_OK)
        err = a->proof->recovery_code.ptr != NULL ? check_recovery_code(tx, a, now_s, &is_right)
                                                  : check_code(tx, &f, now_s, &is_right);
    dw_secret_free(&f.secret);
    TRY(err);
    return is_right ? DW_OK : refuse(tx, a, f.failures, now_s);
}
