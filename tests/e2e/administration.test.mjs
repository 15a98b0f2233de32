// Administration: what the administrator can do to others, and what nobody can (api.md "Administration", spec F1, E5).

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { expectDetail, expectInvalidToken, expectStatus, start } from "./harness.mjs";

describe("administration", () => {
  let server, admin;
  before(async () => {
    server = await start();
    admin = await server.administrator();
  });
  after(() => server?.stop());

  const asAdmin = (method, target, json) => server.ask(method, target, { json, token: admin.access });
  const setRole = (id, role) => asAdmin("PUT", `/users/${id}/role`, { role });
  const signedIn = async (person) => expectStatus(await server.signIn(person), 200).json;

  test("the administrator is who the first start said", async () => {
    const me = expectStatus(await server.me(admin.access), 200).json;
    assert.equal(me.username, "admin");
    assert.equal(me.role, "admin");
  });

  test("the list has everybody once, page by page, and no password", async () => {
    const made = new Set();
    for (let n = 0; n < 5; n += 1) made.add((await server.newcomer()).id);
    const seen = [];
    let target = "/users?limit=2";
    for (let pages = 0; target && pages < 1000; pages += 1) {
      const answer = expectStatus(await asAdmin("GET", target), 200);
      assert.ok(answer.json.items.length <= 2);
      assert.doesNotMatch(answer.text, /"password|hash|argon2/i);
      seen.push(...answer.json.items.map((user) => user.id));
      target = answer.json.next && `/users?limit=2&after=${encodeURIComponent(answer.json.next)}`;
    }
    assert.equal(new Set(seen).size, seen.length);
    for (const id of made) assert.ok(seen.includes(id));
  });

  test("the list can be searched, by part of a name or address, by role and by state", async () => {
    const person = await server.newcomer();
    const find = async (query) => expectStatus(await asAdmin("GET", `/users?limit=100&${query}`), 200).json.items;

    assert.deepEqual((await find(`q=${person.username}`)).map((user) => user.id), [person.id]);
    assert.deepEqual((await find(`q=${encodeURIComponent(person.email)}`)).map((user) => user.id), [person.id]);
    assert.deepEqual(await find("q=%25"), [], "a percent sign is a character, not a pattern");
    assert.deepEqual((await find("role=admin")).map((user) => user.username), ["admin"]);
    assert.ok((await find("is_active=true")).some((user) => user.id === person.id));
    assert.ok(!(await find("is_active=false")).some((user) => user.id === person.id));
  });

  test("a limit outside 1 to 100 and a cursor that nobody gave out are refused", async () => {
    for (const query of ["limit=0", "limit=101", "limit=x", "after=%00", "is_active=perhaps"]) {
      const answer = await asAdmin("GET", `/users?${query}`);
      assert.ok([400, 422].includes(answer.status), `${query} answered ${answer.status}`);
    }
  });

  test("an ordinary user may not list, see, change or delete others, nor change a role", async () => {
    const [person, victim] = [await server.newcomer(), await server.newcomer()];
    const attempts = [
      ["GET", "/users"],
      ["GET", `/users/${victim.id}`],
      ["PATCH", `/users/${victim.id}`, { full_name: "x" }],
      ["DELETE", `/users/${victim.id}`],
      ["PUT", `/users/${person.id}/role`, { role: "admin" }],
      ["POST", `/users/${victim.id}/logout`],
    ];
    for (const [method, target, json] of attempts) {
      expectStatus(await server.ask(method, target, { json, token: person.access }), 403);
      const anonymous = expectDetail(await server.ask(method, target, { json }), 401, "Not authenticated");
      assert.match(anonymous.headers.get("www-authenticate") ?? "", /^Bearer\b/);
    }
    assert.equal(expectStatus(await server.me(person.access), 200).json.role, "user");
    expectStatus(await server.me(victim.access), 200);
  });

  test("a moderator may read users and no more", async () => {
    const [person, other] = [await server.newcomer(), await server.newcomer()];
    expectStatus(await setRole(person.id, "moderator"), 200);
    const { access_token: token } = await signedIn(person);

    expectStatus(await server.get("/users", { token }), 200);
    expectStatus(await server.get(`/users/${other.id}`, { token }), 200);
    expectStatus(await server.ask("PATCH", `/users/${other.id}`, { json: { full_name: "x" }, token }), 403);
    expectStatus(await server.ask("DELETE", `/users/${other.id}`, { token }), 403);
    expectStatus(await server.ask("PUT", `/users/${person.id}/role`, { json: { role: "admin" }, token }), 403);
  });

  test("the administrator sees and corrects a user", async () => {
    const person = await server.newcomer();
    assert.equal(expectStatus(await asAdmin("GET", `/users/${person.id}`), 200).json.username, person.username);
    const changed = expectStatus(await asAdmin("PATCH", `/users/${person.id}`, { full_name: "Corrected" }), 200).json;
    assert.equal(changed.full_name, "Corrected");
    assert.equal(changed.is_active, true);
    assert.equal(expectStatus(await server.me(person.access), 200).json.full_name, "Corrected");
  });

  test("a disabled user is out at once, and hears why only with the right password", async () => {
    const person = await server.newcomer();
    expectStatus(await asAdmin("PATCH", `/users/${person.id}`, { is_active: false }), 200);

    expectDetail(await server.me(person.access), 400, "Inactive user");
    expectDetail(await server.signIn(person), 400, "Inactive user");
    expectDetail(await server.signIn({ ...person, password: "wrong password" }), 400, "Incorrect username or password");
    assert.notEqual((await server.refresh(person.refresh)).status, 200);

    expectStatus(await asAdmin("PATCH", `/users/${person.id}`, { is_active: true }), 200);
    const { access_token: access } = await signedIn(person);
    expectStatus(await server.me(access), 200);
  });

  test("a deleted user's tokens are worth nothing at once, also after kill -9", async () => {
    const person = await server.newcomer();
    const done = await asAdmin("DELETE", `/users/${person.id}`);
    assert.ok([200, 204].includes(done.status), `answered ${done.status}`);

    expectStatus(await server.me(person.access), 401);
    expectStatus(await server.refresh(person.refresh), 401);
    expectStatus(await asAdmin("GET", `/users/${person.id}`), 404);
    expectDetail(await server.signIn(person), 400, "Incorrect username or password");
    await server.restart();
    expectStatus(await server.me(person.access), 401);
  });

  test("a demoted administrator loses the power of tokens that she already holds", async () => {
    const person = await server.newcomer();
    expectStatus(await setRole(person.id, "admin"), 200);
    const { access_token: token } = await signedIn(person);
    expectStatus(await server.get("/users", { token }), 200);

    expectStatus(await setRole(person.id, "user"), 200);
    assert.ok([401, 403].includes((await server.get("/users", { token })).status));
    await server.restart();
    assert.ok([401, 403].includes((await server.get("/users", { token })).status));
  });

  test("a forced sign-out ends every token of that user and of nobody else", async () => {
    const [person, other] = [await server.newcomer(), await server.newcomer()];
    const elsewhere = await signedIn(person);
    const done = await asAdmin("POST", `/users/${person.id}/logout`);
    assert.ok([200, 204].includes(done.status), `answered ${done.status}`);

    for (const token of [person.access, elsewhere.access_token]) expectInvalidToken(await server.me(token));
    for (const token of [person.refresh, elsewhere.refresh_token]) expectStatus(await server.refresh(token), 401);
    expectStatus(await server.me(other.access), 200);
    expectStatus(await server.me((await signedIn(person)).access_token), 200);
  });

  test("the dashboard counts users, sign-ins and refusals of the day", async () => {
    const read = async () => expectStatus(await asAdmin("GET", "/admin/dashboard"), 200).json;
    const before = await read();
    const person = await server.newcomer();
    expectStatus(await server.signIn({ ...person, password: "a wrong phrase" }), 400);
    expectStatus(await asAdmin("PATCH", `/users/${person.id}`, { is_active: false }), 200);
    const after = await read();

    assert.equal(after.days.length, 30);
    const sum = (dashboard, what) => dashboard.days.reduce((total, day) => total + day[what], 0);
    assert.equal(after.users - before.users, 1);
    assert.equal(after.active_users, before.active_users);
    assert.equal(after.sessions, before.sessions, "disabling has ended hers");
    assert.equal(sum(after, "sign_ins") - sum(before, "sign_ins"), 1);
    assert.equal(sum(after, "failures") - sum(before, "failures"), 1);
    expectStatus(await server.get("/admin/dashboard", { token: (await server.newcomer()).access }), 403);
  });

  test("a role that does not exist, and a user who does not, are refused", async () => {
    const person = await server.newcomer();
    const unknownRole = await setRole(person.id, "emperor");
    assert.ok([400, 404, 422].includes(unknownRole.status), `answered ${unknownRole.status}`);
    assert.equal((await asAdmin("GET", `/users/${person.id}`)).json.role, "user");

    const nobody = "01890a5d-ac96-774b-bcce-b302099a8057";
    expectStatus(await asAdmin("GET", `/users/${nobody}`), 404);
    expectStatus(await asAdmin("PATCH", `/users/${nobody}`, { full_name: "x" }), 404);
    expectStatus(await asAdmin("DELETE", `/users/${nobody}`), 404);
    expectStatus(await setRole(nobody, "user"), 404);
    expectStatus(await asAdmin("POST", `/users/${nobody}/logout`), 404);
    const notAnId = await asAdmin("GET", "/users/not-an-id");
    assert.ok([404, 422].includes(notAnId.status), `answered ${notAnId.status}`);
  });

  test("the last administrator can't be demoted, disabled or deleted, not even by herself", async () => {
    const { id } = expectStatus(await server.me(admin.access), 200).json;
    expectStatus(await setRole(id, "user"), 409);
    expectStatus(await asAdmin("PATCH", `/users/${id}`, { is_active: false }), 409);
    expectStatus(await asAdmin("DELETE", `/users/${id}`), 409);
    expectStatus(await asAdmin("DELETE", "/users/me", { password: admin.password }), 409);
    expectStatus(await server.me(admin.access), 200);
  });

  test("of two administrators who demote each other at the same time, one stays", async () => {
    const second = await server.newcomer();
    expectStatus(await setRole(second.id, "admin"), 200);
    const { access_token: secondToken } = await signedIn(second);
    const { id } = expectStatus(await server.me(admin.access), 200).json;

    const answers = await Promise.all([
      setRole(second.id, "user"),
      server.ask("PUT", `/users/${id}/role`, { json: { role: "user" }, token: secondToken }),
    ]);
    assert.equal(answers.filter((answer) => answer.status === 200).length, 1, answers.map((a) => a.status).join(" "));
    const roles = [await server.me((await signedIn(admin)).access_token), await server.me((await signedIn(second)).access_token)];
    assert.equal(roles.filter((answer) => answer.json.role === "admin").length, 1);
  });
});
