#include "shared/channel_notice.h"

#include "crypto/hash.h"
#include "shared/deny_list.h"

/* Fields stand one behind the other, numbers with the highest byte first; the tag is last. */
enum {
    VERSION = 1,
    NUMBERS_AT = 2,
    N_NUMBERS = 5,
    ID_AT = NUMBERS_AT + N_NUMBERS * 8,
    TAG_AT = ID_AT + INVALIDATION_ID_SIZE,
};

_Static_assert(TAG_AT + SHA256_SIZE == CHANNEL_NOTICE_SIZE, "one size");

static const bool HAS_ID[] = {
    [CHANNEL_BEAT] = false,  [CHANNEL_GOODBYE] = false, [CHANNEL_LOOK] = false,  [CHANNEL_KEYS] = false,
    [CHANNEL_USERS] = false, [CHANNEL_USER] = true,     [CHANNEL_DENIAL] = true,
};

static void put(unsigned char *bytes, uint64_t number)
{
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> (56 - 8 * i));
}

static uint64_t get(const unsigned char *bytes)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return number;
}

enum dw_err channel_notice_write(const struct channel_notice *notice, const struct dw_secret *key,
                                 unsigned char ret_bytes[CHANNEL_NOTICE_SIZE])
{
    unsigned char bytes[CHANNEL_NOTICE_SIZE] = { VERSION, (unsigned char)notice->kind };
    const uint64_t numbers[N_NUMBERS] = { notice->node, notice->serial, notice->ref_node, notice->ref_serial,
                                          (uint64_t)notice->expires_s };

    for (size_t i = 0; i < N_NUMBERS; i++)
        put(bytes + NUMBERS_AT + 8 * i, numbers[i]);
    memcpy(bytes + ID_AT, notice->id, strnlen(notice->id, INVALIDATION_ID_SIZE - 1));
    TRY(hmac_sha256(key, dw_str_n((const char *)bytes, TAG_AT), bytes + TAG_AT));
    memcpy(ret_bytes, bytes, sizeof(bytes));
    return DW_OK;
}

/* A UUID and nothing behind it, or nothing at all. */
static bool is_id(const char id[INVALIDATION_ID_SIZE], enum channel_kind kind)
{
    static const char NOTHING[INVALIDATION_ID_SIZE];
    const size_t length = HAS_ID[kind] ? DW_UUID_SIZE - 1 : 0;
    struct deny_id parsed;

    return memcmp(id + length, NOTHING, INVALIDATION_ID_SIZE - length) == 0 &&
        (length == 0 || deny_id_parse(dw_str_n(id, length), &parsed));
}

bool channel_notice_read(struct dw_str text, const struct dw_secret *key, struct channel_notice *ret_notice)
{
    const unsigned char *bytes = (const unsigned char *)text.ptr;
    struct channel_notice n = { 0 };
    unsigned char tag[SHA256_SIZE];

    if (text.len != CHANNEL_NOTICE_SIZE || hmac_sha256(key, dw_str_n(text.ptr, TAG_AT), tag) != DW_OK ||
        !dw_mem_eq(tag, bytes + TAG_AT, sizeof(tag)))
        return false;
    if (bytes[0] != VERSION || bytes[1] >= ARRAY_SIZE(HAS_ID))
        return false;
    n.kind = (enum channel_kind)bytes[1];
    n.node = get(bytes + NUMBERS_AT);
    n.serial = get(bytes + NUMBERS_AT + 8);
    n.ref_node = get(bytes + NUMBERS_AT + 16);
    n.ref_serial = get(bytes + NUMBERS_AT + 24);
    n.expires_s = (int64_t)get(bytes + NUMBERS_AT + 32);
    memcpy(n.id, bytes + ID_AT, sizeof(n.id));
    if (!is_id(n.id, n.kind) || n.serial == 0)
        return false;
    *ret_notice = n;
    return true;
}
