/* The document says what the rows do. */
#include "principal_fixture.h"

struct user {
    struct dw_str id, name, password, role;
    int64_t created;
    struct dw_list roles;
};

static const struct dw_model ROLE = { .name = "Role",
                                      .size = sizeof(struct dw_str),
                                      .fields = (const struct dw_field[]){
                                          { .name = "name", .type = DW_STRING, .flags = DW_REQUIRED }, { 0 } } };
static const struct dw_model USER = {
    .name = "User",
    .description = "Somebody",
    .size = sizeof(struct user),
    .fields =
        (const struct dw_field[]){
            { DW_FIELD(struct user, id), .type = DW_UUID, .flags = DW_REQUIRED },
            { DW_FIELD(struct user, name), .type = DW_STRING, .flags = DW_REQUIRED, .min = 3, .max = 64,
              .pattern = "[a-z]+", .example = "ann", .description = "Unique" },
            { DW_FIELD(struct user, role), .type = DW_ENUM, .values = (const char *const[]){ "user", "admin", NULL },
              .fallback = "user" },
            { DW_FIELD(struct user, created), .type = DW_TIME },
            { DW_FIELD(struct user, roles), .type = DW_LIST, .items = DW_OBJECT, .model = &ROLE },
            { 0 } }
};
static const struct dw_model LOGIN = { .name = "Login",
                                       .size = sizeof(struct user),
                                       .refuse_unknown = true,
                                       .fields = (const struct dw_field[]){
                                           { DW_FIELD(struct user, name), .type = DW_STRING, .flags = DW_REQUIRED },
                                           { DW_FIELD(struct user, password), .type = DW_SECRET, .flags = DW_REQUIRED },
                                           { 0 } } };
static const struct dw_model PAGE = {
    .name = "Page",
    .size = sizeof(int64_t),
    .fields =
        (const struct dw_field[]){
            { .name = "limit", .type = DW_INT, .min = 1, .max = 100, .fallback = "50", .description = "How many" },
            { 0 } }
};

static enum dw_err nothing(struct dw_request *r, const void *in, void *out)
{
    return DW_OK;
}

static const struct dw_scheme BASIC = { .kind = DW_SCHEME_HTTP_BASIC, .name = "basic", .realm = "x" };
static const struct dw_scheme *const BASIC_LIST[] = { &BASIC, NULL };

static enum dw_err fine(struct dw_request *r, const struct dw_dependency *self, void *ret_value)
{
    return DW_OK;
}

static const struct dw_dependency CLIENT = {
    .name = "client", .resolve = fine, .schemes = BASIC_LIST, .refusal = "429 when it asks too often"
};

static const struct dw_route ROUTES[] = {
    { DW_GET, "/users/{id}", nothing, .answer = &USER, .needs = DW_PERMISSION("read:users"), .tag = "users",
      .summary = "One user" },
    { DW_DELETE, "/users/{id}", nothing, .needs = DW_ROLE("admin"), .tag = "users",
      .answers = (const struct dw_answer_doc[]){ { 404, "No such user" }, { 204, "Deleted" }, { 0 } } },
    { DW_GET, "/users", nothing, .query = &PAGE, .answer = &USER, .needs = DW_SCOPE("tasks:read"), .id = "list_users" },
    { DW_POST, "/users", nothing, .body = &USER, .answer = &USER, .status = 201, .needs = DW_PUBLIC, .tag = "sign up" },
    { DW_GET, "/people", nothing, .answer = &USER, .answer_is_list = true, .needs = DW_PUBLIC,
      .more_tags = (const char *const[]){ "people", "users", NULL } },
    { DW_POST, "/token", nothing, .form = &LOGIN, .needs = DW_PUBLIC, .oauth_errors = true,
      .answer_type = "text/plain" },
    { DW_POST, "/both", nothing, .needs = DW_DEPENDS({ &CLIENT, NULL }, { &DW_CURRENT_PRINCIPAL, NULL }) },
    { DW_GET, "/hidden", nothing, .needs = DW_PUBLIC, .hidden = true },
    { 0 },
};

static void document_make(struct fixture *f, yyjson_val **ret_root)
{
    struct dw_app_config config = KNOWN_CALLERS;

    config.description = "Says \"hello\"";
    config.server_url = "https://x.example";
    fixture_make(f, config, ROUTES);
    CHECK_OK(json_parse(f->arena, dw_app_openapi(f->app), JSON_DEPTH_DEFAULT, ret_root, NULL));
}

/* Each row: a JSON pointer, and the value there, written compactly; NULL: nothing is there. */
#define REF(name) "{\"$ref\":\"#/components/schemas/" name "\"}"
#define JSON_OF(name) "{\"application/json\":{\"schema\":" REF(name) "}}"
#define ANSWER(text, name) "{\"description\":\"" text "\",\"content\":" JSON_OF(name) "}"
static const struct {
    const char *pointer, *expected;
} PARTS[] = {
    { "/openapi", "\"3.1.0\"" },
    { "/info", "{\"title\":\"Test\",\"description\":\"Says \\\"hello\\\"\",\"version\":\"1\"}" },
    { "/servers", "[{\"url\":\"https://x.example\"}]" },
    { "/tags", "[{\"name\":\"users\"},{\"name\":\"sign up\"},{\"name\":\"people\"}]" },
    { "/paths/~1people/get/tags", "[\"people\",\"users\"]" },
    { "/paths/~1hidden", NULL },
    { "/paths/~1users~1{id}/get/operationId", "\"get_users_by_id\"" },
    { "/paths/~1users/get/operationId", "\"list_users\"" },
    { "/paths/~1users~1{id}/get/summary", "\"One user\"" },
    { "/paths/~1users~1{id}/get/tags", "[\"users\"]" },
    { "/paths/~1users~1{id}/get/parameters",
      "[{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}}]" },
    { "/paths/~1users/get/parameters",
      "[{\"name\":\"limit\",\"in\":\"query\",\"required\":false,\"description\":\"How many\",\"schema\":{"
      "\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"description\":\"How many\",\"default\":50}}]" },
    { "/paths/~1users~1{id}/get/responses/200", ANSWER("Successful Response", "User-Output") },
    { "/paths/~1users~1{id}/get/responses/401", ANSWER("Not authenticated", "Error") },
    { "/paths/~1users~1{id}/get/responses/403", ANSWER("Not enough permissions", "Error") },
    { "/paths/~1users~1{id}/get/responses/422", NULL },
    { "/paths/~1users~1{id}/delete/responses/404", ANSWER("No such user", "Error") },
    { "/paths/~1users~1{id}/delete/responses/204", "{\"description\":\"Deleted\"}" },
    { "/paths/~1users/get/responses/422", ANSWER("Validation Error", "HTTPValidationError") },
    { "/paths/~1users/post/responses/201", ANSWER("Successful Response", "User-Output") },
    { "/paths/~1people/get/responses/200/content/application~1json/schema",
      "{\"type\":\"array\",\"items\":" REF("User-Output") "}" },
    { "/paths/~1users/post/responses/200", NULL },
    { "/paths/~1users/post/responses/401", NULL },
    { "/paths/~1users/post/security", NULL },
    { "/paths/~1users/post/requestBody", "{\"required\":true,\"content\":" JSON_OF("User-Input") "}" },
    { "/paths/~1token/post/requestBody/content/application~1x-www-form-urlencoded", "{\"schema\":" REF("Login") "}" },
    { "/paths/~1token/post/responses/400", ANSWER("Invalid request (RFC 6749, section 5.2)", "OAuthError") },
    { "/paths/~1token/post/responses/200",
      "{\"description\":\"Successful Response\",\"content\":{\"text/plain\":{}}}" },
    { "/paths/~1both/post/responses/429", ANSWER("when it asks too often", "Error") },
    { "/paths/~1users~1{id}/get/security", "[{\"oauth2\":[\"read:users\"]},{\"key\":[]}]" },
    { "/paths/~1users~1{id}/delete/security", "[{\"oauth2\":[]},{\"key\":[]}]" },
    { "/paths/~1users/get/security", "[{\"oauth2\":[\"tasks:read\"]},{\"key\":[]}]" },
    { "/paths/~1both/post/security", "[{\"basic\":[],\"oauth2\":[]},{\"basic\":[],\"key\":[]}]" },
    { "/components/securitySchemes/oauth2",
      "{\"type\":\"oauth2\",\"flows\":{\"password\":{\"tokenUrl\":\"/token\",\"scopes\":{\"tasks:read\":\"See "
      "tasks\",\"read:users\":\"See users\"}}}}" },
    { "/components/securitySchemes/key", "{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}" },
    { "/components/securitySchemes/basic", "{\"type\":\"http\",\"scheme\":\"basic\"}" },
    { "/components/schemas/User-Input/required", "[\"id\",\"name\"]" },
    { "/components/schemas/User-Output/required", "[\"id\",\"name\",\"role\",\"created\",\"roles\"]" },
    { "/components/schemas/User-Input/properties/name",
      "{\"type\":\"string\",\"pattern\":\"^(?:[a-z]+)$\",\"minLength\":3,\"maxLength\":64,"
      "\"description\":\"Unique\",\"examples\":[\"ann\"]}" },
    { "/components/schemas/User-Input/properties/role",
      "{\"type\":\"string\",\"enum\":[\"user\",\"admin\"],\"default\":\"user\"}" },
    { "/components/schemas/User-Output/properties/role",
      "{\"type\":[\"string\",\"null\"],\"enum\":[\"user\",\"admin\",null]}" },
    { "/components/schemas/User-Output/properties/created",
      "{\"type\":[\"string\",\"null\"],\"format\":\"date-time\"}" },
    { "/components/schemas/User-Output/properties/id", "{\"type\":\"string\",\"format\":\"uuid\"}" },
    { "/components/schemas/User-Input/properties/roles", "{\"type\":\"array\",\"items\":" REF("Role-Input") "}" },
    { "/components/schemas/Role-Output/required", "[\"name\"]" },
    { "/components/schemas/Login/additionalProperties", "false" },
    { "/components/schemas/Login/properties/password", "{\"type\":\"string\",\"format\":\"password\"}" },
    { "/components/schemas/HTTPValidationError/properties/detail/items", REF("ValidationError") },
};

static void test_parts(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    yyjson_val *root = NULL;

    document_make(&f, &root);
    for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_INIT(1 << 16);
        yyjson_val *value = yyjson_ptr_get(root, PARTS[i].pointer);
        if (value == NULL || PARTS[i].expected == NULL) {
            if ((value == NULL) != (PARTS[i].expected == NULL))
                fail_msg("%s: %s", PARTS[i].pointer, value == NULL ? "nothing there" : "something there");
            continue;
        }
        json_write_value(&b, value);
        check_str(dw_str(PARTS[i].expected), buffer_str(&b), PARTS[i].pointer);
    }
}

/* Calls `check` for every "$ref" of the document. */
static void refs_check(yyjson_val *value, yyjson_val *root)
{
    size_t i, n;
    yyjson_val *name, *item;

    yyjson_arr_foreach(value, i, n, item) refs_check(item, root);
    yyjson_obj_foreach(value, i, n, name, item)
    {
        const struct dw_str ref = json_str(item);
        const bool is_ref = yyjson_equals_str(name, "$ref");
        if (is_ref && (ref.len < 2 || yyjson_ptr_getn(root, ref.ptr + 1, ref.len - 1) == NULL))
            fail_msg("%.*s leads nowhere", (int)ref.len, ref.ptr);
        refs_check(item, root);
    }
}

static void test_references(void **state)
{
    _cleanup_fixture_ struct fixture f = { 0 };
    yyjson_val *root = NULL;

    document_make(&f, &root);
    refs_check(root, root);
}

CHECK_MAIN(cmocka_unit_test(test_parts), cmocka_unit_test(test_references))
