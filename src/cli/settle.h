/*
 * Gives back what the start alone needed.
 *
 * Why: an idle server is small, its start is not: libcrypto sets up hundreds of algorithms, every statement is prepared
 * once, the tables of routes and settings are read. The pages of programs and libraries that this touched stay mapped,
 * as do the freed blocks of the heap, and count as the process's memory for as long as it lives.
 * What is still needed comes back with the first use, from the page cache: microseconds, once.
 *
 * Only read-only segments of files are let go: nothing is written there, so nothing can be lost (a debugger's
 * breakpoints that were set before can). Any thread, at any time.
 */
#ifndef CLI_SETTLE_H
#define CLI_SETTLE_H

void memory_settle(void);

#endif
