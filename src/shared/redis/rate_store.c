#include "shared/redis/rate_store.h"

#include "base/encoding.h"
#include "crypto/hash.h"

enum { VERDICT_NUMBERS = 4, KEY_SIZE = 96, ID_BYTES = 16, SHAPE_SIZE = 256, NUMBER_SIZE = 24, ARGUMENTS_BEFORE = 4,
       MS_IN_S = 1000 };

/*
 * KEYS[1]: the counters, "start count before" for each of the rates, in milliseconds and requests.
 * ARGV: "1" for a sliding window, then amount and length in milliseconds of each rate. The answer has four numbers for
 * each rate that was asked: allowed, remaining, reset, retry. Lua's numbers are doubles: products up to 2^53 are exact,
 * which is a million requests in a hundred days.
 */
static const struct dw_str SCRIPT = DW_STR_INIT(
    "local t = redis.call('TIME')\n"
    "local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"
    "local sliding, n = ARGV[1] == '1', (#ARGV - 1) / 2\n"
    "local kept, state = redis.pcall('GET', KEYS[1]), {}\n"
    "if type(kept) == 'string' then\n"
    "    for number in string.gmatch(kept, '%d+') do state[#state + 1] = tonumber(number) end\n"
    "end\n"
    "if #state ~= 3 * n then\n"
    "    for i = 1, 3 * n do state[i] = 0 end\n"
    "end\n"
    "local answer, changed = {}, false\n"
    "for i = 1, n do\n"
    "    local amount, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])\n"
    "    local start, count, before = state[3 * i - 2], state[3 * i - 1], state[3 * i]\n"
    "    local passed = now - start\n"
    "    if passed < 0 or passed >= length then\n" /* a clock that was set back starts anew */
    "        local is_next = sliding and passed >= length and passed < 2 * length\n"
    "        before = is_next and count or 0\n"
    "        start = is_next and start + length or now\n"
    "        count, changed = 0, true\n"
    "    end\n"
    "    local all, weight = amount * length, count * length + before * (length - (now - start))\n"
    "    local allowed, retry = weight + length <= all, 0\n"
    "    if allowed then\n"
    "        count, weight, changed = count + 1, weight + length, true\n"
    "    elseif not sliding then\n"
    "        retry = start + length - now\n"
    "    elseif count < amount and before > 0 then\n"
    "        retry = start + length - math.floor((amount - 1 - count) * length / before) - now\n"
    "    else\n" /* this window is full by itself: in the next one it is the one before */
    "        retry = start + 2 * length - math.floor((amount - 1) * length / count) - now\n"
    "    end\n"
    "    state[3 * i - 2], state[3 * i - 1], state[3 * i] = start, count, before\n"
    "    answer[#answer + 1] = allowed and 1 or 0\n"
    "    answer[#answer + 1] = weight >= all and 0 or math.floor((all - weight) / length)\n"
    "    answer[#answer + 1] = start + length * (sliding and 2 or 1) - now\n"
    "    answer[#answer + 1] = retry\n"
    "    if not allowed then break end\n"
    "end\n"
    "if not changed then return answer end\n" /* nothing was counted: a flood writes nothing */
    "local last = now + 1\n"
    "for i = 1, n do\n"
    "    last = math.max(last, state[3 * i - 2] + tonumber(ARGV[2 * i + 1]) * (sliding and 2 or 1))\n"
    "end\n"
    "for i = 1, #state do state[i] = string.format('%.0f', state[i]) end\n"
    "redis.call('SET', KEYS[1], table.concat(state, ' '), 'PX', string.format('%.0f', last - now))\n"
    "return answer\n");

enum dw_err redis_rate_store_init(struct redis_rate_store *store, struct redis *redis)
{
    unsigned char digest[SHA1_SIZE];

    TRY(hash_sha1(SCRIPT, digest));
    *store = (struct redis_rate_store){ .redis = redis };
    hex_encode(dw_str_n(digest, sizeof(digest)), store->script);
    return DW_OK;
}

/* --- the question ------------------------------------------------------------------------------------------------- */

/* Its windows belong to the name: with others, while nodes have different rules, other counters are kept. */
static enum dw_err name_key(const struct redis_rate_store *store, struct dw_str key, const struct redis_rate *rates,
                            size_t n_rates, bool is_sliding, char ret_name[KEY_SIZE])
{
    unsigned char mac[SHA256_SIZE];
    char shape[SHAPE_SIZE], id[2 * ID_BYTES + 1] = "";
    size_t length = (size_t)snprintf(shape, sizeof(shape), "rate limit, %s", is_sliding ? "sliding" : "fixed");

    for (size_t i = 0; i < n_rates; i++)
        length += (size_t)snprintf(shape + length, sizeof(shape) - length, " %lld", (long long)rates[i].length_s);
    shape[length++] = '\0';
    const struct dw_str parts[] = { dw_str_n(shape, length), key };
    TRY(hmac_sha2_parts(256, dw_secret_borrow(redis_key(store->redis)), parts, ARRAY_SIZE(parts), mac));
    id[hex_encode(dw_str_n(mac, ID_BYTES), id)] = '\0';
    snprintf(ret_name, KEY_SIZE, "%s:rate:%s", redis_name(store->redis), id);
    return DW_OK;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

struct reading {
    const struct redis_rate *rates;
    size_t n_rates;
    struct redis_rate_verdict *verdicts;
    size_t n;
};

/* The four numbers of one rate: what the script can say of it, and nothing else. */
static bool read_verdict(redisReply *const *numbers, const struct redis_rate *rate,
                         struct redis_rate_verdict *ret_verdict)
{
    const int64_t longest_ms = 2 * MS_IN_S * rate->length_s; /* of a sliding window */

    for (unsigned i = 0; i < VERDICT_NUMBERS; i++)
        if (numbers[i]->type != REDIS_REPLY_INTEGER)
            return false;
    if (numbers[0]->integer < 0 || numbers[0]->integer > 1 || numbers[1]->integer < 0 ||
        numbers[1]->integer > rate->amount || numbers[2]->integer > longest_ms || numbers[3]->integer > longest_ms)
        return false;
    *ret_verdict = (struct redis_rate_verdict){
        .is_allowed = numbers[0]->integer == 1,
        .remaining = (uint32_t)numbers[1]->integer,
        .reset_ms = numbers[2]->integer,
        .retry_ms = numbers[3]->integer,
    };
    return true;
}

/* One verdict for each rate, or as far as the first that refuses: fewer would let through what no one has counted. */
enum dw_err redis_rate_read(const redisReply *reply, const struct redis_rate *rates, size_t n_rates,
                            struct redis_rate_verdict ret_verdicts[REDIS_RATES_MAX], size_t *ret_n)
{
    struct redis_rate_verdict verdicts[REDIS_RATES_MAX];
    size_t n = 0;
    bool is_allowed = true;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements % VERDICT_NUMBERS != 0)
        return DW_ERR_UNAVAILABLE;
    for (; is_allowed && n < n_rates && VERDICT_NUMBERS * n < reply->elements; n++) {
        if (!read_verdict(reply->element + VERDICT_NUMBERS * n, &rates[n], &verdicts[n]))
            return DW_ERR_UNAVAILABLE;
        is_allowed = verdicts[n].is_allowed;
    }
    if (VERDICT_NUMBERS * n != reply->elements || (is_allowed && n != n_rates))
        return DW_ERR_UNAVAILABLE;
    memcpy(ret_verdicts, verdicts, n * sizeof(verdicts[0]));
    *ret_n = n;
    return DW_OK;
}

static enum dw_err read_verdicts(const redisReply *reply, void *argument)
{
    struct reading *reading = argument;

    return redis_rate_read(reply, reading->rates, reading->n_rates, reading->verdicts, &reading->n);
}

enum dw_err redis_rate_hit(struct redis_rate_store *store, struct dw_str key, const struct redis_rate *rates,
                           size_t n_rates, bool is_sliding, struct redis_rate_verdict ret_verdicts[REDIS_RATES_MAX],
                           size_t *ret_n)
{
    char name[KEY_SIZE], numbers[2 * REDIS_RATES_MAX][NUMBER_SIZE];
    struct dw_str words[ARGUMENTS_BEFORE + 1 + 2 * REDIS_RATES_MAX];
    struct reading reading = { .rates = rates, .n_rates = n_rates, .verdicts = ret_verdicts };
    size_t n = 0;

    if (n_rates == 0 || n_rates > REDIS_RATES_MAX)
        return DW_ERR_ARGUMENT;
    TRY(name_key(store, key, rates, n_rates, is_sliding, name));
    words[n++] = DW_STR("EVALSHA");
    words[n++] = dw_str(store->script);
    words[n++] = DW_STR("1");
    words[n++] = dw_str(name);
    words[n++] = is_sliding ? DW_STR("1") : DW_STR("0");
    for (size_t i = 0; i < n_rates; i++) {
        snprintf(numbers[2 * i], NUMBER_SIZE, "%u", rates[i].amount);
        snprintf(numbers[2 * i + 1], NUMBER_SIZE, "%lld000", (long long)rates[i].length_s);
        words[n++] = dw_str(numbers[2 * i]);
        words[n++] = dw_str(numbers[2 * i + 1]);
    }
    enum dw_err err = redis_call(store->redis, words, n, read_verdicts, &reading);
    if (err == DW_ERR_NOT_FOUND) { /* a Redis that was started anew: from now on it knows the script */
        words[0] = DW_STR("EVAL");
        words[1] = SCRIPT;
        err = redis_call(store->redis, words, n, read_verdicts, &reading);
    }
    TRY(err);
    *ret_n = reading.n;
    return DW_OK;
}
