#include "cli/password_policy.h"

#include "base/list.h"
#include "cli/settings.h"
#include "identity/identity.h"

enum { WORD_MIN_BYTES = 3 };

#define PRODUCT "doorward"

static enum dw_err read_words(struct cli *cli, const struct dw_str **ret_words, size_t *ret_n)
{
    const char *text = cli->settings->password_words;
    struct dw_str rest = text == NULL ? dw_str_n(NULL, 0) : dw_str(text);
    const size_t n = 1 + (text == NULL ? 0 : list_count(rest));
    struct dw_str *words = dw_arena_alloc(cli->settings->arena, n * sizeof(*words));

    if (words == NULL)
        return DW_ERR_NO_MEMORY;
    if (n > IDENTITY_WORDS_MAX)
        return cli_refuse(cli, DW_ERR_SETTING, SETTINGS_PREFIX "PASSWORD_WORDS: allowed: %d words",
                          IDENTITY_WORDS_MAX - 1);
    words[0] = DW_STR(PRODUCT);
    for (size_t i = 1; i < n; i++) {
        words[i] = list_take(&rest);
        if (words[i].len < WORD_MIN_BYTES)
            return cli_refuse(cli, DW_ERR_SETTING, SETTINGS_PREFIX "PASSWORD_WORDS: allowed: words of %d characters or "
                                                   "more, with commas between", WORD_MIN_BYTES);
    }
    *ret_words = words;
    *ret_n = n;
    return DW_OK;
}

static enum dw_err open_breached(struct cli *cli)
{
    const char *path = cli->settings->password_breached;

    if (path == NULL || cli->breached != NULL)
        return DW_OK;
    const enum dw_err err = dw_breached_passwords_open(path, &cli->breached);

    if (err == DW_ERR_VALIDATION)
        return cli_refuse(cli, err, SETTINGS_PREFIX "PASSWORD_BREACHED=%s: allowed: a file of SHA-1 hashes, a line "
                                    "each (40 hexadecimal digits, a colon, a count), ordered by hash", path);
    return err == DW_OK || err == DW_ERR_NO_MEMORY
               ? err
               : cli_refuse(cli, err, SETTINGS_PREFIX "PASSWORD_BREACHED=%s: the file can't be opened", path);
}

enum dw_err password_policy_open(struct cli *cli, struct dw_password_policy *ret_policy)
{
    struct dw_password_policy policy = { .min_chars = (size_t)cli->settings->password_min };

    TRY(read_words(cli, &policy.words, &policy.n_words));
    TRY(open_breached(cli));
    policy.breached = cli->breached;
    *ret_policy = policy;
    return DW_OK;
}
