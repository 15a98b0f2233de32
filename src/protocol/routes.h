/*
 * The families of routes, each a table in its folder. Every row says what it needs; a new family is one line here and
 * one in protocol.c.
 */
#ifndef PROTOCOL_ROUTES_H
#define PROTOCOL_ROUTES_H

#include <doorward/app.h>

/* Groups of the documentation. */
#define TAG_ACCOUNT "Account"
#define TAG_TOKENS "Tokens"
#define TAG_TWO_FACTOR "Two-factor sign-in"
#define TAG_RECOVERY "Recovery"
#define TAG_API_KEYS "API keys"
#define TAG_ADMINISTRATION "Administration"
#define TAG_OPERATIONS "Operations"

extern const struct dw_route ACCOUNT_ROUTES[];   /* account/account.c */
extern const struct dw_route LOGIN_ROUTES[];     /* account/login.c */
extern const struct dw_route SIGN_OUT_ROUTES[];  /* account/sign_out.c */
extern const struct dw_route SESSION_ROUTES[];   /* account/sessions.c */
extern const struct dw_route API_KEY_ROUTES[];   /* account/api_keys.c */
extern const struct dw_route TWO_FACTOR_ROUTES[]; /* account/two_factor.c */
extern const struct dw_route RECOVERY_ROUTES[];  /* account/recovery.c */
extern const struct dw_route LINK_PAGE_ROUTES[]; /* account/link_pages.c */
extern const struct dw_route TOKEN_ROUTES[];     /* oauth2/token.c */
extern const struct dw_route METADATA_ROUTES[];  /* oauth2/metadata.c */
extern const struct dw_route USER_ROUTES[];      /* admin/users.c */
extern const struct dw_route ROLE_ROUTES[];      /* admin/roles.c */
extern const struct dw_route DASHBOARD_ROUTES[]; /* admin/dashboard.c */
extern const struct dw_route TENANT_ROUTES[];    /* admin/tenants.c */
extern const struct dw_route KEY_ROUTES[];       /* admin/keys.c */
extern const struct dw_route AUDIT_ROUTES[];     /* admin/audit.c */
extern const struct dw_route DOCS_ROUTES[];      /* docs/docs.c */
extern const struct dw_route OPERATION_ROUTES[]; /* operations/health.c */

/* All of them; ends with NULL. */
extern const struct dw_route *const PROTOCOL_ROUTES[];

#endif
