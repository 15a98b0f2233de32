/*
 * doorward jwt … and doorward jwk …: tokens and keys by hand, without settings, database or server.
 *
 * Keys come from a file (PEM, JWK or JWKS, told apart by their text), tokens and claims from standard input, so that
 * neither shows in the list of processes. `jwt decode` checks nothing and says so.
 */
#ifndef CLI_TOOLS_JOSE_H
#define CLI_TOOLS_JOSE_H

#include "cli/command.h"

extern const struct option JWT_SIGN_OPTIONS[], JWT_VERIFY_OPTIONS[], JWK_GENERATE_OPTIONS[], JWK_READ_OPTIONS[];

/* Claims on standard input, token on standard output. */
DW_MUST_USE enum dw_err action_jwt_sign(struct cli *cli);
/* Token on standard input; its claims on standard output when it holds. */
DW_MUST_USE enum dw_err action_jwt_verify(struct cli *cli);
/* Token on standard input; {"header","claims"} on standard output, unverified. */
DW_MUST_USE enum dw_err action_jwt_decode(struct cli *cli);
/* A new private key as JWK. */
DW_MUST_USE enum dw_err action_jwk_generate(struct cli *cli);
/* The public half of a key, or of a set. */
DW_MUST_USE enum dw_err action_jwk_public(struct cli *cli);
DW_MUST_USE enum dw_err action_jwk_thumbprint(struct cli *cli);

#endif
