#include "app/openapi.h"

#include "app/scheme.h"

enum { SCHEMES_MAX = 16, SCOPES_TEXT_MAX = 2048 };

/* --- what a row asks for ---------------------------------------------------------------------------------------- */

static bool schemes_same(const struct dw_scheme *const *a, const struct dw_scheme *const *b)
{
    for (; *a != NULL && *a == *b; a++)
        b++;
    return *a == *b;
}

static struct security_group *group_get(struct security *security, const struct dw_scheme *const *schemes)
{
    for (size_t i = 0; i < security->n; i++)
        if (schemes_same(security->groups[i].schemes, schemes))
            return &security->groups[i];
    if (security->n == SECURITY_GROUPS_MAX)
        return NULL;
    struct security_group *group = &security->groups[security->n++];
    *group = (struct security_group){ .schemes = schemes };
    return group;
}

/* `list` with those words of `more` that it has not. */
static enum dw_err words_join(struct dw_arena *arena, struct dw_str *list, struct dw_str more)
{
    for (size_t start = 0, end; start < more.len; start = end + 1) {
        for (end = start; end < more.len && more.ptr[end] != ' ';)
            end++;
        const struct dw_str word = dw_str_n(more.ptr + start, end - start);
        if (dw_str_list_has(*list, word))
            continue;
        const struct dw_str joined =
            dw_arena_printf(arena, "%.*s%s%.*s", (int)list->len, list->len > 0 ? list->ptr : "",
                            list->len > 0 ? " " : "", (int)word.len, word.ptr);
        if (dw_str_is_absent(joined))
            return DW_ERR_NO_MEMORY;
        *list = joined;
    }
    return DW_OK;
}

/* The scopes and permissions that a policy asks for whatever else holds: not those of alternatives, nor under a not. */
static enum dw_err rule_add(const struct dw_rule *rule, struct dw_arena *arena, struct security_group *group)
{
    switch (rule->kind) {
    case DW_RULE_KIND_SCOPE:
        return words_join(arena, &group->scopes, dw_str(rule->text));
    case DW_RULE_KIND_PERMISSION:
        return words_join(arena, &group->permissions, dw_str(rule->text));
    case DW_RULE_KIND_POLICY:
        return rule_add(&rule->policy->rule, arena, group);
    case DW_RULE_KIND_ALL:
        for (const struct dw_rule *inner = rule->rules; inner->kind != DW_RULE_END; inner++)
            TRY(rule_add(inner, arena, group));
        return DW_OK;
    default:
        return DW_OK;
    }
}

static enum dw_err step_add(const struct dw_app *app, const struct plan_step *step, struct dw_arena *arena,
                            struct problem *p, struct security *security)
{
    const struct dw_dependency *d = step->asked;
    const bool is_permission = d->resolve == dw_resolve_permission && d->parameter != NULL;
    const bool is_policy = step->policy != NULL && step->policy->asks_principal;
    const bool is_principal = d == &DW_CURRENT_PRINCIPAL || is_permission || is_policy;
    const struct dw_scheme *const *schemes = is_principal ? app->config.credentials : d->schemes;

    if (schemes == NULL || schemes[0] == NULL)
        return DW_OK;
    struct security_group *group = group_get(security, schemes);
    if (group == NULL)
        return problem_say(p, "more than %d groups of security schemes", SECURITY_GROUPS_MAX);
    group->is_required |= d->resolve != dw_resolve_credential_optional;
    TRY(words_join(arena, &group->scopes, step->scopes));
    if (is_policy)
        return rule_add(&step->policy->policy->rule, arena, group);
    return is_permission ? words_join(arena, &group->permissions, dw_str(d->parameter)) : DW_OK;
}

enum dw_err openapi_security_find(const struct dw_app *app, const struct app_row *row, struct dw_arena *arena,
                                  struct problem *p, struct security *ret_security)
{
    struct security security = { 0 };

    for (size_t i = 0; i < row->plan.n_steps; i++)
        TRY(step_add(app, &row->plan.steps[i], arena, p, &security));
    *ret_security = security;
    return DW_OK;
}

/* --- an operation's requirement --------------------------------------------------------------------------------- */

static bool scheme_declares(const struct dw_scheme *scheme, struct dw_str scope)
{
    for (const struct dw_scope_doc *s = scheme->scopes; s != NULL && s->name != NULL; s++)
        if (dw_str_eq(dw_str(s->name), scope))
            return true;
    return false;
}

static void scopes_write(const struct dw_scheme *scheme, struct dw_str scopes, bool declared_only, struct buffer *b)
{
    for (size_t start = 0, end; start < scopes.len; start = end + 1) {
        for (end = start; end < scopes.len && scopes.ptr[end] != ' ';)
            end++;
        const struct dw_str scope = dw_str_n(scopes.ptr + start, end - start);
        if (declared_only && !scheme_declares(scheme, scope))
            continue;
        json_write_comma(b);
        json_write_str(b, scope);
    }
}

/* The scopes of an OAuth2 or OpenID Connect scheme; other kinds have none. Permissions double as scopes where they are
 * declared. */
static void requirement_write(const struct dw_scheme *scheme, const struct security_group *group, struct buffer *b)
{
    json_write_key(b, scheme->name);
    buffer_append_char(b, '[');
    if (scheme_has_scopes(scheme)) {
        scopes_write(scheme, group->scopes, false, b);
        scopes_write(scheme, group->permissions, true, b);
    }
    buffer_append_char(b, ']');
}

/* NULL: none of them, where the group is optional. */
static const struct dw_scheme *chosen(const struct security *security, const size_t *choice, size_t group)
{
    return security->groups[group].schemes[choice[group]];
}

static bool is_chosen_before(const struct security *security, const size_t *choice, size_t group)
{
    for (size_t i = 0; i < group; i++)
        if (chosen(security, choice, i) == chosen(security, choice, group))
            return true;
    return false;
}

/* The next combination; false after the last one. */
static bool choice_next(const struct security *security, size_t *choice)
{
    for (size_t i = security->n; i-- > 0;) {
        const struct security_group *group = &security->groups[i];
        const bool was_last = group->schemes[choice[i]] == NULL;
        if (!was_last)
            choice[i]++;
        if (!was_last && (group->schemes[choice[i]] != NULL || !group->is_required))
            return true;
        choice[i] = 0;
    }
    return false;
}

/* Alternatives side by side, each an object of what must hold together; an empty one where nothing needs to (OpenAPI
 * 3.1, Security Requirement Object). */
void openapi_security_write(const struct security *security, struct buffer *b)
{
    size_t choice[SECURITY_GROUPS_MAX] = { 0 };

    buffer_append_char(b, '[');
    do {
        json_write_comma(b);
        buffer_append_char(b, '{');
        for (size_t i = 0; i < security->n; i++)
            if (chosen(security, choice, i) != NULL && !is_chosen_before(security, choice, i))
                requirement_write(chosen(security, choice, i), &security->groups[i], b);
        buffer_append_char(b, '}');
    } while (choice_next(security, choice));
    buffer_append_char(b, ']');
}

/* --- components.securitySchemes --------------------------------------------------------------------------------- */

static void member_cstr(struct buffer *b, const char *name, const char *value)
{
    if (value != NULL)
        json_write_member_str(b, name, dw_str(value));
}

static void flow_write(const struct dw_scheme *scheme, const char *flow, struct buffer *b)
{
    json_write_key(b, "flows");
    buffer_append_char(b, '{');
    json_write_key(b, flow);
    buffer_append_char(b, '{');
    member_cstr(b, "authorizationUrl", scheme->kind == DW_SCHEME_OAUTH2_PASSWORD ? NULL : scheme->authorization_url);
    member_cstr(b, "tokenUrl", scheme->token_url);
    member_cstr(b, "refreshUrl", scheme->refresh_url);
    json_write_key(b, "scopes");
    buffer_append_char(b, '{');
    for (const struct dw_scope_doc *scope = scheme->scopes; scope != NULL && scope->name != NULL; scope++) {
        json_write_key(b, scope->name);
        json_write_str(b, dw_str(scope->description == NULL ? "" : scope->description));
    }
    buffer_append_literal(b, "}}}");
}

static void scheme_write(const struct dw_scheme *scheme, struct buffer *b)
{
    const struct scheme_kind *kind = scheme_kind(scheme);

    json_write_key(b, scheme->name);
    buffer_append_char(b, '{');
    member_cstr(b, "type", kind->type);
    member_cstr(b, "description", scheme->description);
    member_cstr(b, "scheme", kind->http);
    member_cstr(b, "in", kind->in);
    if (kind->in != NULL)
        member_cstr(b, "name", scheme->parameter);
    if (scheme->kind == DW_SCHEME_HTTP_BEARER)
        member_cstr(b, "bearerFormat", scheme->bearer_format);
    if (scheme->kind == DW_SCHEME_OPENID_CONNECT)
        member_cstr(b, "openIdConnectUrl", scheme->openid_url);
    if (kind->flow != NULL)
        flow_write(scheme, kind->flow, b);
    buffer_append_char(b, '}');
}

struct used_schemes {
    const struct dw_scheme *schemes[SCHEMES_MAX];
    size_t n;
};

static enum dw_err scheme_use(struct used_schemes *used, const struct dw_scheme *scheme, struct problem *p)
{
    for (size_t i = 0; i < used->n; i++) {
        if (used->schemes[i] == scheme)
            return DW_OK;
        if (strcmp(used->schemes[i]->name, scheme->name) == 0)
            return problem_say(p, "two security schemes have the name %s", scheme->name);
    }
    if (used->n == SCHEMES_MAX)
        return problem_say(p, "more than %d security schemes", SCHEMES_MAX);
    used->schemes[used->n++] = scheme;
    return DW_OK;
}

static enum dw_err row_use(const struct dw_app *app, const struct app_row *row, struct used_schemes *used,
                           struct problem *p)
{
    struct security security;

    if (app_row_is_hidden(row))
        return DW_OK;
    TRY(openapi_security_find(app, row, app->arena, p, &security));
    for (size_t i = 0; i < security.n; i++)
        for (const struct dw_scheme *const *scheme = security.groups[i].schemes; *scheme != NULL; scheme++)
            TRY(scheme_use(used, *scheme, p));
    return DW_OK;
}

enum dw_err openapi_schemes_write(const struct dw_app *app, struct problem *p, struct buffer *b)
{
    struct used_schemes used = { 0 };

    for (size_t i = 0; i < app->n_rows; i++)
        TRY(problem_at(p, app->rows[i].label, row_use(app, &app->rows[i], &used, p)));
    buffer_append_char(b, '{');
    for (size_t i = 0; i < used.n; i++)
        scheme_write(used.schemes[i], b);
    buffer_append_char(b, '}');
    return buffer_error(b);
}
