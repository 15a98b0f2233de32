// Signing keys change while three nodes serve (spec D5): nothing that was issued is refused, by no node and by no service
// that keeps the published keys for as long as it may.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import * as jose from "jose";
import { databaseSettings, dropDatabase, query } from "../database.mjs";
import { expectInvalidToken, expectStatus, headerOf, run, until } from "../harness.mjs";
import { fleet } from "./cluster.mjs";

const LEAD_S = 2;
const ISSUER = "https://id.example.com";

/** Who signs in on one node, asks another at once, refreshes on a third; and services that verify with cached keys. */
class Users {
  constructor(nodes, people) {
    this.nodes = nodes;
    this.people = people;
    this.kids = new Set();
    this.asked = 0;
    this.failed = [];
    this.services = nodes.map((node) => jose.createRemoteJWKSet(new URL(`${node.url}/.well-known/jwks.json`), {
      // As Cache-Control says; a key that is not in the set is a failure, not a reason to ask again.
      cacheMaxAge: (LEAD_S / 2) * 1000, cooldownDuration: 3600_000,
    }));
    this.goesOn = true;
  }

  async good(what, status, answer) {
    this.asked += 1;
    if (answer.status !== status) this.failed.push(`${what}: ${answer.status} ${answer.text}`);
    return answer;
  }

  /** Good on every node and with every service, from the moment at which it was issued. */
  async check(token) {
    this.kids.add(headerOf(token).kid);
    await Promise.all([
      ...this.nodes.map(async (node) => this.good("me", 200, await node.me(token))),
      ...this.services.map(async (keys) => {
        this.asked += 1;
        await jose.jwtVerify(token, keys, { issuer: ISSUER, audience: ISSUER }).catch((error) => this.failed.push(`jose: ${error}`));
      }),
    ]);
  }

  async one(i) {
    const node = this.nodes[i % this.nodes.length];
    const signed = await this.good("sign in", 200, await node.signIn(this.people[i % this.people.length]));
    if (signed.status !== 200) return;
    await this.check(signed.json.access_token);
    const refreshed = await this.good("refresh", 200, await this.nodes[(i + 1) % this.nodes.length].refresh(signed.json.refresh_token));
    if (refreshed.status === 200) await this.check(refreshed.json.access_token);
  }

  start(workers = 3) {
    this.work = Promise.all(Array.from({ length: workers }, async (_, worker) => {
      for (let i = worker; this.goesOn; i += 1) await this.one(i);
    }));
    return this;
  }

  async stop() {
    this.goesOn = false;
    await this.work;
  }
}

async function enrol(nodes) {
  const first = nodes.find((node) => node.out.includes("Administrator:"));
  const people = [];
  for (let i = 0; i < 3; i += 1) people.push(await nodes[i].newcomer());
  return { people, admin: await first.administrator() };
}

const settings = (name, more) => ({ ...databaseSettings(name), DOORWARD_KEY_LEAD: `${LEAD_S}s`, DOORWARD_SESSIONS_MAX: "100000", ...more });

describe("keys of three nodes", { timeout: 120_000 }, () => {
  let nodes, people, admin, users;
  before(async () => {
    nodes = await fleet(3, settings("keys", { DOORWARD_KEY_ROTATION: "0" }));
    ({ people, admin } = await enrol(nodes));
  });
  afterEach(() => users?.stop());
  after(async () => {
    await Promise.all(nodes?.map((node) => node.stop()) ?? []);
    dropDatabase("keys");
  });

  const keys = () => query("keys", "SELECT kid, state, starts_at FROM signing_keys");
  const active = () => keys().find((key) => key.state === "active").kid;
  const byHttp = async (node, now = false) =>
    expectStatus(await node.post(`/keys/rotate${now ? "?now=true" : ""}`, { token: admin.access }), 200).json;
  const byCommand = () => JSON.parse(run(["key", "rotate", "--json"], { folder: nodes[0].folder, env: nodes[0].env }).out);

  test("rotated again and again, on each node and by command, while people work: nothing fails", async () => {
    users = new Users(nodes, people).start();
    const ways = [() => byHttp(nodes[0]), () => byHttp(nodes[1]), byCommand, () => byHttp(nodes[2])];
    for (const rotate of ways) {
      const old = active();
      const next = await rotate();
      assert.equal(next.state, "next");
      assert.notEqual(next.kid, old);
      await until(() => active() === next.kid, "it takes over by itself");
      const { size } = users.kids;
      await until(() => users.failed.length > 0 || users.kids.size > size || users.kids.has(next.kid), "it signs");
    }
    await users.stop();
    assert.deepEqual(users.failed, []);
    assert.ok(users.kids.size >= ways.length + 1 && users.asked > 100, `${users.kids.size} keys, ${users.asked} requests`);
    const published = expectStatus(await nodes[1].get("/.well-known/jwks.json"), 200);
    assert.equal(published.headers.get("cache-control"), `public, max-age=${LEAD_S / 2}`);
    assert.equal(published.json.keys.length, ways.length + 1);
  });

  test("three nodes and a command at the same moment: one new key", async () => {
    const before = keys().length;
    const answers = await Promise.all([...nodes.map((node) => byHttp(node)), ...nodes.map((node) => byHttp(node))]);
    answers.push(byCommand());
    assert.equal(new Set(answers.map((key) => key.kid)).size, 1);
    assert.equal(keys().length, before + 1);
    await until(() => active() === answers[0].kid, "it takes over");
    assert.equal(keys().length, before + 1);
  });

  test("at once: what the new key signs is good on all nodes from the first token on", async () => {
    const person = people[0];
    for (let round = 0; round < 9; round += 1) {
      const node = nodes[round % 3];
      const { kid, state } = await byHttp(node, true);
      assert.equal(state, "active");
      const { access_token: access } = expectStatus(await node.signIn(person), 200).json;
      assert.equal(headerOf(access).kid, kid);
      const answers = await Promise.all(nodes.map((other) => other.me(access)));
      assert.deepEqual(answers.map((answer) => answer.status), [200, 200, 200]);
    }
  });

  test("a leaked key is replaced and retired: its tokens are refused everywhere within a second, and by services with the set", async () => {
    const person = people[1];
    const { access_token: leaked } = expectStatus(await nodes[0].signIn(person), 200).json;
    for (const node of nodes) expectStatus(await node.me(leaked), 200);
    const { kid } = headerOf(leaked);
    const fresh = await byHttp(nodes[1], true);
    const again = expectStatus(await nodes[1].signIn(nodes.find((node) => node.admin).admin), 200).json.access_token;
    expectStatus(await nodes[1].ask("DELETE", `/keys/${kid}`, { token: again }), 204);
    const begun = performance.now();
    for (const node of nodes) await until(async () => (await node.me(leaked)).status === 401, "the leaked key is out");
    assert.ok(performance.now() - begun < 1000);
    for (const node of nodes) expectInvalidToken(await node.me(leaked));
    // None signs with it any more, either.
    for (const node of nodes) {
      const { access_token: access } = expectStatus(await node.signIn(person), 200).json;
      assert.equal(headerOf(access).kid, fresh.kid);
    }
    const set = jose.createRemoteJWKSet(new URL(`${nodes[2].url}/.well-known/jwks.json`));
    await assert.rejects(jose.jwtVerify(leaked, set), { code: "ERR_JWKS_NO_MATCHING_KEY" });
  });

  test("tokens that name keys of nobody are refused on every node", async () => {
    const { privateKey } = await jose.generateKeyPair("ES256");
    const forged = await new jose.SignJWT(JSON.parse(Buffer.from(people[2].access.split(".")[1], "base64url")))
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "A".repeat(43) }).sign(privateKey);
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => nodes[i % 3].me(forged)));
    for (const answer of answers) expectInvalidToken(answer);
  });
});

describe("keys of three nodes that change by age", { timeout: 60_000 }, () => {
  test("one node does it, the others follow, and nothing fails", async () => {
    const nodes = await fleet(3, settings("ages", { DOORWARD_KEY_ROTATION: "5s" }));
    let users;
    try {
      const { people } = await enrol(nodes);
      users = new Users(nodes, people).start();
      await until(() => users.failed.length > 0 || users.kids.size >= 3, "two rotations");
      await users.stop();
      assert.deepEqual(users.failed, []);
      const keys = query("ages", "SELECT state, kid FROM signing_keys");
      assert.equal(keys.filter((key) => key.state === "active").length, 1);
      // A key for each rotation, and maybe the next one: two nodes never both made one.
      const made = query("ages", "SELECT target FROM audit_events WHERE action = 'key.created'").length;
      const rotated = query("ages", "SELECT target FROM audit_events WHERE action = 'key.rotated'").length;
      assert.ok(made >= rotated + 1 && made <= rotated + 2, `${made} made, ${rotated} rotated`);
    } finally {
      await users?.stop();
      await Promise.all(nodes.map((node) => node.stop()));
      dropDatabase("ages");
    }
  });
});
