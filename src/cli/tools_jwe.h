/*
 * doorward jwe …: texts encrypted and decrypted by hand, without settings, database or server.
 *
 * The key comes from a file (JWK, or PEM with --alg), the text from standard input, and it goes to standard output as
 * it is, byte for byte. The key's algorithm is pinned: by the JWK, or by --alg.
 */
#ifndef CLI_TOOLS_JWE_H
#define CLI_TOOLS_JWE_H

#include "cli/command.h"

extern const struct option JWE_ENCRYPT_OPTIONS[], JWE_DECRYPT_OPTIONS[];

/* Any text on standard input, a compact token on standard output. */
DW_MUST_USE enum dw_err action_jwe_encrypt(struct cli *cli);
/* A compact token or a JSON object on standard input, the text on standard output. */
DW_MUST_USE enum dw_err action_jwe_decrypt(struct cli *cli);

#endif
