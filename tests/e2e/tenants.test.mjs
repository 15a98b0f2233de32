// Tenants: each has its own users, and nobody reaches from one into another (spec F5; api.md "Administration").

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { allRoutes, dump, isGuarded } from "./guarded_routes.mjs";
import { claimsOf, expectDetail, expectStatus, run, somebody, start, until, cookieHeader } from "./harness.mjs";

describe("tenants", () => {
  let server, operator, acme, boss;
  before(async () => {
    server = await start();
    operator = await server.administrator();
    acme = expectStatus(await asOperator("POST", "/tenants", { slug: "acme", name: "Acme Ltd." }), 201).json;
    boss = await administratorOf("acme");
  });
  after(() => server?.stop());

  const asOperator = (method, target, json) => server.ask(method, target, { json, token: operator.access });

  async function administratorOf(tenant) {
    const person = somebody({ tenant });
    const made = run(["user", "create", person.username, "--email", person.email, "--role", "admin", "--tenant", tenant,
      "--json"], { folder: server.folder, input: `${person.password}\n` });
    assert.equal(made.code, 0, made.err);
    const tokens = expectStatus(await server.signIn(person, { tenant }), 200).json;
    return { ...person, ...JSON.parse(made.out), access: tokens.access_token, refresh: tokens.refresh_token };
  }

  test("a tenant is made once, seen and renamed", async () => {
    expectStatus(await asOperator("POST", "/tenants", { slug: "acme", name: "Again" }), 409);
    for (const slug of ["", "Acme", "a b", "ä", "-a", "x".repeat(65)]) {
      expectStatus(await asOperator("POST", "/tenants", { slug, name: "x" }), 422);
    }
    expectStatus(await asOperator("PATCH", `/tenants/${acme.id}`, { name: "Acme GmbH" }), 200);
    const seen = expectStatus(await asOperator("GET", `/tenants/${acme.id}`), 200).json;
    assert.deepEqual([seen.slug, seen.name, seen.is_active], ["acme", "Acme GmbH", true]);
    const slugs = expectStatus(await asOperator("GET", "/tenants"), 200).json.items.map((tenant) => tenant.slug);
    assert.deepEqual(slugs.sort(), ["acme", "default"]);
    expectStatus(await asOperator("GET", "/tenants/01890a5d-ac96-774b-bcce-b302099a8057"), 404);
  });

  test("the same name is another person in another tenant, and the token says which", async () => {
    const here = await server.newcomer();
    const there = { ...here, password: "the other one's phrase 4711" };
    expectStatus(await server.post("/register", {
      json: { username: here.username, email: here.email, password: there.password, tenant: "acme" } }), 201);
    expectStatus(await server.signIn(here, { tenant: "acme" }), 400);
    expectStatus(await server.signIn(there), 400);
    const { access_token: token } = expectStatus(await server.signIn(there, { tenant: "acme" }), 200).json;
    assert.equal(claimsOf(token).tenant, "acme");
    assert.notEqual(expectStatus(await server.me(token), 200).json.id, here.id);
    expectStatus(await server.signIn(here, { tenant: "nowhere" }), 400);
  });

  test("an administrator lists her own tenant's users, roles and events alone", async () => {
    const stranger = await server.newcomer();
    const names = (await server.get("/users?limit=100", { token: boss.access })).json.items.map((user) => user.username);
    assert.ok(names.includes(boss.username) && !names.includes(stranger.username) && !names.includes("admin"));
    expectStatus(await asOperator("POST", "/roles", { name: "ours", permissions: ["a:b"] }), 201);
    const roles = (await server.get("/roles", { token: boss.access })).json.items.map((role) => role.name);
    assert.ok(!roles.includes("ours"));
    const own = { role: "ours" };
    expectStatus(await server.ask("PUT", `/users/${boss.id}/role`, { json: own, token: boss.access }), 422);
    const events = (await server.get("/audit?limit=100", { token: boss.access })).json.items;
    assert.ok(events.length > 0);
    assert.ok(events.every((event) => event.target !== stranger.id && !event.action.startsWith("key.")));
  });

  test("what concerns every tenant is the operator's alone", async () => {
    const attempts = [
      ["GET", "/tenants"], ["POST", "/tenants", { slug: "mine", name: "x" }], ["GET", `/tenants/${acme.id}`],
      ["PATCH", `/tenants/${acme.id}`, { is_active: true }], ["GET", "/keys"], ["POST", "/keys"],
      ["POST", "/keys/rotate"], ["DELETE", "/keys/some"],
    ];
    const narrow = expectStatus(await server.signIn(operator, { scope: "manage:keys read:users" }), 200).json.access_token;
    for (const [method, target, json] of attempts) {
      for (const token of [boss.access, narrow]) expectStatus(await server.ask(method, target, { json, token }), 403);
    }
  });

  test("for every route that takes an id, another tenant's id answers as if it did not exist", async () => {
    const victim = await server.newcomer();
    const key = expectStatus(await server.post("/users/me/api-keys", { json: { name: "x" }, token: victim.access }), 201).json;
    const devices = expectStatus(await server.get("/users/me/sessions", { token: victim.access }), 200).json.items;
    expectStatus(await asOperator("POST", "/roles", { name: "theirs", permissions: [] }), 201);
    const signing = expectStatus(await asOperator("GET", "/keys"), 200).json.items;
    const nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    const ids = [ // what is there, what is not
      [/^\/users\/me\/api-keys\/\{id\}/, key.id, nobody],
      [/^\/users\/me\/sessions\/\{id\}/, devices[0].id, nobody],
      [/^\/users\/\{id\}/, victim.id, nobody],
      [/^\/roles\/\{name\}/, "theirs", "nobodys"],
      [/^\/tenants\/\{id\}/, acme.id, nobody],
      [/^\/keys\/\{kid\}/, signing[0].kid, "x".repeat(signing[0].kid.length)],
    ];
    const varying = ["x-request-id", "date"];
    const told = async (route, id) => {
      const target = route.path.replace(/\{\w+\}/, id);
      const { status, headers, text } = await server.ask(route.method, target, { json: route.json, token: boss.access });
      return { status, headers: [...headers].filter(([name]) => !varying.includes(name)), text };
    };
    const before = dump(server);
    const routes = (await allRoutes(server)).filter((route) => isGuarded(route) && route.path.includes("{"));
    for (const route of routes) {
      const known = ids.find(([pattern]) => pattern.test(route.path));
      assert.ok(known, `no id of another tenant is known for the new route ${route.name}`);
      const answer = await told(route, known[1]);
      const isOperators = route.needs.includes("the operator");
      assert.equal(answer.status, isOperators ? 403 : 404, `${route.name} answered ${answer.status}: ${answer.text}`);
      assert.deepEqual(answer, await told(route, known[2]), route.name);
    }
    assert.ok(routes.length >= 13);
    assert.equal(dump(server), before);
    expectStatus(await server.me(victim.access), 200);
  });

  test("nor does another tenant's id in a query find or skip anything", async () => {
    const victim = await server.newcomer();
    const ask = async (target) => expectStatus(await server.get(target, { token: boss.access }), 200).json.items;
    assert.deepEqual(await ask(`/audit?actor=${victim.id}`), []);
    assert.deepEqual(await ask(`/users?q=${victim.username}`), []);
    const after = await ask(`/users?after=${victim.id}`);
    assert.deepEqual(after.filter((user) => user.tenant !== "acme"), []);
  });

  test("a disabled tenant: nobody gets in, by any way, until it is enabled again", async () => {
    expectStatus(await asOperator("POST", "/tenants", { slug: "gone", name: "Gone" }), 201);
    const tenants = (await asOperator("GET", "/tenants")).json.items;
    const { id } = tenants.find((tenant) => tenant.slug === "gone");
    const person = await administratorOf("gone");
    const key = expectStatus(await server.post("/users/me/api-keys", { json: { name: "x" }, token: person.access }), 201).json;
    const byKey = () => server.get("/users/me", { headers: { "x-api-key": key.key } });
    expectStatus(await byKey(), 200);
    const login = { username: person.username, password: person.password, tenant: "gone" };
    const signedIn = expectStatus(await server.post("/login", { json: login }), 200);
    const cookie = cookieHeader(signedIn);
    const byCookie = () => server.get("/users/me", { headers: { cookie } });
    const changeByCookie = () => server.ask("PATCH", "/users/me", { json: { full_name: "Gone" },
      headers: { cookie, "x-csrf-token": signedIn.json.csrf_token } });
    expectStatus(await byCookie(), 200);

    expectStatus(await asOperator("PATCH", `/tenants/${id}`, { is_active: false }), 200);
    expectDetail(await byCookie(), 400, "Inactive user");
    expectDetail(await changeByCookie(), 400, "Inactive user");
    expectDetail(await server.post("/login", { json: login }), 400, "Inactive user");
    expectDetail(await server.me(person.access), 400, "Inactive user");
    assert.notEqual((await byKey()).status, 200);
    assert.notEqual((await server.refresh(person.refresh)).status, 200);
    expectStatus(await server.signIn(person, { tenant: "gone" }), 400);
    expectStatus(await server.post("/register", { json: somebody({ tenant: "gone" }) }), 422);
    await server.restart();
    expectDetail(await server.me(person.access), 400, "Inactive user");
    expectDetail(await byCookie(), 400, "Inactive user");

    expectStatus(await asOperator("PATCH", `/tenants/${id}`, { is_active: true }), 200);
    expectStatus(await server.me(person.access), 200);
    assert.equal(expectStatus(await byCookie(), 200).json.full_name, null);
    expectStatus(await server.signIn(person, { tenant: "gone" }), 200);
  });

  test("the default tenant can't be disabled", async () => {
    const tenants = (await asOperator("GET", "/tenants")).json.items;
    const { id } = tenants.find((tenant) => tenant.slug === "default");
    expectStatus(await asOperator("PATCH", `/tenants/${id}`, { is_active: false }), 409);
    expectStatus(await server.me(operator.access), 200);
  });

  test("signing keys: the next one is published from the start, takes over when asked, and an old one is retired", async () => {
    const published = async () => (await server.get("/.well-known/jwks.json")).json.keys.map((key) => key.kid);
    const states = async () => Object.fromEntries(
      expectStatus(await asOperator("GET", "/keys"), 200).json.items.map((key) => [key.state, key.kid]));
    const { active: old, next: second } = await states();
    assert.deepEqual(await published(), [old, second]);
    for (let i = 0; i < 2; i += 1) {
      const prepared = expectStatus(await asOperator("POST", "/keys"), 201).json;
      assert.deepEqual([prepared.kid, prepared.state, prepared.public_jwk.d], [second, "next", undefined]);
    }
    expectStatus(await asOperator("DELETE", `/keys/${old}`), 409);
    expectStatus(await asOperator("POST", "/keys/rotate?now=perhaps"), 422);
    const rotated = expectStatus(await asOperator("POST", "/keys/rotate"), 200).json;
    assert.deepEqual([rotated.kid, rotated.state], [second, "active"]);
    expectStatus(await server.me(operator.access), 200);

    const { next: third, ...others } = await states();
    assert.deepEqual(others, { retiring: old, active: second });
    const arranged = expectStatus(await asOperator("POST", "/keys/rotate"), 200).json;
    assert.deepEqual([arranged.kid, arranged.state], [third, "next"]);
    assert.equal(Date.parse(arranged.starts_at) - Date.parse(arranged.created_at), 3600_000);
    assert.equal((await states()).active, second);
    assert.equal(expectStatus(await asOperator("POST", "/keys/rotate?now=true"), 200).json.kid, third);
    assert.equal((await states()).active, third);
    expectStatus(await server.me(operator.access), 200);

    const again = await server.administrator();
    const asAgain = (method, target) => server.ask(method, target, { token: again.access });
    const { next: fourth } = await states();
    expectStatus(await asAgain("DELETE", `/keys/${fourth}`), 204);
    assert.ok(!(await published()).includes(fourth));
    await until(async () => (await states()).next, "another next key is published");
    assert.notEqual((await states()).next, fourth);
    expectStatus(await asAgain("DELETE", `/keys/${old}`), 204);
    expectStatus(await server.me(operator.access), 401);
    expectStatus(await server.ask("DELETE", `/keys/${old}`, { token: again.access }), 404);
    operator = again;
  });
});
