// Clients that nobody here wrote: npm's jose and oauth4webapi.

import "./harness.mjs";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as jose from "jose";
import * as oauth from "oauth4webapi";
import { claimsOf, expectStatus, start } from "./harness.mjs";

const INSECURE = { [oauth.allowInsecureRequests]: true }; // plain HTTP, on the loopback

describe("stock clients", () => {
  let server, metadata;
  before(async () => {
    server = await start();
    metadata = expectStatus(await server.get("/.well-known/oauth-authorization-server"), 200).json;
  });
  after(() => server?.stop());

  test("jose verifies an access token against the published keys", async () => {
    const person = await server.newcomer();
    const keys = jose.createRemoteJWKSet(new URL(metadata.jwks_uri));
    const { audience } = { audience: claimsOf(person.access).aud };
    const { payload, protectedHeader } = await jose.jwtVerify(person.access, keys, {
      issuer: metadata.issuer, audience, typ: "at+jwt", algorithms: ["ES256"], requiredClaims: ["sub", "jti", "client_id", "exp"],
    });

    assert.equal(payload.sub, person.id);
    assert.equal(protectedHeader.alg, "ES256");
    await assert.rejects(jose.jwtVerify(`${person.access.slice(0, -6)}AAAAAA`, keys), jose.errors.JWSSignatureVerificationFailed);
    await assert.rejects(jose.jwtVerify(person.refresh, keys), jose.errors.JOSEError);
  });

  test("the key's id is its RFC 7638 thumbprint", async () => {
    const { keys } = expectStatus(await server.get("/.well-known/jwks.json"), 200).json;
    for (const key of keys) {
      assert.equal(key.kid, await jose.calculateJwkThumbprint(key, "sha256"));
      assert.equal(key.use, "sig");
    }
  });

  test("the metadata is what RFC 8414 wants", () => {
    assert.equal(metadata.issuer, server.publicUrl);
    for (const name of ["token_endpoint", "jwks_uri"]) assert.ok(metadata[name].startsWith(server.publicUrl), name);
    assert.ok(metadata.grant_types_supported.includes("password"));
    assert.ok(metadata.grant_types_supported.includes("refresh_token"));
    assert.ok(Array.isArray(metadata.response_types_supported));
  });

  test("oauth4webapi reads the metadata, signs in, refreshes, and checks the access token as RFC 9068 says", async () => {
    const person = await server.newcomer();
    const issuer = new URL(metadata.issuer);
    const answer = await oauth.discoveryRequest(issuer, { algorithm: "oauth2", ...INSECURE });
    const as = await oauth.processDiscoveryResponse(issuer, answer);
    const client = { client_id: claimsOf(person.access).client_id };

    const signIn = await oauth.genericTokenEndpointRequest(
      as, client, oauth.None(), "password", { username: person.username, password: person.password }, INSECURE);
    const first = await oauth.processGenericTokenEndpointResponse(as, client, signIn);
    assert.equal(first.token_type, "bearer");

    const refresh = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), first.refresh_token, INSECURE);
    const second = await oauth.processRefreshTokenResponse(as, client, refresh);
    assert.notEqual(second.refresh_token, first.refresh_token);

    const { aud } = claimsOf(second.access_token);
    const request = new Request(`${server.url}/users/me`, { headers: { authorization: `Bearer ${second.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(as, request, Array.isArray(aud) ? aud[0] : aud, INSECURE);
    assert.equal(claims.sub, person.id);
    const protectedCall = await oauth.protectedResourceRequest(
      second.access_token, "GET", new URL(`${server.url}/users/me`), undefined, undefined, INSECURE);
    assert.equal((await protectedCall.json()).id, person.id);
  });

  test("oauth4webapi understands a refusal", async () => {
    const as = await oauth.processDiscoveryResponse(
      new URL(metadata.issuer), await oauth.discoveryRequest(new URL(metadata.issuer), { algorithm: "oauth2", ...INSECURE }));
    const client = { client_id: claimsOf((await server.newcomer()).access).client_id };
    const refused = await oauth.refreshTokenGrantRequest(as, client, oauth.None(), "not.a.token", INSECURE);
    await assert.rejects(oauth.processRefreshTokenResponse(as, client, refused), (error) => {
      assert.ok(error instanceof oauth.ResponseBodyError, String(error));
      assert.equal(error.error, "invalid_grant");
      return true;
    });

    const challenged = await oauth.protectedResourceRequest(
      "not.a.token", "GET", new URL(`${server.url}/users/me`), undefined, undefined, INSECURE).catch((error) => error);
    const challenges = challenged.cause;
    assert.equal(challenges?.[0]?.scheme, "bearer");
    assert.equal(challenges[0].parameters.error, "invalid_token");
  });
});

describe("RSA signing keys", () => {
  test("have 3072 bits", async (t) => {
    const server = await start({ DOORWARD_JWT_ALGORITHM: "PS256" });
    t.after(() => server.stop());
    const [key] = expectStatus(await server.get("/.well-known/jwks.json"), 200).json.keys;
    assert.equal(key.alg, "PS256");
    assert.equal(Buffer.from(key.n, "base64url").length * 8, 3072);
    const { access } = await server.newcomer();
    const keys = jose.createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`));
    assert.equal((await jose.jwtVerify(access, keys)).protectedHeader.alg, "PS256");
  });
});
