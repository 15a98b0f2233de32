/* Any bytes as a rule of limits; what is taken reads the same when written out, and counts within its bounds. */
#include "fuzz.h"

static void check_written(const struct dw_rate *rate)
{
    struct dw_rate again[DW_RATES_MAX];
    char text[80];
    size_t n = 0;

    CLAIM(rate->seconds > 0 && rate->multiples > 0 && rate->unit != NULL);
    snprintf(text, sizeof(text), "%u per %u %ss", rate->amount, rate->multiples, rate->unit);
    CLAIM(dw_rates_parse(dw_str(text), again, &n) == DW_OK && n == 1);
    CLAIM(again[0].amount == rate->amount && again[0].seconds == rate->seconds);
}

/* The bytes are also the clock: how far it goes, or back, between two requests. */
static void check_counted(const struct dw_rate *rate, const uint8_t *data, size_t size)
{
    static struct rate_counters *counters;
    int64_t now_ms = (int64_t)1 << 40;

    if (rate->amount == 0 || rate->amount > 100 * 1000 * 1000 || rate->seconds > 366 * 24 * 3600)
        return; /* a configuration with these does not start */
    CLAIM(counters != NULL || rate_counters_new(&counters) == DW_OK);
    for (size_t i = 0; i < size && i < 64; i++) {
        const enum dw_rate_window window = (data[i] & 1) != 0 ? DW_RATE_FIXED : DW_RATE_SLIDING;
        const struct dw_str key = dw_str_n(data, window == DW_RATE_FIXED ? size : size - 1);
        struct dw_rate_verdict verdict = rate_counters_hit(counters, rate, window, key, now_ms);
        CLAIM(verdict.remaining <= rate->amount && verdict.reset_s > 0 && verdict.reset_s <= 2 * rate->seconds + 1);
        if (!verdict.is_allowed) {
            CLAIM(verdict.retry_after_s > 0 && verdict.retry_after_s <= 2 * rate->seconds + 1);
            now_ms += verdict.retry_after_s * 1000;
            verdict = rate_counters_hit(counters, rate, window, key, now_ms);
            CLAIM(verdict.is_allowed);
        }
        now_ms += ((int64_t)data[i] - 8) * (rate->seconds * 1000 / 256 + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dw_rate rates[DW_RATES_MAX];
    size_t n = 0;

    if (dw_rates_parse(dw_str_n(data, size), rates, &n) != DW_OK)
        return 0;
    CLAIM(n >= 1 && n <= DW_RATES_MAX);
    for (size_t i = 0; i < n; i++) {
        check_written(&rates[i]);
        check_counted(&rates[i], data, size);
    }
    return 0;
}
