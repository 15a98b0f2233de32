/* One protected route: greets whoever the token names. HELLO_KEY signs its tokens: 32 bytes or more. */
#include <doorward.h>
#include <stdio.h>
#include <stdlib.h>
struct greeting { struct dw_str message; };
static const struct dw_field FIELDS[] = { { DW_FIELD(struct greeting, message), .type = DW_STRING }, { 0 } };
static const struct dw_model GREETING = { "Greeting", .size = sizeof(struct greeting), .fields = FIELDS };

static enum dw_err hello(struct dw_request *r, const void *in, struct greeting *out)
{
    (void)in;
    out->message = dw_arena_printf(dw_request_arena(r), "Hello, %s!", dw_principal(r)->subject.ptr);
    return DW_OK;
}
static const struct dw_route ROUTES[] = {
    { DW_GET, "/hello", DW_HANDLER(hello), .answer = &GREETING, .needs = DW_SIGNED_IN }, { 0 },
};

int main(int argc, char **argv)
{
    const struct dw_auth_config tokens = { .secret = dw_str(getenv("HELLO_KEY")) };
    const struct dw_server_config server = { .listen = argc > 1 ? argv[1] : "127.0.0.1:8081" };
    struct dw_app_config app = { .title = "Hello", .version = "1", .routes = DW_ROUTES(ROUTES, DW_DOCS_ROUTES) };
    char problem[DW_PROBLEM_SIZE];
    const bool failed = dw_auth_new(&tokens, &app.auth, problem) || dw_app_run(&app, &server, problem);
    if (failed)
        fprintf(stderr, "hello: %s\n", problem);
    dw_auth_free(&app.auth);
    return failed;
}
