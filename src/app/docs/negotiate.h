/*
 * What a client says it can take (RFC 9110 §12.5.3) and has already (§13.1.2).
 */
#ifndef APP_DOCS_NEGOTIATE_H
#define APP_DOCS_NEGOTIATE_H

#include <doorward/base.h>

/* Whether the value of Accept-Encoding allows gzip. An absent one does by the RFC, but clients that send none seldom
 * unpack: false. */
bool accepts_gzip(struct dw_str accept_encoding);

/* Whether Accept names the text of OpenMetrics: who knows it wants it. */
bool accepts_openmetrics(struct dw_str accept);

/* Whether If-None-Match names `etag` (given with its quotes; compared weakly, as §13.1.2 asks) or anything at all. */
bool etag_is_known(struct dw_str if_none_match, struct dw_str etag);

#endif
