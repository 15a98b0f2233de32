#include "password/breached.h"

#include "crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line is 40 hexadecimal digits, a colon, a count of at most 20 digits, and the line's end. */
enum { HASH_CHARS = 2 * SHA1_SIZE, LINE_MAX_BYTES = 64, BLOCK = 4096, SAMPLES = 64 };

struct dw_breached_passwords {
    int fd;
    int64_t size;
};

/* Part of the file. */
struct block {
    char bytes[BLOCK + LINE_MAX_BYTES];
    size_t n;
};

static enum dw_err block_read(const struct dw_breached_passwords *b, int64_t at, size_t size, struct block *ret_block)
{
    size_t n = 0;

    while (n < size) {
        const ssize_t more = pread(b->fd, ret_block->bytes + n, size - n, (off_t)(at + (int64_t)n));

        if (more < 0 && errno == EINTR)
            continue;
        if (more < 0)
            return DW_ERR_IO;
        if (more == 0)
            break;
        n += (size_t)more;
    }
    ret_block->n = n;
    return DW_OK;
}

/* The hash of a line, in capitals. */
static bool hash_read(struct dw_str line, char ret_hash[HASH_CHARS])
{
    char hash[HASH_CHARS];

    if (line.len < HASH_CHARS)
        return false;
    for (size_t i = 0; i < HASH_CHARS; i++) {
        const char c = line.ptr[i];

        hash[i] = c >= 'a' && c <= 'f' ? (char)(c - 'a' + 'A') : c;
        if (!(hash[i] >= '0' && hash[i] <= '9') && !(hash[i] >= 'A' && hash[i] <= 'F'))
            return false;
    }
    const char after = line.len > HASH_CHARS ? line.ptr[HASH_CHARS] : '\n';

    if (after != ':' && after != '\r' && after != '\n')
        return false;
    memcpy(ret_hash, hash, sizeof(hash));
    return true;
}

/* --- looking up -------------------------------------------------------------------------------------------------- */

/* The first line that begins behind `at`. A file that was changed under us, or is none of these, is an error: what
 * can't be looked up must not pass for unknown. */
static enum dw_err line_after(const struct dw_breached_passwords *b, int64_t at, int64_t *ret_begin,
                              char ret_hash[HASH_CHARS])
{
    struct block block;

    TRY(block_read(b, at, 2 * (size_t)LINE_MAX_BYTES, &block));
    const char *end = memchr(block.bytes, '\n', MIN_OF(block.n, (size_t)LINE_MAX_BYTES));

    if (end == NULL)
        return DW_ERR_IO;
    const size_t skipped = (size_t)(end + 1 - block.bytes);

    if (!hash_read(dw_str_n(end + 1, block.n - skipped), ret_hash))
        return DW_ERR_IO;
    *ret_begin = at + (int64_t)skipped;
    return DW_OK;
}

static enum dw_err scan(const struct dw_breached_passwords *b, int64_t low, int64_t high, const char key[HASH_CHARS],
                        bool *ret_is_there)
{
    struct block block;
    char hash[HASH_CHARS];
    bool is_there = false;

    TRY(block_read(b, low, (size_t)MIN_OF(high - low + LINE_MAX_BYTES, b->size - low), &block));
    for (size_t at = 0; !is_there && (int64_t)at < high - low;) {
        if (!hash_read(dw_str_n(block.bytes + at, block.n - at), hash))
            return DW_ERR_IO;
        is_there = memcmp(hash, key, sizeof(hash)) == 0;
        const char *end = memchr(block.bytes + at, '\n', block.n - at);

        at = end == NULL ? block.n : (size_t)(end + 1 - block.bytes);
        if (end == NULL && low + (int64_t)block.n != b->size)
            return DW_ERR_IO;
    }
    *ret_is_there = is_there;
    return DW_OK;
}

/* The line, if there is one, begins in [low, high), and a line begins at low. */
static enum dw_err find(const struct dw_breached_passwords *b, const char key[HASH_CHARS], bool *ret_is_there)
{
    int64_t low = 0, high = b->size;

    while (high - low > BLOCK) {
        char hash[HASH_CHARS];
        int64_t begin;

        TRY(line_after(b, low + (high - low) / 2, &begin, hash));
        const int order = memcmp(key, hash, sizeof(hash));

        if (order == 0) {
            *ret_is_there = true;
            return DW_OK;
        }
        if (order < 0)
            high = begin;
        else
            low = begin;
    }
    return scan(b, low, high, key, ret_is_there);
}

enum dw_err breached_find(const struct dw_breached_passwords *breached, struct dw_str password, bool *ret_is_there)
{
    unsigned char digest[SHA1_SIZE];
    char key[HASH_CHARS + 1];

    TRY(hash_sha1(password, digest));
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(key + 2 * i, 3, "%02X", digest[i]);
    const enum dw_err err = find(breached, key, ret_is_there);

    dw_wipe(digest, sizeof(digest));
    dw_wipe(key, sizeof(key));
    return err;
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

/* The first line, and others at even distances: each a hash, and greater than the one before. */
static enum dw_err check_order(const struct dw_breached_passwords *b)
{
    char before[HASH_CHARS], hash[HASH_CHARS];
    struct block block;

    TRY(block_read(b, 0, MIN_OF((size_t)b->size, (size_t)LINE_MAX_BYTES), &block));
    if (!hash_read(dw_str_n(block.bytes, block.n), before))
        return DW_ERR_VALIDATION;
    if (b->size <= BLOCK)
        return DW_OK;
    for (int64_t i = 1, last = 0; i < SAMPLES; i++) {
        int64_t begin;

        if (line_after(b, (b->size - BLOCK / 2) / SAMPLES * i, &begin, hash) != DW_OK)
            return DW_ERR_VALIDATION;
        if (begin == last)
            continue;
        if (memcmp(before, hash, sizeof(hash)) >= 0)
            return DW_ERR_VALIDATION;
        memcpy(before, hash, sizeof(hash));
        last = begin;
    }
    return DW_OK;
}

enum dw_err dw_breached_passwords_open(const char *path, struct dw_breached_passwords **ret_breached)
{
    struct stat status;

    if (path == NULL || ret_breached == NULL)
        return DW_ERR_ARGUMENT;
    _cleanup_(dw_breached_passwords_free) struct dw_breached_passwords *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return DW_ERR_NO_MEMORY;
    b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (b->fd < 0)
        return errno == ENOENT ? DW_ERR_NOT_FOUND : DW_ERR_IO;
    if (fstat(b->fd, &status) != 0)
        return DW_ERR_IO;
    if (!S_ISREG(status.st_mode))
        return DW_ERR_VALIDATION;
    b->size = (int64_t)status.st_size;
    TRY(check_order(b));
    *ret_breached = TAKE_PTR(b);
    return DW_OK;
}

void dw_breached_passwords_free(struct dw_breached_passwords **breached)
{
    struct dw_breached_passwords *b = breached == NULL ? NULL : *breached;

    if (b == NULL)
        return;
    if (b->fd >= 0)
        close(b->fd);
    free(b);
    *breached = NULL;
}
