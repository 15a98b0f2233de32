/* Keys come and go: made, published, taking over, retired, removed. */
#include "base/encoding.h"
#include "crypto/aead.h"
#include "identity/audit.h"
#include "identity/node.h"
#include "identity/signing_key.h"

/* RS and PS keys: about 128 bits of strength, as all else here has (NIST SP 800-57 part 1, table 2). A key that stepped
 * down is published longer than its last token lives, for nodes whose clock differs or that hear of it late. */
enum { SIGNING_RSA_BITS = 3072, KEY_LINGERS_S = 120 };

static const struct statement KEY_STANDING = {
    "signing_key_standing", "SELECT state, kid, alg, created_at, starts_at FROM signing_keys"
    " WHERE state <> 'retiring'", 0,
};
static const struct statement KEY_INSERT = {
    "signing_key_insert",
    "INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed, created_at, starts_at)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
    7,
};
static const struct statement KEY_SCHEDULE = {
    "signing_key_schedule", "UPDATE signing_keys SET starts_at = $2 WHERE kid = $1 AND state = 'next'", 2,
};
static const struct statement KEY_STEP_DOWN = {
    "signing_key_step_down", "UPDATE signing_keys SET state = 'retiring', retires_at = $1 WHERE state = 'active'", 1,
};
static const struct statement KEY_STEP_UP = {
    "signing_key_step_up",
    "UPDATE signing_keys SET state = 'active', starts_at = $2 WHERE kid = $1 AND state = 'next'",
    2,
};
static const struct statement KEY_DELETE = {
    "signing_key_delete", "DELETE FROM signing_keys WHERE kid = $1 AND state <> 'active'", 1,
};
static const struct statement KEY_STATE = {
    "signing_key_state", "SELECT state FROM signing_keys WHERE kid = $1", 1,
};
static const struct statement KEY_PURGE = {
    "signing_key_purge", "DELETE FROM signing_keys WHERE state = 'retiring' AND retires_at <= $1", 1,
};

const struct statement *const SIGNING_KEY_CHANGE_STATEMENTS[] = {
    &KEY_STANDING, &KEY_INSERT, &KEY_SCHEDULE, &KEY_STEP_DOWN, &KEY_STEP_UP, &KEY_DELETE, &KEY_STATE, &KEY_PURGE,
    NULL,
};

static const struct actor SYSTEM = { .id = DW_STR_INIT("system") };

/* --- making ----------------------------------------------------------------------------------------------------- */

enum urgency {
    BY_AGE,     /* what the settings want */
    TO_PREPARE, /* no rotation, but a next key for one */
    ON_WISH,    /* as soon as everybody knows the next key */
    AT_ONCE,    /* now */
};

struct making {
    struct identity *identity;
    const struct actor *actor;
    struct dw_str kid, alg, public_jwk, sealed;
    int64_t made_s;
    struct dw_arena *arena;
    enum urgency urgency;
    struct dw_str from;   /* the key to rotate away from; absent: any */
    struct dw_str result; /* the key that signs or will */
    bool has_changed;
};

static enum dw_err make_key(struct making *m)
{
    _cleanup_(dw_key_free) struct dw_key *key = NULL;
    _cleanup_secret_ struct dw_secret jwk = { 0 };
    struct dw_str sealed;

    TRY(dw_key_generate(m->identity->config.algorithm, SIGNING_RSA_BITS, &key));
    TRY(dw_key_private_jwk(key, &jwk));
    m->kid = dw_arena_copy(m->arena, dw_key_id(key));
    m->alg = dw_str(dw_alg_name(m->identity->config.algorithm));
    const struct dw_str context = signing_key_seal_context(m->arena, m->kid);

    if (context.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    TRY(aead_seal(&m->identity->keys.sealing, context, dw_secret_borrow(&jwk), m->arena, &sealed));
    m->sealed = base64url_encode_arena(m->arena, sealed);
    TRY(dw_key_public_jwk(key, m->arena, &m->public_jwk));
    return m->sealed.ptr ? DW_OK : DW_ERR_NO_MEMORY;
}

/* starts_s: -1 for none. */
static enum dw_err insert_key(struct transaction *tx, const struct making *m, const char *state, int64_t starts_s)
{
    const struct audit_event event = { .action = AUDIT_KEY_CREATED, .actor = m->actor->id, .target = m->kid,
                                       .address = m->actor->address };

    TRY(sql_exec(tx, &KEY_INSERT,
                 VALUES(V_TEXT(m->kid), V_TEXT(m->alg), V_CSTR(state), V_TEXT(m->public_jwk), V_TEXT(m->sealed),
                        V_INT(m->made_s), starts_s < 0 ? V_NULL : V_INT(starts_s)),
                 NULL));
    return audit_append(tx, &event);
}

static enum dw_err insert_first(struct transaction *tx, void *argument)
{
    const struct making *pair = argument;

    TRY(insert_key(tx, &pair[0], "active", -1));
    return insert_key(tx, &pair[1], "next", -1);
}

enum dw_err signing_key_make_first(struct identity *identity)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;

    TRY(dw_arena_new(1 << 20, &arena));
    struct making m = { .identity = identity, .actor = &SYSTEM, .arena = arena, .made_s = dw_clock_now_s() };
    struct making pair[] = { m, m };

    TRY(make_key(&pair[0]));
    TRY(make_key(&pair[1]));
    const enum dw_err err = storage_write(identity->storage, insert_first, pair);

    return err == DW_ERR_CONSTRAINT ? DW_OK : err; /* another node was first: its keys are the ones */
}

/* --- what is due ------------------------------------------------------------------------------------------------ */

void signing_key_note(struct signing_key_standing *standing, const struct signing_key_info *key)
{
    if (dw_str_eq(key->state, DW_STR("active"))) {
        standing->active = key->kid;
        standing->active_made_s = key->created_at;
        standing->active_began_s = key->starts_at;
    } else if (dw_str_eq(key->state, DW_STR("next"))) {
        standing->next = key->kid;
        standing->next_alg = dw_alg_by_name(key->alg);
        standing->next_made_s = key->created_at;
        standing->next_starts_s = key->starts_at;
    }
}

struct reading {
    struct signing_key_standing standing;
    struct dw_arena *arena;
};

static enum dw_err read_key(const struct row *row, void *argument)
{
    struct reading *r = argument;
    const struct signing_key_info key = {
        .state = row_text(row, 0),
        .kid = dw_arena_copy(r->arena, row_text(row, 1)),
        .alg = row_text(row, 2),
        .created_at = row_int(row, 3),
        .starts_at = row_is_null(row, 4) ? -1 : row_int(row, 4),
    };

    if (key.kid.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    signing_key_note(&r->standing, &key);
    return DW_OK;
}

static enum dw_err read_standing(struct transaction *tx, void *argument)
{
    struct reading *r = argument;

    r->standing = (struct signing_key_standing){ 0 };
    return sql_each(tx, &KEY_STANDING, NO_VALUES, read_key, r, NULL);
}

enum step {
    STEP_NONE,
    STEP_UP,      /* the next key takes over, and a new one is the next */
    STEP_REPLACE, /* a new key takes over that nobody has seen, and there is no next one */
    STEP_PUBLISH, /* a new key is the next one, in place of the one there may be, and starts at .starts_s */
    STEP_ARRANGE, /* the next one starts at .starts_s */
};

struct plan {
    enum step step;
    int64_t starts_s;
};

/* Whether there is a next key, of the algorithm that is wanted. */
static bool has_good_next(const struct signing_key_standing *s, const struct identity *identity)
{
    return s->next.len > 0 && s->next_alg == identity->config.algorithm;
}

/* From when on everybody knows the next key who knows any. No key set was ever served without the second of the first
 * two: they were made in one write. */
static int64_t known_from_s(const struct signing_key_standing *s, const struct identity *identity)
{
    if (s->active_began_s < 0 && s->next_made_s <= s->active_made_s)
        return 0;
    return s->next_made_s + identity->config.key_lead_s;
}

static struct plan plan_wish(const struct signing_key_standing *s, const struct identity *identity, int64_t now_s)
{
    const int64_t known_s = known_from_s(s, identity);

    if (!has_good_next(s, identity))
        return (struct plan){ STEP_PUBLISH, now_s + identity->config.key_lead_s };
    if (known_s <= now_s)
        return (struct plan){ .step = STEP_UP };
    if (s->next_starts_s >= 0 && s->next_starts_s <= known_s)
        return (struct plan){ .step = STEP_NONE };
    return (struct plan){ STEP_ARRANGE, known_s };
}

/* A rotation that was arranged for is kept to, as soon as all can know the other key. */
static struct plan plan_publication(const struct signing_key_standing *s, const struct identity *identity,
                                    int64_t now_s)
{
    const bool is_arranged = s->next.len > 0 && s->next_starts_s >= 0;

    return (struct plan){ STEP_PUBLISH,
                          is_arranged ? MAX_OF(s->next_starts_s, now_s + identity->config.key_lead_s) : -1 };
}

static struct plan plan_age(const struct signing_key_standing *s, const struct identity *identity, int64_t now_s)
{
    const struct identity_config *config = &identity->config;
    const int64_t began_s = s->active_began_s < 0 ? s->active_made_s : s->active_began_s;
    const int64_t old_s = began_s + config->key_rotation_s, due_s = MAX_OF(old_s, known_from_s(s, identity));

    if (s->next.len == 0)
        return plan_publication(s, identity, now_s);
    /* What was made since this process started is the wish of a node whose settings may be the newer ones: two that
     * differ would replace each other's keys for ever. */
    if (!has_good_next(s, identity) && s->next_made_s <= identity->opened_s)
        return plan_publication(s, identity, now_s);
    if (s->next_starts_s >= 0)
        return (struct plan){ .step = s->next_starts_s <= now_s ? STEP_UP : STEP_NONE };
    if (config->key_rotation_s == 0 || now_s < old_s - config->key_lead_s)
        return (struct plan){ .step = STEP_NONE };
    return due_s <= now_s ? (struct plan){ .step = STEP_UP } : (struct plan){ STEP_ARRANGE, due_s };
}

static struct plan plan_rotation(const struct signing_key_standing *s, const struct identity *identity,
                                 enum urgency urgency)
{
    const int64_t now_s = dw_clock_now_s();

    switch (urgency) {
    case AT_ONCE:
        return (struct plan){ .step = has_good_next(s, identity) ? STEP_UP : STEP_REPLACE };
    case ON_WISH:
        return plan_wish(s, identity, now_s);
    case TO_PREPARE:
        return has_good_next(s, identity) ? (struct plan){ .step = STEP_NONE } : plan_publication(s, identity, now_s);
    case BY_AGE:
        break;
    }
    return plan_age(s, identity, now_s);
}

/* --- rotation --------------------------------------------------------------------------------------------------- */

static enum dw_err tell_rotation(struct transaction *tx, const struct making *m)
{
    const struct audit_event event = { .action = AUDIT_KEY_ROTATED, .actor = m->actor->id, .target = m->result,
                                       .address = m->actor->address };

    return audit_append(tx, &event);
}

static enum dw_err step_down(struct transaction *tx, const struct making *m)
{
    const int64_t last_use_s = dw_clock_now_s() + m->identity->config.access_ttl_s + KEY_LINGERS_S;

    return sql_exec(tx, &KEY_STEP_DOWN, VALUES(V_INT(last_use_s)), NULL);
}

static enum dw_err remove_next(struct transaction *tx, const struct making *m, struct dw_str next)
{
    const struct audit_event event = { .action = AUDIT_KEY_RETIRED, .actor = m->actor->id, .target = next,
                                       .address = m->actor->address };

    if (next.len == 0)
        return DW_OK;
    TRY(sql_exec(tx, &KEY_DELETE, VALUES(V_TEXT(next)), NULL));
    return audit_append(tx, &event);
}

static enum dw_err take_step(struct transaction *tx, struct making *m, const struct plan *plan, struct dw_str next)
{
    const int64_t now_s = dw_clock_now_s();

    m->result = plan->step == STEP_REPLACE || plan->step == STEP_PUBLISH ? m->kid : next;
    switch (plan->step) {
    case STEP_NONE:
        break;
    case STEP_UP:
        TRY(step_down(tx, m));
        TRY(sql_exec(tx, &KEY_STEP_UP, VALUES(V_TEXT(next), V_INT(now_s)), NULL));
        TRY(insert_key(tx, m, "next", -1));
        return tell_rotation(tx, m);
    case STEP_REPLACE:
        TRY(step_down(tx, m));
        TRY(remove_next(tx, m, next));
        TRY(insert_key(tx, m, "active", now_s));
        return tell_rotation(tx, m);
    case STEP_PUBLISH:
        TRY(remove_next(tx, m, next));
        return insert_key(tx, m, "next", plan->starts_s);
    case STEP_ARRANGE:
        return sql_exec(tx, &KEY_SCHEDULE, VALUES(V_TEXT(next), V_INT(plan->starts_s)), NULL);
    }
    return DW_OK;
}

/* Looks again at what is there: another node may have been faster. */
static enum dw_err apply_rotation(struct transaction *tx, void *argument)
{
    struct making *m = argument;
    struct reading now = { .arena = m->arena };

    m->has_changed = false;
    TRY(read_standing(tx, &now));
    m->result = now.standing.active;
    if (!dw_str_is_absent(m->from) && !dw_str_eq(now.standing.active, m->from))
        return DW_OK;
    const struct plan plan = plan_rotation(&now.standing, m->identity, m->urgency);

    if (plan.step != STEP_NONE)
        TRY(identity_announce(tx, m->identity, CHANGE_KEYS, DW_STR("")));
    m->has_changed = plan.step != STEP_NONE;
    m->made_s = dw_clock_now_s();
    if (plan.step == STEP_PUBLISH) /* whatever the clock says: no later key is taken for one of the first two */
        m->made_s = MAX_OF(m->made_s, now.standing.active_made_s + 1);
    return take_step(tx, m, &plan, now.standing.next);
}

/* This process knows at once; the others hear of what was announced. */
static enum dw_err learn(struct identity *identity)
{
    TRY(signing_key_reload(identity));
    identity_publish(identity, CHANGE_KEYS, DW_STR(""));
    return DW_OK;
}

/* The key is made before the database's lock is taken, though nobody may need it in the end: RSA takes a while. */
static enum dw_err rotate(struct making *m)
{
    TRY(make_key(m));
    TRY(identity_write_as(m->identity, m->actor, apply_rotation, m));
    return m->has_changed ? learn(m->identity) : DW_OK;
}

enum dw_err signing_key_rotate(struct identity *identity, const struct actor *actor, bool at_once,
                               struct dw_arena *arena, struct dw_str *ret_kid)
{
    struct making m = { .identity = identity, .actor = actor, .arena = arena,
                        .urgency = at_once ? AT_ONCE : ON_WISH };
    struct reading now = { .arena = arena };

    TRY(storage_read(identity->storage, read_standing, &now));
    m.from = now.standing.active;
    TRY(rotate(&m));
    *ret_kid = m.result;
    return DW_OK;
}

enum dw_err signing_key_keep(struct identity *identity)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct signing_key_standing known = signing_key_known(identity);

    if (plan_rotation(&known, identity, BY_AGE).step == STEP_NONE)
        return DW_OK;
    TRY(dw_arena_new(1 << 20, &arena));
    struct making m = { .identity = identity, .actor = &SYSTEM, .arena = arena, .urgency = BY_AGE,
                        .from = known.active };

    TRY(rotate(&m));
    /* Nothing to do after all: what this process knows is of yesterday. */
    return m.has_changed ? DW_OK : signing_key_catch_up(identity);
}

enum dw_err signing_key_prepare(struct identity *identity, const struct actor *actor, struct dw_arena *arena,
                                struct dw_str *ret_kid)
{
    struct making m = { .identity = identity, .actor = actor, .arena = arena, .urgency = TO_PREPARE };
    struct reading now = { .arena = arena };

    TRY(storage_read(identity->storage, read_standing, &now));
    m.result = now.standing.next;
    if (plan_rotation(&now.standing, identity, TO_PREPARE).step != STEP_NONE)
        TRY(rotate(&m));
    *ret_kid = m.result;
    return DW_OK;
}

/* --- the end of a key ------------------------------------------------------------------------------------------- */

static enum dw_err read_state(const struct row *row, void *argument)
{
    *(bool *)argument = dw_str_eq(row_text(row, 0), DW_STR("active"));
    return DW_OK;
}

static enum dw_err apply_retirement(struct transaction *tx, void *argument)
{
    struct making *m = argument;
    bool is_active = false;
    const struct audit_event event = { .action = AUDIT_KEY_RETIRED, .actor = m->actor->id, .target = m->kid,
                                       .address = m->actor->address };

    TRY(sql_one(tx, &KEY_STATE, VALUES(V_TEXT(m->kid)), read_state, &is_active));
    if (is_active)
        return DW_ERR_CONFLICT;
    TRY(sql_exec(tx, &KEY_DELETE, VALUES(V_TEXT(m->kid)), NULL));
    TRY(identity_announce(tx, m->identity, CHANGE_KEYS, DW_STR("")));
    return audit_append(tx, &event);
}

enum dw_err signing_key_retire(struct identity *identity, const struct actor *actor, struct dw_str kid)
{
    struct making m = { .identity = identity, .actor = actor, .kid = kid };

    TRY(identity_write_as(identity, actor, apply_retirement, &m));
    return learn(identity);
}

static enum dw_err apply_purge(struct transaction *tx, void *argument)
{
    return sql_exec(tx, &KEY_PURGE, VALUES(V_INT(dw_clock_now_s())), argument);
}

enum dw_err signing_key_purge(struct identity *identity)
{
    int64_t removed = 0;

    TRY(storage_write(identity->storage, apply_purge, &removed));
    return removed == 0 ? DW_OK : learn(identity);
}
