// API keys: a program calls for a person, with a part of her rights, until she says otherwise (spec E8, A4, A5).

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { query, storedIn } from "./database.mjs";
import { expectDetail, expectStatus, start } from "./harness.mjs";

const KEY = /^dwk_[0-9a-f]{16}_[0-9a-f]{64}$/;
const NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057";
const REFUSED = "Could not validate credentials";

describe("API keys", () => {
  let server, admin;
  before(async () => {
    server = await start();
    admin = await server.administrator();
  });
  after(() => server?.stop());

  const withKey = (key, method, target, more = {}) =>
    server.ask(method, target, { ...more, headers: { "x-api-key": key, ...more.headers } });
  const me = (key) => withKey(key, "GET", "/users/me");
  const create = (person, json = {}) =>
    server.post("/users/me/api-keys", { token: person.access, json: { name: "nightly report", ...json } });
  const created = async (person, json) => expectStatus(await create(person, json), 201).json;
  const list = async (person) =>
    expectStatus(await server.get("/users/me/api-keys", { token: person.access }), 200).json;
  const rotate = (person, id, query = "") =>
    server.post(`/users/me/api-keys/${id}/rotate${query}`, { token: person.access });
  const revoke = (person, id) => server.ask("DELETE", `/users/me/api-keys/${id}`, { token: person.access });
  const setRole = async (id, role) =>
    expectStatus(await server.ask("PUT", `/users/${id}/role`, { json: { role }, token: admin.access }), 200);
  /** Somebody with a role, whose token has its rights. */
  const holder = async (role) => {
    const person = await server.newcomer();
    await setRole(person.id, role);
    return person;
  };

  test("a key is made, shown once, and calls for its owner", async () => {
    const person = await server.newcomer();
    const answer = expectStatus(await create(person), 201);
    const made = answer.json;
    assert.match(made.key, KEY);
    assert.ok(made.key.startsWith(`dwk_${made.prefix}_`));
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(made.name, "nightly report");
    assert.deepEqual(made.scopes, []);
    assert.equal(made.is_active, true);
    assert.equal(made.expires_at, null);
    assert.equal(made.last_used_at, null);

    const mine = expectStatus(await me(made.key), 200).json;
    assert.equal(mine.id, person.id);
    const { items, next } = await list(person);
    assert.equal(next, null);
    assert.deepEqual(items.map((key) => key.id), [made.id]);
    assert.ok(items[0].last_used_at, "the use is seen at once");
    assert.ok(!JSON.stringify(items).includes(made.key.slice(21)), "the list shows no secret");
    assert.equal(items[0].key, undefined);
  });

  test("a key may do what its scopes say, and no more, whatever its owner may", async () => {
    const { key } = await created(admin, { scopes: ["read:users"] });
    const victim = await server.newcomer();

    expectStatus(await withKey(key, "GET", "/users"), 200);
    expectStatus(await withKey(key, "GET", `/users/${victim.id}`), 200);
    expectStatus(await withKey(key, "PATCH", `/users/${victim.id}`, { json: { full_name: "x" } }), 403);
    expectStatus(await withKey(key, "DELETE", `/users/${victim.id}`), 403);
    expectStatus(await withKey(key, "PUT", `/users/${victim.id}/role`, { json: { role: "admin" } }), 403);
    assert.equal(expectStatus(await server.me(victim.access), 200).json.full_name, null);
    const none = await created(admin, { scopes: [] });
    expectStatus(await withKey(none.key, "GET", "/users"), 403);
    const all = await created(admin);
    expectStatus(await withKey(all.key, "DELETE", `/users/${victim.id}`), 204);
  });

  test("nobody gives a key what she has not: not the user, not a narrow token", async () => {
    const person = await server.newcomer();
    const moderator = await holder("moderator");
    expectStatus(await create(person, { scopes: ["read:users"] }), 403);
    expectStatus(await create(moderator, { scopes: ["read:users", "delete:users"] }), 403);
    expectStatus(await create(moderator, { scopes: ["no:such"] }), 403);
    const narrow = expectStatus(await server.signIn(moderator, { scope: "moderate:content" }), 200).json;
    expectStatus(await create({ access: narrow.access_token }, { scopes: ["read:users"] }), 403);
    assert.deepEqual((await created({ access: narrow.access_token })).scopes, ["moderate:content"]);
    assert.equal((await list(moderator)).items.length, 1);
  });

  test("a right that the owner loses, her keys lose with the next request", async () => {
    const moderator = await holder("moderator");
    const { key } = await created(moderator, { scopes: ["read:users"] });
    expectStatus(await withKey(key, "GET", "/users"), 200);
    await setRole(moderator.id, "user");
    expectStatus(await withKey(key, "GET", "/users"), 403);
    expectStatus(await me(key), 200);
  });

  test("a rotated key: the old one works for the overlap and then no more", async () => {
    const person = await server.newcomer();
    const first = await created(person);
    const second = expectStatus(await rotate(person, first.id, "?overlap=5"), 200).json;
    assert.equal(second.id, first.id);
    assert.match(second.key, KEY);
    assert.notEqual(second.prefix, first.prefix);
    assert.ok(Date.parse(second.previous_expires_at) > Date.now() - 2000);

    expectStatus(await me(first.key), 200);
    expectStatus(await me(second.key), 200);
    while (Date.now() < Date.parse(second.previous_expires_at) + 100) await pause(50);
    expectDetail(await me(first.key), 401, "API key has expired");
    expectStatus(await me(second.key), 200);
    assert.equal((await list(person)).items.length, 1);
  });

  test("left to the server, the overlap is a day; with 0 the old key is dead at once", async () => {
    const person = await server.newcomer();
    const first = await created(person);
    const second = expectStatus(await rotate(person, first.id), 200).json;
    const hours = (Date.parse(second.previous_expires_at) - Date.now()) / 3_600_000;
    assert.ok(hours > 23.9 && hours <= 24, `${hours} h`);
    expectStatus(await me(first.key), 200);
    const third = expectStatus(await rotate(person, first.id, "?overlap=0"), 200).json;
    for (const { key } of [first, second]) expectStatus(await me(key), 401);
    expectStatus(await me(third.key), 200);
    for (const overlap of ["-1", "x", "99999999999"]) {
      expectStatus(await rotate(person, first.id, `?overlap=${overlap}`), 422);
    }
  });

  test("a revoked key is dead at once", async () => {
    const person = await server.newcomer();
    const made = await created(person);
    expectStatus(await me(made.key), 200);
    expectStatus(await revoke(person, made.id), 204);
    expectDetail(await me(made.key), 401, REFUSED);
    expectStatus(await revoke(person, made.id), 404);
    expectStatus(await rotate(person, made.id), 404);
    assert.deepEqual((await list(person)).items, []);
  });

  test("a key with an end ends; one that has already ended can't be made", async () => {
    const person = await server.newcomer();
    const ends = new Date(Date.now() + 5000).toISOString();
    const made = await created(person, { expires_at: ends });
    expectStatus(await me(made.key), 200);
    while (Date.now() < Date.parse(ends) + 100) await pause(50);
    expectDetail(await me(made.key), 401, "API key has expired");
    assert.equal((await list(person)).items[0].is_active, false);
    expectStatus(await rotate(person, made.id), 409);
    for (const expires_at of ["2020-01-01T00:00:00Z", "1960-01-01T00:00:00Z", "tomorrow", 5, ""]) {
      expectStatus(await create(person, { expires_at }), 422);
    }
    assert.equal((await created(person, { expires_at: null, scopes: null })).expires_at, null);
  });

  test("whatever is no key of ours gets the same 401, with a challenge", async () => {
    const person = await server.newcomer();
    const { key } = await created(person);
    const flip = (text, at) => text.slice(0, at) + (text[at] === "0" ? "1" : "0") + text.slice(at + 1);
    const wrong = [
      "x", "dwk_", key.slice(0, -1), `${key}0`, key.toUpperCase(), flip(key, 6), flip(key, key.length - 1),
      `Bearer ${key}`, "dwk_0000000000000000_" + "0".repeat(64), "a".repeat(4000), "' OR 1=1 --",
    ];
    for (const text of wrong) {
      const answer = expectDetail(await me(text), 401, REFUSED);
      assert.match(answer.headers.get("www-authenticate"), /^APIKey/);
    }
    const bare = expectDetail(await server.get("/users/me"), 401, "Not authenticated");
    assert.match(bare.headers.get("www-authenticate"), /^Bearer\b/);
    expectStatus(await server.get("/users/me", { token: key }), 401);
    expectStatus(await server.get(`/users/me?api_key=${key}`), 401);
  });

  test("with a token and a key in one request, the token decides", async () => {
    const [ann, bob] = [await server.newcomer(), await server.newcomer()];
    const { key } = await created(ann);
    const both = expectStatus(await withKey(key, "GET", "/users/me", { token: bob.access }), 200).json;
    assert.equal(both.id, bob.id);
    expectStatus(await withKey(key, "GET", "/users/me", { token: "a.b.c" }), 401);
    expectStatus(await withKey("dwk_wrong", "GET", "/users/me", { token: bob.access }), 200);
  });

  test("a key can't become the account: no keys, password, profile, sign-out or deletion", async () => {
    const person = await server.newcomer();
    const made = await created(person);
    const attempts = [
      ["GET", "/users/me/api-keys"],
      ["POST", "/users/me/api-keys", { name: "another" }],
      ["POST", `/users/me/api-keys/${made.id}/rotate`],
      ["DELETE", `/users/me/api-keys/${made.id}`],
      ["PATCH", "/users/me", { email: "thief@example.com" }],
      ["DELETE", "/users/me", { password: person.password }],
      ["POST", "/users/me/password", { current_password: person.password, new_password: "something else entirely" }],
      ["POST", "/logout"],
      ["POST", "/logout/all"],
    ];
    for (const [method, target, json] of attempts) {
      const answer = expectStatus(await withKey(made.key, method, target, { json }), 403);
      assert.match(answer.json.detail, /sign-in/, `${method} ${target}`);
    }
    assert.equal(expectStatus(await server.me(person.access), 200).json.email, person.email);
    expectStatus(await server.signIn(person), 200);
    expectStatus(await me(made.key), 200);
  });

  test("another user's key does not exist, not even for the administrator", async () => {
    const [ann, bob] = [await server.newcomer(), await server.newcomer()];
    const made = await created(ann);
    for (const other of [bob, admin]) {
      for (const id of [made.id, NOBODY, "x"]) {
        expectDetail(await revoke(other, id), 404, "Not Found");
        expectDetail(await rotate(other, id), 404, "Not Found");
      }
      assert.ok(!(await list(other)).items.some((key) => key.id === made.id));
    }
    expectStatus(await me(made.key), 200);
  });

  test("keys of a disabled owner rest, those of a deleted one are gone; signing out leaves them alone", async () => {
    const person = await server.newcomer();
    const { key } = await created(person);
    const setActive = (is_active) =>
      server.ask("PATCH", `/users/${person.id}`, { json: { is_active }, token: admin.access });

    expectStatus(await server.post("/logout/all", { token: person.access }), 200);
    expectStatus(await me(key), 200);
    expectStatus(await setActive(false), 200);
    expectDetail(await me(key), 400, "Inactive user");
    expectStatus(await setActive(true), 200);
    expectStatus(await me(key), 200);
    expectStatus(await server.ask("DELETE", `/users/${person.id}`, { token: admin.access }), 204);
    expectDetail(await me(key), 401, REFUSED);
  });

  test("bad requests are told what is wrong with them", async () => {
    const person = await server.newcomer();
    const bad = [{ name: "" }, { name: "x".repeat(101) }, { name: "a\nb" }, { name: null }, { scopes: "read:users" },
      { scopes: [""] }, { scopes: ["a b"] }, { scopes: [5] }, { scopes: Array(65).fill("read:users") }];
    for (const json of bad) expectStatus(await create(person, json), 422);
    expectStatus(await create(person, { owner: admin.username, user_id: NOBODY, role: "admin" }), 201);
    for (const query of ["limit=0", "limit=101", "after=x"]) {
      expectStatus(await server.get(`/users/me/api-keys?${query}`, { token: person.access }), 422);
    }
  });

  test("a user has at most a hundred keys, listed page by page", async () => {
    const person = await server.newcomer();
    for (let n = 0; n < 100; n += 1) await created(person, { name: `key ${n}` });
    expectStatus(await create(person), 409);
    const keys = [];
    let target = "/users/me/api-keys?limit=33";
    while (target) {
      const page = expectStatus(await server.get(target, { token: person.access }), 200).json;
      keys.push(...page.items);
      target = page.next && `/users/me/api-keys?limit=33&after=${page.next}`;
    }
    assert.deepEqual(keys.map((key) => key.id), keys.map((key) => key.id).sort(), "in the order of creation");
    assert.deepEqual(new Set(keys.map((key) => key.name)), new Set(Array.from({ length: 100 }, (_, n) => `key ${n}`)));
  });

  test("the description offers both credentials, side by side", async () => {
    const description = expectStatus(await server.get("/openapi.json"), 200).json;
    assert.deepEqual(
      (({ type, in: where, name }) => ({ type, where, name }))(description.components.securitySchemes.APIKeyHeader),
      { type: "apiKey", where: "header", name: "X-API-Key" },
    );
    const names = description.paths["/users"].get.security.map((one) => Object.keys(one).join());
    assert.ok(names.includes("OAuth2PasswordBearer") && names.includes("APIKeyHeader"), names.join());
  });
});

describe("API keys, after the server has stopped", () => {
  test("keys and their last use are still there, and no secret is in the log or the database", async () => {
    const server = await start({ DOORWARD_LOG_LEVEL: "debug" });
    const person = await server.newcomer();
    const ask = (key) => server.get("/users/me", { headers: { "x-api-key": key } });
    const make = async (name) =>
      expectStatus(await server.post("/users/me/api-keys", { token: person.access, json: { name } }), 201).json;
    const [used, revoked] = [await make("used"), await make("revoked")];
    const rotated = expectStatus(
      await server.post(`/users/me/api-keys/${used.id}/rotate`, { token: person.access }), 200).json;

    for (const { key } of [used, revoked, rotated]) expectStatus(await ask(key), 200);
    expectStatus(await server.ask("DELETE", `/users/me/api-keys/${revoked.id}`, { token: person.access }), 204);
    expectStatus(await ask(revoked.key), 401);
    await server.stop({ keep: true });

    const stored = [storedIn(server.folder)];
    for (const { key, prefix } of [used, revoked, rotated]) {
      const secret = key.slice(`dwk_${prefix}_`.length);
      for (const text of [server.out, server.err, ...stored]) assert.ok(!text.includes(secret), "a secret was written");
    }
    const events = query(server.folder, "SELECT action FROM audit_events WHERE action LIKE 'api_key.%'");
    assert.deepEqual(events.map((event) => event.action).sort(),
      ["api_key.created", "api_key.created", "api_key.revoked", "api_key.rotated"]);

    await server.start();
    const { items } = expectStatus(await server.get("/users/me/api-keys", { token: person.access }), 200).json;
    assert.deepEqual(items.map((key) => key.id), [used.id]);
    assert.ok(items[0].last_used_at, "written when the server stopped");
    for (const { key } of [used, rotated]) expectStatus(await ask(key), 200);
    expectStatus(await ask(revoked.key), 401);
    await server.stop();
  });
});
