// Accounts: what a person does with her own (spec E1 to E3, F1, F6, C3, C4; api.md "Accounts and tokens").

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  claimsOf, complaints, expectDetail, expectInvalidToken, expectStatus, somebody, start,
} from "./harness.mjs";

const RFC_3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const USER_MEMBERS = [
  "created_at", "email", "email_verified", "full_name", "id", "is_active", "last_login_at", "mfa_enabled", "permissions",
  "role", "tenant", "username",
];

describe("accounts", () => {
  let server;
  before(async () => { server = await start(); });
  after(() => server?.stop());

  test("a stranger registers and gets her user back, without a password or hash in it", async () => {
    const person = somebody({ full_name: "Zoë O'Neil" });
    const answer = expectStatus(await server.post("/register", { json: person }), 201);

    assert.deepEqual(Object.keys(answer.json).sort(), USER_MEMBERS);
    assert.equal(answer.json.username, person.username);
    assert.equal(answer.json.email, person.email);
    assert.equal(answer.json.full_name, "Zoë O'Neil");
    assert.equal(answer.json.role, "user");
    assert.equal(answer.json.tenant, "default");
    assert.equal(answer.json.is_active, true);
    assert.equal(answer.json.email_verified, false);
    assert.equal(answer.json.mfa_enabled, false);
    assert.equal(answer.json.last_login_at, null);
    assert.match(answer.json.created_at, RFC_3339_UTC);
    assert.doesNotMatch(answer.text, /password|hash|argon2|\$/i);
    assert.match(answer.headers.get("x-request-id") ?? "", /\S/);
  });

  test("a role, a state or permissions sent along at registration are ignored", async () => {
    const person = somebody({ role: "admin", is_active: false, permissions: ["read:users"], email_verified: true });
    const user = expectStatus(await server.post("/register", { json: person }), 201).json;
    const { access_token: access } = expectStatus(await server.signIn(person), 200).json;

    assert.equal(user.role, "user");
    assert.equal(user.is_active, true);
    assert.equal(user.email_verified, false);
    assert.deepEqual(user.permissions, []);
    expectStatus(await server.get("/users", { token: access }), 403);
  });

  test("a taken name or address is refused, whatever its case, and in the same words", async () => {
    const first = await server.newcomer();
    const other = somebody();
    const attempts = [
      { ...other, username: first.username },
      { ...other, username: first.username.toUpperCase() },
      { ...other, email: first.email },
      { ...other, email: first.email.toUpperCase() },
    ];
    for (const json of attempts) {
      expectDetail(await server.post("/register", { json }), 400, "Username or email already registered");
    }
  });

  test("of twenty people who ask for one name at the same time, one gets it", async () => {
    const { username } = somebody();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => server.post("/register", { json: { ...somebody(), username } })));
    const statuses = answers.map((answer) => answer.status).sort();

    assert.deepEqual(statuses, [201, ...Array(19).fill(400)]);
  });

  test("she signs in by name or by address and gets a pair of tokens that nothing may cache", async () => {
    const person = await server.newcomer();
    for (const username of [person.username, person.email, person.email.toUpperCase()]) {
      const answer = expectStatus(await server.signIn({ ...person, username }), 200);

      assert.equal(answer.json.token_type, "bearer");
      assert.equal(answer.json.expires_in, 15 * 60);
      assert.equal(typeof answer.json.scope, "string");
      assert.equal(answer.headers.get("cache-control"), "no-store");
      expectStatus(await server.me(answer.json.access_token), 200);
    }
  });

  test("a wrong password and an unknown name get the same answer", async () => {
    const person = await server.newcomer();
    const wrong = expectStatus(await server.signIn({ ...person, password: "not her password" }), 400);
    const unknown = expectStatus(await server.signIn(somebody()), 400);

    assert.equal(wrong.json.error, "invalid_grant");
    assert.equal(wrong.json.detail, "Incorrect username or password");
    assert.equal(wrong.json.error_description, "Incorrect username or password");
    assert.deepEqual(unknown.json, wrong.json);
    assert.deepEqual([...unknown.headers.keys()].sort(), [...wrong.headers.keys()].sort());
  });

  test("/token wants a form: JSON is refused, and so is a grant that it does not know", async () => {
    const person = await server.newcomer();
    const json = await server.post("/token", { json: { grant_type: "password", ...person } });
    const noGrant = await server.post("/token", { form: { username: person.username, password: person.password } });
    const foreign = expectStatus(await server.post("/token", { form: { grant_type: "urn:example:other" } }), 400);

    assert.ok([400, 415, 422].includes(json.status), `answered ${json.status}`);
    assert.ok(json.json.detail, json.text);
    assert.ok([400, 422].includes(noGrant.status), `answered ${noGrant.status}`);
    assert.equal(foreign.json.error, "unsupported_grant_type");
  });

  test("a client that sends an empty name and secret by Basic, as Swagger UI does, is no client", async () => {
    const person = await server.newcomer();
    const form = { grant_type: "password", username: person.username, password: person.password };
    expectStatus(await server.post("/token", { form, headers: { authorization: "Basic Og==" } }), 200);
  });

  test("a protected route tells a caller without a bearer token how to come back", async () => {
    const person = await server.newcomer();
    const basic = "Basic " + Buffer.from(`${person.username}:${person.password}`).toString("base64");
    for (const headers of [{}, { authorization: basic }]) {
      const answer = expectDetail(await server.get("/users/me", { headers }), 401, "Not authenticated");
      assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer\b/);
      assert.doesNotMatch(answer.headers.get("www-authenticate"), /error=/);
    }
  });

  test("the scheme's name may be written in any case", async () => {
    const person = await server.newcomer();
    for (const scheme of ["bearer", "BEARER", "BeArEr"]) {
      expectStatus(await server.get("/users/me", { headers: { authorization: `${scheme} ${person.access}` } }), 200);
    }
  });

  test("one changed byte anywhere in the token makes it invalid", async () => {
    const person = await server.newcomer();
    const parts = person.access.split(".");
    for (const which of [0, 1, 2]) {
      const at = Math.floor(parts[which].length / 2);
      const changed = parts[which][at] === "A" ? "B" : "A";
      const forged = [...parts];
      forged[which] = parts[which].slice(0, at) + changed + parts[which].slice(at + 1);
      expectInvalidToken(await server.me(forged.join(".")));
    }
    for (const junk of ["x", "a.b.c", "..", `${person.access}.`, `${person.access}A`, person.refresh]) {
      expectInvalidToken(await server.me(junk));
    }
  });

  test("she sees and changes her own profile, and nothing more than that", async () => {
    const person = await server.newcomer();
    const seen = expectStatus(await server.me(person.access), 200);
    assert.deepEqual(Object.keys(seen.json).sort(), USER_MEMBERS);
    assert.equal(seen.json.id, person.id);
    assert.match(seen.json.last_login_at, RFC_3339_UTC);

    const json = { full_name: "  <b>Ann</b> & Co ", role: "admin", is_active: false, username: "root" };
    const changed = expectStatus(await server.ask("PATCH", "/users/me", { json, token: person.access }), 200).json;
    assert.equal(changed.full_name, json.full_name);
    assert.equal(changed.role, "user");
    assert.equal(changed.is_active, true);
    assert.equal(changed.username, person.username);
    assert.equal(changed.email, person.email);
  });

  test("a new address must be free and valid, and is unverified again", async () => {
    const [person, other] = [await server.newcomer(), await server.newcomer()];
    const patch = (email) => server.ask("PATCH", "/users/me", { json: { email }, token: person.access });

    expectStatus(await patch(other.email.toUpperCase()), 400);
    assert.deepEqual(complaints(await patch("not an address")), ["body.email"]);
    const moved = expectStatus(await patch(`moved.${person.email}`), 200).json;
    assert.equal(moved.email, `moved.${person.email}`);
    assert.equal(moved.email_verified, false);
    expectStatus(await server.signIn({ ...person, username: moved.email }), 200);
  });

  test("a new password needs the current one, and ends every other sign-in", async () => {
    const person = await server.newcomer();
    const elsewhere = expectStatus(await server.signIn(person), 200).json;
    const change = (current_password, new_password) => server.post("/users/me/password", {
      json: { current_password, new_password }, token: person.access,
    });

    const wrong = await change("not her password", "another long phrase 42");
    assert.ok([400, 401, 403].includes(wrong.status), `answered ${wrong.status}: ${wrong.text}`);
    assert.deepEqual(complaints(await change(person.password, "short")), ["body.new_password"]);
    expectStatus(await server.me(elsewhere.access_token), 200);

    expectStatus(await change(person.password, "another long phrase 42"), 204);
    expectStatus(await server.me(person.access), 200);
    expectStatus(await server.me(elsewhere.access_token), 401);
    expectStatus(await server.refresh(elsewhere.refresh_token), 401);
    expectDetail(await server.signIn(person), 400, "Incorrect username or password");
    expectStatus(await server.signIn({ ...person, password: "another long phrase 42" }), 200);
  });

  test("she deletes her account with her password; its tokens and its name are worth nothing afterwards", async () => {
    const person = await server.newcomer();
    const remove = (json) => server.ask("DELETE", "/users/me", { json, token: person.access });

    const wrong = await remove({ password: "not her password" });
    assert.ok([400, 401, 403].includes(wrong.status), `answered ${wrong.status}: ${wrong.text}`);
    expectStatus(await server.me(person.access), 200);
    const done = await remove({ password: person.password });
    assert.ok([200, 204].includes(done.status), `answered ${done.status}: ${done.text}`);
    expectStatus(await server.me(person.access), 401);
    expectStatus(await server.refresh(person.refresh), 401);
    expectDetail(await server.signIn(person), 400, "Incorrect username or password");
  });

  test("all that is wrong with a registration is said at once, and the password is not repeated", async () => {
    const json = { username: "", email: "not an address", password: "S3cretX" };
    const answer = await server.post("/register", { json });

    assert.deepEqual([...new Set(complaints(answer))], ["body.email", "body.password", "body.username"]);
    assert.doesNotMatch(answer.text, /S3cretX/);
    assert.deepEqual(complaints(await server.post("/register", { json: {} })), [
      "body.email", "body.password", "body.username",
    ]);
  });

  const REFUSED_PASSWORDS = [
    ["too short", (p) => ({ ...p, password: "Ab3$xyz" })],
    ["in every list of common ones", (p) => ({ ...p, password: "password123" })],
    ["common, in capitals", (p) => ({ ...p, password: "PASSWORD123" })],
    ["her own name", (p) => ({ ...p, password: p.username })],
    ["built around her own name", (p) => ({ ...p, password: `${p.username}!1` })],
  ];
  for (const [what, change] of REFUSED_PASSWORDS) {
    test(`a password that is ${what} is refused`, async () => {
      assert.deepEqual(complaints(await server.post("/register", { json: change(somebody()) })), ["body.password"]);
    });
  }

  const ALLOWED_PASSWORDS = [
    ["128 characters long", "correct horse battery staple ".repeat(5).slice(0, 128)],
    ["of small letters alone", "qmzvlpkwtr"],
    ["not of this alphabet", "пароль-だいじょうぶ-🔑🔑"],
    ["with blanks at its ends", "  mind the gap  "],
  ];
  for (const [what, password] of ALLOWED_PASSWORDS) {
    test(`a password ${what} is taken as it is typed`, async () => {
      const person = await server.newcomer({ password });
      assert.equal(claimsOf(person.access).sub, person.id);
      expectStatus(await server.signIn({ ...person, password: `${password} ` }), 400);
    });
  }

  test("every answer carries the headers that keep browsers safe, and does not say what serves it", async () => {
    for (const target of ["/healthz", "/users/me", "/nowhere", "/openapi.json"]) {
      const { headers } = await server.get(target);
      assert.equal(headers.get("x-content-type-options"), "nosniff", target);
      assert.equal(headers.get("x-frame-options"), "DENY", target);
      assert.ok(headers.get("referrer-policy"), target);
      assert.match(headers.get("content-security-policy") ?? "", /frame-ancestors 'none'/, target);
      assert.ok(headers.get("permissions-policy"), target);
      assert.ok(headers.get("x-request-id"), target);
      assert.doesNotMatch(headers.get("server") ?? "", /\d|doorward/i, target);
    }
  });

  test("health and readiness answer without a credential", async () => {
    expectStatus(await server.get("/healthz"), 200);
    expectStatus(await server.get("/readyz"), 200);
  });

  test("nothing that was typed as a password, and no token, is in the log", async () => {
    const person = await server.newcomer();
    await server.me(person.access);
    await server.refresh(person.refresh);
    await server.me(`${person.access}x`);
    for (const secret of [person.password, person.access, person.refresh, person.access.split(".")[2]]) {
      assert.ok(!server.err.includes(secret) && !server.out.includes(secret));
    }
  });
});
