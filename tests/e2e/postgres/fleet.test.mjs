// Several nodes on one PostgreSQL behave as one (spec H2, H5). Run under tools/with_postgres.sh.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { databaseSettings, dropDatabase, isPostgres, query } from "../database.mjs";
import { claimsOf, expectDetail, expectInvalidToken, expectStatus, headerOf, run, somebody } from "../harness.mjs";
import { fleet } from "./cluster.mjs";
import { lingers } from "./delays.mjs";

/** A change is acknowledged on one node; from then on the others have this long to know. */
const WITHIN_MS = 1000;

assert.ok(isPostgres, "run these stories with tools/with_postgres.sh");

async function dissolve(nodes) {
  await Promise.all(nodes.map((node) => node.stop()));
  dropDatabase("fleet");
}

describe("three nodes on one database", () => {
  let nodes, a, b, c;
  before(async () => ([a, b, c] = nodes = await fleet(3, databaseSettings("fleet"))));
  after(() => dissolve(nodes));

  test("all start at once on an empty database: one schema, one administrator, one key", () => {
    const administrators = nodes.filter((node) => node.out.includes("Administrator:"));
    assert.equal(administrators.length, 1);
    assert.equal(query("fleet", "SELECT * FROM users").length, 1);
    assert.equal(query("fleet", "SELECT * FROM signing_keys WHERE state = 'active'").length, 1);
    const versions = query("fleet", "SELECT version FROM schema_migrations ORDER BY version").map((row) => row.version);
    assert.deepEqual(versions, versions.map((_, i) => i + 1));
  });

  test("who signs in on one is known on all", async () => {
    const person = await a.newcomer();
    for (const node of nodes) assert.equal(expectStatus(await node.me(person.access), 200).json.id, person.id);
    expectStatus(await c.signIn(person), 200);
  });

  test("signed out on one, refused on the others within a second", async () => {
    const person = await a.newcomer();
    for (const node of nodes) expectStatus(await node.me(person.access), 200);
    expectStatus(await b.post("/logout", { token: person.access }), 200);
    expectInvalidToken(await b.me(person.access));
    for (const node of [a, c]) {
      const ms = await lingers(async () => (await node.me(person.access)).status !== 401, "the token is refused");
      assert.ok(ms < WITHIN_MS, `refused after ${ms} ms`);
    }
    expectDetail(await c.refresh(person.refresh), 401, "Invalid refresh token");
  });

  test("disabled on one, inactive on the others within a second; a new role likewise", async () => {
    const person = await a.newcomer();
    const admin = await nodes.find((node) => node.out.includes("Administrator:")).administrator();
    for (const node of nodes) expectStatus(await node.me(person.access), 200);
    expectStatus(await c.ask("PUT", `/users/${person.id}/role`, { json: { role: "moderator" }, token: admin.access }), 200);
    const again = expectStatus(await b.signIn(person), 200).json;
    for (const node of nodes) {
      const ms = await lingers(async () => (await node.get("/users", { token: again.access_token })).status !== 200, "may");
      assert.ok(ms < WITHIN_MS, `may after ${ms} ms`);
    }
    expectStatus(await b.ask("PATCH", `/users/${person.id}`, { json: { is_active: false }, token: admin.access }), 200);
    for (const node of [a, c]) {
      const ms = await lingers(async () => (await node.me(again.access_token)).status !== 400, "the user is inactive");
      assert.ok(ms < WITHIN_MS, `after ${ms} ms`);
    }
  });

  test("one refresh token sent to three nodes at once: one line survives", async () => {
    const person = await a.newcomer();
    const answers = await Promise.all([...nodes, ...nodes, ...nodes].map((node) => node.refresh(person.refresh)));
    for (const answer of answers) expectStatus(answer, 200);
    const successors = new Set(answers.map((answer) => claimsOf(answer.json.refresh_token).jti));
    assert.equal(successors.size, 1);
    const { family } = claimsOf(person.refresh);
    const unspent = query("fleet", `SELECT * FROM refresh_tokens WHERE family_id = '${family}' AND spent_at IS NULL`);
    assert.equal(unspent.length, 1);
  });

  test("of twenty people who ask for one name on three nodes, one gets it", async () => {
    const person = somebody();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) =>
      nodes[i % 3].post("/register", { json: { ...person, email: `${i}${person.email}` } })));
    assert.equal(answers.filter((answer) => answer.status === 201).length, 1);
    for (const answer of answers.filter((candidate) => candidate.status !== 201))
      expectDetail(answer, 400, "Username or email already registered");
  });

  test("two administrators who demote each other on two nodes: one stays", async () => {
    const first = nodes.find((node) => node.out.includes("Administrator:"));
    const admin = await first.administrator();
    const me = expectStatus(await first.me(admin.access), 200).json;
    const other = await a.newcomer();
    const role = (node, id, name, token) => node.ask("PUT", `/users/${id}/role`, { json: { role: name }, token });
    for (let round = 0; round < 5; round += 1) {
      expectStatus(await role(a, other.id, "admin", admin.access), 200);
      const { access_token: access } = expectStatus(await b.signIn(other), 200).json;
      const answers = await Promise.all([role(b, other.id, "user", admin.access), role(c, me.id, "user", access)]);
      const left = query("fleet", "SELECT id FROM users WHERE role = 'admin'");
      assert.equal(left.length, 1, answers.map((answer) => answer.status).join(" "));
      if (left[0].id === me.id) continue;
      expectStatus(await role(a, me.id, "admin", access), 200);
      const back = expectStatus(await b.signIn(first.admin), 200).json;
      expectStatus(await role(a, other.id, "user", back.access_token), 200);
      admin.access = back.access_token;
    }
  });

  test("a key rotated on one signs on all, and what the old one signed goes on", async () => {
    const person = await a.newcomer();
    const admin = await nodes.find((node) => node.out.includes("Administrator:")).administrator();
    const before = headerOf(person.access).kid;
    expectStatus(await b.post("/keys/rotate?now=true", { json: {}, token: admin.access }), 200);
    const ms = await lingers(async () => {
      const kids = await Promise.all(nodes.map(async (node) => headerOf((await node.signIn(person)).json.access_token).kid));
      return !kids.every((kid) => kid === kids[0] && kid !== before);
    }, "all sign with the new key");
    assert.ok(ms < WITHIN_MS, `after ${ms} ms`);
    for (const node of nodes) expectStatus(await node.me(person.access), 200);
  });

  test("the audit log of three nodes is one unbroken chain", async () => {
    await Promise.all(Array.from({ length: 30 }, (_, i) => nodes[i % 3].newcomer()));
    const rows = query("fleet", "SELECT seq FROM audit_events ORDER BY seq").map((row) => Number(row.seq));
    assert.deepEqual(rows, rows.map((_, i) => i + 1));
    const done = run(["audit", "verify"], { folder: a.folder, env: a.env });
    assert.equal(done.code, 0, done.err);
  });

  test("a node that dies takes nothing with it", async () => {
    const people = await Promise.all(Array.from({ length: 12 }, (_, i) => nodes[i % 3].newcomer()));
    const more = Promise.all(Array.from({ length: 12 }, () => c.newcomer().catch(() => null)));
    await c.kill();
    people.push(...(await more).filter(Boolean));
    for (const person of people) expectStatus(await a.me(person.access), 200);
    await c.start();
    for (const person of people) expectStatus(await c.me(person.access), 200);
  });
});
