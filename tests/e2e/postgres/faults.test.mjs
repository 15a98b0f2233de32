// PostgreSQL and nodes that die, hang and come back while people work (spec H2, H5): what was acknowledged is there
// afterwards, what was revoked stays revoked, and nobody sees an error that is not one of "come again".

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { expectStatus, somebody, until } from "../harness.mjs";
import { Cluster, fleet } from "./cluster.mjs";

const WORKERS = 8;

/** People who register, sign in, ask, refresh and sign out on whichever node, until told to stop. */
class Load {
  constructor(nodes) {
    this.nodes = nodes;
    this.statuses = new Map();
    this.registered = [];
    this.ended = [];
    this.accepted = [];
    this.goesOn = true;
  }

  node() {
    return this.nodes[Math.floor(Math.random() * this.nodes.length)];
  }

  async ask(what, question) {
    const answer = await question().catch(() => null); // a node that was killed answers nothing
    const key = `${what} ${answer?.status}`;
    this.statuses.set(key, (this.statuses.get(key) ?? 0) + 1);
    return answer;
  }

  async one() {
    const person = somebody();
    const made = await this.ask("register", () => this.node().post("/register", { json: person }));
    if (made?.status !== 201) return;
    this.registered.push({ ...person, id: made.json.id });
    const signed = await this.ask("sign in", () => this.node().signIn(person));
    if (signed?.status !== 200) return;
    const { access_token: access, refresh_token: refresh } = signed.json;
    await this.ask("me", () => this.node().me(access));
    await this.ask("refresh", () => this.node().refresh(refresh));
    const out = await this.ask("sign out", () => this.node().post("/logout", { token: access }));
    if (out?.status !== 200) return;
    const at = performance.now();
    this.ended.push({ access, at });
  }

  /** Asks with tokens that were signed out a second ago or more. */
  async revoked() {
    const old = this.ended.filter(({ at }) => performance.now() - at > 1000);
    if (old.length === 0) return pause(10);
    const { access } = old[Math.floor(Math.random() * old.length)];
    const answer = await this.ask("me, signed out", () => this.node().me(access));
    if (answer?.status === 200) this.accepted.push(access);
  }

  start() {
    const repeat = async (work) => {
      while (this.goesOn) await work();
    };
    this.work = Promise.all([...Array.from({ length: WORKERS }, () => repeat(() => this.one())),
      repeat(() => this.revoked())]);
    return this;
  }

  end() {
    this.goesOn = false;
    return this.work;
  }

  async stop() {
    await this.end();
    const seen = [...this.statuses].map(([key, n]) => `${key}: ${n}`).join(", ");
    assert.deepEqual(this.accepted, [], "a token was accepted after its acknowledged revocation");
    for (const key of this.statuses.keys()) assert.doesNotMatch(key, / 500$/, seen);
    return seen;
  }

  /** Every acknowledged registration and every acknowledged end is there, on every node. */
  async check() {
    for (const person of this.registered.slice(-200)) expectStatus(await this.node().signIn(person), 200);
    for (const { access } of this.ended.slice(-200)) assert.notEqual((await this.node().me(access)).status, 200);
  }
}

describe("PostgreSQL under two nodes", { timeout: 240_000 }, () => {
  let cluster, nodes, a, b, load;
  before(async () => {
    cluster = await new Cluster().start();
    [a, b] = nodes = await fleet(2, { DOORWARD_DATABASE_URL: cluster.url, DOORWARD_HASH_QUEUE: "1024" });
  });
  afterEach(() => load?.end());
  after(async () => {
    await Promise.all(nodes?.map((node) => node.stop()) ?? []);
    await cluster?.stop();
  });

  const working = (among) => (load = new Load(among).start());
  const isReady = async (node) => (await node.get("/readyz")).status === 200;

  test("it is killed while people work, and comes back", async () => {
    const person = await a.newcomer();
    working(nodes);
    await until(() => load.ended.length > 20, "people work");
    cluster.kill();
    // Nobody can be told from memory for longer than a second what nobody can look up.
    await until(async () => (await a.me(person.access)).status === 503, "the node says that it can't tell");
    const refused = await a.me(person.access);
    expectStatus(refused, 503);
    assert.match(refused.headers.get("retry-after"), /^\d+$/);
    expectStatus(await a.get("/healthz"), 200);
    const ready = expectStatus(await a.get("/readyz"), 503);
    assert.match(ready.json.detail, /the database does not answer/);
    await cluster.revive();
    for (const node of nodes) await until(() => isReady(node), "the node is ready again");
    const before = load.ended.length;
    await until(() => load.ended.length > before + 20, "people work again");
    await load.stop();
    await load.check();
    expectStatus(await a.me(person.access), 200);
  });

  test("all connections are cut, again and again", async () => {
    working(nodes);
    for (let round = 0; round < 10; round += 1) {
      const before = load.ended.length;
      await until(() => load.ended.length > before, "people work");
      cluster.query("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid()" +
        " AND backend_type = 'client backend'");
    }
    await load.stop();
    await load.check();
  });

  test("a node hangs, maybe with the writers' lock: the other goes on, and the first is not behind when it wakes", async () => {
    working(nodes);
    await until(() => load.ended.length > 10, "people work");
    const person = await b.newcomer();
    expectStatus(await a.me(person.access), 200);
    process.kill(a.child.pid, "SIGSTOP");
    load.nodes = [b];
    try {
      // At once, or when PostgreSQL has ended the transaction that hangs.
      await until(async () => (await b.post("/logout", { token: person.access })).status === 200, "the other writes");
      await pause(1200);
    } finally {
      process.kill(a.child.pid, "SIGCONT");
    }
    assert.notEqual((await a.me(person.access)).status, 200);
    load.nodes = nodes;
    await load.stop();
    await load.check();
  });
});
