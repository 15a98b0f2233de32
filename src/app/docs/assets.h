/*
 * Files of pages, carried in the binary that asks for them: the documentation's here, the server's own in protocol/.
 *
 * Why: /docs must work on a machine without a network, so Swagger UI comes from npm at build time (tools/embed.py).
 * Defends against: pages that load scripts from elsewhere; a file that changed without its ETag changing (the tag is
 * the SHA-256 of the bytes).
 * asset_serve() is docs.c's.
 *
 * Everything here is constant and lives as long as the program; any thread may read it.
 */
#ifndef APP_DOCS_ASSETS_H
#define APP_DOCS_ASSETS_H

#include <doorward/app.h>

struct asset {
    const char *path; /* of the request: "/docs/init.js" */
    const char *content_type;
    const char *etag; /* with its quotes */
    const unsigned char *gzip;
    size_t gzip_size;
    const unsigned char *plain; /* NULL where only the compressed form is carried (files over 16 KiB) */
    size_t size;                /* uncompressed */
};

extern const struct asset DOCS_ASSETS[];
extern const size_t DOCS_ASSETS_COUNT;

/* Answers with the file of that path, packed where the client takes that, by its tag where it has it already.
 * DW_ERR_NOT_FOUND; DW_ERR_WOULD_BLOCK on a loop when it has to be unpacked. */
DW_MUST_USE enum dw_err asset_serve(struct dw_request *r, const struct asset *assets, size_t n, struct dw_str path);

#endif
