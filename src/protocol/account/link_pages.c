/*
 * The pages that the links of mails lead to: they send the link's token with what the person types.
 *
 * The token stands in the link's fragment, which a browser keeps to itself: no log, proxy or referrer sees it. Opening
 * the page does nothing, so that whoever looks at links beforehand (mail scanners do) spends no token. Nothing inline
 * runs, nothing comes from elsewhere, nobody may frame it.
 */
#include "protocol/account/link_assets.h"
#include "protocol/routes.h"

#define PAGE_CSP                                                                                                       \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "                   \
    "form-action 'none'; frame-ancestors 'none'"

static enum dw_err show_page(struct dw_request *r, const void *in, void *out)
{
    return asset_serve(r, LINK_ASSETS, LINK_ASSETS_COUNT, dw_str(dw_route(r)->path));
}

static enum dw_err show_file(struct dw_request *r, const void *in, void *out)
{
    const struct dw_str name = dw_path_parameter(r, "file");

    const struct dw_str path = dw_arena_printf(dw_request_arena(r), "/account/%.*s", (int)name.len, name.ptr);

    return asset_serve(r, LINK_ASSETS, LINK_ASSETS_COUNT, path);
}

/* Hidden: no program asks for them. */
const struct dw_route LINK_PAGE_ROUTES[] = {
    { DW_GET, "/reset-password", DW_HANDLER(show_page), .answer_type = "text/html", .needs = DW_PUBLIC,
      .lane = DW_INLINE, .hidden = true, .content_security_policy = PAGE_CSP,
      .summary = "Where the link of a forgotten password leads" },
    { DW_GET, "/verify-email", DW_HANDLER(show_page), .answer_type = "text/html", .needs = DW_PUBLIC,
      .lane = DW_INLINE, .hidden = true, .content_security_policy = PAGE_CSP,
      .summary = "Where the link that verifies an address leads" },
    { DW_GET, "/account/{file}", DW_HANDLER(show_file), .answer_type = "application/octet-stream", .needs = DW_PUBLIC,
      .lane = DW_INLINE, .hidden = true, .content_security_policy = PAGE_CSP, .summary = "The pages' files" },
    { 0 },
};
