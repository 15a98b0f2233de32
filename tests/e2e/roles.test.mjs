// Roles that a tenant makes itself, and permissions of one user (spec F1, F2; api.md "Administration").

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { claimsOf, expectDetail, expectStatus, run, start } from "./harness.mjs";

describe("roles and permissions", () => {
  let server, admin;
  before(async () => {
    server = await start();
    admin = await server.administrator();
  });
  after(() => server?.stop());

  const as = (token) => (method, target, json) => server.ask(method, target, { json, token });
  const asAdmin = (...request) => as(admin.access)(...request);
  const makeRole = (name, permissions) => asAdmin("POST", "/roles", { name, permissions });
  const setRole = (id, role) => asAdmin("PUT", `/users/${id}/role`, { role });

  test("the built-in roles are listed first, and can be neither changed nor deleted nor taken", async () => {
    const listed = expectStatus(await asAdmin("GET", "/roles"), 200).json;
    assert.deepEqual(listed.items.slice(0, 3).map((role) => [role.name, role.built_in]),
      [["user", true], ["moderator", true], ["admin", true]]);
    for (const name of ["user", "moderator", "admin"]) {
      expectStatus(await asAdmin("PUT", `/roles/${name}`, { permissions: [] }), 409);
      expectStatus(await asAdmin("DELETE", `/roles/${name}`), 409);
      expectStatus(await makeRole(name, []), 409);
    }
  });

  test("a new role gives its permissions, in the token and on the token that is already out", async () => {
    const person = await server.newcomer();
    expectStatus(await makeRole("librarian", ["books:read"]), 201);
    expectStatus(await setRole(person.id, "librarian"), 200);

    const me = expectStatus(await server.me(person.access), 200).json;
    assert.deepEqual([me.role, me.permissions], ["librarian", ["books:read"]]);
    const { access_token: fresh, scope } = expectStatus(await server.signIn(person), 200).json;
    assert.deepEqual(claimsOf(fresh).permissions, ["books:read"]);
    assert.equal(scope, "books:read");

    expectStatus(await asAdmin("PUT", "/roles/librarian", { permissions: ["books:read", "read:users"] }), 200);
    for (const token of [person.access, fresh]) {
      assert.deepEqual((await server.me(token)).json.permissions, ["books:read", "read:users"]);
      expectStatus(await server.get("/users", { token }), 200);
    }
    expectStatus(await asAdmin("PUT", "/roles/librarian", { permissions: [] }), 200);
    for (const token of [person.access, fresh]) expectStatus(await server.get("/users", { token }), 403);
  });

  test("what was taken away is gone after a crash too", async () => {
    const person = await server.newcomer();
    expectStatus(await makeRole("watcher", ["read:users"]), 201);
    expectStatus(await setRole(person.id, "watcher"), 200);
    expectStatus(await server.get("/users", { token: person.access }), 200);
    expectStatus(await asAdmin("PUT", "/roles/watcher", { permissions: [] }), 200);
    await server.restart();
    expectStatus(await server.get("/users", { token: person.access }), 403);
  });

  test("permissions of one user come on top of the role's, and are replaced as a whole", async () => {
    const person = await server.newcomer();
    const give = (permissions) => asAdmin("PUT", `/users/${person.id}/permissions`, { permissions });

    const given = expectStatus(await give(["read:users", "books:lend", "read:users"]), 200).json;
    assert.deepEqual(given.permissions, ["read:users", "books:lend"]);
    expectStatus(await server.get("/users", { token: person.access }), 200);
    expectStatus(await give([]), 200);
    expectStatus(await server.get("/users", { token: person.access }), 403);
  });

  test("a role that somebody has is not deleted; one that nobody has is", async () => {
    const person = await server.newcomer();
    expectStatus(await makeRole("temporary", []), 201);
    expectStatus(await setRole(person.id, "temporary"), 200);
    expectDetail(await asAdmin("DELETE", "/roles/temporary"), 409, "Users have this role: give them another one first");
    expectStatus(await setRole(person.id, "user"), 200);
    expectStatus(await asAdmin("DELETE", "/roles/temporary"), 204);
    expectStatus(await asAdmin("DELETE", "/roles/temporary"), 404);
    expectStatus(await asAdmin("PUT", "/roles/temporary", { permissions: [] }), 404);
    expectStatus(await setRole(person.id, "temporary"), 422);
  });

  test("malformed names are refused, and so are more permissions than a token can carry", async () => {
    for (const name of ["", "Big", "with space", "a/b", "x".repeat(65), "ä"]) expectStatus(await makeRole(name, []), 422);
    for (const permission of ["root", "a b:c", "a:*", "A:b", ":a", "a:", "a:\n"]) {
      expectStatus(await makeRole("never", [permission]), 422);
    }
    const many = Array.from({ length: 64 }, (_, n) => `service${n}:a-rather-long-permission`);
    expectStatus(await makeRole("never", many), 422);
    assert.ok(!(await asAdmin("GET", "/roles")).json.items.some((role) => role.name === "never"));
  });

  test("nobody but an administrator sees or changes roles, whatever her permissions", async () => {
    const [person, victim] = [await server.newcomer(), await server.newcomer()];
    expectStatus(await asAdmin("PUT", `/users/${person.id}/permissions`, { permissions: ["manage:roles"] }), 200);
    const attempts = [
      ["GET", "/roles"],
      ["POST", "/roles", { name: "mine", permissions: ["delete:users"] }],
      ["PUT", "/roles/librarian", { permissions: ["delete:users"] }],
      ["DELETE", "/roles/librarian"],
      ["PUT", `/users/${person.id}/permissions`, { permissions: ["delete:users"] }],
      ["PUT", `/users/${victim.id}/permissions`, { permissions: [] }],
    ];
    for (const attempt of attempts) {
      expectStatus(await as(person.access)(...attempt), 403);
      expectStatus(await as(undefined)(...attempt), 401);
    }
    assert.deepEqual((await server.me(person.access)).json.permissions, ["manage:roles"]);
  });

  test("a narrow token of an administrator gives away no more than it carries", async () => {
    const person = await server.newcomer();
    const { access_token: narrow } = expectStatus(await server.signIn(admin, { scope: "manage:roles read:users" }), 200).json;
    const narrowly = as(narrow);

    expectStatus(await narrowly("PUT", `/users/${person.id}/permissions`, { permissions: ["read:users"] }), 200);
    expectStatus(await narrowly("PUT", `/users/${person.id}/permissions`, { permissions: ["delete:users"] }), 403);
    expectStatus(await narrowly("PUT", `/users/${person.id}/role`, { role: "admin" }), 403);
    expectStatus(await narrowly("POST", "/roles", { name: "sly", permissions: ["delete:users"] }), 403);
    assert.deepEqual((await server.me(person.access)).json.permissions, ["read:users"]);
  });

  test("the command line knows them, and every change is in the audit log", async () => {
    const person = await server.newcomer();
    expectStatus(await makeRole("printer", ["print:pages"]), 201);
    const set = run(["user", "set-role", person.username, "printer", "--json"], { folder: server.folder });
    assert.equal(set.code, 0, set.err);
    assert.deepEqual(JSON.parse(set.out).permissions, ["print:pages"]);
    assert.equal(run(["user", "set-role", person.username, "nothing"], { folder: server.folder }).code, 1);

    const events = expectStatus(await asAdmin("GET", "/audit?limit=100"), 200).json.items;
    for (const action of ["role.created", "role.updated", "role.deleted", "user.permissions_changed", "user.role_changed"]) {
      assert.ok(events.some((event) => event.action === action), action);
    }
    const made = events.find((event) => event.action === "role.created" && event.target === "printer");
    assert.equal(made.detail, "print:pages");
  });
});
