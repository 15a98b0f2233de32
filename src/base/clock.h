/*
 * The clock in milliseconds, for the log. It stands still together with dw_clock_now_s() when a test set the time.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <doorward/base.h>

int64_t clock_now_ms(void);
/* Never a test's time: for ids, which must differ even while time stands still. */
int64_t clock_real_ms(void);
/* Never set, by nobody: for how long things take and may take. */
int64_t clock_monotonic_ns(void);
int64_t clock_monotonic_ms(void);
/* The same, with the time that the machine slept. */
int64_t clock_boot_ms(void);

#endif
