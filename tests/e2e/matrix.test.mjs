// Every state-changing route × every credential that must not do: each cell is refused, and nothing has changed.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { changesState, dump, guardedRoutes } from "./guarded_routes.mjs";
import { expectStatus, start, until } from "./harness.mjs";
import * as OTPAuth from "otpauth";

const ANY_ID = "01890a5d-ac96-774b-bcce-b302099a8057";

describe("who must not, may not", () => {
  let server, admin, victim, routes;
  const credentials = {}; // name → { ask, expected }

  const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });

  before(async () => {
    server = await start({ DOORWARD_ACCESS_TTL: "1s" });
    const early = await server.administrator();
    await until(async () => (await server.me(early.access)).status === 401, "the token has expired");
    server.env = {};
    await server.restart();
    admin = await server.administrator();
    victim = await server.newcomer();
    routes = (await guardedRoutes(server)).filter(changesState);
    const revoked = await server.administrator();
    expectStatus(await server.post("/logout", { token: revoked.access }), 200);
    const disabled = await server.newcomer();
    const makeAdmin = { json: { role: "admin" }, token: admin.access };
    expectStatus(await server.ask("PUT", `/users/${disabled.id}/role`, makeAdmin), 200);
    expectStatus(await server.ask("PATCH", `/users/${disabled.id}`, { json: { is_active: false }, token: admin.access }), 200);
    const login = expectStatus(await server.post("/login", { json: admin }), 200);
    const cookies = login.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");

    Object.assign(credentials, {
      "no credential": { sent: {}, expected: [401] },
      "an expired token": { sent: bearer(early.access), expected: [401] },
      "a revoked token": { sent: bearer(revoked.access), expected: [401] },
      "a refresh token used as access": { sent: bearer(admin.refresh), expected: [401] },
      "a token that waits for its second factor": { sent: bearer(await pendingToken()), expected: [401] },
      "a token that somebody made up": { sent: bearer(`${admin.access.slice(0, -8)}AAAAAAAA`), expected: [401] },
      "a disabled user's token": { sent: bearer(disabled.access), expected: [400] },
      "a cookie without CSRF": { sent: { headers: { cookie: cookies } }, expected: [403] },
      "a cookie with another session's CSRF": {
        sent: { headers: { cookie: cookies, "x-csrf-token": login.json.csrf_token.split("").reverse().join("") } },
        expected: [403],
      },
    });
  });
  after(() => server?.stop());

  const target = ({ path }) => path.replace("{id}", path.startsWith("/users/{id}") ? victim.id : ANY_ID)
    .replace("{name}", "moderator").replace("{kid}", "some");
  /** What name and password alone give somebody with a second factor. */
  async function pendingToken() {
    const person = await server.newcomer();
    const { provisioning_uri: uri } = expectStatus(await server.post("/2fa/setup", { token: person.access }), 200).json;
    const code = OTPAuth.URI.parse(uri).generate();
    expectStatus(await server.post("/2fa/enable", { json: { code }, token: person.access }), 200);
    return expectStatus(await server.signIn(person), 403).json.mfa_token;
  }

  const pendingOnly = (route) => route.path === "/2fa/verify";

  async function refused(sent, expected, which) {
    const before = dump(server);
    for (const route of which) {
      const answer = await server.ask(route.method, target(route), { ...sent, json: route.json });
      assert.ok(expected.includes(answer.status), `${route.name} answered ${answer.status}: ${answer.text}`);
    }
    assert.equal(dump(server), before);
  }

  test("with the right credential the same requests are not refused for who asks", async () => {
    const harmless = routes.filter(({ name }) => name === "PATCH /users/{id}" || name === "POST /roles");
    assert.equal(harmless.length, 2);
    for (const route of harmless) {
      const answer = await server.ask(route.method, target(route), { json: route.json, token: admin.access });
      assert.ok([200, 201].includes(answer.status), `${route.name} answered ${answer.status}`);
    }
    expectStatus(await server.ask("DELETE", "/roles/made-by-the-matrix", { token: admin.access }), 204);
  });

  for (const name of ["no credential", "an expired token", "a revoked token", "a refresh token used as access",
    "a token that somebody made up", "a disabled user's token"]) {
    test(name, async () => {
      const { sent, expected } = credentials[name];
      // A pending token is of another kind than access tokens: whatever of them is sent there is refused alike.
      await refused(sent, expected, routes.filter((route) => !pendingOnly(route)));
      await refused(sent, [401], routes.filter(pendingOnly));
    });
  }

  for (const name of ["a cookie without CSRF", "a cookie with another session's CSRF",
    "a token that waits for its second factor"]) {
    test(name, async () => {
      const { sent, expected } = credentials[name];
      await refused(sent, expected, routes.filter((route) => !pendingOnly(route)));
    });
  }

  test("a scope that is missing, and a user who is no administrator", async () => {
    const narrow = expectStatus(await server.signIn(admin, { scope: "read:users" }), 200).json.access_token;
    const ordinary = await server.newcomer();
    const administrative = routes.filter(({ path }) => /^\/(users\/\{id\}|roles|tenants|keys)/.test(path));
    assert.ok(administrative.length >= 10);
    for (const token of [narrow, ordinary.access]) await refused(bearer(token), [403], administrative);
  });
});
