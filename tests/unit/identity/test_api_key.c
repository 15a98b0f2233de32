/* API keys: what is stored, what they may, and when they end. */
#include "fixture.h"

#include "identity/api_key.h"
#include "identity/api_key_use.h"
#include "identity/audit.h"
#include "identity/role.h"

enum { NOW_S = 1800000000, HOUR_S = 3600, DAY_S = 86400 };

static const struct actor HOME = { .address = DW_STR_INIT("192.0.2.1") };

/* A user, and what her own calls start with. */
struct person {
    struct user user;
    struct actor actor;
    struct api_key_owner owner;
};

static struct person person(struct fixture *f, const char *name, const char *role)
{
    struct person p = { .user = fixture_user(f, name, role) };

    p.actor = (struct actor){ .id = p.user.id, .address = HOME.address };
    p.owner = (struct api_key_owner){ .tenant = &f->tenant, .user_id = p.user.id };
    return p;
}

/* The struct was copied by value: its own actor's address is known only here. */
static const struct api_key_owner *owner_of(struct person *p)
{
    p->owner.actor = &p->actor;
    return &p->owner;
}

static enum dw_err create(struct fixture *f, struct person *p, const char *scopes, int64_t expires_s,
                          struct api_key_made *ret_made)
{
    const struct api_key_new new_key = { .name = DW_STR("report"), .scopes = dw_str(scopes),
                                         .may = p->user.permissions, .expires_s = expires_s };

    return api_key_create(f->identity, owner_of(p), &new_key, f->arena, ret_made);
}

static struct api_key_made made(struct fixture *f, struct person *p, const char *scopes)
{
    struct api_key_made key;

    assert_int_equal(create(f, p, scopes, -1, &key), DW_OK);
    return key;
}

static enum dw_err use_from(struct fixture *f, struct dw_str key, const char *address, struct principal *ret_principal)
{
    return api_key_restore(f->identity, key, dw_str(address), f->arena, ret_principal);
}

static enum dw_err use(struct fixture *f, struct dw_str key)
{
    struct principal p;

    return use_from(f, key, "192.0.2.1", &p);
}

static struct api_key_page list(struct fixture *f, struct person *p)
{
    struct api_key_page page;

    assert_int_equal(api_key_list(f->identity, owner_of(p), dw_str_n(NULL, 0), API_KEY_LIMIT, f->arena, &page), DW_OK);
    return page;
}

static enum dw_err rotate(struct fixture *f, struct person *p, struct dw_str id, int64_t overlap_s,
                          struct api_key_made *ret_made)
{
    return api_key_rotate(f->identity, owner_of(p), id, overlap_s, f->arena, ret_made);
}

static void set_role(struct fixture *f, const struct person *p, const char *role)
{
    const struct user_change change = { .is_active = -1, .role = dw_str(role) };
    struct user user;

    assert_int_equal(user_update(f->identity, &f->tenant, &SYSTEM, p->user.id, &change, f->arena, &user), DW_OK);
}

static void set_active(struct fixture *f, const struct person *p, bool is_active)
{
    const struct user_change change = { .is_active = is_active };
    struct user user;

    assert_int_equal(user_update(f->identity, &f->tenant, &SYSTEM, p->user.id, &change, f->arena, &user), DW_OK);
}

static void check_words(const char *expected, struct dw_str actual)
{
    if (!dw_str_eq(dw_str(expected), actual))
        fail_msg("\"%.*s\" instead of \"%s\"", (int)actual.len, actual.ptr, expected);
}

/* How many events of a name there are about a target. */
static size_t events(struct fixture *f, const char *action, struct dw_str target)
{
    const struct audit_filter filter = { .action = dw_str(action), .since = -1, .until = -1, .after = -1,
                                         .limit = 100 };
    struct audit_page page;
    size_t n = 0;

    assert_int_equal(audit_list(f->identity, &f->tenant, &filter, f->arena, &page), DW_OK);
    for (size_t i = 0; i < page.n; i++)
        n += dw_str_eq(page.entries[i].target, target);
    return n;
}

/* --- using ------------------------------------------------------------------------------------------------------- */

static void a_key_stands_for_its_owner_with_what_it_was_given(void **state)
{
    struct fixture *f = *state;
    struct principal p;
    struct person mod = person(f, "mod", "moderator");
    const struct api_key_made key = made(f, &mod, "read:users");

    assert_true(api_key_is_formed(key.key));
    assert_true(key.info.is_active && key.info.last_used_at < 0 && key.previous_expires_at < 0);
    assert_int_equal(use_from(f, key.key, "192.0.2.1", &p), DW_OK);
    assert_true(dw_str_eq(p.user->id, mod.user.id));
    assert_true(dw_str_eq(p.token_id, key.info.id));
    assert_true(p.session.len == 0 && p.is_partial);
    check_words("read:users", p.scope);
    assert_int_equal(events(f, "api_key.created", key.info.id), 1);
}

static void without_scopes_a_key_is_given_what_its_owner_has_now(void **state)
{
    struct fixture *f = *state;
    struct principal p;
    struct person mod = person(f, "mod", "moderator"), root = person(f, "root", ROLE_ADMIN);
    const struct api_key_made key = made(f, &mod, NULL), none = made(f, &mod, "");

    assert_int_equal(use_from(f, key.key, "192.0.2.1", &p), DW_OK);
    check_words("read:users moderate:content", p.scope);
    assert_false(p.is_partial);
    assert_int_equal(use_from(f, none.key, "192.0.2.1", &p), DW_OK);
    check_words("", p.scope);
    assert_true(p.is_partial);
    /* What its owner is given later, it is not. */
    set_role(f, &mod, ROLE_ADMIN);
    assert_int_equal(use_from(f, key.key, "192.0.2.1", &p), DW_OK);
    check_words("read:users moderate:content", p.scope);
    assert_true(p.is_partial);
    assert_true(dw_str_eq(root.user.role, DW_STR(ROLE_ADMIN)));
}

static void a_right_that_its_owner_loses_a_key_loses(void **state)
{
    struct fixture *f = *state;
    struct principal p;
    struct person mod = person(f, "mod", "moderator");
    const struct api_key_made key = made(f, &mod, "read:users");

    set_role(f, &mod, "user");
    assert_int_equal(use_from(f, key.key, "192.0.2.1", &p), DW_OK);
    check_words("", p.scope);
    set_role(f, &mod, "moderator");
    assert_int_equal(use_from(f, key.key, "192.0.2.1", &p), DW_OK);
    check_words("read:users", p.scope);
}

static const struct {
    const char *scopes, *may;
    enum dw_err err;
} GRANTS[] = {
    { "read:users", "read:users moderate:content", DW_OK },
    { "write:users", "read:users moderate:content", DW_ERR_PERMISSION },    /* not the owner's */
    { "read:users nothing:known", "read:users moderate:content", DW_ERR_PERMISSION },
    { "moderate:content", "read:users", DW_ERR_PERMISSION },                /* not the credential's */
    { "write:users", "read:users write:users", DW_ERR_PERMISSION },         /* an old token's, no longer the owner's */
    { "read:users \"", "read:users", DW_ERR_SCOPE_UNKNOWN },
    { NULL, NULL, DW_OK },
};

static void no_key_is_given_more_than_its_maker_has(void **state)
{
    struct fixture *f = *state;
    struct person mod = person(f, "mod", "moderator");
    struct api_key_made key;

    for (size_t i = 0; i < ARRAY_SIZE(GRANTS); i++) {
        const struct api_key_new new_key = { .name = DW_STR("k"), .scopes = dw_str(GRANTS[i].scopes),
                                             .may = dw_str(GRANTS[i].may), .expires_s = -1 };

        assert_int_equal(api_key_create(f->identity, owner_of(&mod), &new_key, f->arena, &key), GRANTS[i].err);
    }
    check_words("", key.info.scopes); /* of the last: a credential with nothing gives nothing */
    assert_int_equal(list(f, &mod).n, 2);
}

/* --- refusing ---------------------------------------------------------------------------------------------------- */

static struct dw_str changed(struct fixture *f, struct dw_str key, size_t at, char to)
{
    const struct dw_str copy = dw_arena_copy(f->arena, key);

    ((char *)(uintptr_t)copy.ptr)[at] = to;
    return copy;
}

static void whatever_is_no_key_is_refused(void **state)
{
    static const char *const GARBAGE[] = { "", "x", "dwk_", "dwk__", "dwk_0123456789abcdef_", "Bearer x",
                                           "dwk_0123456789abcdef_0123456789abcdef" };
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER);
    const struct dw_str key = made(f, &ann, NULL).key, other = made(f, &ann, NULL).key;

    for (size_t i = 0; i < ARRAY_SIZE(GARBAGE); i++)
        assert_int_equal(use(f, dw_str(GARBAGE[i])), DW_ERR_API_KEY);
    for (size_t i = 0; i < key.len; i++) {
        assert_int_equal(use(f, changed(f, key, i, key.ptr[i] == '1' ? '2' : '1')), DW_ERR_API_KEY);
        assert_int_equal(use(f, changed(f, key, i, 'G')), DW_ERR_API_KEY);
    }
    assert_int_equal(use(f, dw_str_n(key.ptr, key.len - 1)), DW_ERR_API_KEY);
    /* A right secret under another key's right prefix. */
    char mixed[128];
    const size_t half = 20;

    memcpy(mixed, other.ptr, half);
    memcpy(mixed + half, key.ptr + half, key.len - half);
    assert_true(api_key_is_formed(dw_str_n(mixed, key.len)));
    assert_int_equal(use(f, dw_str_n(mixed, key.len)), DW_ERR_API_KEY);
    assert_int_equal(use(f, key), DW_OK);
}

static void a_key_ends_when_it_was_said_to(void **state)
{
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER);
    struct api_key_made key, next;

    dw_clock_set(NOW_S);
    assert_int_equal(create(f, &ann, NULL, NOW_S + HOUR_S, &key), DW_OK);
    dw_clock_set(NOW_S + HOUR_S - 1);
    assert_int_equal(use(f, key.key), DW_OK);
    assert_int_equal(rotate(f, &ann, key.info.id, DAY_S, &next), DW_OK);
    assert_int_equal(next.previous_expires_at, NOW_S + HOUR_S); /* a rotation makes no key live longer */
    dw_clock_set(NOW_S + HOUR_S);
    assert_int_equal(use(f, key.key), DW_ERR_API_KEY_EXPIRED);
    assert_int_equal(use(f, next.key), DW_ERR_API_KEY_EXPIRED);
    assert_int_equal(use(f, changed(f, next.key, next.key.len - 1, next.key.ptr[next.key.len - 1] == '0' ? '1' : '0')),
                     DW_ERR_API_KEY);
    assert_false(list(f, &ann).keys[0].is_active);
    assert_int_equal(rotate(f, &ann, key.info.id, 0, &next), DW_ERR_API_KEY_ENDED);
}

static void disabled_and_deleted_owners_take_their_keys_along(void **state)
{
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER);
    const struct api_key_made key = made(f, &ann, NULL);

    set_active(f, &ann, false);
    assert_int_equal(use(f, key.key), DW_ERR_USER_INACTIVE);
    set_active(f, &ann, true);
    assert_int_equal(use(f, key.key), DW_OK);
    assert_int_equal(user_delete(f->identity, &f->tenant, &SYSTEM, ann.user.id), DW_OK);
    assert_int_equal(use(f, key.key), DW_ERR_API_KEY);
}

/* --- rotating and revoking --------------------------------------------------------------------------------------- */

static void a_rotated_key_goes_on_for_the_overlap(void **state)
{
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER);
    struct api_key_made next, last;

    dw_clock_set(NOW_S);
    const struct api_key_made key = made(f, &ann, NULL);

    assert_int_equal(rotate(f, &ann, key.info.id, HOUR_S, &next), DW_OK);
    assert_true(dw_str_eq(next.info.id, key.info.id) && !dw_str_eq(next.info.prefix, key.info.prefix));
    assert_int_equal(next.previous_expires_at, NOW_S + HOUR_S);
    assert_int_equal(list(f, &ann).n, 1);
    assert_true(dw_str_eq(list(f, &ann).keys[0].prefix, next.info.prefix));
    dw_clock_set(NOW_S + HOUR_S - 1);
    assert_int_equal(use(f, key.key), DW_OK);
    assert_int_equal(use(f, next.key), DW_OK);
    /* A second rotation does not give the first key more time. */
    assert_int_equal(rotate(f, &ann, key.info.id, DAY_S, &last), DW_OK);
    dw_clock_set(NOW_S + HOUR_S);
    assert_int_equal(use(f, key.key), DW_ERR_API_KEY_EXPIRED);
    assert_int_equal(use(f, next.key), DW_OK);
    assert_int_equal(identity_purge(f->identity), DW_OK);
    assert_int_equal(use(f, key.key), DW_ERR_API_KEY);
    assert_int_equal(use(f, next.key), DW_OK);
    assert_int_equal(events(f, "api_key.rotated", key.info.id), 2);
}

static void a_rotation_without_overlap_ends_all_before_it(void **state)
{
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER);
    struct api_key_made keys[API_KEY_SECRETS_LIMIT + 1] = { made(f, &ann, NULL) };
    const struct dw_str id = keys[0].info.id;

    for (size_t i = 1; i < API_KEY_SECRETS_LIMIT; i++)
        assert_int_equal(rotate(f, &ann, id, HOUR_S, &keys[i]), DW_OK);
    assert_int_equal(rotate(f, &ann, id, HOUR_S, &keys[API_KEY_SECRETS_LIMIT]), DW_ERR_API_KEY_ROTATED);
    for (size_t i = 0; i < API_KEY_SECRETS_LIMIT; i++)
        assert_int_equal(use(f, keys[i].key), DW_OK);
    assert_int_equal(rotate(f, &ann, id, 0, &keys[API_KEY_SECRETS_LIMIT]), DW_OK);
    for (size_t i = 0; i < API_KEY_SECRETS_LIMIT; i++)
        assert_int_equal(use(f, keys[i].key), DW_ERR_API_KEY_EXPIRED);
    assert_int_equal(use(f, keys[API_KEY_SECRETS_LIMIT].key), DW_OK);
}

static void a_revoked_key_is_dead_at_once(void **state)
{
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER);
    const struct api_key_made key = made(f, &ann, NULL);
    struct api_key_made next;

    assert_int_equal(rotate(f, &ann, key.info.id, HOUR_S, &next), DW_OK);
    assert_int_equal(api_key_revoke(f->identity, owner_of(&ann), key.info.id), DW_OK);
    assert_int_equal(use(f, key.key), DW_ERR_API_KEY);
    assert_int_equal(use(f, next.key), DW_ERR_API_KEY);
    assert_int_equal(api_key_revoke(f->identity, owner_of(&ann), key.info.id), DW_ERR_NOT_FOUND);
    assert_int_equal(rotate(f, &ann, key.info.id, 0, &next), DW_ERR_NOT_FOUND);
    assert_int_equal(list(f, &ann).n, 0);
    assert_int_equal(events(f, "api_key.revoked", key.info.id), 1);
}

static void another_users_key_does_not_exist(void **state)
{
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER), root = person(f, "root", ROLE_ADMIN);
    const struct api_key_made key = made(f, &ann, NULL);
    struct api_key_made next;

    assert_int_equal(list(f, &root).n, 0);
    assert_int_equal(rotate(f, &root, key.info.id, 0, &next), DW_ERR_NOT_FOUND);
    assert_int_equal(api_key_revoke(f->identity, owner_of(&root), key.info.id), DW_ERR_NOT_FOUND);
    assert_int_equal(use(f, key.key), DW_OK);
}

static void a_user_has_so_many_keys_and_sees_them_page_by_page(void **state)
{
    enum { PAGE = 40 };
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER);
    struct api_key_page page;
    struct api_key_made key;
    struct dw_str after = { NULL, 0 };
    size_t n = 0;

    for (size_t i = 0; i < API_KEY_LIMIT; i++)
        key = made(f, &ann, NULL);
    assert_int_equal(create(f, &ann, NULL, -1, &key), DW_ERR_API_KEY_LIMIT);
    do {
        assert_int_equal(api_key_list(f->identity, owner_of(&ann), after, PAGE, f->arena, &page), DW_OK);
        assert_true(page.n > 0 && page.n <= PAGE);
        n += page.n;
        after = page.keys[page.n - 1].id;
    } while (page.has_more);
    assert_int_equal(n, API_KEY_LIMIT);
    assert_int_equal(api_key_revoke(f->identity, owner_of(&ann), key.info.id), DW_OK);
    assert_int_equal(create(f, &ann, NULL, -1, &key), DW_OK);
}

/* By id: keys of the same moment stand in no order. */
static int64_t last_use(struct fixture *f, struct person *p, struct dw_str id)
{
    const struct api_key_page page = list(f, p);

    for (size_t i = 0; i < page.n; i++)
        if (dw_str_eq(page.keys[i].id, id))
            return page.keys[i].last_used_at;
    fail_msg("there is no key %.*s", (int)id.len, id.ptr);
    return -1;
}

/* --- last use ---------------------------------------------------------------------------------------------------- */

static void the_last_use_is_seen_at_once_and_written_later(void **state)
{
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER);

    dw_clock_set(NOW_S);
    const struct api_key_made key = made(f, &ann, NULL), unused = made(f, &ann, NULL);

    assert_int_equal(use(f, key.key), DW_OK);
    dw_clock_set(NOW_S + 5);
    assert_int_equal(use(f, key.key), DW_OK);
    assert_int_equal(last_use(f, &ann, key.info.id), NOW_S + 5);
    fixture_restart(f); /* unwritten */
    assert_int_equal(last_use(f, &ann, key.info.id), -1);
    assert_int_equal(use(f, key.key), DW_OK);
    assert_int_equal(api_key_write_uses(f->identity), DW_OK);
    fixture_restart(f);
    assert_int_equal(last_use(f, &ann, key.info.id), NOW_S + 5);
    assert_int_equal(last_use(f, &ann, unused.info.id), -1);
}

static void many_keys_are_written_in_several_batches(void **state)
{
    enum { USERS = 6 };
    struct fixture *f = *state;
    size_t n = 0;

    for (size_t i = 0; i < USERS; i++) {
        const char name[] = { 'u', (char)('a' + i), '\0' };
        struct person p = person(f, name, ROLE_USER);

        for (size_t k = 0; k < API_KEY_LIMIT; k++)
            assert_int_equal(use(f, made(f, &p, NULL).key), DW_OK);
    }
    assert_int_equal(api_key_write_uses(f->identity), DW_OK);
    fixture_restart(f);
    for (size_t i = 0; i < USERS; i++) {
        const char name[] = { 'u', (char)('a' + i), '\0' };
        struct user user;

        assert_int_equal(user_find(f->identity, &f->tenant, dw_str(name), f->arena, &user), DW_OK);
        struct person p = { .user = user, .owner = { .tenant = &f->tenant, .user_id = user.id } };
        const struct api_key_page page = list(f, &p);

        for (size_t k = 0; k < page.n; k++)
            n += page.keys[k].last_used_at > 0;
    }
    assert_int_equal(n, USERS * API_KEY_LIMIT);
}

static void use_from_addresses(struct fixture *f, struct dw_str key, unsigned n)
{
    struct principal p;
    char address[32];

    for (unsigned i = 0; i < n; i++) {
        snprintf(address, sizeof(address), "198.51.100.%u", i);
        assert_int_equal(use_from(f, key, address, &p), DW_OK);
    }
}

static void a_key_from_many_addresses_is_told_once_an_hour(void **state)
{
    struct fixture *f = *state;
    struct person ann = person(f, "ann", ROLE_USER);
    static const char EVENT[] = "api_key.used_from_many_addresses";

    dw_clock_set(NOW_S);
    const struct api_key_made key = made(f, &ann, NULL);
    const size_t turns[] = { 1, 2 };

    for (size_t i = 0; i < ARRAY_SIZE(turns); i++) {
        dw_clock_set(NOW_S + (int64_t)i * HOUR_S);
        use_from_addresses(f, key.key, API_KEY_ADDRESSES_MAX);
        assert_int_equal(api_key_write_uses(f->identity), DW_OK);
        assert_int_equal(events(f, EVENT, key.info.id), i);
        use_from_addresses(f, key.key, API_KEY_ADDRESSES_MAX + 3);
        assert_int_equal(api_key_write_uses(f->identity), DW_OK);
        use_from_addresses(f, key.key, API_KEY_ADDRESSES_MAX + 3);
        assert_int_equal(api_key_write_uses(f->identity), DW_OK);
        assert_int_equal(events(f, EVENT, key.info.id), turns[i]);
    }
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_key_stands_for_its_owner_with_what_it_was_given),
        STORY(without_scopes_a_key_is_given_what_its_owner_has_now),
        STORY(a_right_that_its_owner_loses_a_key_loses),
        STORY(no_key_is_given_more_than_its_maker_has),
        STORY(whatever_is_no_key_is_refused),
        STORY(a_key_ends_when_it_was_said_to),
        STORY(disabled_and_deleted_owners_take_their_keys_along),
        STORY(a_rotated_key_goes_on_for_the_overlap),
        STORY(a_rotation_without_overlap_ends_all_before_it),
        STORY(a_revoked_key_is_dead_at_once),
        STORY(another_users_key_does_not_exist),
        STORY(a_user_has_so_many_keys_and_sees_them_page_by_page),
        STORY(the_last_use_is_seen_at_once_and_written_later),
        STORY(many_keys_are_written_in_several_batches),
        STORY(a_key_from_many_addresses_is_told_once_an_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
