// What stands around the server's routes: origins whose pages may call it, the names under which it answers, the way to
// https, and what its log never says.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { cookieHeader, expectDetail, expectStatus, run, somebody, start, temporaryFolder, until } from "./harness.mjs";

const CHEAP = { DOORWARD_ARGON2_MEMORY: "64KiB" };
const APP = "http://app.localhost:5173";
const EVIL = "https://evil.example";

async function withServer(env, story, probe) {
  const server = await start({ ...CHEAP, ...env }, probe);
  try {
    await story(server);
  } finally {
    await server.stop();
  }
}

/** One request with headers that fetch() does not let a program choose, as Host. */
function ask(server, method, path, headers = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port: server.port, method, path, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (more) => (text += more)).on("end", () =>
        resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    request.on("error", reject).end();
  });
}

const preflight = (server, origin, method, headers) =>
  ask(server, "OPTIONS", "/users/me", {
    origin, "access-control-request-method": method, ...(headers && { "access-control-request-headers": headers }) });

// --- CORS -----------------------------------------------------------------------------------------------------------

test("pages of a listed origin are let in, others are not, and caches are told", () =>
  withServer({ DOORWARD_CORS_ORIGINS: `${APP},https://other.example` }, async (server) => {
    const allowed = await preflight(server, APP, "PATCH", "authorization, content-type, x-csrf-token, x-api-key");
    assert.deepEqual([allowed.status, allowed.text], [200, "OK"]);
    assert.equal(allowed.headers["access-control-allow-origin"], APP);
    assert.equal(allowed.headers["access-control-allow-credentials"], "true");
    assert.equal(allowed.headers["access-control-max-age"], "600");
    assert.match(allowed.headers["access-control-allow-methods"], /PATCH/);
    assert.equal(allowed.headers.vary, "Origin");

    const refused = await preflight(server, EVIL, "PATCH", "x-something");
    assert.deepEqual([refused.status, refused.text], [400, "Disallowed CORS origin, headers"]);
    assert.equal(refused.headers["access-control-allow-origin"], undefined);

    const ann = await server.newcomer();
    const rows = [
      [APP, "/users/me", ann.access, 200, APP],
      [EVIL, "/users/me", ann.access, 200, null],
      ["null", "/users/me", ann.access, 200, null],
      [APP, "/users/me", "rubbish", 401, APP],
      [EVIL, "/users/me", "rubbish", 401, null],
      [APP, "/nowhere", undefined, 404, APP],
      [undefined, "/healthz", undefined, 200, null],
    ];
    for (const [origin, path, token, status, expected] of rows) {
      const answer = expectStatus(await server.get(path, { token, headers: origin ? { origin } : {} }), status);
      assert.equal(answer.headers.get("access-control-allow-origin"), expected, `${origin} ${path}`);
      assert.equal(answer.headers.get("vary"), "Origin", `${origin} ${path}`);
    }
    const twice = await server.raw(
      `GET /healthz HTTP/1.1\r\nHost: x\r\nOrigin: ${APP}\r\nOrigin: ${EVIL}\r\nConnection: close\r\n\r\n`);
    assert.doesNotMatch(twice.text, /access-control-allow-origin/i);
  }));

test("a limit that is reached can be read by a listed page; preflights do not count", () =>
  withServer({ DOORWARD_CORS_ORIGINS: APP, DOORWARD_RATE_LIMIT_DEFAULT: "4/hour" }, async (server) => {
    for (let i = 0; i < 9; i += 1) assert.equal((await preflight(server, APP, "GET")).status, 200);
    let answer;
    for (let i = 0; i < 5; i += 1) answer = await server.get("/healthz", { headers: { origin: APP } });
    expectStatus(answer, 429);
    assert.equal(answer.headers.get("access-control-allow-origin"), APP);
    assert.match(answer.headers.get("access-control-expose-headers"), /Retry-After/);
  }));

test("every origin is let in without cookies", () =>
  withServer({ DOORWARD_CORS_ORIGINS: "*" }, async (server) => {
    const answer = await server.get("/healthz", { headers: { origin: EVIL, cookie: "session=x" } });
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    assert.equal(answer.headers.get("access-control-allow-credentials"), null);
    assert.equal(answer.headers.get("vary"), null);
    const { headers } = await preflight(server, EVIL, "DELETE", "authorization");
    assert.equal(headers["access-control-allow-origin"], "*");
    assert.equal(headers["access-control-allow-credentials"], undefined);
  }));

test("a pattern lets whole origins in", () =>
  withServer({ DOORWARD_CORS_ORIGIN_PATTERN: "https://[a-z]+\\.example\\.com" }, async (server) => {
    const origins = { "https://a.example.com": true, "https://a.example.com.evil.example": false,
      "https://aXexample.com": false, "http://a.example.com": false, null: false };
    for (const [origin, isLet] of Object.entries(origins)) {
      const answer = await server.get("/healthz", { headers: { origin } });
      assert.equal(answer.headers.get("access-control-allow-origin"), isLet ? origin : null, origin);
    }
  }));

test("with a cookie, a listed page needs the CSRF token as any page does; another page can't even with it", () =>
  withServer({ DOORWARD_CORS_ORIGINS: APP }, async (server) => {
    const person = somebody();
    expectStatus(await server.post("/register", { json: person }), 201);
    const headers = { origin: APP, "sec-fetch-site": "same-site" };
    const signedIn = expectStatus(await server.post("/login", { json: person, headers }), 200);
    expectStatus(await server.post("/login", { json: person, headers: { origin: EVIL } }), 403);
    const cookie = cookieHeader(signedIn);
    const change = (more) => server.ask("PATCH", "/users/me", { json: { full_name: "Ann" }, headers: { cookie, ...more } });
    expectStatus(await change({ ...headers, "x-csrf-token": signedIn.json.csrf_token }), 200);
    expectStatus(await change(headers), 403);
    expectStatus(await change({ origin: EVIL, "x-csrf-token": signedIn.json.csrf_token }), 403);
    expectStatus(await change({ origin: "null", "x-csrf-token": signedIn.json.csrf_token }), 403);
  }));

// --- hosts and https ------------------------------------------------------------------------------------------------

test("the server answers under its names, whatever the port, and under no other", () =>
  withServer({ DOORWARD_TRUSTED_HOSTS: "127.0.0.1, id.example.com, *.example.org, [::1]" }, async (server) => {
    const hosts = { "id.example.com": 200, "ID.EXAMPLE.COM:8443": 200, "a.b.example.org": 200, "[::1]:80": 200,
      "example.org": 400, "evil.example": 400, "id.example.com.evil.example": 400, "id.example.com:x": 400 };
    for (const [host, status] of Object.entries(hosts)) {
      const answer = await ask(server, "GET", "/healthz", { host });
      assert.equal(answer.status, status, host);
      if (status === 400) assert.deepEqual(JSON.parse(answer.text), { detail: "Invalid host header" });
      assert.ok(answer.headers["x-request-id"]);
    }
    const none = await server.raw("GET /healthz HTTP/1.0\r\n\r\n");
    assert.deepEqual(none.statuses, [400]);
  }));

const HTTPS = {
  DOORWARD_HTTPS_REDIRECT: "on", DOORWARD_TRUSTED_PROXIES: "127.0.0.1", DOORWARD_PUBLIC_URL: "https://id.example.com",
};
const BY_HTTPS = { "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https" };

test("a plain request is sent to https: same host, path and query, method kept", () =>
  withServer({ ...HTTPS, DOORWARD_TRUSTED_HOSTS: "127.0.0.1,id.example.com" }, async (server) => {
    const rows = [
      ["id.example.com", "/users/me?a=b&c=%20", "https://id.example.com/users/me?a=b&c=%20"],
      ["id.example.com:80", "/", "https://id.example.com/"],
      ["id.example.com:8080", "/docs", "https://id.example.com:8080/docs"],
      ["id.example.com", "//evil.example/", "https://id.example.com//evil.example/"],
    ];
    for (const [host, path, location] of rows) {
      const answer = await ask(server, "POST", path, { host });
      assert.deepEqual([answer.status, answer.headers.location], [307, location]);
      assert.equal((await ask(server, "GET", "/healthz", { host, ...BY_HTTPS })).status, 200);
    }
    const evil = await ask(server, "GET", "/", { host: "evil.example" });
    assert.deepEqual([evil.status, evil.headers.location], [400, undefined]);
    // The body of what is sent elsewhere is not waited for.
    const posted = await server.raw("POST /token HTTP/1.1\r\nHost: id.example.com\r\nContent-Length: 100\r\n\r\nabc");
    assert.deepEqual(posted.statuses, [307]);
  }, BY_HTTPS));

test("without a list the redirect knows the public host alone", () =>
  withServer({ ...HTTPS, DOORWARD_PUBLIC_URL: "https://127.0.0.1:8443/id" }, async (server) => {
    const ours = await ask(server, "GET", "/x", { host: "127.0.0.1:8080" });
    assert.equal(ours.headers.location, "https://127.0.0.1:8080/x");
    assert.equal((await ask(server, "GET", "/x", { host: "id.example.com" })).status, 400);
  }, BY_HTTPS));

test("settings that would let anyone choose, or that can't be read, stop the start by name", () => {
  const rows = [
    [{ ...HTTPS, DOORWARD_PUBLIC_URL: "http://id.example.com" }, /HTTPS_REDIRECT: DOORWARD_PUBLIC_URL is not https/],
    [{ ...HTTPS, DOORWARD_TRUSTED_HOSTS: "*" }, /TRUSTED_HOSTS=\*/],
    [{ DOORWARD_CORS_ORIGIN_PATTERN: "https://.*" }, /every origin with credentials/],
    [{ DOORWARD_CORS_ORIGINS: "https://app.example.com/" }, /DOORWARD_CORS_ORIGINS.*allowed/],
    [{ DOORWARD_TRUSTED_HOSTS: "id.example.com:443" }, /DOORWARD_TRUSTED_HOSTS.*allowed/],
    [{ DOORWARD_HTTPS_REDIRECT: "perhaps" }, /DOORWARD_HTTPS_REDIRECT.*allowed/],
  ];
  for (const [env, said] of rows) {
    const { code, err } = run(["serve"], { folder: temporaryFolder(), env: { ...CHEAP, ...env } });
    assert.equal(code, 1, err);
    assert.match(err, said);
  }
});

// --- the log --------------------------------------------------------------------------------------------------------

test("nothing that a caller sends in confidence stands in the log, at its most talkative", () =>
  withServer({ DOORWARD_LOG_LEVEL: "debug", DOORWARD_TRUSTED_HOSTS: "127.0.0.1" }, async (server) => {
    const person = somebody({ password: "correct horse battery staple" });
    expectStatus(await server.post("/register", { json: person }), 201);
    const tokens = expectStatus(await server.signIn(person), 200).json;
    expectStatus(await server.signIn({ ...person, password: "wrong-secret-here" }), 400);
    expectStatus(await server.refresh(tokens.refresh_token), 200);
    expectStatus(await server.get("/users/me?access_token=query-secret&api_key=query-secret"), 401);
    expectStatus(await server.get("/users/me", { headers: { "x-api-key": "dwk_header-secret_x" } }), 401);
    expectStatus(await server.get("/users/me", { headers: { authorization: "Basic aGVhZGVyLXNlY3JldA==" } }), 401);
    const session = expectStatus(await server.post("/login", { json: person }), 200);
    const cookie = cookieHeader(session);
    expectStatus(await server.get("/users/me", { headers: { cookie } }), 200);
    expectStatus(await server.get("/users/me", { headers: { cookie: "session=cookie-secret; csrf=cookie-secret" } }), 401);
    expectDetail(await server.post("/reset-password", { json: { token: "reset-secret", new_password: "another-secret-1" } }),
      400, "Invalid or expired token");
    await server.raw("GET /a b?query-secret HTTP/1.1\r\nAuthorization: Bearer header-secret\r\n\r\n");
    await server.raw("GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer header-secret\r\nAuthorization: y\r\n\r\n");
    await ask(server, "GET", "/?token=query-secret", { host: "host-secret.example" });
    const sent = [person.password, "wrong-secret-here", tokens.access_token, tokens.refresh_token, "query-secret",
      "header-secret", "aGVhZGVyLXNlY3JldA", "cookie-secret", "reset-secret", "another-secret-1", session.json.csrf_token,
      "host-secret", ...cookie.split("; ").map((pair) => pair.split("=").slice(1).join("="))];
    await until(() => /"path":"\/users\/me"/.test(server.err), "the log has what was asked");
    for (const secret of sent) assert.ok(!server.err.includes(secret), `the log says ${secret}`);
  }));
