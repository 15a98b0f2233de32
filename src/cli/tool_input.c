#include "cli/tool_input.h"
#include <errno.h>

enum { KEY_FILE_MAX_BYTES = 1024 * 1024 };

/* All of a stream; DW_ERR_LIMIT past `max` bytes. */
static enum dw_err read_all(FILE *in, size_t max, struct dw_secret *ret_content)
{
    _cleanup_secret_ struct dw_secret content = { calloc(1, max + 1), max + 1 };

    if (content.bytes == NULL)
        return DW_ERR_NO_MEMORY;
    const size_t size = fread(content.bytes, 1, max + 1, in);
    if (ferror(in))
        return DW_ERR_IO;
    if (size > max)
        return DW_ERR_LIMIT;
    return dw_secret_copy(dw_str_n(content.bytes, size), ret_content);
}

enum dw_err tool_read_input(struct cli *cli, const char *what, size_t max, struct dw_secret *ret_input)
{
    const enum dw_err err = read_all(cli->in, max, ret_input);

    if (err == DW_ERR_LIMIT)
        return cli_refuse(cli, err, "%s is longer than %zu bytes", what, max);
    return err == DW_ERR_IO ? cli_refuse(cli, err, "standard input can't be read") : err;
}

enum dw_err tool_read_file(struct cli *cli, const char *path, struct dw_secret *ret_text)
{
    _cleanup_fclose_ FILE *file = fopen(path, "re");

    if (file == NULL)
        return cli_refuse(cli, DW_ERR_IO, "%s: %s", path, strerror(errno));
    const enum dw_err err = read_all(file, KEY_FILE_MAX_BYTES, ret_text);
    if (err == DW_ERR_IO || err == DW_ERR_LIMIT)
        return cli_refuse(cli, err, "%s: %s", path, err == DW_ERR_IO ? strerror(errno) : "too long for a key");
    return err;
}

enum dw_err tool_read_keys(struct cli *cli, const char *path, enum dw_alg alg, struct jose_keys *ret_keys)
{
    _cleanup_secret_ struct dw_secret text = { 0 };

    TRY(tool_read_file(cli, path, &text));
    const enum dw_err err = jose_keys_parse(tool_trimmed(dw_secret_borrow(&text)), alg, ret_keys);
    if (err == DW_ERR_ARGUMENT)
        return cli_misuse(cli, "an RSA key in PEM needs --alg: it does not say which algorithm it is for");
    return err == DW_OK ? DW_OK : cli_refuse(cli, err, "%s: no usable key (%s)", path, dw_error_info(err)->code);
}

struct dw_str tool_trimmed(struct dw_str s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]) != NULL)
        s = dw_str_n(s.ptr + 1, s.len - 1);
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL)
        s.len--;
    return s;
}

enum dw_err tool_write_line(struct cli *cli, struct dw_str text)
{
    return fwrite(text.ptr, 1, text.len, cli->out) == text.len && fputc('\n', cli->out) != EOF ? DW_OK : DW_ERR_IO;
}
