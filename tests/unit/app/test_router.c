#include "../check.h"

#include "app/router.h"

enum { ARENA_LIMIT = 1 << 20 };

/* Rows are only told apart here: any address will do. */
static const char PLACES[8];
#define ROW(n) ((const struct app_row *)(const void *)&PLACES[n])

static const struct {
    enum dw_method method;
    const char *path;
} TABLE[] = {
    { DW_GET, "/" },
    { DW_GET, "/users" },
    { DW_POST, "/users" },
    { DW_GET, "/users/me" },
    { DW_GET, "/users/{id}" },
    { DW_DELETE, "/users/{id}" },
    { DW_PUT, "/users/{user}/role/{n}" },
    { DW_GET, "/.well-known/jwks.json" },
};

static void router_fill(struct router *router)
{
    struct problem p;
    struct dw_str names[ROUTER_PARAMETERS_MAX];
    size_t n;

    for (size_t i = 0; i < ARRAY_SIZE(TABLE); i++)
        check_err(DW_OK, router_add(router, TABLE[i].method, TABLE[i].path, ROW(i), &p, names, &n), TABLE[i].path);
}

static enum dw_err find(const struct router *router, struct dw_arena *arena, enum dw_method method, const char *text,
                        struct router_match *ret_match)
{
    struct router_path path;

    TRY(router_split(arena, dw_str(text), &path));
    return router_find(router, method, &path, ret_match);
}

static void test_find(void **state)
{
    static const struct {
        enum dw_method method;
        const char *path;
        enum dw_err expected;
        int row;
        const char *parameter;
    } ROWS[] = {
        { DW_GET, "/", DW_OK, 0, NULL },
        { DW_GET, "/users", DW_OK, 1, NULL },
        { DW_POST, "/users", DW_OK, 2, NULL },
        { DW_GET, "/users/me", DW_OK, 3, NULL },
        { DW_GET, "/users/7", DW_OK, 4, "7" },
        { DW_GET, "/users/mee", DW_OK, 4, "mee" },
        { DW_GET, "/users/a%20b", DW_OK, 4, "a b" },
        { DW_GET, "/users/%6de", DW_OK, 3, NULL },
        { DW_GET, "/users/%C3%A9", DW_OK, 4, "é" },
        { DW_GET, "/users/a+b", DW_OK, 4, "a+b" },
        { DW_DELETE, "/users/me", DW_OK, 5, "me" },
        { DW_PUT, "/users/7/role/8", DW_OK, 6, "7" },
        { DW_HEAD, "/users/me", DW_OK, 3, NULL },
        { DW_GET, "/.well-known/jwks.json", DW_OK, 7, NULL },
        { DW_GET, "", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_OPTIONS, "*", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "//", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "/users/", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "//users", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "/users//role/8", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "/Users", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "/users/..", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "/users/.", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "/users/%2e%2e", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "/users/..%2f..%2fetc%2fpasswd", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "/users/a%2fb", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_GET, "/users/a%00b", DW_ERR_BAD_REQUEST, 0, NULL },
        { DW_GET, "/users/a%0ab", DW_ERR_BAD_REQUEST, 0, NULL },
        { DW_GET, "/users/a%", DW_ERR_BAD_REQUEST, 0, NULL },
        { DW_GET, "/users/a%zz", DW_ERR_BAD_REQUEST, 0, NULL },
        { DW_GET, "/users/%ff", DW_ERR_BAD_REQUEST, 0, NULL },
        { DW_GET, "/../%ff", DW_ERR_BAD_REQUEST, 0, NULL },
        { DW_GET, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", DW_ERR_NOT_FOUND, 0, NULL },
        { DW_PUT, "/users", DW_ERR_METHOD, 0, NULL },
        { DW_OPTIONS, "/users/me", DW_ERR_METHOD, 0, NULL },
        { DW_OTHER_METHOD, "/users/me", DW_ERR_METHOD, 0, NULL },
        { DW_HEAD, "/users/7/role/8", DW_ERR_METHOD, 0, NULL },
    };
    _cleanup_arena_ struct dw_arena *arena = NULL;

    CHECK_OK(dw_arena_new(ARENA_LIMIT, &arena));
    struct router router = { .arena = arena };
    router_fill(&router);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct router_match match = { 0 };
        check_err(ROWS[i].expected, find(&router, arena, ROWS[i].method, ROWS[i].path, &match), ROWS[i].path);
        if (ROWS[i].expected == DW_OK && match.row != ROW(ROWS[i].row))
            fail_msg("%s: another row", ROWS[i].path);
        if (ROWS[i].parameter != NULL)
            check_str(dw_str(ROWS[i].parameter), match.parameters[0], ROWS[i].path);
    }
}

static void test_allow(void **state)
{
    static const struct {
        const char *path, *allow;
    } ROWS[] = {
        { "/users", "GET, HEAD, POST" },
        { "/users/me", "GET, HEAD, DELETE" }, /* also by the parameter */
        { "/users/7/role/8", "PUT" },
    };
    _cleanup_arena_ struct dw_arena *arena = NULL;

    CHECK_OK(dw_arena_new(ARENA_LIMIT, &arena));
    struct router router = { .arena = arena };
    router_fill(&router);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        struct router_match match = { 0 };
        CHECK_ERR(DW_ERR_METHOD, find(&router, arena, DW_OPTIONS, ROWS[i].path, &match));
        check_str(dw_str(ROWS[i].allow), router_allow(arena, match.methods), ROWS[i].path);
    }
}

static void test_bad_paths(void **state)
{
    static const char *const PATHS[] = { "",
                                         "users",
                                         "/users",
                                         "/a//b",
                                         "/a/",
                                         "/{a}/{a}",
                                         "/{a b}",
                                         "/x{a}",
                                         "/{}",
                                         "/a?b",
                                         "/a%20b",
                                         "/..",
                                         "/users/{other}",
                                         "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17",
                                         "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}" };
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct dw_str names[ROUTER_PARAMETERS_MAX];
    size_t n;

    CHECK_OK(dw_arena_new(ARENA_LIMIT, &arena));
    struct router router = { .arena = arena };
    router_fill(&router);
    for (size_t i = 0; i < ARRAY_SIZE(PATHS); i++) {
        struct problem p = { "" };
        check_err(DW_ERR_TABLE, router_add(&router, DW_GET, PATHS[i], ROW(0), &p, names, &n), PATHS[i]);
        assert_int_not_equal(p.text[0], '\0');
    }
}

CHECK_MAIN(cmocka_unit_test(test_find), cmocka_unit_test(test_allow), cmocka_unit_test(test_bad_paths))
