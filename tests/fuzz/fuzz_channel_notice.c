/* Any bytes as messages on the channel of the nodes: without a node's tag nothing is read; with it (made here), what is
 * read is what was written, and no message makes a node rely on what it never looked up. */
#include "fuzz.h"

#include "crypto/hash.h"
#include "shared/channel_trust.h"

enum { BODY_SIZE = CHANNEL_NOTICE_SIZE - SHA256_SIZE, SELF = 1 };

static struct dw_secret KEY;

static void check_written(const unsigned char bytes[CHANNEL_NOTICE_SIZE], const struct channel_notice *notice)
{
    unsigned char again[CHANNEL_NOTICE_SIZE];

    CLAIM((notice->kind == CHANNEL_USER || notice->kind == CHANNEL_DENIAL) == (notice->id[0] != '\0'));
    CLAIM(channel_notice_write(notice, &KEY, again) == DW_OK);
    CLAIM(memcmp(again, bytes, CHANNEL_NOTICE_SIZE) == 0);
}

/* The message that these bytes would be if a node had sent them. */
static bool read_tagged(const uint8_t *body, struct channel_notice *ret_notice)
{
    unsigned char bytes[CHANNEL_NOTICE_SIZE];

    memcpy(bytes, body, BODY_SIZE);
    CLAIM(hmac_sha256(&KEY, dw_str_n((const char *)bytes, BODY_SIZE), bytes + BODY_SIZE) == DW_OK);
    if (!channel_notice_read(dw_str_n((const char *)bytes, sizeof(bytes)), &KEY, ret_notice))
        return false;
    check_written(bytes, ret_notice);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct channel_trust trust;
    struct channel_notice notice;
    int64_t now_ms = 1000000;

    if (KEY.size == 0)
        CLAIM(dw_secret_copy(DW_STR("0123456789abcdef0123456789abcdef"), &KEY) == DW_OK);
    CLAIM(!channel_notice_read(dw_str_n((const char *)data, size), &KEY, &notice)); /* nobody knows the key */
    channel_trust_init(&trust, SELF);
    channel_trust_connected(&trust, now_ms);
    for (; size >= BODY_SIZE; data += BODY_SIZE, size -= BODY_SIZE, now_ms += 7) {
        if (!read_tagged(data, &notice))
            continue;
        const bool is_change = channel_trust_heard(&trust, &notice, now_ms);

        CLAIM(!is_change || notice.kind >= CHANNEL_LOOK);
        CLAIM(!is_change || notice.kind == CHANNEL_LOOK || notice.node != SELF);
        /* Once more is a replay; but whoever may say "look" may say so again. */
        CLAIM(notice.kind == CHANNEL_LOOK || notice.kind == CHANNEL_GOODBYE ||
              !channel_trust_heard(&trust, &notice, now_ms));
        CLAIM(channel_trust_until(&trust) == CHANNEL_NEVER);
        CLAIM(trust.n_peers >= 1 && trust.n_peers <= CHANNEL_PEERS_MAX && trust.peers[0].node == SELF);
    }
    return 0;
}
