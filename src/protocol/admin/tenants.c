/* Tenants, for the operator: an administrator of the tenant `default` whose credential leaves nothing out. */
#include "identity/tenant_admin.h"

#include "protocol/admin/rights.h"
#include "protocol/routes.h"

enum { NAME_MAX_CHARS = 200, PAGE_MAX = 100 };

#define NEEDS_WORDS "For administrators of the tenant `default`, with all their rights in the credential. "

/* --- models ------------------------------------------------------------------------------------------------------ */

struct tenant_in {
    struct dw_str slug, name;
};

struct tenant_change_in {
    struct dw_str name;
    bool has_is_active, is_active;
};

struct tenants_query {
    struct dw_str after;
    int64_t limit;
};

#define NAME_FACTS                                                                                                     \
    .type = DW_STRING, .min = 1, .max = NAME_MAX_CHARS, .pattern = "[^\\x00-\\x1f\\x7f]*", .description = "For people",   \
    .example = "Acme Ltd."

static const struct dw_model TENANT_IN = {
    .name = "NewTenant", .size = sizeof(struct tenant_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct tenant_in, slug), .type = DW_STRING, .flags = DW_REQUIRED, .min = 1,
          .max = IDENTITY_NAME_MAX, .pattern = "[a-z0-9][a-z0-9-]*",
          .description = "What `tenant` is at sign-in, and in tokens; it never changes", .example = "acme" },
        { DW_FIELD(struct tenant_in, name), NAME_FACTS, .flags = DW_REQUIRED },
        { 0 } },
};

static const struct dw_model TENANT_CHANGE_IN = {
    .name = "TenantChange", .description = "What is left out stays as it is.", .size = sizeof(struct tenant_change_in),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct tenant_change_in, name), NAME_FACTS },
        { DW_FIELD(struct tenant_change_in, is_active), .type = DW_BOOL, .flags = DW_PRESENCE,
          .presence = offsetof(struct tenant_change_in, has_is_active),
          .description = "`false`: nobody of the tenant gets in, from the next request on" },
        { 0 } },
};

static const struct dw_model TENANTS_QUERY = {
    .name = "TenantsQuery", .size = sizeof(struct tenants_query),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct tenants_query, limit), .type = DW_INT, .min = 1, .max = PAGE_MAX, .fallback = "50",
          .description = "The most tenants in one answer" },
        { DW_FIELD(struct tenants_query, after), .type = DW_UUID,
          .description = "`next` of the answer before: where to go on" },
        { 0 } },
};

static const struct dw_model TENANT = {
    .name = "Tenant", .size = sizeof(struct tenant_record),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct tenant_record, id), .type = DW_UUID, .flags = DW_REQUIRED },
        { DW_FIELD(struct tenant_record, slug), .type = DW_STRING, .flags = DW_REQUIRED, .example = "acme" },
        { DW_FIELD(struct tenant_record, name), .type = DW_STRING, .flags = DW_REQUIRED, .example = "Acme Ltd." },
        { DW_FIELD(struct tenant_record, is_active), .type = DW_BOOL },
        { DW_FIELD(struct tenant_record, created_at), .type = DW_TIME, .flags = DW_REQUIRED },
        { 0 } },
};

struct tenants_out {
    struct dw_list items; /* of struct tenant_record */
    struct dw_str next;
};

static const struct dw_model TENANTS_OUT = {
    .name = "Tenants", .description = "A page, in the order of creation", .size = sizeof(struct tenants_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct tenants_out, items), .type = DW_LIST, .items = DW_OBJECT, .model = &TENANT },
        { DW_FIELD(struct tenants_out, next), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "To be sent as `after` for the next page; null at the end" },
        { 0 } },
};

/* --- handlers ---------------------------------------------------------------------------------------------------- */

static enum dw_err list_tenants(struct dw_request *r, const struct tenants_query *in, struct tenants_out *out)
{
    struct tenant_page page;

    TRY(tenant_list(identity_of(r), in->after, (unsigned)in->limit, dw_request_arena(r), &page));
    out->items = (struct dw_list){ .items = page.tenants, .n = page.n };
    if (page.has_more)
        out->next = page.tenants[page.n - 1].id;
    return DW_OK;
}

static enum dw_err create_tenant(struct dw_request *r, const struct tenant_in *in, struct tenant_record *out)
{
    const struct tenant operators = caller_tenant(r);
    const struct actor me = caller_actor(r);

    return tenant_create(identity_of(r), &operators, &me, in->slug, in->name, dw_request_arena(r), out);
}

static enum dw_err show_tenant(struct dw_request *r, const void *in, struct tenant_record *out)
{
    return tenant_get(identity_of(r), dw_path_parameter(r, "id"), dw_request_arena(r), out);
}

static enum dw_err change_tenant(struct dw_request *r, const struct tenant_change_in *in, struct tenant_record *out)
{
    const struct tenant operators = caller_tenant(r);
    const struct actor me = caller_actor(r);
    const struct tenant_change change = { .name = in->name, .is_active = in->has_is_active ? in->is_active : -1 };

    return tenant_update(identity_of(r), &operators, &me, dw_path_parameter(r, "id"), &change, dw_request_arena(r),
                         out);
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

const struct dw_route TENANT_ROUTES[] = {
    { DW_GET, "/tenants", DW_HANDLER(list_tenants), .query = &TENANTS_QUERY, .answer = &TENANTS_OUT,
      .needs = NEEDS_OPERATOR, .id = "list_tenants", .tag = TAG_ADMINISTRATION, .summary = "List tenants",
      .description = NEEDS_WORDS },
    { DW_POST, "/tenants", DW_HANDLER(create_tenant), .body = &TENANT_IN, .answer = &TENANT, .needs = NEEDS_OPERATOR,
      .status = 201, .id = "create_tenant", .tag = TAG_ADMINISTRATION, .summary = "Make a tenant",
      .description = NEEDS_WORDS "Its first administrator: `doorward user create --tenant SLUG --role admin`.",
      .answers = ANSWERS({ 409, "The slug is taken" }) },
    { DW_GET, "/tenants/{id}", DW_HANDLER(show_tenant), .answer = &TENANT, .needs = NEEDS_OPERATOR,
      .id = "show_tenant", .tag = TAG_ADMINISTRATION, .summary = "See a tenant", .description = NEEDS_WORDS,
      .answers = ANSWERS({ 404, "No such tenant" }) },
    { DW_PATCH, "/tenants/{id}", DW_HANDLER(change_tenant), .body = &TENANT_CHANGE_IN, .answer = &TENANT,
      .needs = NEEDS_OPERATOR, .id = "change_tenant", .tag = TAG_ADMINISTRATION,
      .summary = "Rename, disable or enable a tenant", .description = NEEDS_WORDS,
      .answers = ANSWERS({ 404, "No such tenant" }, { 409, "The tenant `default` can't be disabled" }) },
    { 0 },
};
