#include "password/kdf.h"

#include "base/encoding.h"

#include <crypt.h>

static const char STANDARD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char BCRYPT[] = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

enum { TEXT_MAX = 64 };

size_t kdf_bcrypt_encode(struct dw_str bytes, char *ret_text)
{
    const size_t length = base64_encode(bytes, false, ret_text);

    for (size_t i = 0; i < length; i++)
        ret_text[i] = BCRYPT[strchr(STANDARD, ret_text[i]) - STANDARD];
    return length;
}

enum dw_err kdf_bcrypt_decode(struct dw_str text, void *ret_bytes, size_t capacity, size_t *ret_size)
{
    static const unsigned char USED_BITS[] = { 0x3f, 0x3f, 0x30, 0x3c }; /* of the last character, by length modulo 4 */
    char standard[TEXT_MAX];

    if (text.len > sizeof(standard))
        return DW_ERR_LIMIT;
    for (size_t i = 0; i < text.len; i++) {
        const char *found = text.ptr[i] == '\0' ? NULL : strchr(BCRYPT, text.ptr[i]);
        if (found == NULL)
            return DW_ERR_ENCODING;
        const size_t value = (size_t)(found - BCRYPT);
        standard[i] = STANDARD[i + 1 == text.len ? value & USED_BITS[text.len % 4] : value];
    }
    return base64_decode(dw_str_n(standard, text.len), false, ret_bytes, capacity, ret_size);
}

/* crypt_data is 32 KiB, too much for a worker's stack, and holds key material. */
static void free_crypt_data(struct crypt_data **data)
{
    if (*data != NULL)
        dw_wipe(*data, sizeof(**data));
    free(*data);
}

/* Always as $2b$: $2a$ and $2y$ name the same function where it is implemented right, and libxcrypt reads $2a$ as the
 * variant that guards against an old bug by giving some right passwords another hash. */
static enum dw_err crypt_2b(const char *password, const char *setting, unsigned char ret_hash[KDF_BCRYPT_HASH_SIZE])
{
    _cleanup_(free_crypt_data) struct crypt_data *data = calloc(1, sizeof(*data));
    size_t size;

    if (data == NULL)
        return DW_ERR_NO_MEMORY;
    const char *encoded = crypt_rn(password, setting, data, (int)sizeof(*data));
    if (encoded == NULL || strlen(encoded) != KDF_BCRYPT_ENCODED_SIZE)
        return DW_ERR_ARGUMENT;
    return kdf_bcrypt_decode(dw_str(encoded + KDF_BCRYPT_SETTING_SIZE), ret_hash, KDF_BCRYPT_HASH_SIZE, &size);
}

enum dw_err kdf_bcrypt(struct dw_str password, const unsigned char salt[KDF_BCRYPT_SALT_SIZE], uint32_t cost,
                       unsigned char ret_hash[KDF_BCRYPT_HASH_SIZE])
{
    char terminated[KDF_BCRYPT_PASSWORD_MAX + 1] = { 0 };
    char setting[KDF_BCRYPT_SETTING_SIZE + 1] = { 0 };

    if (password.len > KDF_BCRYPT_PASSWORD_MAX)
        return DW_ERR_PASSWORD_LONG;
    if (password.len > 0 && memchr(password.ptr, '\0', password.len) != NULL)
        return DW_ERR_PASSWORD_NUL;
    if (cost < 4 || cost > 31)
        return DW_ERR_ARGUMENT;
    if (password.len > 0)
        memcpy(terminated, password.ptr, password.len);
    const int prefix = snprintf(setting, sizeof(setting), "$2b$%02u$", cost);
    kdf_bcrypt_encode(dw_str_n(salt, KDF_BCRYPT_SALT_SIZE), setting + prefix);
    const enum dw_err err = crypt_2b(terminated, setting, ret_hash);
    dw_wipe(terminated, sizeof(terminated));
    return err;
}
