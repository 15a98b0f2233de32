#include "identity/role.h"

#include "base/buffer.h"

enum { SCOPE_MAX_BYTES = 4096 };

const struct permission PERMISSIONS[] = {
    { "read:users", "See the users of the tenant" },
    { "write:users", "Change, disable and sign out users" },
    { "delete:users", "Delete users" },
    { "read:audit", "Read the audit log" },
    { "moderate:content", "Moderate what users publish" },
    { "manage:roles", "Give roles and permissions" },
    { "manage:keys", "Rotate and retire signing keys" },
    { NULL, NULL },
};

const struct role ROLES[] = {
    { ROLE_USER, "" },
    { "moderator", "read:users moderate:content" },
    { ROLE_ADMIN, "read:users write:users delete:users read:audit moderate:content manage:roles manage:keys" },
    { NULL, NULL },
};

const struct role *role_find(struct dw_str name)
{
    for (const struct role *r = ROLES; r->name != NULL; r++)
        if (dw_str_eq(name, dw_str(r->name)))
            return r;
    return NULL;
}

/* The next space-separated word of *rest; absent at the end. */
static struct dw_str next_word(struct dw_str *rest)
{
    while (rest->len > 0 && *rest->ptr == ' ')
        *rest = dw_str_n(rest->ptr + 1, rest->len - 1);
    if (rest->len == 0)
        return dw_str_n(NULL, 0);
    const char *space = memchr(rest->ptr, ' ', rest->len);
    const struct dw_str word = dw_str_n(rest->ptr, space ? (size_t)(space - rest->ptr) : rest->len);

    *rest = dw_str_n(rest->ptr + word.len, rest->len - word.len);
    return word;
}

/* Appends the words of `from` that `allowed` holds (absent: all of them) and that are not there yet. */
static void append_words(struct buffer *b, struct dw_str from, struct dw_str allowed)
{
    for (struct dw_str word = next_word(&from); word.ptr != NULL; word = next_word(&from)) {
        if (allowed.ptr != NULL && !dw_str_list_has(allowed, word))
            continue;
        if (b->len > 0 && dw_str_list_has(buffer_str(b), word))
            continue;
        if (b->len > 0)
            buffer_append_char(b, ' ');
        buffer_append(b, word);
    }
}

static enum dw_err words_finish(struct buffer *b, struct dw_arena *arena, struct dw_str *ret_words)
{
    TRY(buffer_error(b));
    const struct dw_str words = dw_arena_copy(arena, b->len > 0 ? buffer_str(b) : DW_STR(""));

    if (words.ptr == NULL)
        return DW_ERR_NO_MEMORY;
    *ret_words = words;
    return DW_OK;
}

enum dw_err role_permissions(struct dw_str role_name, struct dw_str custom, struct dw_str direct,
                             struct dw_arena *arena, struct dw_str *ret_permissions)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(SCOPE_MAX_BYTES);
    const struct role *role = role_find(role_name);

    append_words(&b, role != NULL ? dw_str(role->permissions) : custom, dw_str_n(NULL, 0));
    append_words(&b, direct, dw_str_n(NULL, 0));
    return words_finish(&b, arena, ret_permissions);
}

/* scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), separated by one space (RFC 6749 §3.3). */
static bool is_scope_list(struct dw_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const unsigned char c = (unsigned char)s.ptr[i];

        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            return false;
    }
    return s.len <= SCOPE_MAX_BYTES;
}

enum dw_err scope_grant(struct dw_str asked, struct dw_str may, struct dw_arena *arena, struct dw_str *ret_scope)
{
    _cleanup_buffer_ struct buffer b = BUFFER_INIT(SCOPE_MAX_BYTES);

    if (!is_scope_list(asked))
        return DW_ERR_SCOPE_UNKNOWN;
    if (asked.len == 0)
        append_words(&b, may, dw_str_n(NULL, 0));
    else
        append_words(&b, asked, may);
    return words_finish(&b, arena, ret_scope);
}

bool scope_covers(struct dw_str whole, struct dw_str part)
{
    for (struct dw_str word = next_word(&part); word.ptr != NULL; word = next_word(&part))
        if (!dw_str_list_has(whole, word))
            return false;
    return true;
}

enum dw_err scope_intersect(struct dw_str a, struct dw_str b, struct dw_arena *arena, struct dw_str *ret_scope)
{
    _cleanup_buffer_ struct buffer words = BUFFER_INIT(SCOPE_MAX_BYTES);

    append_words(&words, a, b.ptr ? b : DW_STR(""));
    return words_finish(&words, arena, ret_scope);
}
