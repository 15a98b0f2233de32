/*
 * E-mail addresses: syntax and normal form. No DNS look-up: deliverability is what verification mails are for.
 *
 * Accepts the dot-atom form of RFC 5321 §4.1.2 / RFC 6531 (UTF-8 local parts when allowed), domains by UTS 46 and
 * IDNA2008 (libidn2). Refuses quoted local parts, comments, display names, address literals, domains without a dot, and
 * whatever shows as something else than it is: control, format and private characters, blanks, a mark that comes first.
 * What is accepted and how it is normalised follows python-email-validator, which FastAPI's users know.
 */
#ifndef BASE_EMAIL_H
#define BASE_EMAIL_H

#include "base/cleanup.h"

enum { EMAIL_MAX = 254, EMAIL_LOCAL_MAX = 64 }; /* bytes, RFC 5321 §4.5.3.1 */

struct email_options {
    bool ascii_only;            /* refuse UTF-8 local parts (no SMTPUTF8) */
    bool allow_special_domains; /* localhost, .test, .invalid, .local … (RFC 6761) are refused otherwise */
    bool allow_long_local;      /* more than EMAIL_LOCAL_MAX bytes before the @, which some systems do give out */
};

struct email {
    struct dw_str normalized; /* local@domain */
    struct dw_str local;      /* as typed, in NFC; a role's name (RFC 2142: postmaster, abuse …) in lower case */
    struct dw_str domain;     /* lower-case, in its Unicode form */
};

/* DW_ERR_VALIDATION when it is no address. Results in the arena. options NULL: the defaults. */
DW_MUST_USE enum dw_err email_parse(struct dw_arena *arena, struct dw_str text, const struct email_options *options,
                                    struct email *ret_email);

#endif
