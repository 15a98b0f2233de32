/*
 * Starts Swagger UI. Everything it loads comes from this server: no validator badge, no deep links, and nothing of a
 * sign-in outlives the page.
 */
"use strict";

window.ui = SwaggerUIBundle({
    // Addresses are relative to the page, so that a mounted application shows its own description.
    url: "openapi.json",
    oauth2RedirectUrl: new URL("docs/oauth2-redirect.html", window.location.href).href,
    dom_id: "#swagger-ui",
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: false,
    persistAuthorization: false,
    validatorUrl: null,
    queryConfigEnabled: false,
});

// The page keeps no secret, so a code that somebody else saw must be worth nothing to them (RFC 7636).
window.ui.initOAuth({ usePkceWithAuthorizationCodeGrant: true });
