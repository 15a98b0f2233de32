// Every state-changing route × every credential that must not do: each cell is refused, and nothing has changed.
//
// Rows come from the server's own table, columns from the list below; what a cell must answer is a function of what its
// row needs, so a new row has all of its cells, or fails for want of a body, a target or a word about why it is public.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { allRoutes, changesState, dump, isGuarded } from "./guarded_routes.mjs";
import { claimsOf, expectStatus, run, somebody, start, until, cookieHeader } from "./harness.mjs";
import * as OTPAuth from "otpauth";

const needs = (what) => (route) => route.needs.includes(what);
const isPendingOnly = needs("a sign-in that waits"); // takes its own kind of token and no other: all others get 401
const isInteractive = needs("a sign-in");
const isOperators = needs("the operator");
const needsRight = (route) => isOperators(route) || route.needs.some((what) => /^(role|permission) /.test(what));

const refusedWith = (status) => (route) => (isPendingOnly(route) ? 401 : status);
const MAY = undefined; // no refusal is due: the row is right for this credential

/** Column → what it must answer to a row that has a lock. */
const COLUMNS = {
  "no credential": () => 401,
  "an expired token": () => 401,
  "a revoked token": () => 401,
  "a refresh token used as access": () => 401,
  "a token that somebody made up": () => 401,
  // To the row that takes it, a wrong code is the refusal; that it counts is two_factor.test.mjs's.
  "a token that waits for its second factor": (route) => (isPendingOnly(route) ? MAY : 401),
  "a disabled user's token": refusedWith(400),
  "a cookie without CSRF": refusedWith(403),
  "a cookie with another session's CSRF": refusedWith(403),
  "an API key that may all that its owner may": (route) => (isInteractive(route) ? 403 : isPendingOnly(route) ? 401 : MAY),
  "an API key without the right": refusedWith(403),
  "a token without the scope": (route) => (isPendingOnly(route) ? 401 : needsRight(route) ? 403 : MAY),
  "a user without the right": (route) => (isPendingOnly(route) ? 401 : needsRight(route) ? 403 : MAY),
};

describe("who must not, may not", () => {
  let server, admin, victim, routes, targets, acme;
  const credentials = {}; // column → headers

  const bearer = (token) => ({ authorization: `Bearer ${token}` });

  before(async () => {
    server = await start({ DOORWARD_ACCESS_TTL: "1s" });
    const early = await server.administrator();
    await until(async () => (await server.me(early.access)).status === 401, "the token has expired");
    server.env = {};
    await server.restart();
    admin = await server.administrator();
    victim = await server.newcomer();
    routes = (await allRoutes(server)).filter(changesState);
    const login = expectStatus(await server.post("/login", { json: admin }), 200);
    const cookie = cookieHeader(login);
    const strange = login.json.csrf_token.split("").reverse().join("");
    const ordinary = await server.newcomer();

    Object.assign(credentials, {
      "no credential": {},
      "an expired token": bearer(early.access),
      "a revoked token": bearer(await revokedToken()),
      "a refresh token used as access": bearer(admin.refresh),
      "a token that somebody made up": bearer(`${admin.access.slice(0, -8)}AAAAAAAA`),
      "a token that waits for its second factor": bearer(await pendingToken()),
      "a disabled user's token": bearer(await disabledToken()),
      "a cookie without CSRF": { cookie },
      "a cookie with another session's CSRF": { cookie, "x-csrf-token": strange },
      "an API key that may all that its owner may": { "x-api-key": (await newKey({})).key },
      "an API key without the right": { "x-api-key": (await newKey({ scopes: ["read:users"] })).key },
      "a token without the scope": bearer(
        expectStatus(await server.signIn(admin, { scope: "read:users" }), 200).json.access_token),
      "a user without the right": bearer(ordinary.access),
    });
    acme = (await asAdmin("POST", "/tenants", { slug: "acme", name: "Acme Ltd." }, 201)).json;
    targets = await targetsOfAdmin();
  });
  after(() => server?.stop());

  const asAdmin = async (method, target, json, status = 200) =>
    expectStatus(await server.ask(method, target, { json, token: admin.access }), status);
  const newKey = async (more) => (await asAdmin("POST", "/users/me/api-keys", { name: "x", ...more }, 201)).json;

  async function revokedToken() {
    const gone = await server.administrator();
    expectStatus(await server.post("/logout", { token: gone.access }), 200);
    return gone.access;
  }

  async function disabledToken() {
    const disabled = await server.newcomer();
    await asAdmin("PUT", `/users/${disabled.id}/role`, { role: "admin" });
    await asAdmin("PATCH", `/users/${disabled.id}`, { is_active: false });
    return disabled.access;
  }

  /** What name and password alone give somebody with a second factor. */
  async function pendingToken() {
    const person = await server.newcomer();
    const { provisioning_uri: uri } = expectStatus(await server.post("/2fa/setup", { token: person.access }), 200).json;
    const code = OTPAuth.URI.parse(uri).generate();
    expectStatus(await server.post("/2fa/enable", { json: { code }, token: person.access }), 200);
    return expectStatus(await server.signIn(person), 403).json.mfa_token;
  }

  /** Things that are there, so that a cell which lets somebody through changes something. */
  async function targetsOfAdmin() {
    await asAdmin("POST", "/roles", { name: "theirs", permissions: [] }, 201);
    const [session] = (await asAdmin("GET", "/users/me/sessions")).json.items;
    const [tenant] = (await asAdmin("GET", "/tenants")).json.items.filter(({ slug }) => slug === "default");
    const [signing] = (await asAdmin("GET", "/keys")).json.items;
    return [
      [/^\/users\/me\/api-keys\/\{id\}/, (await newKey({})).id],
      [/^\/users\/me\/sessions\/\{id\}/, session.id],
      [/^\/users\/\{id\}/, victim.id],
      [/^\/roles\/\{name\}/, "theirs"],
      [/^\/tenants\/\{id\}/, tenant.id],
      [/^\/keys\/\{kid\}/, signing.kid],
    ];
  }

  /** Lines of a dump without the counts of failed sign-ins, which a wrong password leaves in any row that asks for one. */
  const uncounted = (text) => text.split("\n").filter((line) => !line.startsWith("sign_in_failures "));

  function target({ path, name }) {
    const known = targets.find(([pattern]) => pattern.test(path));
    assert.ok(known || !path.includes("{"), `nothing that is there is known for the new ${name}`);
    return path.replace(/\{\w+\}/, known?.[1]);
  }

  test("with the right credential the same requests are not refused for who asks", async () => {
    const harmless = routes.filter(({ name }) => name === "PATCH /users/{id}" || name === "POST /roles");
    assert.equal(harmless.length, 2);
    for (const route of harmless) {
      const answer = await server.ask(route.method, target(route), { json: route.json, token: admin.access });
      assert.ok([200, 201].includes(answer.status), `${route.name} answered ${answer.status}`);
    }
    await asAdmin("DELETE", "/roles/made-by-the-matrix", undefined, 204);
  });

  for (const [column, expected] of Object.entries(COLUMNS)) {
    test(column, async () => {
      const headers = credentials[column];
      const before = dump(server);
      let cells = 0;
      for (const route of routes.filter(isGuarded)) {
        const status = expected(route);
        if (status === MAY) continue;
        const answer = await server.ask(route.method, target(route), { headers, json: route.json });
        assert.equal(answer.status, status, `${route.name} answered ${answer.status}: ${answer.text}`);
        if (status === 401) assert.ok(answer.headers.get("www-authenticate"), route.name);
        cells += 1;
      }
      assert.ok(cells >= 10);
      assert.equal(dump(server), before);
    });
  }

  test("no credential stands for the proof that a row without a lock asks for", async () => {
    const before = uncounted(dump(server));
    const open = routes.filter((route) => !isGuarded(route) && !route.proof.anyone);
    assert.ok(open.length >= 5);
    for (const [n, headers] of [bearer(admin.access), ...Object.values(credentials)].entries()) {
      for (const route of open) {
        const answer = await server.ask(route.method, route.path, { ...route.proof.request(n), headers });
        assert.equal(answer.status, route.proof.expected, `${route.name} answered ${answer.status}: ${answer.text}`);
      }
    }
    assert.deepEqual(uncounted(dump(server)), before);
  });

  describe("an administrator of another tenant", () => {
    async function boss() {
      const person = somebody({ tenant: "acme" });
      const made = run(["user", "create", person.username, "--email", person.email, "--role", "admin", "--tenant", "acme",
        "--json"], { folder: server.folder, input: `${person.password}\n` });
      assert.equal(made.code, 0, made.err);
      const tokens = expectStatus(await server.signIn(person, { tenant: "acme" }), 200).json;
      const { sub, sid, jti } = claimsOf(tokens.access_token);
      return { access: tokens.access_token, marks: [acme.id, sub, sid, jti] };
    }

    test("reaches nothing of this one, whatever the route", async () => {
      const marks = [acme.id];
      const mine = (line) => marks.some((mark) => line.includes(mark));
      const idOf = (line) => Object.values(JSON.parse(line.slice(line.indexOf("{"))))[0];
      for (const route of routes.filter(isGuarded)) {
        const somewhere = await boss(); // each route with one of her own: some of them end her sign-in
        marks.push(...somewhere.marks);
        const before = uncounted(dump(server));
        const answer = await server.ask(route.method, target(route), { json: route.json, token: somewhere.access });
        const now = uncounted(dump(server));
        const changed = [...before.filter((line) => !now.includes(line)), ...now.filter((line) => !before.includes(line))];
        marks.push(...changed.filter(mine).map(idOf)); // what belongs to what is hers
        assert.deepEqual(changed.filter((line) => !mine(line)), [], `${route.name} changed something of this tenant`);
        const status = isOperators(route) ? 403 : isPendingOnly(route) ? 401 : route.path.includes("{") ? 404 : answer.status;
        assert.equal(answer.status, status, `${route.name} answered ${answer.status}: ${answer.text}`);
        assert.ok(answer.status < 500, answer.text);
      }
    });
  });
});
