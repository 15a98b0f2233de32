/* One protected route: greets whoever the token names. HELLO_KEY holds the shared key of the token's issuer. */
#include <doorward.h>

#include <stdio.h>
#include <stdlib.h>

struct greeting {
    struct dw_str message;
};
static const struct dw_field FIELDS[] = { { DW_FIELD(struct greeting, message), .type = DW_STRING }, { 0 } };
static const struct dw_model GREETING = { "Greeting", .size = sizeof(struct greeting), .fields = FIELDS };
static const struct dw_scheme BEARER = { DW_SCHEME_HTTP_BEARER, .name = "Bearer", .bearer_format = "JWT" };
static const struct dw_scheme *const CREDENTIALS[] = { &BEARER, NULL };

static enum dw_err authenticate(struct dw_request *r, const struct dw_scheme *scheme, struct dw_str token,
                                struct dw_principal *ret_principal)
{
    const struct dw_jwt_rules rules = { .algs = DW_ALG_BIT(DW_ALG_HS256) };
    struct dw_claims claims;

    (void)scheme;
    DW_TRY(dw_jwt_verify_key(dw_context(r), &rules, token, dw_request_arena(r), &claims));
    ret_principal->subject = claims.subject;
    return DW_OK;
}

static enum dw_err hello(struct dw_request *r, const void *in, struct greeting *out)
{
    (void)in;
    out->message = dw_arena_printf(dw_request_arena(r), "Hello, %s!", dw_principal(r)->subject.ptr);
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/hello", DW_HANDLER(hello), .answer = &GREETING, .needs = DW_SIGNED_IN, .lane = DW_INLINE },
    { 0 },
};

int main(int argc, char **argv)
{
    const struct dw_route *const routes[] = { ROUTES, NULL };
    struct dw_secret octets = { 0 };
    struct dw_key *key = NULL;
    struct dw_app *app = NULL;
    char problem[DW_PROBLEM_SIZE] = "HELLO_KEY must hold 32 bytes or more";

    enum dw_err err = dw_secret_copy(dw_str(getenv("HELLO_KEY")), &octets);
    if (err == DW_OK)
        err = dw_key_from_octets(&octets, DW_ALG_HS256, &key);
    if (err == DW_OK)
        err = dw_app_new(&(struct dw_app_config){ .title = "Hello", .version = "1", .routes = routes, .context = key,
                                                  .credentials = CREDENTIALS, .authenticate = authenticate },
                         &app, problem);
    if (err == DW_OK)
        err = dw_serve(app, &(struct dw_server_config){ .listen = argc > 1 ? argv[1] : "127.0.0.1:8081" });
    if (err != DW_OK)
        fprintf(stderr, "hello: %s: %s\n", dw_error_info(err)->code, problem);
    dw_app_free(&app);
    dw_key_free(&key);
    dw_secret_free(&octets);
    return err == DW_OK ? 0 : 1;
}
