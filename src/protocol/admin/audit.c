/*
 * The audit log, for those who may read it: their own tenant's events, a page for people or lines for machines.
 *
 * What an event tells (addresses, ids, what was changed) is personal data: the right to read it is a permission of its
 * own, which moderators do not have. The chain's hashes are shown, so that a copy taken here can be held against the
 * log later; what verifies them is the server's secret, so that is `doorward audit verify`'s.
 */
#include "base/encoding.h"
#include "identity/audit.h"
#include "protocol/context.h"
#include "protocol/routes.h"

enum {
    WORD_MAX = 64,
    CURSOR_MAX = 18,
    PAGE_MAX = 100,
    LINES_MAX = 5000, /* in one answer, which is made in memory */
    LINES_MAX_BYTES = 4 * 1024 * 1024,
    LINK_MAX = 1024, /* both words, every character escaped, both times */
};

#define MEDIA_LINES "application/x-ndjson"

/* --- models ------------------------------------------------------------------------------------------------------ */

struct audit_query {
    struct dw_str actor, action, after;
    int64_t since, until, limit;
};

static const struct dw_model AUDIT_QUERY = {
    .name = "AuditQuery", .size = sizeof(struct audit_query),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct audit_query, actor), .type = DW_STRING, .max = WORD_MAX,
          .description = "Who acted: a user's id, `system` or `cli`" },
        { DW_FIELD(struct audit_query, action), .type = DW_STRING, .max = WORD_MAX, .description = "One action",
          .example = "session.sign_in" },
        { DW_FIELD(struct audit_query, since), .type = DW_TIME, .description = "From this time on",
          .example = "2026-11-22T00:00:00Z" },
        { DW_FIELD(struct audit_query, until), .type = DW_TIME, .description = "Before this time",
          .example = "2026-11-23T00:00:00Z" },
        { DW_FIELD(struct audit_query, limit), .type = DW_INT, .min = 1, .max = PAGE_MAX, .fallback = "50",
          .description = "The most events of a page" },
        { DW_FIELD(struct audit_query, after), .type = DW_STRING, .max = CURSOR_MAX, .pattern = "[0-9]+",
          .description = "`next` of the answer before: where to go on" },
        { 0 } },
};

static const struct dw_model AUDIT_EVENT = {
    .name = "AuditEvent", .size = sizeof(struct audit_entry),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct audit_entry, seq), .type = DW_INT, .description = "Its number: no two events share one" },
        { DW_FIELD(struct audit_entry, id), .type = DW_UUID, .flags = DW_REQUIRED },
        { DW_FIELD(struct audit_entry, at), .type = DW_TIME, .flags = DW_REQUIRED, .example = "2026-11-22T17:05:49Z" },
        { DW_FIELD(struct audit_entry, action), .type = DW_STRING, .flags = DW_REQUIRED, .example = "user.disabled" },
        { DW_FIELD(struct audit_entry, actor), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "A user's id, `system`, `cli`, or null for a stranger" },
        { DW_FIELD(struct audit_entry, target), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "Whom or what it was done to" },
        { DW_FIELD(struct audit_entry, address), .type = DW_STRING, .flags = DW_NULLABLE, .example = "192.0.2.7" },
        { DW_FIELD(struct audit_entry, result), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "`ok`, or why it was refused", .example = "ok" },
        { DW_FIELD(struct audit_entry, detail), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "What changed" },
        { DW_FIELD(struct audit_entry, hash), .type = DW_STRING, .flags = DW_REQUIRED,
          .description = "HMAC-SHA256 over the event and the hash of the one before" },
        { 0 } },
};

struct audit_out {
    struct dw_list items; /* of struct audit_entry */
    struct dw_str next;
};

static const struct dw_model AUDIT_OUT = {
    .name = "AuditEvents", .description = "A page, the newest first", .size = sizeof(struct audit_out),
    .fields = (const struct dw_field[]){
        { DW_FIELD(struct audit_out, items), .type = DW_LIST, .items = DW_OBJECT, .model = &AUDIT_EVENT },
        { DW_FIELD(struct audit_out, next), .type = DW_STRING, .flags = DW_NULLABLE,
          .description = "To be sent as `after` for the next page; null at the end" },
        { 0 } },
};

/* --- handlers ---------------------------------------------------------------------------------------------------- */

/* The pattern of the model has made sure of digits that fit. */
static int64_t read_cursor(struct dw_str text)
{
    int64_t number = 0;

    for (size_t i = 0; i < text.len; i++)
        number = number * 10 + (text.ptr[i] - '0');
    return text.len > 0 ? number : -1;
}

static struct dw_str cursor_after(struct dw_request *r, const struct audit_page *page)
{
    return dw_arena_printf(dw_request_arena(r), "%lld", (long long)page->entries[page->n - 1].seq);
}

static void link_word(struct buffer *link, const char *name, struct dw_str value)
{
    if (dw_str_is_absent(value))
        return;
    buffer_printf(link, "&%s=", name);
    percent_encode_append(link, value);
}

static void link_time(struct buffer *link, const char *name, int64_t unix_s)
{
    char text[RFC3339_SIZE];

    if (unix_s >= 0)
        link_word(link, name, dw_str_n(text, rfc3339_format(unix_s, text)));
}

/* More than one answer holds: where the rest of what was searched for is (RFC 8288). */
static enum dw_err link_rest(struct dw_request *r, const struct audit_filter *filter, const struct audit_page *page)
{
    _cleanup_buffer_ struct buffer link = BUFFER_INIT(LINK_MAX);

    buffer_printf(&link, "</audit?after=%lld", (long long)page->entries[page->n - 1].seq);
    link_word(&link, "actor", filter->actor);
    link_word(&link, "action", filter->action);
    link_time(&link, "since", filter->since);
    link_time(&link, "until", filter->until);
    buffer_append_literal(&link, ">; rel=\"next\"");
    TRY(buffer_error(&link));
    dw_answer_header(r, "Link", buffer_str(&link));
    return DW_OK;
}

static enum dw_err answer_lines(struct dw_request *r, const struct audit_filter *filter, const struct audit_page *page)
{
    _cleanup_buffer_ struct buffer lines = BUFFER_INIT(LINES_MAX_BYTES);

    for (size_t i = 0; i < page->n; i++) {
        audit_entry_write(&lines, &page->entries[i]);
        buffer_append_char(&lines, '\n');
    }
    TRY(buffer_error(&lines));
    if (page->has_more)
        TRY(link_rest(r, filter, page));
    if (lines.len > 0)
        dw_answer_body(r, MEDIA_LINES, buffer_str(&lines));
    else
        dw_answer_body_static(r, MEDIA_LINES, DW_STR(""));
    return DW_OK;
}

static enum dw_err list_events(struct dw_request *r, const struct audit_query *in, struct audit_out *out)
{
    const struct tenant tenant = caller_tenant(r);
    const bool wants_lines = dw_str_starts_with(dw_request_header(r, "Accept"), DW_STR(MEDIA_LINES));
    const struct audit_filter filter = {
        .actor = in->actor, .action = in->action, .since = in->since, .until = in->until,
        .after = read_cursor(in->after), .newest_first = !wants_lines,
        .limit = wants_lines ? LINES_MAX : (unsigned)in->limit,
    };
    struct audit_page page;

    TRY(audit_list(identity_of(r), &tenant, &filter, dw_request_arena(r), &page));
    if (wants_lines)
        return answer_lines(r, &filter, &page);
    out->items = (struct dw_list){ .items = page.entries, .n = page.n };
    if (!page.has_more)
        return DW_OK;
    out->next = cursor_after(r, &page);
    return out->next.ptr ? DW_OK : DW_ERR_NO_MEMORY;
}

const struct dw_route AUDIT_ROUTES[] = {
    { DW_GET, "/audit", DW_HANDLER(list_events), .query = &AUDIT_QUERY, .answer = &AUDIT_OUT,
      .needs = DW_PERMISSION("read:audit"), .no_store = true, .id = "list_audit", .tag = TAG_ADMINISTRATION,
      .summary = "Search the audit log",
      .description = "Needs `read:audit`. The events of the caller's tenant, the newest first, page by page; those "
                     "that concern no tenant (signing keys) are the tenant `default`'s. With `Accept: "
                     "application/x-ndjson` all of them as JSON lines, the oldest first; past 5000 the header `Link` "
                     "tells where to go on." },
    { 0 },
};
