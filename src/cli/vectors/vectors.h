/*
 * `doorward vectors`: known answers in, verdicts out, one JSON object a line (the protocol is in docs/vectors.md).
 *
 * Why: whoever audits the library can run any published file of test vectors through it. It calls the library's own
 * functions, holds no state between lines, and answers every line, also a bad one.
 */
#ifndef CLI_VECTORS_H
#define CLI_VECTORS_H

#include <stdio.h>

/* Reads until the end of `in`; flushes after each answer. 0 done, 1 when reading or writing failed. */
int vectors_run(FILE *in, FILE *out);

#endif
