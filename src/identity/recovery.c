#include "identity/recovery.h"

#include "base/encoding.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "identity/audit.h"
#include "identity/credential.h"
#include "identity/notice.h"
#include "identity/outbox.h"
#include "identity/recovery_sql.h"
#include "identity/session.h"

enum { TOKEN_BYTES = 32, TOKEN_CHARS = 43, HASH_CHARS = 2 * SHA256_SIZE, RECOVERY_ARENA_BYTES = 1 << 20 };

/* A row a purpose: the name in tables and templates, and what the log calls it. */
static const struct purpose {
    const char *name;
    size_t ttl; /* offset in struct identity_config */
    enum audit_action asked, used;
} PURPOSES[] = {
    [RECOVERY_RESET] = { "reset", offsetof(struct identity_config, reset_ttl_s), AUDIT_RESET_REQUESTED,
                         AUDIT_PASSWORD_RESET },
    [RECOVERY_VERIFY] = { "verify", offsetof(struct identity_config, verify_ttl_s), AUDIT_VERIFICATION_REQUESTED,
                          AUDIT_EMAIL_VERIFIED },
};

static int64_t ttl_of(const struct identity *identity, enum recovery_purpose purpose)
{
    return *(const int64_t *)(const void *)((const char *)&identity->config + PURPOSES[purpose].ttl);
}

static enum dw_err hash_token(struct dw_str token, char ret_hash[HASH_CHARS + 1])
{
    unsigned char digest[SHA256_SIZE];

    if (token.len != TOKEN_CHARS)
        return DW_ERR_RECOVERY_TOKEN;
    TRY(hash_sha256(token, digest));
    ret_hash[hex_encode(dw_str_n(digest, sizeof(digest)), ret_hash)] = '\0';
    return DW_OK;
}

/* --- making ----------------------------------------------------------------------------------------------------- */

enum dw_err recovery_end(struct transaction *tx, enum recovery_purpose purpose, struct dw_str user_id)
{
    TRY(sql_exec(tx, &RECOVERY_END,
                 VALUES(V_TEXT(user_id), V_CSTR(PURPOSES[purpose].name), V_INT(dw_clock_now_s())), NULL));
    return outbox_take_back(tx, PURPOSES[purpose].name, user_id);
}

/* A token, and the mail that carries it. DW_ERR_BUSY when the outbox is full: to be undone with the whole write, or the
 * user is left without a token. */
static enum dw_err issue(struct transaction *tx, struct identity *identity, enum recovery_purpose purpose,
                         const struct user *user)
{
    unsigned char bytes[TOKEN_BYTES];
    char token[TOKEN_CHARS + 1], hash[HASH_CHARS + 1];
    const int64_t now_s = dw_clock_now_s(), expires_s = now_s + ttl_of(identity, purpose);
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(1 << 12, &arena));
    enum dw_err err = recovery_end(tx, purpose, user->id);

    dw_random(bytes, sizeof(bytes));
    token[base64url_encode(dw_str_n(bytes, sizeof(bytes)), token)] = '\0';
    dw_wipe(bytes, sizeof(bytes));
    if (err == DW_OK)
        err = hash_token(dw_str(token), hash);
    struct outbox_entry mail = { .kind = PURPOSES[purpose].name, .user_id = user->id, .to = user->email,
                                 .payload = dw_str(token), .expires_s = expires_s };

    /* A link that resets the password goes where the owner is known to be; one that verifies, to what is verified. */
    if (err == DW_OK && purpose == RECOVERY_RESET)
        err = notice_mailbox(tx, user->id, arena, &mail.to);
    if (err == DW_OK)
        err = outbox_add(tx, &mail);
    dw_wipe(token, sizeof(token));
    TRY(err);
    return sql_exec(tx, &RECOVERY_INSERT,
                    VALUES(V_CSTR(hash), V_TEXT(user->id), V_CSTR(PURPOSES[purpose].name), V_INT(now_s),
                           V_INT(expires_s)),
                    NULL);
}

/* DW_ERR_RATE_LIMITED when the hour's are used up; *ret_wait_s until one may be made again. */
static enum dw_err check_rate(struct transaction *tx, enum recovery_purpose purpose, struct dw_str user_id,
                              int64_t *ret_wait_s)
{
    const int64_t now_s = dw_clock_now_s();
    struct recovery_count count;

    TRY(recovery_count(tx, user_id, PURPOSES[purpose].name, now_s - RECOVERY_WINDOW_S, &count));
    if (count.n < RECOVERY_HOURLY_MAX)
        return DW_OK;
    *ret_wait_s = MAX_OF(count.oldest_at + RECOVERY_WINDOW_S - now_s, (int64_t)1);
    return DW_ERR_RATE_LIMITED;
}

/* Issues unless there is a reason not to, and writes down what came of it; *ret_outcome is that reason. */
static enum dw_err ask(struct transaction *tx, struct identity *identity, enum recovery_purpose purpose,
                       const struct user *user, const struct actor *actor, enum dw_err *ret_outcome,
                       int64_t *ret_wait_s)
{
    struct audit_event event = { .action = PURPOSES[purpose].asked, .tenant_id = user->tenant_id.ptr,
                                 .actor = actor->id, .target = user->id, .address = actor->address };

    event.result = user->is_active ? check_rate(tx, purpose, user->id, ret_wait_s) : DW_ERR_USER_INACTIVE;
    if (event.result == DW_OK)
        event.result = issue(tx, identity, purpose, user);
    const bool is_told = event.result == DW_OK || event.result == DW_ERR_RATE_LIMITED ||
                         event.result == DW_ERR_USER_INACTIVE;

    if (!is_told)
        return event.result;
    *ret_outcome = event.result;
    return audit_append(tx, &event);
}

enum dw_err recovery_verification(struct transaction *tx, struct identity *identity, const struct user *user,
                                  const struct actor *actor)
{
    const struct actor who = { .id = actor->id.ptr ? actor->id : user->id, .address = actor->address };
    enum dw_err outcome;
    int64_t wait_s;

    const enum dw_err err = ask(tx, identity, RECOVERY_VERIFY, user, &who, &outcome, &wait_s);

    return err == DW_ERR_BUSY ? DW_OK : err;
}

/* --- forgotten passwords ---------------------------------------------------------------------------------------- */

struct note {
    struct dw_str slug, email_key, peer;
};

static enum dw_err write_note(struct transaction *tx, void *argument)
{
    const struct note *n = argument;

    return sql_exec(tx, &REQUEST_INSERT,
                    VALUES(V_TEXT(n->slug), V_TEXT(n->email_key), V_TEXT(n->peer), V_INT(dw_clock_now_s()),
                           V_INT(RECOVERY_WAITING_MAX)),
                    NULL);
}

enum dw_err recovery_request(struct identity *identity, struct dw_str slug, struct dw_str email, struct dw_str peer)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct note note = { .slug = slug.ptr ? slug : DW_STR(TENANT_DEFAULT), .peer = peer };
    struct dw_str address;

    TRY(dw_arena_new(RECOVERY_ARENA_BYTES, &arena));
    TRY(user_key_of_email(email, arena, &address, &note.email_key));
    return storage_write(identity->storage, write_note, &note);
}

struct work {
    struct identity *identity;
    struct dw_arena *arena;
    struct recovery_request request;
};

/* In one write with the request's end: what dies in between leaves the request. */
static enum dw_err work_one(struct transaction *tx, void *argument)
{
    struct work *w = argument;
    const struct actor stranger = { .address = w->request.peer };
    enum dw_err outcome;
    int64_t wait_s;
    struct user user;

    TRY(sql_exec(tx, &REQUEST_DELETE, VALUES(V_TEXT(w->request.slug), V_TEXT(w->request.email_key)), NULL));
    const enum dw_err err = recovery_user(tx, w->request.slug, w->request.email_key, w->arena, &user);

    if (err == DW_OK)
        return ask(tx, w->identity, RECOVERY_RESET, &user, &stranger, &outcome, &wait_s);
    if (err != DW_ERR_NOT_FOUND)
        return err;
    const struct audit_event event = { .action = AUDIT_RESET_REQUESTED, .address = w->request.peer,
                                       .result = DW_ERR_NOT_FOUND };

    return audit_append(tx, &event);
}

enum dw_err recovery_work(struct identity *identity)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(RECOVERY_ARENA_BYTES, &arena));
    for (int i = 0; i < RECOVERY_BATCH; i++) {
        struct work work = { .identity = identity, .arena = arena };
        const enum dw_err err = recovery_next_request(identity, arena, &work.request);

        if (err == DW_ERR_NOT_FOUND)
            return DW_OK;
        TRY(err);
        TRY(storage_write(identity->storage, work_one, &work));
        dw_arena_reset(arena);
    }
    return DW_OK;
}

/* --- using a token ---------------------------------------------------------------------------------------------- */

struct use {
    struct identity *identity;
    enum recovery_purpose purpose;
    const struct actor *stranger;
    struct dw_arena *arena;
    char token_hash[HASH_CHARS + 1];
    char password_hash[DW_PASSWORD_ENCODED_MAX];
    struct user user;
    struct denials denials;
};

static enum dw_err read_use(struct transaction *tx, void *argument)
{
    struct use *u = argument;

    return recovery_owner(tx, dw_str(u->token_hash), PURPOSES[u->purpose].name, u->arena, &u->user);
}

/* The one statement that decides who wins: it can change the row once. */
static enum dw_err spend(struct transaction *tx, struct use *u)
{
    int64_t spent = 0;

    TRY(read_use(tx, u));
    TRY(sql_exec(tx, &RECOVERY_SPEND, VALUES(V_CSTR(u->token_hash), V_INT(dw_clock_now_s())), &spent));
    return spent == 1 ? DW_OK : DW_ERR_NOT_FOUND;
}

static enum dw_err audit_use(struct transaction *tx, const struct use *u)
{
    const struct audit_event event = { .action = PURPOSES[u->purpose].used, .tenant_id = u->user.tenant_id.ptr,
                                       .actor = u->user.id, .target = u->user.id, .address = u->stranger->address };

    return audit_append(tx, &event);
}

/* Whoever likes may send tokens, and each event is written to the disk for good: past so many a minute, guesses are
 * told in the server's own log alone, once. */
static bool is_to_be_audited(struct identity *identity)
{
    enum { SECONDS = 60, COUNT_BITS = 32 };
    const uint64_t minute = (uint64_t)dw_clock_now_s() / SECONDS << COUNT_BITS;
    uint64_t seen = atomic_load_explicit(&identity->refused_links, memory_order_relaxed), next;

    do {
        next = seen >> COUNT_BITS == minute >> COUNT_BITS ? seen + 1 : minute + 1;
    } while (!atomic_compare_exchange_weak(&identity->refused_links, &seen, next));
    if (next == minute + RECOVERY_REFUSALS_MAX + 1)
        log_event(LOG_WARNING, "many_links_refused", LOG_INT("per_minute", RECOVERY_REFUSALS_MAX));
    return next <= minute + RECOVERY_REFUSALS_MAX;
}

static enum dw_err refuse(struct use *u)
{
    const struct audit_event event = { .action = PURPOSES[u->purpose].used, .address = u->stranger->address,
                                       .result = DW_ERR_RECOVERY_TOKEN };

    if (is_to_be_audited(u->identity))
        TRY(audit_record(u->identity, &event));
    return DW_ERR_RECOVERY_TOKEN;
}

static enum dw_err apply_reset(struct transaction *tx, void *argument)
{
    struct use *u = argument;

    u->denials = (struct denials){ 0 };
    TRY(spend(tx, u));
    TRY(credential_replace(tx, u->identity, &u->user, u->password_hash, u->arena, &u->denials));
    /* Read by the owner in the mailbox of before, so that is where she is. */
    TRY(sql_exec(tx, &RECOVERY_RETURN, VALUES(V_TEXT(u->user.id), V_INT(dw_clock_now_s())), NULL));
    TRY(notice_add(tx, &(struct notice){ .kind = NOTICE_PASSWORD_CHANGED, .user_id = u->user.id,
                                         .from = u->stranger->address }));
    return audit_use(tx, u);
}

static enum dw_err apply_verify(struct transaction *tx, void *argument)
{
    struct use *u = argument;

    u->denials = (struct denials){ 0 };
    TRY(spend(tx, u));
    TRY(sql_exec(tx, &RECOVERY_VERIFIED, VALUES(V_TEXT(u->user.id), V_INT(dw_clock_now_s())), NULL));
    TRY(identity_announce(tx, u->identity, CHANGE_USER, u->user.id));
    return audit_use(tx, u);
}

static enum dw_err finish(struct use *u, enum dw_err (*apply)(struct transaction *, void *))
{
    const enum dw_err err = storage_write(u->identity->storage, apply, u);

    if (err == DW_ERR_NOT_FOUND)
        return refuse(u);
    TRY(err);
    return session_publish(u->identity, u->user.id, &u->denials);
}

enum dw_err recovery_reset(struct identity *identity, const struct actor *stranger, struct dw_str token,
                           const struct dw_secret *password)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(RECOVERY_ARENA_BYTES, &arena));
    struct use use = { .identity = identity, .purpose = RECOVERY_RESET, .stranger = stranger, .arena = arena };

    if (hash_token(token, use.token_hash) != DW_OK)
        return refuse(&use);
    enum dw_err err = storage_read(identity->storage, read_use, &use);
    if (err == DW_ERR_NOT_FOUND)
        return refuse(&use);
    TRY(err);
    TRY(credential_hash(identity, use.user.tenant, use.user.username, use.user.email, password, use.password_hash));
    err = finish(&use, apply_reset);
    dw_wipe(use.password_hash, sizeof(use.password_hash));
    return err;
}

enum dw_err recovery_verify(struct identity *identity, const struct actor *stranger, struct dw_str token)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(RECOVERY_ARENA_BYTES, &arena));
    struct use use = { .identity = identity, .purpose = RECOVERY_VERIFY, .stranger = stranger, .arena = arena };

    if (hash_token(token, use.token_hash) != DW_OK)
        return refuse(&use);
    return finish(&use, apply_verify);
}

/* --- another verification mail ---------------------------------------------------------------------------------- */

struct resend {
    struct identity *identity;
    const struct tenant *tenant;
    const struct actor *actor;
    struct dw_arena *arena;
    enum dw_err outcome;
    bool is_needless;
    int64_t wait_s;
};

static enum dw_err apply_resend(struct transaction *tx, void *argument)
{
    struct resend *r = argument;
    struct user user;

    r->outcome = DW_OK;
    TRY(user_load_of(tx, r->tenant, r->actor->id, r->arena, &user));
    r->is_needless = user.email_verified;
    return r->is_needless ? DW_OK
                          : ask(tx, r->identity, RECOVERY_VERIFY, &user, r->actor, &r->outcome, &r->wait_s);
}

enum dw_err recovery_resend(struct identity *identity, const struct tenant *tenant, const struct actor *actor,
                            bool *ret_is_needless, int64_t *ret_wait_s)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(RECOVERY_ARENA_BYTES, &arena));
    struct resend r = { .identity = identity, .tenant = tenant, .actor = actor, .arena = arena };

    TRY(storage_write(identity->storage, apply_resend, &r));
    *ret_wait_s = r.wait_s;
    TRY(r.outcome);
    *ret_is_needless = r.is_needless;
    return DW_OK;
}
