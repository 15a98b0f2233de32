/*
 * What verifying a token costs beside what cannot be saved: the bare HMAC or signature check over the same bytes.
 * Prints one JSON object a line: {"name","ns"}. Every case verifies tokens that differ from one another.
 */
#include "base/cleanup.h"
#include "base/encoding.h"
#include <doorward/jose.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <time.h>
#ifdef HAVE_LIBJWT
#include <jwt.h>
#endif
#ifdef HAVE_CJOSE
#include <cjose/cjose.h>
#endif

enum { TOKENS = 256, BENCH_ARENA_BYTES = 16 * 1024 * 1024, ROUND_NS = 200 * 1000 * 1000, ROUNDS = 5 };

struct bench {
    enum dw_alg alg;
    struct dw_key *key;
    struct dw_secret jwk; /* the same key for others */
    struct dw_str tokens[TOKENS];
    struct dw_arena *tokens_arena, *arena;
};

#define MUST(expression)                                                                                               \
    do {                                                                                                               \
        if (!(expression)) {                                                                                           \
            fprintf(stderr, "jose_bench: line %d: %s\n", __LINE__, #expression);                                       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The best of some rounds: what disturbs only adds. */
static double measure(void (*op)(const struct bench *, unsigned i, void *state), const struct bench *bench, void *state)
{
    double best = 1e18;

    for (int round = 0; round < ROUNDS; round++) {
        const int64_t start = now_ns();
        int64_t end = start;
        unsigned n = 0;
        while (end - start < ROUND_NS / ROUNDS) {
            for (unsigned i = 0; i < 64; i++, n++)
                op(bench, n % TOKENS, state);
            end = now_ns();
        }
        best = MIN_OF(best, (double)(end - start) / n);
    }
    return best;
}

static void report(const char *name, double ns)
{
    printf("{\"name\":\"%s\",\"ns\":%.1f}\n", name, ns);
    fflush(stdout);
}

/* 15 claims, as our own access tokens have them. */
static struct dw_str claims_of(struct dw_arena *arena, unsigned i)
{
    return dw_arena_printf(
        arena,
        "{\"iss\":\"https://id.example.com\",\"sub\":\"0193536b-6f57-7c84-9bd0-%012u\","
        "\"aud\":\"https://api.example.com\","
        "\"exp\":4102444800,\"iat\":1732300000,\"nbf\":1732300000,\"jti\":\"0193536b-6f57-7c84-9bd0-4d1c%08u\","
        "\"client_id\":\"web\",\"scope\":\"tasks:read tasks:write\",\"type\":\"access\",\"role\":\"user\","
        "\"permissions\":[\"read:tasks\",\"write:tasks\"],\"tenant\":\"default\","
        "\"sid\":\"0193536b-6f57-7c84-9bd0-aaaaaaaaaaaa\",\"ver\":1}",
        i, i);
}

static void bench_make(struct bench *bench, enum dw_alg alg)
{
    *bench = (struct bench){ .alg = alg };
    MUST(dw_key_generate(alg, 0, &bench->key) == DW_OK);
    MUST(dw_key_private_jwk(bench->key, &bench->jwk) == DW_OK);
    MUST(dw_arena_new(BENCH_ARENA_BYTES, &bench->tokens_arena) == DW_OK);
    MUST(dw_arena_new(BENCH_ARENA_BYTES, &bench->arena) == DW_OK);
    for (unsigned i = 0; i < TOKENS; i++)
        MUST(dw_jwt_sign(bench->key, "JWT", claims_of(bench->tokens_arena, i), bench->tokens_arena,
                         &bench->tokens[i]) == DW_OK);
}

static void bench_free(struct bench *bench)
{
    dw_key_free(&bench->key);
    dw_secret_free(&bench->jwk);
    dw_arena_free(&bench->tokens_arena);
    dw_arena_free(&bench->arena);
}

static void op_doorward(const struct bench *bench, unsigned i, void *state)
{
    const struct dw_jwt_rules rules = {
        .algs = DW_ALG_BIT(bench->alg),
        .now_s = 1732300001,
        .issuer = DW_STR("https://id.example.com"),
        .audience = DW_STR("https://api.example.com"),
        .type = DW_STR("JWT"),
    };
    struct dw_claims claims;

    (void)state;
    MUST(dw_jwt_verify_key(bench->key, &rules, bench->tokens[i], bench->arena, &claims) == DW_OK);
    dw_arena_reset(bench->arena);
}

static struct dw_str signed_bytes(struct dw_str token)
{
    const char *dot = memrchr(token.ptr, '.', token.len);

    return dw_str_n(token.ptr, (size_t)(dot - token.ptr));
}

/* --- the bare operations --- */

static void op_raw_hmac(const struct bench *bench, unsigned i, void *state)
{
    const struct dw_str message = signed_bytes(bench->tokens[i]);
    unsigned char mac[32];
    size_t size = 0;

    MUST(EVP_MAC_init(state, NULL, 0, NULL) == 1);
    MUST(EVP_MAC_update(state, (const unsigned char *)message.ptr, message.len) == 1);
    MUST(EVP_MAC_final(state, mac, &size, sizeof mac) == 1);
}

static void bench_raw_hmac(const struct bench *bench)
{
    static const unsigned char key[32] = { 1 };
    OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
                            OSSL_PARAM_construct_end() };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);

    MUST(EVP_MAC_init(context, key, sizeof key, params) == 1);
    report("raw HMAC-SHA256, kept context", measure(op_raw_hmac, bench, context));
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(hmac);
}

struct raw_signature {
    EVP_PKEY *pkey;
    EVP_MD_CTX *context;
    const char *digest; /* NULL: Ed25519 */
    unsigned char signatures[TOKENS][512];
    size_t sizes[TOKENS];
};

static void op_raw_signature(const struct bench *bench, unsigned i, void *state)
{
    struct raw_signature *raw = state;
    const struct dw_str message = signed_bytes(bench->tokens[i]);

    EVP_MD_CTX_reset(raw->context);
    MUST(EVP_DigestVerifyInit_ex(raw->context, NULL, raw->digest, NULL, NULL, raw->pkey, NULL) == 1);
    MUST(EVP_DigestVerify(raw->context, raw->signatures[i], raw->sizes[i], (const unsigned char *)message.ptr,
                          message.len) == 1);
}

static void bench_raw_signature(const struct bench *bench, const char *name, EVP_PKEY *pkey, const char *digest)
{
    struct raw_signature *raw = calloc(1, sizeof *raw);

    MUST(raw != NULL && pkey != NULL);
    *raw = (struct raw_signature){ .pkey = pkey, .digest = digest, .context = EVP_MD_CTX_new() };
    for (unsigned i = 0; i < TOKENS; i++) {
        const struct dw_str message = signed_bytes(bench->tokens[i]);
        EVP_MD_CTX_reset(raw->context);
        MUST(EVP_DigestSignInit_ex(raw->context, NULL, digest, NULL, NULL, pkey, NULL) == 1);
        raw->sizes[i] = sizeof raw->signatures[i];
        MUST(EVP_DigestSign(raw->context, raw->signatures[i], &raw->sizes[i], (const unsigned char *)message.ptr,
                            message.len) == 1);
    }
    report(name, measure(op_raw_signature, bench, raw));
    EVP_MD_CTX_free(raw->context);
    EVP_PKEY_free(pkey);
    free(raw);
}

/* --- other libraries, HS256 --- */

#ifdef HAVE_LIBJWT
static void op_libjwt(const struct bench *bench, unsigned i, void *state)
{
    jwt_t *jwt = NULL;

    (void)state;
    MUST(jwt_decode(&jwt, bench->tokens[i].ptr, bench->jwk.bytes, (int)bench->jwk.size) == 0);
    jwt_free(jwt);
}

/* libjwt takes the octets themselves. */
static void bench_libjwt(const struct bench *bench)
{
    struct bench other = *bench;
    const char *k = strstr((const char *)bench->jwk.bytes, "\"k\":\"") + 5;
    unsigned char octets[64];
    size_t size = 0;

    MUST(base64url_decode(dw_str_n(k, strcspn(k, "\"")), octets, sizeof octets, &size) == DW_OK);
    other.jwk = (struct dw_secret){ octets, size };
    report("HS256 libjwt", measure(op_libjwt, &other, NULL));
}
#endif

#ifdef HAVE_CJOSE
static void op_cjose(const struct bench *bench, unsigned i, void *state)
{
    cjose_err err;
    cjose_jws_t *jws = cjose_jws_import(bench->tokens[i].ptr, bench->tokens[i].len, &err);

    MUST(jws != NULL && cjose_jws_verify(jws, state, &err));
    cjose_jws_release(jws);
}

static void bench_cjose(const struct bench *bench)
{
    cjose_err err;
    cjose_jwk_t *jwk = cjose_jwk_import((const char *)bench->jwk.bytes, bench->jwk.size, &err);

    MUST(jwk != NULL);
    report("HS256 cjose (claims unread)", measure(op_cjose, bench, jwk));
    cjose_jwk_release(jwk);
}
#endif

int main(void)
{
    struct bench bench;

    bench_make(&bench, DW_ALG_HS256);
    bench_raw_hmac(&bench);
    report("HS256 doorward", measure(op_doorward, &bench, NULL));
#ifdef HAVE_LIBJWT
    bench_libjwt(&bench);
#endif
#ifdef HAVE_CJOSE
    bench_cjose(&bench);
#endif
    bench_free(&bench);

    bench_make(&bench, DW_ALG_ES256);
    bench_raw_signature(&bench, "raw ECDSA P-256 SHA-256", EVP_EC_gen("P-256"), "SHA256");
    report("ES256 doorward", measure(op_doorward, &bench, NULL));
    bench_free(&bench);

    bench_make(&bench, DW_ALG_RS256);
    bench_raw_signature(&bench, "raw RSA-2048 SHA-256", EVP_RSA_gen(2048), "SHA256");
    report("RS256 doorward", measure(op_doorward, &bench, NULL));
    bench_free(&bench);

    bench_make(&bench, DW_ALG_EDDSA);
    bench_raw_signature(&bench, "raw Ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
    report("EdDSA doorward", measure(op_doorward, &bench, NULL));
    bench_free(&bench);
    return 0;
}
