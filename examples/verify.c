/*
 * A resource server without accounts: it knows an issuer's published keys, from a URL or a file, and checks tokens.
 *
 *     verify --keys URL|FILE --issuer NAME --audience NAME [--listen ADDRESS]
 *
 * A token is good until it expires: that its user signed out meanwhile is known to the issuer alone. Let tokens be
 * short (15 minutes), or ask the issuer (RFC 7662) where that is too long. A key that the issuer retired goes with the
 * next look at the keys: every hour, or as soon as the file changes.
 */
#include <doorward.h>

#include <stdio.h>
#include <string.h>

struct caller {
    struct dw_str subject, role, scope;
    int64_t expires;
};

static const struct dw_field FIELDS[] = {
    { DW_FIELD(struct caller, subject), .type = DW_STRING },
    { DW_FIELD(struct caller, role), .type = DW_STRING },
    { DW_FIELD(struct caller, scope), .type = DW_WORDS },
    { DW_FIELD(struct caller, expires), .type = DW_TIME },
    { 0 },
};
static const struct dw_model CALLER = { "Caller", .size = sizeof(struct caller), .fields = FIELDS };

static enum dw_err who_am_i(struct dw_request *r, const void *in, struct caller *out)
{
    const struct dw_principal *me = dw_principal(r);

    (void)in;
    *out = (struct caller){ me->subject, me->role, me->scope, me->expires_s };
    return DW_OK;
}

static const struct dw_route ROUTES[] = {
    { DW_GET, "/whoami", DW_HANDLER(who_am_i), .answer = &CALLER, .needs = DW_SIGNED_IN },
    { DW_GET, "/admin", DW_HANDLER(who_am_i), .answer = &CALLER, .needs = DW_ROLE("admin") },
    { DW_GET, "/users", DW_HANDLER(who_am_i), .answer = &CALLER, .needs = DW_SCOPE("read:users") },
    { 0 },
};

int main(int argc, char **argv)
{
    static const char *const NAMES[] = { "--keys", "--issuer", "--audience", "--listen" };
    const char *values[] = { NULL, NULL, NULL, "127.0.0.1:8083" };
    char problem[DW_PROBLEM_SIZE];

    for (int i = 1; i < argc; i += 2) {
        size_t n = 0;
        while (n < 4 && strcmp(argv[i], NAMES[n]) != 0)
            n++;
        if (n == 4 || i + 1 == argc) {
            fprintf(stderr, "usage: verify --keys URL|FILE --issuer NAME --audience NAME [--listen ADDRESS]\n");
            return 2;
        }
        values[n] = argv[i + 1];
    }
    const bool is_url = values[0] != NULL && strstr(values[0], "://") != NULL;
    const struct dw_auth_config trust = { .jwks_url = is_url ? values[0] : NULL, .jwks_file = is_url ? NULL : values[0],
                                          .issuer = values[1], .audience = values[2], .leeway_s = 10 };
    struct dw_app_config app = { .title = "Verify", .version = "1", .routes = DW_ROUTES(ROUTES, DW_DOCS_ROUTES) };
    const struct dw_server_config server = { .listen = values[3] };
    const bool failed = dw_auth_new(&trust, &app.auth, problem) || dw_app_run(&app, &server, problem);
    if (failed)
        fprintf(stderr, "verify: %s\n", problem);
    dw_auth_free(&app.auth);
    return failed;
}
