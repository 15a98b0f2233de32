// Clients that nobody here wrote: npm's jose and oauth4webapi.

import "./harness.mjs";
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as jose from "jose";
import * as oauth from "oauth4webapi";
import { claimsOf, expectStatus, headerOf, run, start, until } from "./harness.mjs";

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

// What a resource server does: it fetches the key set once, and again for an unknown kid, but twice in 30 seconds never.
describe("the first rotation of an installation", () => {
  const byHttp = async (server, query = "") => {
    const { access } = await server.administrator();
    return expectStatus(await server.post(`/keys/rotate${query}`, { token: access }), 200).json;
  };
  const byCommand = (server, ...options) => {
    const done = run(["key", "rotate", ...options], { folder: server.folder, env: server.env });
    assert.equal(done.code, 0, done.err);
    return done.out;
  };
  const keyNow = async (server, person) => headerOf(expectStatus(await server.signIn(person), 200).json.access_token).kid;

  for (const [way, rotate] of [["HTTP", byHttp], ["command", async (server) => JSON.parse(byCommand(server, "--json"))]]) {
    test(`by ${way}: the next token is signed by the key that was published as the next one, and nobody has to ask for it`, async (t) => {
      const server = await start();
      t.after(() => server.stop());
      const person = await server.newcomer();
      const [active, next, ...more] = expectStatus(await server.get("/.well-known/jwks.json"), 200).json.keys;
      assert.equal(active.kid, headerOf(person.access).kid);
      assert.deepEqual(more, []);
      let fetches = 0;
      const service = jose.createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`), {
        [jose.customFetch]: (...args) => { fetches += 1; return fetch(...args); },
      });
      await jose.jwtVerify(person.access, service);

      const rotated = await rotate(server);
      assert.deepEqual([rotated.kid, rotated.state], [next.kid, "active"]);
      await until(async () => (await keyNow(server, person)) === next.kid, "the next key signs");
      const later = expectStatus(await server.signIn(person), 200).json.access_token;
      for (const token of [person.access, later]) {
        await jose.jwtVerify(token, service);
        expectStatus(await server.me(token), 200);
      }
      assert.equal(fetches, 1, "the service had to ask again");
    });
  }

  test("a second one is scheduled, and told so; one that can't wait does not", async (t) => {
    const server = await start();
    t.after(() => server.stop());
    const person = await server.newcomer();
    const first = await byHttp(server);
    assert.equal(await keyNow(server, person), first.kid);
    const scheduled = await byHttp(server);
    assert.equal(scheduled.state, "next");
    assert.equal(Date.parse(scheduled.starts_at) - Date.parse(scheduled.created_at), 3600_000);
    const said = byCommand(server);
    assert.ok(said.includes(scheduled.kid), said);
    assert.match(said, new RegExp(`Scheduled: this key signs from ${scheduled.starts_at} on.*doorward key rotate --now`));
    assert.equal(await keyNow(server, person), first.kid);
    const forced = await byHttp(server, "?now=true");
    assert.deepEqual([forced.kid, forced.state], [scheduled.kid, "active"]);
    const after = expectStatus(await server.signIn(person), 200).json.access_token;
    assert.equal(headerOf(after).kid, forced.kid);
    for (const token of [person.access, after]) expectStatus(await server.me(token), 200);
  });

  test("another algorithm in the settings is the next key's, and signs after a rotation", async (t) => {
    const server = await start();
    t.after(() => server.stop());
    const person = await server.newcomer();
    await server.stop({ keep: true });
    server.env.DOORWARD_JWT_ALGORITHM = "EdDSA";
    await server.start();
    const algs = async () => expectStatus(await server.get("/.well-known/jwks.json"), 200).json.keys.map((key) => key.alg);
    await until(async () => (await algs()).includes("EdDSA"), "a key of the other algorithm is published");
    assert.deepEqual(await algs(), ["ES256", "EdDSA"]);
    expectStatus(await server.me(person.access), 200);
    assert.equal(await keyNow(server, person), headerOf(person.access).kid);
    const forced = await byHttp(server, "?now=true");
    assert.equal(forced.alg, "EdDSA");
    assert.equal(await keyNow(server, person), forced.kid);
    expectStatus(await server.me(person.access), 200);
  });
});

describe("RSA signing keys", () => {
  test("have 3072 bits", async (t) => {
    const server = await start({ DOORWARD_JWT_ALGORITHM: "PS256" });
    t.after(() => server.stop());
    const published = expectStatus(await server.get("/.well-known/jwks.json"), 200).json.keys;
    assert.equal(published.length, 2);
    for (const key of published) {
      assert.equal(key.alg, "PS256");
      assert.equal(Buffer.from(key.n, "base64url").length * 8, 3072);
    }
    const { access } = await server.newcomer();
    const keys = jose.createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`));
    assert.equal((await jose.jwtVerify(access, keys)).protectedHeader.alg, "PS256");
  });
});
