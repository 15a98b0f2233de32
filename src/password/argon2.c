#include "password/kdf.h"
#include "password/slots.h"

#include <argon2.h>

static int allocate(uint8_t **memory, size_t bytes)
{
    *memory = slot_allocate(bytes);
    return *memory == NULL ? ARGON2_MEMORY_ALLOCATION_ERROR : ARGON2_OK;
}

static void release(uint8_t *memory, size_t bytes)
{
    slot_release(memory, bytes);
}

/* libargon2 takes pointers to writable bytes, but writes to them only with flags that are not set here. */
static uint8_t *writable(struct dw_str bytes)
{
    return (uint8_t *)bytes.ptr;
}

enum dw_err kdf_argon2(const struct kdf_argon2 *in, void *ret_tag, size_t tag_size)
{
    if (tag_size > UINT32_MAX || in->password.len > UINT32_MAX || in->salt.len > UINT32_MAX ||
        in->secret.len > UINT32_MAX || in->associated_data.len > UINT32_MAX ||
        (in->version != ARGON2_VERSION_10 && in->version != ARGON2_VERSION_13))
        return DW_ERR_ARGUMENT;
    argon2_context context = {
        .out = ret_tag,
        .outlen = (uint32_t)tag_size,
        .pwd = writable(in->password),
        .pwdlen = (uint32_t)in->password.len,
        .salt = writable(in->salt),
        .saltlen = (uint32_t)in->salt.len,
        .secret = writable(in->secret),
        .secretlen = (uint32_t)in->secret.len,
        .ad = writable(in->associated_data),
        .adlen = (uint32_t)in->associated_data.len,
        .t_cost = in->time,
        .m_cost = in->memory_kib,
        .lanes = in->lanes,
        .threads = 1, /* the lanes one after the other: one hash takes one core */
        .version = in->version,
        .allocate_cbk = allocate,
        .free_cbk = release,
        .flags = ARGON2_DEFAULT_FLAGS,
    };
    const int result = argon2_ctx(&context, (argon2_type)in->type);
    if (result == ARGON2_OK)
        return DW_OK;
    return result == ARGON2_MEMORY_ALLOCATION_ERROR ? DW_ERR_NO_MEMORY : DW_ERR_ARGUMENT;
}
