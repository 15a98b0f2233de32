#include "identity/guard.h"

#include "base/encoding.h"
#include "base/ip.h"
#include "crypto/hash.h"
#include "identity/audit.h"
#include "identity/notice.h"
#include "identity/pace.h"

enum { ID_SIZE = 44, TEXT_MAX = 1024, ARENA_LIMIT = 1 << 16, SHIFT_MAX = 30 };

const char GUARD_TABLES[] =
    "CREATE TABLE sign_in_failures ("
    " id TEXT PRIMARY KEY,"
    " failures BIGINT NOT NULL,"
    " at BIGINT NOT NULL);"
    "CREATE INDEX sign_in_failures_by_time ON sign_in_failures (at);"

    "CREATE TABLE known_devices ("
    " user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
    " device TEXT NOT NULL,"
    " seen_at BIGINT NOT NULL,"
    " PRIMARY KEY (user_id, device));"
    "CREATE INDEX known_devices_by_time ON known_devices (seen_at);";

static const struct statement GUARD_USER_BY_NAME = {
    "guard_user_by_name", "SELECT id FROM users WHERE tenant_id = $1 AND username_key = $2", 2,
};
static const struct statement GUARD_USER_BY_EMAIL = {
    "guard_user_by_email", "SELECT id FROM users WHERE tenant_id = $1 AND email_key = $2", 2,
};
static const struct statement GUARD_DEVICE = {
    "guard_device", "SELECT 1 FROM known_devices WHERE user_id = $1 AND device = $2", 2,
};
static const struct statement GUARD_FAILURES = {
    "guard_failures", "SELECT failures, at FROM sign_in_failures WHERE id = $1", 1,
};
/* $3: the half-life. The count is halved once for each that has passed since the last failure. */
static const struct statement GUARD_COUNT = {
    "guard_count",
    "INSERT INTO sign_in_failures (id, failures, at) VALUES ($1, 1, $2) ON CONFLICT (id) DO UPDATE SET"
    " failures = CASE WHEN $2 - sign_in_failures.at >= 30 * $3 THEN 1"
    " WHEN $2 <= sign_in_failures.at THEN sign_in_failures.failures + 1"
    " ELSE (sign_in_failures.failures >> CAST(($2 - sign_in_failures.at) / $3 AS INTEGER)) + 1 END,"
    " at = $2 RETURNING failures",
    3,
};
static const struct statement GUARD_FORGET = { "guard_forget", "DELETE FROM sign_in_failures WHERE id = $1", 1 };
static const struct statement GUARD_KNOW = {
    "guard_know",
    "INSERT INTO known_devices (user_id, device, seen_at) VALUES ($1, $2, $3)"
    " ON CONFLICT (user_id, device) DO UPDATE SET seen_at = $3",
    3,
};
static const struct statement GUARD_COUNT_DEVICES = {
    "guard_count_devices", "SELECT COUNT(*) FROM known_devices WHERE user_id = $1", 1,
};
static const struct statement GUARD_TRIM_DEVICES = {
    "guard_trim_devices",
    "DELETE FROM known_devices WHERE user_id = $1 AND device NOT IN"
    " (SELECT device FROM known_devices WHERE user_id = $1 ORDER BY seen_at DESC, device LIMIT $2)",
    2,
};
static const struct statement GUARD_PURGE_FAILURES = {
    "guard_purge_failures",
    "DELETE FROM sign_in_failures WHERE id IN (SELECT id FROM sign_in_failures WHERE at <= $1 LIMIT 1000)",
    1,
};
static const struct statement GUARD_PURGE_DEVICES = {
    "guard_purge_devices",
    "DELETE FROM known_devices WHERE (user_id, device) IN"
    " (SELECT user_id, device FROM known_devices WHERE seen_at <= $1 LIMIT 1000)",
    1,
};

const struct statement *const GUARD_STATEMENTS[] = {
    &GUARD_USER_BY_NAME, &GUARD_USER_BY_EMAIL, &GUARD_DEVICE,       &GUARD_FAILURES,       &GUARD_COUNT, &GUARD_FORGET,
    &GUARD_KNOW,         &GUARD_COUNT_DEVICES, &GUARD_TRIM_DEVICES, &GUARD_PURGE_FAILURES, &GUARD_PURGE_DEVICES, NULL,
};

/* --- what counts as one ------------------------------------------------------------------------------------------ */

struct attempt {
    char user_id[DW_UUID_SIZE]; /* empty: nobody has that name */
    char account[ID_SIZE];
    char address[ID_SIZE];      /* empty: not known */
    char device[ID_SIZE];       /* the same */
    bool is_known;              /* the device, to the user */
};

static enum dw_err id_make(const struct identity *identity, const char *text, int length, char ret_id[ID_SIZE])
{
    unsigned char mac[SHA256_SIZE];

    if (length < 0 || length >= TEXT_MAX)
        return DW_ERR_LIMIT;
    TRY(hmac_sha256(&identity->keys.guard, dw_str_n(text, (size_t)length), mac));
    ret_id[base64url_encode(dw_str_n(mac, sizeof(mac)), ret_id)] = '\0';
    return DW_OK;
}

/* A browser that was brought up to date is the same device: the digits of its name don't count. */
static int agent_copy(struct dw_str agent, char *ret_text, int capacity)
{
    const int length = (int)MIN_OF(agent.len, (size_t)capacity);

    for (int i = 0; i < length; i++)
        ret_text[i] = agent.ptr[i] >= '0' && agent.ptr[i] <= '9' ? '0' : agent.ptr[i];
    return length;
}

static enum dw_err device_id(const struct identity *identity, const struct device *device, const char *user_id,
                             char ret_id[ID_SIZE])
{
    enum { AGENT_MAX = 512 };
    char network[IP_NETWORK_TEXT_SIZE], text[TEXT_MAX];

    ip_network(device->address, network);
    int length = snprintf(text, sizeof(text), "device %s %s ", user_id, network);
    length += agent_copy(device->user_agent, text + length, AGENT_MAX);
    return id_make(identity, text, length, ret_id);
}

static enum dw_err read_user_id(const struct row *row, void *argument)
{
    struct attempt *a = argument;
    const struct dw_str id = row_text(row, 0);

    snprintf(a->user_id, sizeof(a->user_id), "%.*s", (int)id.len, id.ptr);
    return DW_OK;
}

/* DW_ERR_NOT_FOUND is no error: nothing was found. */
static enum dw_err find(struct transaction *tx, const struct statement *statement, const struct value *values,
                        enum dw_err (*read)(const struct row *, void *), void *argument, bool *ret_found)
{
    const enum dw_err err = sql_one(tx, statement, values, read, argument);

    *ret_found = err == DW_OK;
    return err == DW_ERR_NOT_FOUND ? DW_OK : err;
}

/* The user, or what stands for one: the name as it was typed, without case. */
static enum dw_err account_read(struct transaction *tx, struct identity *identity, const struct sign_in *in,
                                struct attempt *a)
{
    _cleanup_arena_ struct dw_arena *arena = NULL;
    char text[TEXT_MAX];
    struct dw_str key = { NULL, 0 }, address;
    const bool is_email = in->login.len > 0 && memchr(in->login.ptr, '@', in->login.len) != NULL;
    bool is_found;

    TRY(dw_arena_new(ARENA_LIMIT, &arena));
    const enum dw_err err = is_email ? user_key_of_email(in->login, arena, &address, &key)
                                     : user_key_of_name(in->login, arena, &key);

    if (err != DW_OK && err != DW_ERR_VALIDATION)
        return err;
    if (err == DW_ERR_VALIDATION)
        key = dw_str_n(in->login.ptr, MIN_OF(in->login.len, (size_t)TEXT_MAX / 2));
    TRY(find(tx, is_email ? &GUARD_USER_BY_EMAIL : &GUARD_USER_BY_NAME,
             VALUES(V_CSTR(in->tenant.id), err == DW_OK ? V_TEXT(key) : V_NULL), read_user_id, a, &is_found));
    const int length = is_found ? snprintf(text, sizeof(text), "user %s", a->user_id)
                                : snprintf(text, sizeof(text), "name %s %.*s", in->tenant.id, (int)key.len,
                                           key.len > 0 ? key.ptr : "");

    return id_make(identity, text, length, a->account);
}

static enum dw_err attempt_read(struct transaction *tx, struct identity *identity, const struct sign_in *in,
                                struct attempt *ret_attempt)
{
    char network[IP_NETWORK_TEXT_SIZE], text[TEXT_MAX];
    struct attempt a = { 0 };

    TRY(account_read(tx, identity, in, &a));
    if (in->device.address.len > 0) {
        ip_network(in->device.address, network);
        TRY(id_make(identity, text, snprintf(text, sizeof(text), "address %s", network), a.address));
        TRY(device_id(identity, &in->device, a.user_id, a.device));
        TRY(find(tx, &GUARD_DEVICE, VALUES(V_CSTR(a.user_id), V_CSTR(a.device)), NULL, NULL, &a.is_known));
    }
    *ret_attempt = a;
    return DW_OK;
}

/* What counts for an attempt: a known device by itself, everything else by account and address. */
struct count {
    const char *id;
    int64_t free;
};

static size_t counts_of(const struct attempt *a, struct count ret_counts[2])
{
    size_t n = 0;

    if (a->is_known) {
        ret_counts[n++] = (struct count){ a->device, GUARD_FREE_FAILURES };
        return n;
    }
    ret_counts[n++] = (struct count){ a->account, GUARD_FREE_FAILURES };
    if (a->address[0] != '\0')
        ret_counts[n++] = (struct count){ a->address, GUARD_FREE_ADDRESS_FAILURES };
    return n;
}

/* --- asking ------------------------------------------------------------------------------------------------------ */

static int64_t wait_after(int64_t failures, int64_t free)
{
    if (failures < free)
        return 0;
    return MIN_OF(INT64_C(1) << MIN_OF(failures - free, SHIFT_MAX), GUARD_WAIT_MAX_S);
}

struct failures {
    int64_t n, at;
};

static enum dw_err read_failures(const struct row *row, void *argument)
{
    *(struct failures *)argument = (struct failures){ row_int(row, 0), row_int(row, 1) };
    return DW_OK;
}

struct asking {
    struct identity *identity;
    const struct sign_in *in;
    int64_t wait_s;
};

static enum dw_err wait_of(struct transaction *tx, const struct attempt *a, int64_t *ret_wait_s)
{
    struct count counts[2];
    const size_t n = counts_of(a, counts);
    int64_t wait_s = 0;

    for (size_t i = 0; i < n; i++) {
        struct failures f = { 0 };
        bool is_found;

        TRY(find(tx, &GUARD_FAILURES, VALUES(V_CSTR(counts[i].id)), read_failures, &f, &is_found));
        /* Never longer than the wait itself, should the clock have been set back. */
        const int64_t whole = wait_after(f.n, counts[i].free);
        const int64_t rest = MIN_OF(f.at + whole - dw_clock_now_s(), whole);

        wait_s = MAX_OF(wait_s, rest);
    }
    *ret_wait_s = wait_s;
    return DW_OK;
}

static enum dw_err read_wait(struct transaction *tx, void *argument)
{
    struct asking *w = argument;
    struct attempt a;

    TRY(attempt_read(tx, w->identity, w->in, &a));
    return wait_of(tx, &a, &w->wait_s);
}

enum dw_err guard_wait(struct identity *identity, const struct sign_in *sign_in, int64_t *ret_wait_s)
{
    struct asking w = { identity, sign_in, 0 };

    TRY(storage_read(identity->storage, read_wait, &w));
    *ret_wait_s = w.wait_s;
    return DW_OK;
}

/* --- failing ----------------------------------------------------------------------------------------------------- */

struct failing {
    struct identity *identity;
    const struct sign_in *in;
    enum dw_err why;
    bool is_late; /* others failed while this one was looked at */
};

static enum dw_err read_count(const struct row *row, void *argument)
{
    *(int64_t *)argument = row_int(row, 0);
    return DW_OK;
}

/* ret_is_account: the account itself (or the known device) must wait from now on; otherwise the address alone. */
static enum dw_err count_failure(struct transaction *tx, const struct attempt *a, bool *ret_is_slowed,
                                 bool *ret_is_account)
{
    struct count counts[2];
    const size_t n = counts_of(a, counts);
    bool is_slowed = false, is_account = false;

    for (size_t i = 0; i < n; i++) {
        int64_t failures = 0;

        TRY(sql_one(tx, &GUARD_COUNT,
                    VALUES(V_CSTR(counts[i].id), V_INT(dw_clock_now_s()), V_INT(GUARD_HALF_LIFE_S)), read_count,
                    &failures));
        is_slowed = is_slowed || failures == counts[i].free;
        is_account = is_account || (is_slowed && counts[i].id != a->address);
    }
    *ret_is_slowed = is_slowed;
    *ret_is_account = is_account;
    return DW_OK;
}

/* Names that nobody has are looked up like the others: only the mail itself is not written. */
static enum dw_err tell_slowed(struct transaction *tx, const struct failing *f, const struct attempt *a)
{
    const struct notice notice = { .kind = NOTICE_SIGN_IN_SLOWED, .user_id = dw_str(a->user_id),
                                   .from = f->in->device.address };
    const enum dw_err err = notice_add_suspicion(tx, &notice);

    return err == DW_ERR_NOT_FOUND ? DW_OK : err;
}

static enum dw_err record_failure(struct transaction *tx, void *argument)
{
    struct failing *f = argument;
    struct attempt a;
    bool is_slowed, is_account;
    int64_t wait_s;

    TRY(attempt_read(tx, f->identity, f->in, &a));
    TRY(wait_of(tx, &a, &wait_s));
    f->is_late = wait_s > 0;
    if (f->is_late)
        return DW_OK;
    TRY(count_failure(tx, &a, &is_slowed, &is_account));
    struct audit_event event = { .action = AUDIT_SIGN_IN_FAILED, .tenant_id = f->in->tenant.id,
                                 .target = a.user_id[0] != '\0' ? dw_str(a.user_id) : dw_str_n(NULL, 0),
                                 .address = f->in->device.address, .result = f->why };

    TRY(audit_append(tx, &event));
    if (!is_slowed)
        return DW_OK;
    if (is_account)
        TRY(tell_slowed(tx, f, &a));
    event.action = AUDIT_SIGN_IN_SLOWED;
    event.result = DW_ERR_RATE_LIMITED;
    return audit_append(tx, &event);
}

enum dw_err guard_record_failure(struct identity *identity, const struct sign_in *sign_in, enum dw_err why)
{
    struct failing f = { identity, sign_in, why, false };

    TRY(storage_write(identity->storage, record_failure, &f));
    return f.is_late ? DW_ERR_RATE_LIMITED : DW_OK;
}

/* --- succeeding -------------------------------------------------------------------------------------------------- */

static enum dw_err tell_new_device(struct transaction *tx, const struct sign_in *in, struct dw_str user_id)
{
    const struct audit_event event = { .action = AUDIT_NEW_DEVICE, .tenant_id = in->tenant.id, .actor = user_id,
                                       .target = user_id, .address = in->device.address };
    int64_t n = 0;

    TRY(sql_one(tx, &GUARD_COUNT_DEVICES, VALUES(V_TEXT(user_id)), read_count, &n));
    if (n == 0)
        return DW_OK; /* the first one is no news */
    TRY(notice_add_suspicion(tx, &(struct notice){ .kind = NOTICE_NEW_DEVICE, .user_id = user_id,
                                                   .from = in->device.address }));
    return audit_append(tx, &event);
}

enum dw_err guard_admit_in(struct transaction *tx, struct identity *identity, const struct sign_in *in,
                           struct dw_str user_id)
{
    char user[DW_UUID_SIZE], device[ID_SIZE];
    bool is_known;

    if (in->device.address.len == 0)
        return DW_OK;
    TRY(pace_look_in(tx, in, user_id));
    snprintf(user, sizeof(user), "%.*s", (int)user_id.len, user_id.ptr);
    TRY(device_id(identity, &in->device, user, device));
    TRY(find(tx, &GUARD_DEVICE, VALUES(V_TEXT(user_id), V_CSTR(device)), NULL, NULL, &is_known));
    if (!is_known)
        TRY(tell_new_device(tx, in, user_id));
    TRY(sql_exec(tx, &GUARD_KNOW, VALUES(V_TEXT(user_id), V_CSTR(device), V_INT(dw_clock_now_s())), NULL));
    if (!is_known)
        return sql_exec(tx, &GUARD_TRIM_DEVICES, VALUES(V_TEXT(user_id), V_INT(GUARD_DEVICES_MAX)), NULL);
    return sql_exec(tx, &GUARD_FORGET, VALUES(V_CSTR(device)), NULL);
}

enum dw_err guard_purge_in(struct transaction *tx)
{
    const int64_t now_s = dw_clock_now_s();

    TRY(sql_exec(tx, &GUARD_PURGE_FAILURES, VALUES(V_INT(now_s - GUARD_FORGET_S)), NULL));
    return sql_exec(tx, &GUARD_PURGE_DEVICES, VALUES(V_INT(now_s - GUARD_DEVICE_TTL_S)), NULL);
}
