/*
 * Starts Swagger UI. Everything it loads comes from this server: no validator badge, no deep links, and nothing of a
 * sign-in outlives the page.
 */
"use strict";

window.ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#swagger-ui",
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    deepLinking: false,
    persistAuthorization: false,
    validatorUrl: null,
    queryConfigEnabled: false,
});
