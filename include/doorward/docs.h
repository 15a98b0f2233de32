/*
 * The documentation that every program can show: its OpenAPI description and Swagger UI, served from itself.
 *
 * Why: a page that loads scripts from elsewhere shows nothing on a machine without a network, and trusts whoever serves
 * them. Defends against: foreign and inline scripts and styles (a strict Content-Security-Policy), framing. What
 * somebody types into Authorize stays in the page until it is left.
 * Does not: protect the description; leave the table out, or put a proxy in front, where it must not be public.
 */
#ifndef DOORWARD_DOCS_H
#define DOORWARD_DOCS_H

#include <doorward/app.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A table for dw_app_config.routes: GET /docs (Swagger UI), GET /docs/{file} (what it loads, also the page that an
 * authorization-code sign-in comes back to: /docs/oauth2-redirect.html) and GET /openapi.json (OpenAPI 3.1, as
 * dw_app_openapi() gives it). Public and not in the description. All addresses are relative: in a mounted application
 * they show that one. Programs that don't name the table don't carry the files.
 */
DW_API extern const struct dw_route DW_DOCS_ROUTES[];

#ifdef __cplusplus
}
#endif
#endif
