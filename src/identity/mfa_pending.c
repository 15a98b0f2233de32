/* A sign-in that waits for its second factor: a token of its own kind, spent through the table of denials. */
#include "base/json.h"
#include "identity/credential.h"
#include "identity/mfa_attempt.h"
#include "identity/role.h"
#include "identity/session_sql.h"

#define PENDING_TOKEN_TYP "mfa+jwt"

static const struct statement PENDING_SPENT = { "pending_spent", "SELECT 1 FROM denials WHERE id = $1", 1 };

const struct statement *const MFA_PENDING_STATEMENTS[] = { &PENDING_SPENT, NULL };

static const char *const KINDS[] = {
    [MFA_FOR_TOKENS] = "tokens",
    [MFA_FOR_COOKIE] = "cookie",
    [MFA_FOR_COOKIE_REMEMBERED] = "cookie_remembered",
};

/* --- issuing ---------------------------------------------------------------------------------------------------- */

struct issue {
    struct identity *identity;
    const struct sign_in *in;
    const struct first_factor *factor;
};

static enum dw_err record_issue(struct transaction *tx, void *argument)
{
    const struct issue *i = argument;
    const struct mfa_attempt about = { .identity = i->identity, .tenant_id = i->in->tenant.id,
                                       .user_id = i->factor->user.id, .address = i->in->device.address };

    TRY(credential_check_mark(tx, i->factor->user.id, i->factor->mark));
    if (i->factor->rehash.ptr != NULL)
        TRY(credential_store_rehash(tx, i->factor->user.id, i->factor->rehash));
    return mfa_audit(tx, &about, AUDIT_MFA_ASKED, DW_OK);
}

static void write_claims(const struct issue *i, enum mfa_kind kind, struct buffer *b)
{
    char id[DW_UUID_SIZE];
    const int64_t now_s = dw_clock_now_s();

    dw_uuid7(id);
    buffer_append_char(b, '{');
    json_write_member_str(b, "iss", dw_str(i->identity->config.issuer));
    json_write_member_str(b, "sub", i->factor->user.id);
    json_write_member_int(b, "exp", now_s + MFA_PENDING_TTL_S);
    json_write_member_int(b, "iat", now_s);
    json_write_member_str(b, "jti", dw_str(id));
    json_write_member_str(b, "type", DW_STR("mfa"));
    json_write_member_str(b, "tenant", i->factor->user.tenant_id);
    json_write_member_str(b, "for", dw_str(KINDS[kind]));
    json_write_member_int(b, "ver", i->factor->user.token_version);
    json_write_member_str(b, "cred", i->factor->mark);
    if (i->in->scope.len > 0)
        json_write_member_str(b, "scope", i->in->scope);
    if (i->in->client_id.len > 0)
        json_write_member_str(b, "client_id", i->in->client_id);
    buffer_append_char(b, '}');
}

enum dw_err mfa_pending_issue(struct identity *identity, const struct sign_in *sign_in,
                              const struct first_factor *factor, enum mfa_kind kind, struct dw_arena *arena,
                              struct dw_str *ret_token)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(DW_TOKEN_MAX_BYTES / 2);
    struct issue issue = { identity, sign_in, factor };

    write_claims(&issue, kind, &b);
    TRY(buffer_error(&b));
    TRY(storage_write(identity->storage, record_issue, &issue));
    return dw_jwt_sign(identity->keys.pending, PENDING_TOKEN_TYP, buffer_str(&b), arena, ret_token);
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

static enum mfa_kind kind_by_name(struct dw_str name)
{
    for (enum mfa_kind kind = MFA_FOR_TOKENS; kind < ARRAY_SIZE(KINDS); kind++)
        if (dw_str_eq(name, dw_str(KINDS[kind])))
            return kind;
    return 0;
}

enum dw_err mfa_pending_read(struct identity *identity, struct dw_str token, struct dw_arena *arena,
                             struct mfa_pending *ret_pending)
{
    static const char *const REQUIRED[] = { "sub", "jti", "exp", "tenant", NULL };
    const struct dw_jwt_rules rules = {
        .algs = DW_ALG_BIT(DW_ALG_HS256),
        .issuer = dw_str(identity->config.issuer),
        .type = DW_STR(PENDING_TOKEN_TYP),
        .require = REQUIRED,
    };
    struct dw_claims claims;

    TRY(dw_jwt_verify_key(identity->keys.pending, &rules, token, arena, &claims));
    const struct mfa_pending pending = {
        .kind = kind_by_name(dw_claim_str(&claims, "for")),
        .id = claims.id,
        .user_id = claims.subject,
        .tenant_id = dw_claim_str(&claims, "tenant"),
        .scope = dw_claim_str(&claims, "scope"),
        .client_id = dw_claim_str(&claims, "client_id"),
        .version = dw_claim_int(&claims, "ver", -1),
        .mark = dw_claim_str(&claims, "cred"),
        .expires_s = claims.expires_s,
    };

    if (pending.kind == 0 || !pending.tenant_id.ptr || !dw_str_eq(dw_claim_str(&claims, "type"), DW_STR("mfa")))
        return DW_ERR_TOKEN_TYPE;
    *ret_pending = pending;
    return DW_OK;
}

/* --- redeeming -------------------------------------------------------------------------------------------------- */

struct redemption {
    const struct mfa_pending *pending;
    struct mfa_attempt attempt;
    struct user user;
};

/* Whether the sign-in may still go on: nothing was used up, ended or switched off meanwhile. */
static enum dw_err check_standing(struct transaction *tx, struct redemption *r)
{
    const struct mfa_pending *p = r->pending;
    enum dw_err err = sql_finds(tx, &PENDING_SPENT, VALUES(V_TEXT(p->id)));

    if (err != DW_ERR_NOT_FOUND)
        return err == DW_OK ? DW_ERR_TOKEN_REVOKED : err;
    err = user_load(tx, p->user_id, r->attempt.arena, &r->user);
    if (err == DW_ERR_NOT_FOUND)
        return DW_ERR_USER_GONE;
    TRY(err);
    if (!r->user.is_active)
        return DW_ERR_USER_INACTIVE;
    /* A password that was changed meanwhile ends the sign-ins that the old one began. */
    err = credential_check_mark(tx, p->user_id, p->mark);
    if (err != DW_OK)
        return err == DW_ERR_SIGN_IN ? DW_ERR_TOKEN_REVOKED : err;
    const bool is_current = r->user.mfa_enabled && r->user.token_version == p->version &&
                            dw_str_eq(r->user.tenant_id, p->tenant_id);

    return is_current ? DW_OK : DW_ERR_TOKEN_REVOKED;
}

static enum dw_err apply_redemption(struct transaction *tx, void *argument)
{
    struct redemption *r = argument;
    int64_t changes = 0;

    TRY(check_standing(tx, r));
    TRY(mfa_attempt_in(tx, &r->attempt));
    if (r->attempt.refusal != DW_OK)
        return DW_OK;
    TRY(sql_exec(tx, &DENIAL_INSERT,
                 VALUES(V_TEXT(r->pending->id), V_INT(dw_clock_now_s()), V_INT(r->pending->expires_s)), &changes));
    return changes == 1 ? DW_OK : DW_ERR_TOKEN_REVOKED;
}

/* As session_first_factor() would have left it. */
static enum dw_err resume(const struct redemption *r, const struct device *device, struct sign_in *ret_sign_in,
                          struct first_factor *ret_factor)
{
    const struct mfa_pending *p = r->pending;
    struct sign_in sign_in = { .login = r->user.username, .scope = p->scope, .client_id = p->client_id,
                               .device = *device };
    struct first_factor factor = { .user = r->user, .mark = p->mark, .is_narrowed = p->scope.len > 0,
                                   .mfa_s = dw_clock_now_s() };

    TRY(scope_grant(p->scope, r->user.permissions, r->attempt.arena, &factor.granted));
    snprintf(sign_in.tenant.id, sizeof(sign_in.tenant.id), "%.*s", (int)r->user.tenant_id.len, r->user.tenant_id.ptr);
    snprintf(sign_in.tenant.slug, sizeof(sign_in.tenant.slug), "%.*s", (int)r->user.tenant.len, r->user.tenant.ptr);
    *ret_sign_in = sign_in;
    *ret_factor = factor;
    return DW_OK;
}

enum dw_err mfa_pending_redeem(struct identity *identity, const struct mfa_pending *pending,
                               const struct mfa_proof *proof, const struct device *device, struct dw_arena *arena,
                               struct sign_in *ret_sign_in, struct first_factor *ret_factor, int64_t *ret_wait_s)
{
    struct redemption r = {
        .pending = pending,
        .attempt = { .identity = identity, .tenant_id = pending->tenant_id.ptr, .user_id = pending->user_id,
                     .address = device->address, .proof = proof, .is_enabled = true, .arena = arena },
    };
    const enum dw_err err = storage_write(identity->storage, apply_redemption, &r);

    if (err == DW_ERR_MFA_OFF)
        return DW_ERR_TOKEN_REVOKED;
    TRY(err);
    if (r.attempt.refusal == DW_ERR_MFA_PAUSED)
        *ret_wait_s = r.attempt.wait_s;
    if (r.attempt.refusal != DW_OK)
        return r.attempt.refusal == DW_ERR_MFA_CODE ? DW_ERR_MFA_REFUSED : r.attempt.refusal;
    return resume(&r, device, ret_sign_in, ret_factor);
}
