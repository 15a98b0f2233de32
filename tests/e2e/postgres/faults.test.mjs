// PostgreSQL and nodes that die, hang and come back while people work (spec H2, H5): what was acknowledged is there
// afterwards, what was revoked stays revoked, and nobody sees an error that is not one of "come again".

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { expectStatus, until } from "../harness.mjs";
import { Cluster, fleet } from "./cluster.mjs";
import { Load } from "./load.mjs";

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
