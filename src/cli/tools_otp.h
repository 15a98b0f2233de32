/*
 * doorward totp …: one-time codes by hand, without settings, database or server.
 *
 * The secret comes from standard input, so that it does not show in the list of processes: base32 as apps take it, or a
 * whole otpauth URI, whose own parameters then hold where no option says otherwise.
 */
#ifndef CLI_TOOLS_OTP_H
#define CLI_TOOLS_OTP_H

#include "cli/command.h"

extern const struct option TOTP_GENERATE_OPTIONS[], TOTP_VERIFY_OPTIONS[], TOTP_URI_OPTIONS[];

DW_MUST_USE enum dw_err action_totp_generate(struct cli *cli);
DW_MUST_USE enum dw_err action_totp_verify(struct cli *cli);
DW_MUST_USE enum dw_err action_totp_uri(struct cli *cli);

#endif
