/*
 * The description of the API and a page to try it: /openapi.json, /docs and its files, all from the binary.
 *
 * The page runs under a policy that allows this server's own files and nothing inline; Swagger UI was tried under it.
 * Files are carried compressed. A client that does not take gzip gets the small ones from the binary as well, and the
 * large ones unpacked on a worker thread.
 */
#define ZLIB_CONST
#include "app/docs/assets.h"

#include "app/application.h"
#include "app/docs/negotiate.h"
#include <doorward/docs.h>
#include <zlib.h>

#define DOCS_CSP                                                                                                       \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "              \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

enum { STATUS_NOT_MODIFIED = 304, GZIP_WINDOW_BITS = 15 + 16 };

/* --- files ------------------------------------------------------------------------------------------------------ */

static const struct asset *asset_find(const struct asset *assets, size_t n, struct dw_str path)
{
    for (size_t i = 0; i < n; i++)
        if (dw_str_eq(path, dw_str(assets[i].path)))
            return &assets[i];
    return NULL;
}

/* A representation has a tag of its own (RFC 9110 §8.8.3.3): the unpacked one's has a character more. */
static struct dw_str tag_of(struct dw_arena *arena, const struct asset *asset, bool is_gzip)
{
    const struct dw_str tag = dw_str(asset->etag);

    return is_gzip ? tag : dw_arena_printf(arena, "%.*s0\"", (int)tag.len - 1, tag.ptr);
}

static enum dw_err unpack(struct dw_arena *arena, const struct asset *asset, struct dw_str *ret_bytes)
{
    unsigned char *bytes = dw_arena_alloc(arena, asset->size);
    z_stream z = { .next_in = asset->gzip, .avail_in = (uInt)asset->gzip_size, .next_out = bytes,
                   .avail_out = (uInt)asset->size };

    if (bytes == NULL || inflateInit2(&z, GZIP_WINDOW_BITS) != Z_OK)
        return DW_ERR_NO_MEMORY;
    const bool is_done = inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == asset->size;

    inflateEnd(&z);
    if (!is_done)
        return DW_ERR_INTERNAL;
    *ret_bytes = dw_str_n(bytes, asset->size);
    return DW_OK;
}

static enum dw_err body_of(struct dw_request *r, const struct asset *asset, bool is_gzip, struct dw_str *ret_bytes)
{
    if (is_gzip) {
        *ret_bytes = dw_str_n(asset->gzip, asset->gzip_size);
        return DW_OK;
    }
    if (asset->plain != NULL) {
        *ret_bytes = dw_str_n(asset->plain, asset->size);
        return DW_OK;
    }
    return dw_request_may_block(r) ? unpack(dw_request_arena(r), asset, ret_bytes) : DW_ERR_WOULD_BLOCK;
}

enum dw_err asset_serve(struct dw_request *r, const struct asset *assets, size_t n, struct dw_str path)
{
    const struct asset *asset = asset_find(assets, n, path);

    if (asset == NULL)
        return DW_ERR_NOT_FOUND;
    const bool is_gzip = accepts_gzip(dw_request_header(r, "Accept-Encoding"));
    const struct dw_str tag = tag_of(dw_request_arena(r), asset, is_gzip);
    struct dw_str bytes;

    dw_answer_header(r, "ETag", tag);
    dw_answer_header(r, "Cache-Control", DW_STR("no-cache")); /* keep it, but ask whether it is still the one */
    dw_answer_header(r, "Vary", DW_STR("Accept-Encoding"));
    if (etag_is_known(dw_request_header(r, "If-None-Match"), tag)) {
        dw_answer_status(r, STATUS_NOT_MODIFIED);
        return DW_OK;
    }
    TRY(body_of(r, asset, is_gzip, &bytes));
    if (is_gzip)
        dw_answer_header(r, "Content-Encoding", DW_STR("gzip"));
    dw_answer_body_static(r, asset->content_type, bytes);
    return DW_OK;
}

/* --- handlers --------------------------------------------------------------------------------------------------- */

static enum dw_err show_page(struct dw_request *r, const void *in, void *out)
{
    return asset_serve(r, DOCS_ASSETS, DOCS_ASSETS_COUNT, DW_STR("/docs"));
}

static enum dw_err show_file(struct dw_request *r, const void *in, void *out)
{
    const struct dw_str name = dw_path_parameter(r, "file");
    const struct dw_str path = dw_arena_printf(dw_request_arena(r), "/docs/%.*s", (int)name.len, name.ptr);

    return asset_serve(r, DOCS_ASSETS, DOCS_ASSETS_COUNT, path);
}

static enum dw_err show_openapi(struct dw_request *r, const void *in, void *out)
{
    dw_answer_header(r, "Cache-Control", DW_STR("no-cache"));
    dw_answer_body_static(r, "application/json", dw_app_openapi(app_state(r)->app));
    return DW_OK;
}

/* Hidden: they are the documentation. */
const struct dw_route DW_DOCS_ROUTES[] = {
    { DW_GET, "/docs", show_page, .answer_type = "text/html", .needs = DW_PUBLIC, .lane = DW_INLINE, .hidden = true,
      .content_security_policy = DOCS_CSP, .summary = "Swagger UI" },
    { DW_GET, "/docs/{file}", show_file, .answer_type = "application/octet-stream", .needs = DW_PUBLIC,
      .lane = DW_INLINE, .hidden = true, .content_security_policy = DOCS_CSP, .summary = "The page's files" },
    { DW_GET, "/openapi.json", show_openapi, .answer_type = "application/json", .needs = DW_PUBLIC, .lane = DW_INLINE,
      .hidden = true, .summary = "OpenAPI 3.1" },
    { 0 },
};
