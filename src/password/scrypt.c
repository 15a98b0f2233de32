#include "password/kdf.h"

#include <openssl/err.h>
#include <openssl/evp.h>

enum { MEMORY_MAX_LOG2 = 31 };

enum dw_err kdf_scrypt(struct dw_str password, struct dw_str salt, uint64_t n, uint64_t r, uint64_t p, void *ret_key,
                       size_t key_size)
{
    static const char EMPTY[] = "";
    const char *password_bytes = password.ptr == NULL ? EMPTY : password.ptr;
    const char *salt_bytes = salt.ptr == NULL ? EMPTY : salt.ptr;

    if (key_size == 0 ||
        EVP_PBE_scrypt(password_bytes, password.len, (const unsigned char *)salt_bytes, salt.len, n, r, p,
                       UINT64_C(1) << MEMORY_MAX_LOG2, ret_key, key_size) != 1) {
        ERR_clear_error();
        return DW_ERR_ARGUMENT;
    }
    return DW_OK;
}
