// Signing keys change while three nodes serve (spec D5): nothing that was issued is refused, by no node and by no service
// that keeps the published keys for as long as it may.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import * as jose from "jose";
import { databaseSettings, dropDatabase, query } from "../database.mjs";
import { expectInvalidToken, expectStatus, headerOf, run, until } from "../harness.mjs";
import { fleet } from "./cluster.mjs";
import { lingers } from "./delays.mjs";

/** A service may have a set of keys for half of it, and has the other half to get it, on a busy machine too. */
const LEAD_S = 6;
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
    await until(() => users.failed.length > 0 || users.kids.size > 0, "the first key signs");
    const ways = [() => byHttp(nodes[0]), () => byHttp(nodes[1]), byCommand, () => byHttp(nodes[2])];
    for (const rotate of ways) {
      const old = active();
      const next = await rotate(); // the first one at once, the others when they are known
      assert.notEqual(next.kid, old);
      await until(() => active() === next.kid, "it takes over by itself");
      const { size } = users.kids;
      await until(() => users.failed.length > 0 || users.kids.size > size || users.kids.has(next.kid), "it signs");
    }
    await until(() => users.failed.length > 0 || users.asked > 100, "there is enough to judge by");
    await users.stop();
    assert.deepEqual(users.failed, []);
    assert.ok(users.kids.size >= ways.length + 1, `${users.kids.size} keys`);
    const published = expectStatus(await nodes[1].get("/.well-known/jwks.json"), 200);
    assert.equal(published.headers.get("cache-control"), `public, max-age=${LEAD_S / 2}`);
    assert.equal(published.json.keys.length, ways.length + 2);
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
    const delays = await Promise.all(nodes.map((node) =>
      lingers(async () => (await node.me(leaked)).status !== 401, "the leaked key is out")));
    assert.ok(Math.max(...delays) < 1000, delays.join());
    for (const node of nodes) expectInvalidToken(await node.me(leaked));
    // None signs with it any more, either.
    for (const node of nodes) {
      const { access_token: access } = expectStatus(await node.signIn(person), 200).json;
      assert.equal(headerOf(access).kid, fresh.kid);
    }
    const set = jose.createRemoteJWKSet(new URL(`${nodes[2].url}/.well-known/jwks.json`));
    await assert.rejects(jose.jwtVerify(leaked, set), { code: "ERR_JWKS_NO_MATCHING_KEY" });
  });

  test("a node that was asleep while a key was retired accepts no token of it when it wakes", async () => {
    const [asleep, awake] = nodes;
    const person = people[1];
    const admin = nodes.find((node) => node.admin).admin;
    for (let round = 0; round < 3; round += 1) {
      const { access_token: leaked } = expectStatus(await asleep.signIn(person), 200).json;
      expectStatus(await asleep.me(leaked), 200);
      process.kill(asleep.child.pid, "SIGSTOP");
      try {
        const before = expectStatus(await awake.signIn(admin), 200).json.access_token;
        expectStatus(await awake.post("/keys/rotate?now=true", { token: before }), 200);
        const { access_token: token } = expectStatus(await awake.signIn(admin), 200).json;
        expectStatus(await awake.ask("DELETE", `/keys/${headerOf(leaked).kid}`, { token }), 204);
        await pause(800); // what it knows is too old to be relied on
      } finally {
        process.kill(asleep.child.pid, "SIGCONT");
      }
      const answers = await Promise.all(Array.from({ length: 8 }, () => asleep.me(leaked)));
      for (const answer of answers) expectInvalidToken(answer);
    }
  });

  test("tokens that name keys of nobody are refused on every node", async () => {
    const { privateKey } = await jose.generateKeyPair("ES256");
    const forged = await new jose.SignJWT(JSON.parse(Buffer.from(people[2].access.split(".")[1], "base64url")))
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "A".repeat(43) }).sign(privateKey);
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => nodes[i % 3].me(forged)));
    for (const answer of answers) expectInvalidToken(answer);
  });
});

describe("keys of three nodes that change by age", { timeout: 120_000 }, () => {
  test("one node does it, the others follow, and nothing fails", async () => {
    const nodes = await fleet(3, settings("ages", { DOORWARD_KEY_ROTATION: "8s" }));
    let users;
    try {
      const { people } = await enrol(nodes);
      users = new Users(nodes, people).start();
      await until(() => users.failed.length > 0 || users.kids.size >= 3, "two rotations", 60_000);
      await users.stop();
      assert.deepEqual(users.failed, []);
      const keys = query("ages", "SELECT state, kid FROM signing_keys");
      for (const state of ["active", "next"]) assert.equal(keys.filter((key) => key.state === state).length, 1, state);
      // The first two, and one for each rotation: two nodes never both made one.
      const events = query("ages", "SELECT action FROM audit_events WHERE action IN ('key.created', 'key.rotated')");
      const count = (action) => events.filter((event) => event.action === action).length;
      assert.equal(count("key.created"), count("key.rotated") + 2);
    } finally {
      await users?.stop();
      await Promise.all(nodes.map((node) => node.stop()));
      dropDatabase("ages");
    }
  });
});

describe("keys of three nodes that were just set up", { timeout: 60_000 }, () => {
  let nodes, people, admin;
  before(async () => {
    nodes = await fleet(3, { ...databaseSettings("fresh"), DOORWARD_KEY_ROTATION: "0" });
    ({ people, admin } = await enrol(nodes));
  });
  after(async () => {
    await Promise.all(nodes?.map((node) => node.stop()) ?? []);
    dropDatabase("fresh");
  });

  const keys = () => query("fresh", "SELECT kid, state FROM signing_keys");
  const of = (state) => keys().filter((key) => key.state === state).map((key) => key.kid);

  test("one pair of keys was made; two nodes asked at the same moment take one step, and every service knows the key", async () => {
    const [old] = of("active"), [next] = of("next");
    assert.equal(keys().length, 2);
    let fetches = 0;
    const services = nodes.map((node) => jose.createRemoteJWKSet(new URL(`${node.url}/.well-known/jwks.json`), {
      [jose.customFetch]: (...args) => { fetches += 1; return fetch(...args); },
    }));
    const { access_token: before } = expectStatus(await nodes[0].signIn(people[0]), 200).json;
    for (const keySet of services) await jose.jwtVerify(before, keySet);

    const answers = await Promise.all(nodes.slice(0, 2).map((node) => node.post("/keys/rotate", { token: admin.access })));
    for (const answer of answers) expectStatus(answer, 200);
    assert.deepEqual([of("active"), of("retiring"), of("next").length], [[next], [old], 1]);
    assert.equal(query("fresh", "SELECT target FROM audit_events WHERE action = 'key.rotated'").length, 1);
    // Who came after the step, and not at the same moment, has asked for another: it is scheduled.
    for (const { json } of answers) assert.ok(json.kid === next || json.state === "next", JSON.stringify(json));

    for (const node of nodes) {
      const signsWithIt = async () => headerOf(expectStatus(await node.signIn(people[1]), 200).json.access_token).kid === next;
      await until(signsWithIt, "every node signs with it");
      const { access_token: after } = expectStatus(await node.signIn(people[2]), 200).json;
      for (const keySet of services) {
        await jose.jwtVerify(before, keySet);
        await jose.jwtVerify(after, keySet);
      }
    }
    assert.equal(fetches, services.length, "a service had to ask again");
  });

  test("a next key that was taken out, as one of a database of before, is made once", async () => {
    const [gone] = of("next");
    const again = await nodes.find((node) => node.admin).administrator();
    expectStatus(await nodes[2].ask("DELETE", `/keys/${gone}`, { token: again.access }), 204);
    await until(() => of("next").length > 0, "another one is published");
    const [made] = of("next");
    for (const node of nodes) {
      await until(async () => (await node.get("/.well-known/jwks.json")).text.includes(made), "on every node");
    }
    assert.deepEqual(of("next"), [made]);
    assert.equal(query("fresh", "SELECT target FROM audit_events WHERE action = 'key.created'").length, 4);
  });
});
