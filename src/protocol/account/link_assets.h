/* The pages behind the links of mails, carried in the binary (web/account/); served by link_pages.c. */
#ifndef PROTOCOL_ACCOUNT_LINK_ASSETS_H
#define PROTOCOL_ACCOUNT_LINK_ASSETS_H

#include "app/docs/assets.h"

extern const struct asset LINK_ASSETS[];
extern const size_t LINK_ASSETS_COUNT;

#endif
