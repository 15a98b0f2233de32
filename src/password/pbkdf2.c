#include "password/kdf.h"

#include <openssl/err.h>
#include <openssl/evp.h>

enum dw_err kdf_pbkdf2(unsigned bits, struct dw_str password, struct dw_str salt, uint32_t iterations, void *ret_key,
                       size_t key_size)
{
    static const char EMPTY[] = "";
    const EVP_MD *digest = bits == 160 ? EVP_sha1() : bits == 256 ? EVP_sha256() : bits == 512 ? EVP_sha512() : NULL;
    const char *password_bytes = password.ptr == NULL ? EMPTY : password.ptr;
    const char *salt_bytes = salt.ptr == NULL ? EMPTY : salt.ptr;

    if (digest == NULL || iterations == 0 || iterations > INT32_MAX || key_size == 0 || key_size > INT32_MAX ||
        PKCS5_PBKDF2_HMAC(password_bytes, (int)password.len, (const unsigned char *)salt_bytes, (int)salt.len,
                          (int)iterations, digest, (int)key_size, ret_key) != 1) {
        ERR_clear_error();
        return DW_ERR_ARGUMENT;
    }
    return DW_OK;
}
