/* Any bytes as what Redis answers to a counted request; what is taken is within the rates that were asked for. */
#include "fuzz.h"

#include "shared/redis/rate_store.h"

static const struct redis_rate RATES[] = { { 5, 60 }, { 100, 3600 }, { 4000000000u, 366 * 24 * 3600 } };

static void check(const redisReply *reply, size_t n_rates)
{
    struct redis_rate_verdict verdicts[REDIS_RATES_MAX];
    size_t n = 0;

    if (redis_rate_read(reply, RATES, n_rates, verdicts, &n) != DW_OK)
        return;
    CLAIM(n >= 1 && n <= n_rates && reply->elements == 4 * n);
    for (size_t i = 0; i < n; i++) {
        CLAIM(verdicts[i].is_allowed || i == n - 1);
        CLAIM(verdicts[i].remaining <= RATES[i].amount);
        CLAIM(verdicts[i].reset_ms <= 2000 * RATES[i].length_s && verdicts[i].retry_ms <= 2000 * RATES[i].length_s);
    }
    CLAIM(n == n_rates || !verdicts[n - 1].is_allowed); /* none was left uncounted */
}

/* hiredis makes room for as many elements as an array's head announces, before one of them has come. */
static bool announces_much(const uint8_t *data, size_t size)
{
    enum { DIGITS_MAX = 4 };
    size_t digits = 0;

    for (size_t i = 0; i < size && digits <= DIGITS_MAX; i++)
        digits = data[i] >= '0' && data[i] <= '9' && (digits > 0 || (i > 0 && data[i - 1] == '*')) ? digits + 1 : 0;
    return digits > DIGITS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (announces_much(data, size))
        return 0;
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    CLAIM(reader != NULL && ARRAY_SIZE(RATES) <= REDIS_RATES_MAX);
    if (redisReaderFeed(reader, (const char *)data, size) == REDIS_OK) {
        while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
            for (size_t n_rates = 1; n_rates <= ARRAY_SIZE(RATES); n_rates++)
                check(reply, n_rates);
            freeReplyObject(reply);
            reply = NULL;
        }
    }
    redisReaderFree(reader);
    return 0;
}
