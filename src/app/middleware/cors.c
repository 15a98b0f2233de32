/*
 * Cross-origin resource sharing (spec G1; Fetch Standard §3.2): which pages may read what is answered here.
 *
 * A preflight is answered at once, before limits, routing and authentication: it has no credentials. Every other
 * request goes on, whatever its origin; its answer, errors too, says whether the page may read it. Vary: Origin stands
 * wherever that depends on the origin, also when none was sent: a cache must not give one origin's answer to another.
 * Defends against: origins that were not listed being reflected, "null" (every sandboxed page) being taken for one,
 * two Origin headers.
 * Statuses, texts and headers of a preflight are those of Starlette's CORSMiddleware. Other than there, "*" stays "*"
 * when cookies are sent (a browser then lets nobody read), and the outermost application with CORS decides alone for
 * those that are mounted in it.
 */
#include "app/middleware/middleware.h"

#include "app/pattern.h"
#include "app/problem.h"
#include "base/list.h"

enum { NAMES_MAX = 64, HEAD_MAX = 8192, MAX_AGE_DEFAULT_S = 600, STATUS_OK = 200, STATUS_BAD_REQUEST = 400 };

struct cors {
    const struct dw_cors *config;
    struct pattern *pattern;
    bool is_any_origin, is_any_method, is_any_header;
    struct dw_str preflight; /* lines that each answer of a preflight has */
    struct dw_str simple;    /* and those that any other one has, for an origin that may read it */
};

static const char *const ALL_METHODS[] = { "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", NULL };
static const char *const GET_ALONE[] = { "GET", NULL };
/* Fetch Standard §2.2.2: with simple values they need no preflight. */
static const char *const SAFE_HEADERS[] = { "Accept", "Accept-Language", "Content-Language", "Content-Type", NULL };

#define VARY "Vary: Origin\r\n"

/* --- at the start ----------------------------------------------------------------------------------------------- */

static size_t names_count(const char *const *names)
{
    size_t n = 0;

    while (names != NULL && names[n] != NULL)
        n++;
    return n;
}

static bool names_have(const char *const *names, struct dw_str name)
{
    for (; names != NULL && *names != NULL; names++)
        if (dw_str_eq(dw_str(*names), name))
            return true;
    return false;
}

static enum dw_err names_check(const char *const *names, const char *what, struct problem *p)
{
    if (names_count(names) > NAMES_MAX)
        return problem_say(p, "CORS: more than %d %s", NAMES_MAX, what);
    for (; names != NULL && *names != NULL; names++)
        if (!http_is_token(dw_str(*names)))
            return problem_say(p, "CORS: \"%.80s\" is not one of %s", *names, what);
    return DW_OK;
}

static enum dw_err origins_check(struct cors *cors, struct problem *p)
{
    /* Nobody's: what matches it matches everything. */
    static const struct dw_str NOBODY = DW_STR_INIT("https://any.origin.invalid");
    const struct dw_cors *config = cors->config;

    if (names_count(config->origins) == 0 && config->origin_pattern == NULL)
        return problem_say(p, "CORS: no origin and no pattern of origins");
    for (const char *const *origin = config->origins; origin != NULL && *origin != NULL; origin++)
        if (strcmp(*origin, "*") != 0 && !origin_is_normal(dw_str(*origin)))
            return problem_say(p, "CORS: \"%.80s\" is no origin as browsers write it (https://app.example.com)",
                *origin);
    cors->is_any_origin = names_have(config->origins, DW_STR("*"));
    if (config->origin_pattern != NULL)
        TRY(problem_at(p, "CORS", pattern_new(dw_str(config->origin_pattern), p, &cors->pattern)));
    if (config->credentials &&
        (cors->is_any_origin || (cors->pattern != NULL && pattern_matches(cors->pattern, NOBODY))))
        return problem_say(p, "CORS: every origin with credentials: any page could act as its visitor");
    return DW_OK;
}

static void list_write(const char *const *names, struct buffer *b)
{
    for (size_t i = 0; names[i] != NULL; i++)
        buffer_printf(b, "%s%s", i == 0 ? "" : ", ", names[i]);
}

/* Those that need no leave and those that were given it, in the order of the alphabet, each once. */
static void allowed_headers_write(const char *const *given, struct buffer *b)
{
    const char *sorted[NAMES_MAX + ARRAY_SIZE(SAFE_HEADERS)] = { NULL };
    const char *const *const lists[] = { SAFE_HEADERS, given };
    size_t n = 0;

    for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
        for (const char *const *name = lists[k]; name != NULL && *name != NULL; name++) {
            size_t i = n;
            if (names_have(sorted, dw_str(*name)))
                continue;
            for (; i > 0 && strcmp(sorted[i - 1], *name) > 0; i--)
                sorted[i] = sorted[i - 1];
            sorted[i] = *name;
            n++;
        }
    list_write(sorted, b);
}

static enum dw_err preflight_make(const struct dw_app *app, struct cors *cors)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(HEAD_MAX);
    const struct dw_cors *config = cors->config;
    const char *const *methods = cors->is_any_method ? ALL_METHODS : config->methods;

    buffer_append(&b, cors->is_any_origin ? DW_STR("Access-Control-Allow-Origin: *\r\n") : DW_STR(VARY));
    buffer_append_literal(&b, "Access-Control-Allow-Methods: ");
    list_write(methods == NULL ? GET_ALONE : methods, &b);
    buffer_printf(&b, "\r\nAccess-Control-Max-Age: %u\r\n",
        config->max_age_s == 0 ? MAX_AGE_DEFAULT_S : config->max_age_s);
    if (!cors->is_any_header) {
        buffer_append_literal(&b, "Access-Control-Allow-Headers: ");
        allowed_headers_write(config->headers, &b);
        buffer_append_literal(&b, "\r\n");
    }
    if (config->credentials)
        buffer_append_literal(&b, "Access-Control-Allow-Credentials: true\r\n");
    TRY(buffer_error(&b));
    cors->preflight = dw_arena_copy(app->arena, buffer_str(&b));
    return dw_str_is_absent(cors->preflight) ? DW_ERR_NO_MEMORY : DW_OK;
}

static enum dw_err simple_make(const struct dw_app *app, struct cors *cors)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(HEAD_MAX);

    if (cors->config->credentials)
        buffer_append_literal(&b, "Access-Control-Allow-Credentials: true\r\n");
    if (names_count(cors->config->exposed_headers) > 0) {
        buffer_append_literal(&b, "Access-Control-Expose-Headers: ");
        list_write(cors->config->exposed_headers, &b);
        buffer_append_literal(&b, "\r\n");
    }
    TRY(buffer_error(&b));
    cors->simple = dw_arena_copy(app->arena, b.len == 0 ? DW_STR("") : buffer_str(&b));
    return dw_str_is_absent(cors->simple) ? DW_ERR_NO_MEMORY : DW_OK;
}

enum dw_err cors_make(struct dw_app *app, struct problem *p)
{
    if (app->config.cors == NULL)
        return DW_OK;
    struct cors *cors = app->cors = dw_arena_alloc(app->arena, sizeof(*cors));
    if (cors == NULL)
        return DW_ERR_NO_MEMORY;
    cors->config = app->config.cors;
    cors->is_any_method = names_have(cors->config->methods, DW_STR("*"));
    cors->is_any_header = names_have(cors->config->headers, DW_STR("*"));
    TRY(names_check(cors->config->methods, "methods", p));
    TRY(names_check(cors->config->headers, "headers", p));
    TRY(names_check(cors->config->exposed_headers, "headers", p));
    TRY(origins_check(cors, p));
    TRY(preflight_make(app, cors));
    return simple_make(app, cors);
}

void cors_free(struct cors *cors)
{
    if (cors != NULL)
        pattern_free(&cors->pattern);
}

/* --- at each request -------------------------------------------------------------------------------------------- */

/* What may be written back into a line of the answer. */
static bool is_visible(struct dw_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

static bool is_listed(const struct cors *cors, struct dw_str origin)
{
    if (origin.len == 0 || dw_str_eq(origin, DW_STR("null")) || !is_visible(origin))
        return false;
    return names_have(cors->config->origins, origin) ||
        (cors->pattern != NULL && pattern_matches(cors->pattern, origin));
}

/* The one that was sent; of two, none. */
static struct dw_str origin_of(const struct dw_request *r)
{
    struct dw_str origin = { NULL, 0 };

    for (unsigned i = 0; i < r->n_headers; i++) {
        if (!dw_str_eq_nocase(r->headers[i].name, DW_STR("Origin")))
            continue;
        if (!dw_str_is_absent(origin))
            return DW_STR("");
        origin = r->headers[i].value;
    }
    return origin;
}

bool cors_allows_origin(const struct dw_app *app, struct dw_str origin)
{
    const struct cors *cors = NULL;

    for (; app != NULL; app = app->outer)
        if (app->cors != NULL)
            cors = app->cors;
    return cors != NULL && cors->config->credentials && is_listed(cors, origin);
}

/* "X-One, x-two": whether each of them is allowed. As in Starlette an empty entry is not. */
static bool are_headers_allowed(const struct cors *cors, struct dw_str asked)
{
    if (dw_str_is_absent(asked) || cors->is_any_header)
        return is_visible(asked);
    while (!dw_str_is_absent(asked)) {
        const struct dw_str name = list_take(&asked);
        const char *const *const lists[] = { SAFE_HEADERS, cors->config->headers };
        bool is_found = false;

        for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
            for (const char *const *known = lists[k]; known != NULL && *known != NULL; known++)
                is_found = is_found || dw_str_eq_nocase(dw_str(*known), name);
        if (!is_found)
            return false;
    }
    return true;
}

static bool is_method_allowed(const struct cors *cors, struct dw_str method)
{
    const char *const *methods = cors->is_any_method ? ALL_METHODS : cors->config->methods;

    return names_have(methods == NULL ? GET_ALONE : methods, method);
}

static enum dw_err preflight_answer(const struct cors *cors, struct dw_request *r, struct dw_str origin)
{
    const struct dw_str method = dw_request_header(r, "Access-Control-Request-Method");
    const struct dw_str headers = dw_request_header(r, "Access-Control-Request-Headers");
    const bool is_origin = cors->is_any_origin || is_listed(cors, origin);
    const bool asks_private = !dw_str_is_absent(dw_request_header(r, "Access-Control-Request-Private-Network"));
    const char *const failures[] = {
        is_origin ? NULL : "origin",
        is_method_allowed(cors, method) ? NULL : "method",
        are_headers_allowed(cors, headers) ? NULL : "headers",
        !asks_private || cors->config->private_network ? NULL : "private-network",
    };
    _cleanup_buffer_ struct buffer text = BUFFER_INIT(HEAD_MAX);
    _cleanup_buffer_ struct buffer lines = BUFFER_INIT(HTTP_ANSWER_HEAD_LIMIT);

    for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
        if (failures[i] != NULL)
            buffer_printf(&text, "%s%s", text.len == 0 ? "Disallowed CORS " : ", ", failures[i]);
    buffer_append(&lines, cors->preflight);
    if (is_origin && !cors->is_any_origin)
        buffer_printf(&lines, "Access-Control-Allow-Origin: %.*s\r\n", (int)origin.len, origin.ptr);
    if (cors->is_any_header && headers.len > 0 && failures[2] == NULL)
        buffer_printf(&lines, "Access-Control-Allow-Headers: %.*s\r\n", (int)headers.len, headers.ptr);
    if (asks_private && failures[3] == NULL)
        buffer_append_literal(&lines, "Access-Control-Allow-Private-Network: true\r\n");
    TRY(buffer_error(&lines));
    TRY(buffer_error(&text));
    app_state(r)->early = (struct app_early){
        .status = text.len == 0 ? STATUS_OK : STATUS_BAD_REQUEST,
        .text = dw_arena_copy(r->arena, text.len == 0 ? DW_STR("OK") : buffer_str(&text)),
    };
    app_state(r)->cors_head = dw_arena_copy(r->arena, buffer_str(&lines));
    return dw_str_is_absent(app_state(r)->cors_head) ? DW_ERR_NO_MEMORY : DW_OK;
}

static enum dw_err cors_before(const struct dw_app *app, struct dw_request *r)
{
    const struct cors *cors = app->cors;
    struct app_state *s = app_state(r);

    if (!dw_str_is_absent(s->cors_head))
        return DW_OK;
    const struct dw_str origin = origin_of(r);
    s->cors_head = cors->is_any_origin ? DW_STR("") : DW_STR(VARY);
    if (dw_str_is_absent(origin))
        return DW_OK;
    if (r->method == DW_OPTIONS && !dw_str_is_absent(dw_request_header(r, "Access-Control-Request-Method")))
        return preflight_answer(cors, r, origin);
    if (!cors->is_any_origin && !is_listed(cors, origin))
        return DW_OK;
    s->cors_head = dw_arena_printf(r->arena, "%sAccess-Control-Allow-Origin: %.*s\r\n%s",
        cors->is_any_origin ? "" : VARY, cors->is_any_origin ? 1 : (int)origin.len,
        cors->is_any_origin ? "*" : origin.ptr, cors->simple.ptr);
    return dw_str_is_absent(s->cors_head) ? DW_ERR_NO_MEMORY : DW_OK;
}

static void cors_after(const struct dw_app *app, struct dw_request *r)
{
    if (r->state != NULL)
        buffer_append(&r->head, app_state(r)->cors_head);
}

static bool cors_is_on(const struct dw_app *app)
{
    return app->cors != NULL;
}

const struct middleware MIDDLEWARE_CORS = {
    .name = "cors",
    .is_on = cors_is_on,
    .before = cors_before,
    .after = cors_after,
};
