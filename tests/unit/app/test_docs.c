/* The documentation of any program: the page, its files and the description, also of an application that is mounted. */
#include "app/docs/assets.h"
#include "fixture.h"
#include <doorward/docs.h>

static enum dw_err nothing(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static const struct dw_route OUTER_ROUTES[] = { { DW_GET, "/outer", nothing, .needs = DW_PUBLIC }, { 0 } };
static const struct dw_route SHOP_ROUTES[] = { { DW_GET, "/wares", nothing, .needs = DW_PUBLIC }, { 0 } };
static const struct dw_route *const OUTER_TABLES[] = { OUTER_ROUTES, DW_DOCS_ROUTES, NULL };
static const struct dw_route *const SHOP_TABLES[] = { SHOP_ROUTES, DW_DOCS_ROUTES, NULL };
static const struct dw_app_config SHOP = { .title = "Shop", .version = "1", .routes = SHOP_TABLES };
static const struct dw_mount MOUNTS[] = { { "/shop", &SHOP }, { 0 } };

static void documented_make(struct fixture *f)
{
    const struct dw_app_config config = { .title = "Outer", .version = "1", .routes = OUTER_TABLES, .mounts = MOUNTS };
    char problem[DW_PROBLEM_SIZE] = "";

    CHECK_OK(dw_arena_new(FIXTURE_ARENA_LIMIT, &f->arena));
    if (dw_app_new(&config, &f->app, problem) != DW_OK)
        fail_msg("the application is refused: %s", problem);
}

static void test_files(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };

    documented_make(&f);
    for (size_t i = 0; i < DOCS_ASSETS_COUNT; i++) {
        const char *path = DOCS_ASSETS[i].path;
        assert_int_equal(fixture_call(&f, DW_GET, path, NULL, NULL), 200);
        assert_int_equal(f.called.body.len, DOCS_ASSETS[i].size);
        const struct dw_str mounted = dw_arena_printf(f.arena, "/shop%s", path);
        assert_int_equal(fixture_call(&f, DW_GET, mounted.ptr, NULL, NULL), 200);
        check_header(&f, "Content-Type", DOCS_ASSETS[i].content_type, path);
        /* Nothing that would be another page's when the application is mounted. */
        const bool is_page = strcmp(path, "/docs") == 0 || strcmp(path, "/docs/init.js") == 0;
        if (is_page && memmem(f.called.body.ptr, f.called.body.len, "\"/", 2) != NULL)
            fail_msg("%s names an absolute address", path);
    }
}

static void test_descriptions(void **state)
{
    static const struct {
        const char *path, *title, *describes;
    } ROWS[] = { { "/openapi.json", "Outer", "/outer" }, { "/shop/openapi.json", "Shop", "/wares" } };
    _cleanup_fixture_ struct fixture f = { 0 };

    documented_make(&f);
    for (size_t i = 0; i < ARRAY_SIZE(ROWS); i++) {
        assert_int_equal(fixture_call(&f, DW_GET, ROWS[i].path, NULL, NULL), 200);
        yyjson_val *root = fixture_json(&f);
        check_str(dw_str(ROWS[i].title), json_get_str(json_get(root, "info"), "title"), ROWS[i].path);
        yyjson_val *paths = json_get(root, "paths");
        assert_non_null(json_get(paths, ROWS[i].describes));
        assert_null(json_get(paths, "/docs"));
    }
}

CHECK_MAIN(cmocka_unit_test(test_files), cmocka_unit_test(test_descriptions))
