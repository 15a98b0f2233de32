/* The commands themselves, as one types them, on a database in an empty folder. */
#include "fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#define PASSWORD "correct horse battery 9\n"

/* Cheap hashes: what is tested here is not their strength. */
static char memory_setting[] = "DOORWARD_ARGON2_MEMORY=64KiB";
static char *const CHEAP[] = { memory_setting, NULL };

static struct ran run_words(const char *input, const char *const *words)
{
    struct run run = { .input = input, .environment = CHEAP };

    for (size_t i = 0; words[i] != NULL; i++)
        run.words[i] = words[i];
    return run_command(&run);
}

#define RUN(input, ...) run_words((input), (const char *const[]){ __VA_ARGS__, NULL })

static void expect(struct ran ran, int code, const char *out, const char *err, const char *label)
{
    if (ran.code != code)
        fail_msg("%s: code %d: %s", label, ran.code, ran.err);
    check_contains(ran.out, out, label);
    check_contains(ran.err, err, label);
    ran_free(&ran);
}

#define EXPECT(code, out, err, input, ...) expect(RUN((input), __VA_ARGS__), (code), (out), (err), #__VA_ARGS__)

static void check_mode(const char *path)
{
    struct stat status;

    assert_int_equal(0, stat(path, &status));
    assert_int_equal(0600, status.st_mode & 07777);
}

static void test_nothing_is_made_by_accident(void **state)
{
    (void)state;
    EXPECT(1, "", "there is no database sqlite:doorward.db: run `doorward init` first", NULL, "user", "list");
    EXPECT(1, "", "there is no database", NULL, "key", "rotate");
    EXPECT(0, "   1  pending", "", NULL, "migrate", "--status");
    EXPECT(0, "DOORWARD_LISTEN = 127.0.0.1:8080  [default]", "", NULL, "settings");
    assert_int_equal(-1, access("doorward.db", F_OK));
    assert_int_equal(-1, access("doorward.secret", F_OK));
}

static void test_init(void **state)
{
    static const char LINE[] = "Administrator: admin  one-time password: ";
    char password[32] = "";

    (void)state;
    _cleanup_ran_ struct ran first = RUN(NULL, "init");
    assert_int_equal(0, first.code);
    assert_int_equal(0, strncmp(first.out, LINE, strlen(LINE)));
    snprintf(password, sizeof(password), "%.20s", first.out + strlen(LINE));
    assert_int_equal(20, strspn(password, "23456789abcdefghjkmnpqrstuvwxyz"));
    assert_int_equal('\n', first.out[strlen(LINE) + 20]);
    assert_null(strstr(first.err, password));
    check_mode("doorward.db");
    check_mode("doorward.secret");
    _cleanup_ran_ struct ran again = RUN(NULL, "init");
    assert_int_equal(0, again.code);
    assert_null(strstr(again.out, "Administrator"));
    EXPECT(0, "\"version\":", "", NULL, "migrate", "--status", "--json");
    EXPECT(0, "applied", "", NULL, "migrate");
    EXPECT(0, "\"administrator_created\":false", "", NULL, "init", "--json");
}

static void test_lost_secret(void **state)
{
    (void)state;
    EXPECT(0, "Administrator", "", NULL, "init");
    assert_int_equal(0, rename("doorward.secret", "kept"));
    EXPECT(1, "", "there is no doorward.secret in this folder", NULL, "user", "list");
    EXPECT(1, "", "sealed with another secret key, and doorward.secret is missing: restore it", NULL, "init");
    assert_int_equal(-1, access("doorward.secret", F_OK));
    file_write("doorward.secret", "q8Zl0yXw3vTn5uRk7pJh2sGf9dBc4mAe\n", 0600);
    EXPECT(1, "", "sealed with another secret key than this one", NULL, "user", "list");
    file_write("doorward.secret", "short\n", 0600);
    EXPECT(1, "", "doorward.secret is too short", NULL, "user", "list");
    assert_int_equal(0, rename("kept", "doorward.secret"));
    EXPECT(0, "admin@example.com", "", NULL, "user", "list");
    assert_int_equal(0, chmod("doorward.secret", 0644));
    EXPECT(0, "admin@example.com", "doorward.secret may be read by others", NULL, "user", "list");
}

static void test_users(void **state)
{
    (void)state;
    EXPECT(0, "Administrator", "", NULL, "init");
    EXPECT(0, "Ann@example.com", "", PASSWORD, "user", "create", "ann", "--email", "Ann@Example.com", "--full-name",
           "Ann \x1b[1m\xc3\x84");
    EXPECT(1, "", "doorward: the user name or the e-mail address belongs to another", PASSWORD, "user", "create", "ANN",
           "--email", "b@example.com");
    EXPECT(1, "", "\"error\":\"user_taken\"", PASSWORD, "user", "create", "b", "--email", "ann@example.com", "--json");
    EXPECT(1, "", "malformed", PASSWORD, "user", "create", "b", "--email", "nobody");
    EXPECT(1, "", "doorward: The password is too short", "short\n", "user", "create", "b", "--email", "b@example.com");
    EXPECT(1, "", "most used", "password123\n", "user", "create", "b", "--email", "b@example.com");
    EXPECT(1, "", "a password is needed on standard input", "\n", "user", "create", "b", "--email", "b@example.com");
    EXPECT(1, "", "no role \"king\"", PASSWORD, "user", "create", "b", "--email", "b@example.com", "--role", "king");
    EXPECT(1, "", "no tenant \"acme\"", PASSWORD, "user", "create", "b", "--email", "b@example.com", "--tenant",
           "acme");
    EXPECT(2, "", "--email ADDRESS is missing", PASSWORD, "user", "create", "b");
    EXPECT(0, "full_name       Ann ?[1m\xc3\x84\n", "", NULL, "user", "show", "ann@example.com");
    EXPECT(0, "role            moderator\n", "", NULL, "user", "set-role", "ann", "moderator");
    EXPECT(0, "is_active       no\n", "", NULL, "user", "disable", "ann");
    EXPECT(0, "ann", "", NULL, "user", "list", "--disabled");
    EXPECT(0, "{\"items\":[],\"next\":null}\n", "", NULL, "user", "list", "--role", "user", "--json");
    EXPECT(0, "is_active       yes\n", "", NULL, "user", "enable", "ann");
    EXPECT(2, "", "exclude each other", NULL, "user", "list", "--active", "--disabled");
    EXPECT(0, "Password of ann changed", "", "another horse battery 9\n", "user", "set-password", "ann");
    EXPECT(1, "", "The last administrator can't be", NULL, "user", "disable", "admin");
    EXPECT(1, "", "The last administrator can't be", NULL, "user", "delete", "admin");
    EXPECT(1, "", "The last administrator can't be", NULL, "user", "set-role", "admin", "user");
    EXPECT(1, "", "no user \"bob\" in this tenant", NULL, "user", "show", "bob");
    EXPECT(0, "Deleted ann", "", NULL, "user", "delete", "ann");
    EXPECT(1, "", "no user \"ann\"", NULL, "user", "delete", "ann");
}

static void test_user_by_id(void **state)
{
    char id[64];

    (void)state;
    EXPECT(0, "Administrator", "", NULL, "init");
    _cleanup_ran_ struct ran shown = RUN(NULL, "user", "show", "admin", "--json");
    snprintf(id, sizeof(id), "%s", json_member(shown.out, "id"));
    assert_int_equal(36, strlen(id));
    EXPECT(0, "username        admin\n", "", NULL, "user", "show", id);
}

/* More users than a page holds: each is listed once. */
static void test_long_list(void **state)
{
    enum { USERS = 130 };
    unsigned lines = 0;

    (void)state;
    EXPECT(0, "Administrator", "", NULL, "init");
    for (int i = 0; i < USERS; i++) {
        char name[32], email[64];

        snprintf(name, sizeof(name), "user%d", i);
        snprintf(email, sizeof(email), "user%d@example.com", i);
        EXPECT(0, name, "", PASSWORD, "user", "create", name, "--email", email);
    }
    _cleanup_ran_ struct ran listed = RUN(NULL, "user", "list");
    assert_int_equal(0, listed.code);
    for (const char *at = listed.out; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(1 + 1 + USERS, lines);
    check_contains(listed.out, "user129@example.com", "last");
}

static void test_keys(void **state)
{
    char kid[64];

    (void)state;
    EXPECT(0, "Administrator", "", NULL, "init");
    _cleanup_ran_ struct ran rotated = RUN(NULL, "key", "rotate", "--now", "--json");
    assert_int_equal(0, rotated.code);
    assert_string_equal("active", json_member(rotated.out, "state"));
    snprintf(kid, sizeof(kid), "%s", json_member(rotated.out, "kid"));
    EXPECT(0, "\"state\":\"retiring\"", "", NULL, "key", "list", "--json");
    EXPECT(1, "", "this key signs: run `doorward key rotate --now` first", NULL, "key", "retire", kid);
    EXPECT(0, "active", "", NULL, "key", "rotate", "--now");
    EXPECT(0, "\nScheduled: this key signs from 20", "", NULL, "key", "rotate");
    EXPECT(0, "\"state\":\"next\"", "", NULL, "key", "rotate", "--json");
    EXPECT(0, "Retired ", "", NULL, "key", "retire", kid);
    EXPECT(1, "", "no key \"nothing\"", NULL, "key", "retire", "nothing");
}

static void test_passwords(void **state)
{
    static const struct {
        const char *scheme, *prefix;
    } SCHEMES[] = { { "argon2id", "$argon2id$" }, { "scrypt", "$scrypt$" }, { "bcrypt", "$2b$" } };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(SCHEMES); i++) {
        _cleanup_ran_ struct ran hashed = RUN(PASSWORD, "password", "hash", "--scheme", SCHEMES[i].scheme);

        assert_int_equal(0, hashed.code);
        check_contains(hashed.out, SCHEMES[i].prefix, SCHEMES[i].scheme);
        hashed.out[strcspn(hashed.out, "\n")] = '\0';
        EXPECT(0, "The password matches", "", PASSWORD, "password", "verify", hashed.out);
        EXPECT(0, i == 0 ? "\"needs_rehash\":false" : "\"needs_rehash\":true", "", PASSWORD, "password", "verify",
               hashed.out, "--json");
        EXPECT(1, "", "the password does not match", "wrong\n", "password", "verify", hashed.out);
    }
    EXPECT(1, "", "this is no hash", PASSWORD, "password", "verify", "$md5$x");
    EXPECT(2, "", "argon2id, scrypt, bcrypt", PASSWORD, "password", "hash", "--scheme", "md5");
}

static void test_settings(void **state)
{
    (void)state;
    file_write(".env", "DOORWARD_SECRET_KEY=q8Zl0yXw3vTn5uRk7pJh2sGf9dBc4mAe\nDOORWARD_ACESS_TTL=1h\n", 0600);
    _cleanup_ran_ struct ran shown = RUN(NULL, "settings");
    assert_int_equal(0, shown.code);
    check_contains(shown.out, "DOORWARD_SECRET_KEY = (set)  [.env]", "text");
    check_contains(shown.out, "DOORWARD_ARGON2_MEMORY = 64KiB  [environment]", "text");
    check_contains(shown.out, "DOORWARD_WORKERS = one a core  [default]", "text");
    check_contains(shown.err, "doorward: warning: DOORWARD_ACESS_TTL (.env, line 2): no such setting; did you", "text");
    assert_null(strstr(shown.out, "q8Zl"));
    EXPECT(0, "{\"name\":\"DOORWARD_SECRET_KEY\",\"value\":\"(set)\",\"source\":\".env\"", "", NULL, "settings",
           "--json");
    EXPECT(0, "{\"name\":\"DOORWARD_WORKERS\",\"value\":null,\"source\":\"default\"", "", NULL, "settings", "--json");
    file_write(".env", "DOORWARD_ACCESS_TTL=soon\nDOORWARD_LISTEN=x\n", 0600);
    EXPECT(1, "", "doorward: DOORWARD_ACCESS_TTL=soon (.env, line 1): allowed: 1s to 1d", NULL, "settings");
    EXPECT(1, "", "doorward: DOORWARD_LISTEN=x (.env, line 2): allowed", NULL, "serve");
    EXPECT(2, "", "doorward: DOORWARD_LISTEN=y (command line): allowed", NULL, "serve", "--listen", "y");
    assert_int_equal(-1, access("doorward.db", F_OK));
}

static void test_own_secret_needs_no_file(void **state)
{
    (void)state;
    file_write("key", "q8Zl0yXw3vTn5uRk7pJh2sGf9dBc4mAe\n", 0600);
    file_write(".env", "DOORWARD_SECRET_KEY_FILE=key\nDOORWARD_DATABASE_URL=sqlite:other.db\n", 0600);
    EXPECT(0, "Ready: sqlite:other.db", "", NULL, "init");
    EXPECT(0, "admin", "", NULL, "user", "list");
    EXPECT(0, "DOORWARD_SECRET_KEY = (set)  [.env, file key]", "", NULL, "settings");
    assert_int_equal(-1, access("doorward.secret", F_OK));
    check_mode("other.db");
}

static void test_no_database(void **state)
{
    (void)state;
    file_write("doorward.db", "this is no database, but it is long enough to be looked at as one", 0600);
    EXPECT(1, "", "the database sqlite:doorward.db can't be opened", NULL, "init");
    EXPECT(1, "", "it is no database of Doorward", NULL, "migrate", "--status");
    EXPECT(1, "", "{\"error\":\"database\"", NULL, "migrate", "--json");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_enter, folder_leave)

CHECK_MAIN(IN_FOLDER(test_nothing_is_made_by_accident), IN_FOLDER(test_init), IN_FOLDER(test_lost_secret),
           IN_FOLDER(test_users), IN_FOLDER(test_user_by_id), IN_FOLDER(test_long_list), IN_FOLDER(test_keys),
           IN_FOLDER(test_passwords), IN_FOLDER(test_settings), IN_FOLDER(test_own_secret_needs_no_file),
           IN_FOLDER(test_no_database))
