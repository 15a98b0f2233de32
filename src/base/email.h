/*
 * E-mail addresses: syntax and normal form. No DNS look-up: deliverability is what verification mails are for.
 *
 * Accepts the dot-atom form of RFC 5321 §4.1.2 / RFC 6531 (UTF-8 local parts when allowed), domains by IDNA2008
 * (libidn2). Refuses quoted local parts, comments, address literals, and any control character.
 */
#ifndef BASE_EMAIL_H
#define BASE_EMAIL_H

#include "base/cleanup.h"

enum { EMAIL_MAX = 254, EMAIL_LOCAL_MAX = 64 };

struct email_options {
    bool ascii_only; /* refuse UTF-8 local parts (no SMTPUTF8) */
    bool allow_special_domains; /* localhost, .test, .invalid, .local, .example … (RFC 6761) are refused otherwise */
};

struct email {
    struct dw_str normalized; /* local@domain: local as typed (NFC), domain lower-case in its Unicode form */
    struct dw_str local;
    struct dw_str domain;
};

/* DW_ERR_VALIDATION when it is no address. Results in the arena. options NULL: the defaults. */
DW_MUST_USE enum dw_err email_parse(struct dw_arena *arena, struct dw_str text, const struct email_options *options,
                                    struct email *ret_email);

#endif
