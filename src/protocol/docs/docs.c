/* The root leads to the documentation, whose page and files are the library's (doorward/docs.h). */
#include "protocol/context.h"
#include "protocol/routes.h"

enum { STATUS_TEMPORARY_REDIRECT = 307 };

static enum dw_err go_to_docs(struct dw_request *r, const void *in, void *out)
{
    dw_answer_status(r, STATUS_TEMPORARY_REDIRECT);
    dw_answer_header(r, "Location", DW_STR("/docs"));
    return DW_OK;
}

const struct dw_route DOCS_ROUTES[] = {
    { DW_GET, "/", DW_HANDLER(go_to_docs), .needs = DW_PUBLIC, .lane = DW_INLINE, .hidden = true,
      .summary = "Leads to the documentation" },
    { 0 },
};
