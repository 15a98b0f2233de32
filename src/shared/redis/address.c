#include "shared/redis/address.h"

#include "base/encoding.h"

enum { PORT_DEFAULT = 6379, PORT_MAX = 65535, ARENA_BYTES = 8 * 1024 };

static const char WRONG[] =
    "allowed: redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], rediss:// (TLS) or unix:/PATH, and "
    "?db=DATABASE&timeout_ms=NUMBER, with rediss:// &ca=FILE&cert=FILE&key=FILE";
static const char HALF_A_PAIR[] = "a certificate and its key come together: ?cert=FILE&key=FILE";

struct redis_url {
    struct dw_arena *arena;
    struct dw_str rest;
    struct redis_address *address;
    const char **problem;
};

static enum dw_err refuse(const struct redis_url *u, const char *problem)
{
    *u->problem = problem;
    return DW_ERR_SETTING;
}

static bool skip(struct redis_url *u, struct dw_str prefix)
{
    if (!dw_str_starts_with(u->rest, prefix))
        return false;
    u->rest = dw_str_n(u->rest.ptr + prefix.len, u->rest.len - prefix.len);
    return true;
}

/* What stands before the first of `stops`; the rest begins with it. */
static struct dw_str take_until(struct redis_url *u, const char *stops)
{
    size_t n = 0;

    while (n < u->rest.len && strchr(stops, u->rest.ptr[n]) == NULL)
        n++;
    const struct dw_str taken = dw_str_n(u->rest.ptr, n);
    u->rest = dw_str_n(u->rest.ptr + n, u->rest.len - n);
    return taken;
}

static bool parse_number(struct dw_str text, unsigned max, unsigned *ret_number)
{
    unsigned number = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        number = number * 10 + (unsigned)(text.ptr[i] - '0');
        if (number > max)
            return false;
    }
    *ret_number = number;
    return text.len > 0;
}

static enum dw_err decode(const struct redis_url *u, struct dw_str text, struct dw_secret *ret_secret)
{
    struct dw_str decoded;

    if (text.len == 0)
        return DW_OK;
    if (percent_decode_arena(u->arena, text, false, &decoded) != DW_OK)
        return refuse(u, WRONG);
    return dw_secret_copy(decoded, ret_secret);
}

/* [USER]:PASSWORD@, or nothing. The last '@' before the host ends it: none stands in a host. */
static enum dw_err take_user(struct redis_url *u)
{
    size_t authority = 0;

    while (authority < u->rest.len && strchr("/?#", u->rest.ptr[authority]) == NULL)
        authority++;
    const char *at = authority == 0 ? NULL : memrchr(u->rest.ptr, '@', authority);
    if (at == NULL)
        return DW_OK;
    const struct dw_str both = dw_str_n(u->rest.ptr, (size_t)(at - u->rest.ptr));
    const char *colon = memchr(both.ptr, ':', both.len);

    u->rest = dw_str_n(at + 1, u->rest.len - both.len - 1);
    if (colon == NULL || colon + 1 == at)
        return refuse(u, "a user without a password; write USER:PASSWORD@, or :PASSWORD@ for the default user");
    TRY(decode(u, dw_str_n(both.ptr, (size_t)(colon - both.ptr)), &u->address->user));
    return decode(u, dw_str_n(colon + 1, (size_t)(at - colon - 1)), &u->address->password);
}

/* The name of a file, to the next parameter; false when there is none, none that a file can have, or a second. */
static bool take_file(struct redis_url *u, char ret_file[REDIS_FILE_SIZE])
{
    struct dw_str file;

    if (!u->address->is_tls || ret_file[0] != '\0' ||
        percent_decode_arena(u->arena, take_until(u, "&"), false, &file) != DW_OK)
        return false;
    if (file.len == 0 || file.len >= REDIS_FILE_SIZE || memchr(file.ptr, '\0', file.len) != NULL)
        return false;
    snprintf(ret_file, REDIS_FILE_SIZE, "%.*s", (int)file.len, file.ptr);
    return true;
}

/* To the end of the URL. */
static enum dw_err take_parameters(struct redis_url *u)
{
    bool is_right = u->rest.len == 0 || skip(u, DW_STR("?"));

    while (is_right && u->rest.len > 0) {
        if (skip(u, DW_STR("db=")))
            is_right = parse_number(take_until(u, "&"), REDIS_DB_MAX, &u->address->db);
        else if (skip(u, DW_STR("timeout_ms=")))
            is_right = parse_number(take_until(u, "&"), REDIS_TIMEOUT_MAX_MS, &u->address->timeout_ms) &&
                       u->address->timeout_ms > 0;
        else if (skip(u, DW_STR("ca=")))
            is_right = take_file(u, u->address->ca_file);
        else if (skip(u, DW_STR("cert=")))
            is_right = take_file(u, u->address->certificate_file);
        else if (skip(u, DW_STR("key=")))
            is_right = take_file(u, u->address->key_file);
        else
            is_right = false;
        (void)skip(u, DW_STR("&"));
    }
    if (is_right && (u->address->certificate_file[0] == '\0') != (u->address->key_file[0] == '\0'))
        return refuse(u, HALF_A_PAIR);
    return is_right ? DW_OK : refuse(u, WRONG);
}

static enum dw_err take_host(struct redis_url *u)
{
    const bool is_bracketed = skip(u, DW_STR("["));
    const struct dw_str host = take_until(u, is_bracketed ? "]" : ":/?#@[]");

    u->address->port = PORT_DEFAULT;
    if (host.len == 0 || host.len >= REDIS_HOST_SIZE || (is_bracketed && !skip(u, DW_STR("]"))))
        return refuse(u, WRONG);
    snprintf(u->address->host, sizeof(u->address->host), "%.*s", (int)host.len, host.ptr);
    if (skip(u, DW_STR(":")) && (!parse_number(take_until(u, "/?#"), PORT_MAX, &u->address->port) ||
                                 u->address->port == 0))
        return refuse(u, WRONG);
    const struct dw_str db = skip(u, DW_STR("/")) ? take_until(u, "?") : dw_str_n(NULL, 0);
    if (db.len > 0 && !parse_number(db, REDIS_DB_MAX, &u->address->db))
        return refuse(u, WRONG);
    return take_parameters(u);
}

static enum dw_err take_path(struct redis_url *u)
{
    const struct dw_str path = take_until(u, "?#");

    if (path.len < 2 || path.ptr[0] != '/' || path.len >= REDIS_PATH_SIZE)
        return refuse(u, WRONG);
    snprintf(u->address->path, sizeof(u->address->path), "%.*s", (int)path.len, path.ptr);
    return take_parameters(u);
}

static enum dw_err parse(struct redis_url *u)
{
    for (size_t i = 0; i < u->rest.len; i++)
        if (u->rest.ptr[i] <= ' ' || u->rest.ptr[i] >= 0x7f)
            return refuse(u, WRONG);
    if (u->rest.len > REDIS_URL_MAX)
        return refuse(u, WRONG);
    u->address->is_tls = skip(u, DW_STR("rediss://"));
    if (u->address->is_tls || skip(u, DW_STR("redis://"))) {
        TRY(take_user(u));
        return take_host(u);
    }
    if (!skip(u, DW_STR("unix:")))
        return refuse(u, WRONG);
    if (skip(u, DW_STR("//")))
        TRY(take_user(u));
    return take_path(u);
}

enum dw_err redis_address_parse(struct dw_str url, struct redis_address *ret_address, const char **ret_problem)
{
    _cleanup_(redis_address_free) struct redis_address address = { 0 };
    _cleanup_arena_ struct dw_arena *arena = NULL;
    struct redis_url u = { .rest = url, .address = &address, .problem = ret_problem };

    *ret_problem = WRONG;
    TRY(dw_arena_new(ARENA_BYTES, &arena));
    u.arena = arena;
    TRY(parse(&u));
    *ret_address = address;
    address = (struct redis_address){ 0 };
    return DW_OK;
}

enum dw_err redis_address_copy(const struct redis_address *address, struct redis_address *ret_copy)
{
    _cleanup_(redis_address_free) struct redis_address copy = *address;

    copy.user = copy.password = (struct dw_secret){ 0 };
    TRY(dw_secret_copy(dw_secret_borrow(&address->user), &copy.user));
    TRY(dw_secret_copy(dw_secret_borrow(&address->password), &copy.password));
    *ret_copy = copy;
    copy = (struct redis_address){ 0 };
    return DW_OK;
}

void redis_address_free(struct redis_address *address)
{
    dw_secret_free(&address->user);
    dw_secret_free(&address->password);
}

void redis_address_label(const struct redis_address *address, char ret_label[REDIS_LABEL_SIZE])
{
    const bool is_six = strchr(address->host, ':') != NULL;

    if (address->host[0] == '\0')
        snprintf(ret_label, REDIS_LABEL_SIZE, "unix:%s", address->path);
    else
        snprintf(ret_label, REDIS_LABEL_SIZE, "redis%s://%s%s%s:%u/%u", address->is_tls ? "s" : "",
                 is_six ? "[" : "", address->host, is_six ? "]" : "", address->port, address->db);
}
