/*
 * Files of the documentation page, carried in the binary that asks for them.
 *
 * Why: /docs must work on a machine without a network, so Swagger UI comes from npm at build time (tools/embed.py).
 * Defends against: pages that load scripts from elsewhere; a file that changed without its ETag changing (the tag is
 * the SHA-256 of the bytes).
 * Does not: serve them; that is docs.c.
 *
 * Everything here is constant and lives as long as the program; any thread may read it.
 */
#ifndef APP_DOCS_ASSETS_H
#define APP_DOCS_ASSETS_H

#include <stddef.h>

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

#endif
