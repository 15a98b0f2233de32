#include "app/router.h"

#include "base/encoding.h"

enum { CONTROL_END = 0x20, DELETE_CHARACTER = 0x7f };

/* The next segment of a path that stands at a '/'; false at its end. */
static bool segment_next(struct dw_str *path, struct dw_str *ret_segment)
{
    if (path->len == 0)
        return false;
    const char *start = path->ptr + 1;
    const size_t rest = path->len - 1;
    const char *slash = rest > 0 ? memchr(start, '/', rest) : NULL;
    const size_t len = slash == NULL ? rest : (size_t)(slash - start);

    *ret_segment = dw_str_n(start, len);
    *path = dw_str_n(start + len, rest - len);
    return true;
}

/* --- making the tree -------------------------------------------------------------------------------------------- */

static bool is_parameter(struct dw_str segment)
{
    return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

static bool is_name(struct dw_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return name.len > 0;
}

/* Unreserved characters and the few others that our paths use (RFC 3986 §3.3). */
static bool is_literal(struct dw_str segment)
{
    for (size_t i = 0; i < segment.len; i++) {
        const unsigned char c = (unsigned char)segment.ptr[i];
        if (c <= CONTROL_END || c >= DELETE_CHARACTER || strchr("{}%?#\\\"<>^`|", c) != NULL)
            return false;
    }
    return segment.len > 0 && !dw_str_eq(segment, DW_STR(".")) && !dw_str_eq(segment, DW_STR(".."));
}

static struct router_node *literal_find(const struct router_node *node, struct dw_str segment)
{
    for (struct router_node *child = node->literals; child != NULL; child = child->next)
        if (dw_str_eq(child->literal, segment))
            return child;
    return NULL;
}

static struct router_node *literal_add(struct router *router, struct router_node *node, struct dw_str segment)
{
    struct router_node *child = literal_find(node, segment);

    if (child != NULL)
        return child;
    child = dw_arena_alloc(router->arena, sizeof(*child));
    if (child == NULL)
        return NULL;
    child->literal = segment;
    child->next = node->literals;
    node->literals = child;
    return child;
}

static struct router_node *parameter_add(struct router *router, struct router_node *node)
{
    if (node->parameter == NULL)
        node->parameter = dw_arena_alloc(router->arena, sizeof(*node->parameter));
    return node->parameter;
}

static enum dw_err parameter_name_add(struct dw_str segment, struct problem *p, struct dw_str *names, size_t *n)
{
    const struct dw_str name = dw_str_n(segment.ptr + 1, segment.len - 2);

    if (!is_name(name))
        return problem_say(p, "parameter %.*s: letters, digits, '_' and '-' only", (int)segment.len, segment.ptr);
    if (*n >= ROUTER_PARAMETERS_MAX)
        return problem_say(p, "more than %d parameters", ROUTER_PARAMETERS_MAX);
    for (size_t i = 0; i < *n; i++)
        if (dw_str_eq(names[i], name))
            return problem_say(p, "parameter %.*s stands twice", (int)segment.len, segment.ptr);
    names[(*n)++] = name;
    return DW_OK;
}

/* The next node for a segment of a row or a prefix. */
static enum dw_err node_step(struct router *router, struct dw_str segment, struct problem *p, struct dw_str *names,
                             size_t *n_names, struct router_node **node)
{
    if (is_parameter(segment)) {
        TRY(parameter_name_add(segment, p, names, n_names));
        *node = parameter_add(router, *node);
    } else if (is_literal(segment)) {
        *node = literal_add(router, *node, segment);
    } else {
        return problem_say(p, "bad segment '%.*s' in the path", (int)segment.len, segment.ptr);
    }
    return *node == NULL ? DW_ERR_NO_MEMORY : DW_OK;
}

enum dw_err router_add(struct router *router, enum dw_method method, const char *path, const struct app_row *row,
                       struct problem *p, struct dw_str *ret_names, size_t *ret_n_names)
{
    struct dw_str rest = dw_str(path), segment;
    struct router_node *node = &router->root;
    size_t n_names = 0, n_segments = 0;

    if (rest.len == 0 || rest.ptr[0] != '/')
        return problem_say(p, "the path does not begin with '/'");
    if (rest.len == 1)
        rest.len = 0;
    while (segment_next(&rest, &segment)) {
        if (++n_segments > ROUTER_SEGMENTS_MAX)
            return problem_say(p, "more than %d segments", ROUTER_SEGMENTS_MAX);
        TRY(node_step(router, segment, p, ret_names, &n_names, &node));
        if (node->mounted != NULL)
            return problem_say(p, "an application is mounted at %.*s", (int)(rest.ptr - path), path);
    }
    if (node->rows[method] != NULL)
        return problem_say(p, "the same route stands twice");
    node->rows[method] = row;
    node->methods |= 1u << method;
    *ret_n_names = n_names;
    return DW_OK;
}

enum dw_err router_mount(struct router *router, const char *prefix, struct dw_app *app, struct problem *p)
{
    struct dw_str rest = dw_str(prefix), segment;
    struct router_node *node = &router->root;
    size_t n_segments = 0;

    if (rest.len < 2 || rest.ptr[0] != '/')
        return problem_say(p, "a prefix begins with '/' and has a name");
    while (segment_next(&rest, &segment)) {
        if (!is_literal(segment) || ++n_segments > ROUTER_SEGMENTS_MAX)
            return problem_say(p, "bad segment '%.*s' in the prefix", (int)segment.len, segment.ptr);
        node = literal_add(router, node, segment);
        if (node == NULL)
            return DW_ERR_NO_MEMORY;
    }
    if (node->mounted != NULL)
        return problem_say(p, "two applications at one prefix");
    node->mounted = app;
    router->has_mounted = true;
    return DW_OK;
}

/* --- finding a row ---------------------------------------------------------------------------------------------- */

static bool is_clean(struct dw_str segment)
{
    for (size_t i = 0; i < segment.len; i++) {
        const unsigned char c = (unsigned char)segment.ptr[i];
        if (c < CONTROL_END || c == DELETE_CHARACTER)
            return false;
    }
    return dw_str_is_utf8(segment);
}

static enum dw_err segment_decode(struct dw_arena *arena, struct dw_str *segment)
{
    struct dw_str decoded = *segment;

    if (memchr(segment->ptr, '%', segment->len) != NULL) {
        const enum dw_err err = percent_decode_arena(arena, *segment, false, &decoded);
        if (err != DW_OK)
            return err == DW_ERR_ENCODING ? DW_ERR_BAD_REQUEST : err;
    }
    if (!is_clean(decoded))
        return DW_ERR_BAD_REQUEST;
    /* What a proxy in front may have read as another path matches nothing here. */
    if (decoded.len == 0 || memchr(decoded.ptr, '/', decoded.len) != NULL || dw_str_eq(decoded, DW_STR(".")) ||
        dw_str_eq(decoded, DW_STR("..")))
        return DW_ERR_NOT_FOUND;
    *segment = decoded;
    return DW_OK;
}

enum dw_err router_split(struct dw_arena *arena, struct dw_str path, struct router_path *ret_path)
{
    struct dw_str segment;
    enum dw_err verdict = DW_OK;

    ret_path->first = ret_path->n = 0;
    ret_path->has_slash = false;
    if (path.len == 0 || path.ptr[0] != '/')
        return DW_ERR_NOT_FOUND;
    if (path.len == 1)
        path.len = 0;
    /* A bad request is one wherever the bad segment stands, so all of them are looked at. */
    while (segment_next(&path, &segment)) {
        ret_path->has_slash = segment.len == 0 && path.len == 0;
        if (ret_path->has_slash)
            break;
        const enum dw_err err = segment_decode(arena, &segment);
        if (err != DW_OK && err != DW_ERR_NOT_FOUND)
            return err;
        if (err == DW_ERR_NOT_FOUND || ret_path->n == ROUTER_SEGMENTS_MAX)
            verdict = DW_ERR_NOT_FOUND;
        else
            ret_path->segments[ret_path->n++] = segment;
    }
    return verdict;
}

struct dw_app *router_find_mounted(const struct router *router, struct router_path *path)
{
    const struct router_node *node = &router->root;
    struct dw_app *found = NULL;
    size_t taken = 0;

    if (!router->has_mounted)
        return NULL;
    for (size_t i = path->first; node != NULL; i++) {
        if (node->mounted != NULL) {
            found = node->mounted;
            taken = i;
        }
        node = i < path->n ? literal_find(node, path->segments[i]) : NULL;
    }
    if (found != NULL)
        path->first = taken;
    return found;
}

struct search {
    const struct dw_str *segments;
    size_t n;
    enum dw_method method;
    struct router_match *match;
};

static const struct app_row *node_row(const struct router_node *node, const struct search *s)
{
    s->match->methods |= node->methods;
    if (s->method == DW_HEAD && node->rows[DW_HEAD] == NULL)
        return node->rows[DW_GET];
    return s->method == DW_OTHER_METHOD ? NULL : node->rows[s->method];
}

/* Literals first; back to the parameter when they lead to no row of this method. */
static const struct app_row *node_search(const struct router_node *node, const struct search *s, size_t i,
                                         size_t n_parameters)
{
    if (i == s->n)
        return node_row(node, s);
    const struct router_node *literal = literal_find(node, s->segments[i]);
    const struct app_row *row = literal == NULL ? NULL : node_search(literal, s, i + 1, n_parameters);
    if (row != NULL || node->parameter == NULL || n_parameters == ROUTER_PARAMETERS_MAX)
        return row;
    s->match->parameters[n_parameters] = s->segments[i];
    return node_search(node->parameter, s, i + 1, n_parameters + 1);
}

enum dw_err router_find(const struct router *router, enum dw_method method, const struct router_path *path,
                        struct router_match *ret_match)
{
    const struct search s = { path->segments + path->first, path->n - path->first, method, ret_match };

    /* The root of a mounted application has two names, as the root of a server: with the slash and without. */
    if (path->has_slash && s.n > 0)
        return DW_ERR_NOT_FOUND;
    ret_match->row = node_search(&router->root, &s, 0, 0);
    if (ret_match->row != NULL)
        return DW_OK;
    return ret_match->methods != 0 ? DW_ERR_METHOD : DW_ERR_NOT_FOUND;
}

struct dw_str router_allow(struct dw_arena *arena, unsigned methods)
{
    enum { ALLOW_MAX = 80 };
    char text[ALLOW_MAX] = "";
    size_t len = 0;

    if (methods & 1u << DW_GET)
        methods |= 1u << DW_HEAD;
    for (int method = DW_GET; method < DW_METHOD_COUNT && len < sizeof(text); method++)
        if (methods & 1u << method)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len > 0 ? ", " : "",
                                    dw_method_name((enum dw_method)method));
    return dw_arena_copy(arena, dw_str(text));
}
