/*
 * Any bytes as a JWE, compact and in JSON, for a key of each kind; as the header of one that is otherwise right, so
 * that what stands behind the header is reached; and as what is encrypted: it comes back.
 */
#include "fuzz.h"

#include "base/encoding.h"
#include "jose/jwe_key.h"

static const char *const KEYS[] = {
    "{\"kty\":\"oct\",\"k\":\"AAPapAv4LbFbiVawEjagUBluYqN5rhna-8nuldDvOx8\",\"alg\":\"A256GCM\"}",
    "{\"kty\":\"oct\",\"k\":\"GawgguFyGrWKav7AX4VKUg\"}",
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ\",\"y\":\"e8ln"
    "CO-AlStT-NJVX-crhB"
    "7QRYhiix03illJOVAOyck\",\"d\":\"VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw\"}",
    "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08\",\"d\":\"Xa"
    "sIfmJKikt54X-Lg4A"
    "O5m87sSkmGLb9HC-LJ_-I4Os\"}",
};

#define ALGS_ALL (DW_JWE_BIT(DW_JWE_ALG_COUNT) - 2)

/* A token of that header and the key's own content key: `dir`, if the header says nothing else. */
static struct dw_str forge(const struct dw_jwe_key *key, struct dw_str header, struct dw_arena *arena)
{
    static const struct content_scheme scheme = { true, 256 };
    const struct dw_str text = base64url_encode_arena(arena, header);
    struct content_box box;

    CLAIM(content_seal(&scheme, key_octets(key->key), text, DW_STR("text"), arena, &box) == DW_OK);
    return dw_arena_printf(arena, "%.*s..%s.%s.%s", (int)text.len, text.ptr, base64url_encode_arena(arena, box.iv).ptr,
                           base64url_encode_arena(arena, box.body).ptr, base64url_encode_arena(arena, box.tag).ptr);
}

static void check_forged(const struct dw_jwe_key *dir, struct dw_str header, struct dw_arena *arena)
{
    struct dw_jwe jwe;

    if (header.len > 8192)
        return;
    if (dw_jwe_decrypt(dir, ALGS_ALL, DW_JWE_ENCS_ALL, forge(dir, header, arena), arena, &jwe) == DW_OK) {
        CLAIM(jwe.alg == DW_JWE_DIR && jwe.enc == DW_JWE_A256GCM);
        CLAIM(dw_str_eq(jwe.plaintext, DW_STR("text")) && dw_str_eq(jwe.header_json, header));
    }
}

/* ECDH with an epk of anybody's: nobody who lacks the content key gets a text accepted. */
static void check_ephemeral(const struct dw_jwe_key *key, struct dw_str epk, struct dw_arena *arena)
{
    struct dw_jwe jwe;

    if (epk.len > 4096)
        return;
    const struct dw_str header = dw_arena_printf(arena, "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":%.*s}",
                                                 (int)epk.len, epk.ptr);
    const struct dw_str text = base64url_encode_arena(arena, header);
    const struct dw_str token =
        dw_arena_printf(arena, "%s..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", text.ptr);
    CLAIM(dw_jwe_decrypt(key, ALGS_ALL, DW_JWE_ENCS_ALL, token, arena, &jwe) != DW_OK);
}

static void check_round_trip(const struct dw_jwe_key *dir, const struct dw_jwe_key *wrap, struct dw_str text,
                             struct dw_arena *arena)
{
    const struct dw_jwe_header header = { .typ = text, .apu = text };
    struct dw_str token;
    struct dw_jwe jwe;

    if (text.len > 1024)
        return;
    const enum dw_err err = dw_jwe_encrypt(dir, DW_JWE_DIR, DW_JWE_A256GCM, &header, text, arena, &token);
    CLAIM(err == (dw_str_is_utf8(text) ? DW_OK : DW_ERR_ENCODING));
    if (err != DW_OK)
        return;
    CLAIM(dw_jwe_decrypt(dir, ALGS_ALL, DW_JWE_ENCS_ALL, token, arena, &jwe) == DW_OK);
    CLAIM(dw_str_eq(jwe.plaintext, text));
    const struct dw_jwe_recipient to[] = { { wrap, DW_JWE_A128KW }, { wrap, DW_JWE_A128KW } };
    for (size_t n = 1; n <= ARRAY_SIZE(to); n++) {
        CLAIM(dw_jwe_encrypt_json(to, n, DW_JWE_A256GCM, NULL, text, text, arena, &token) == DW_OK);
        CLAIM(dw_jwe_decrypt_json(wrap, ALGS_ALL, DW_JWE_ENCS_ALL, token, arena, &jwe) == DW_OK);
        CLAIM(dw_str_eq(jwe.plaintext, text) && dw_str_eq(jwe.aad, text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dw_jwe_key *keys[ARRAY_SIZE(KEYS)];
    _cleanup_arena_ struct dw_arena *arena = NULL;
    const struct dw_str text = dw_str_n(data, size);
    struct dw_jwe jwe;

    for (size_t i = 0; keys[i % ARRAY_SIZE(KEYS)] == NULL && i < ARRAY_SIZE(KEYS); i++)
        CLAIM(dw_jwe_key_from_jwk(dw_str(KEYS[i]), DW_JWE_ALG_NONE_GIVEN, &keys[i]) == DW_OK);
    if (dw_arena_new(32 << 20, &arena) != DW_OK)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        (void)(dw_jwe_decrypt(keys[i], ALGS_ALL, DW_JWE_ENCS_ALL, text, arena, &jwe) == DW_OK);
        (void)(dw_jwe_decrypt_json(keys[i], ALGS_ALL, DW_JWE_ENCS_ALL, text, arena, &jwe) == DW_OK);
    }
    check_forged(keys[0], text, arena);
    check_ephemeral(keys[2], text, arena);
    check_ephemeral(keys[3], text, arena);
    check_round_trip(keys[0], keys[1], text, arena);
    return 0;
}
