// The network between a node and PostgreSQL, and the database's disk, fail while people work (spec H2, H5): every request is
// answered in bounded time, nothing that was acknowledged is lost, and what was revoked elsewhere is not accepted here.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { expectInvalidToken, expectStatus, temporaryFolder, until } from "../harness.mjs";
import { noSmallDisk } from "../machine.mjs";
import { Cluster, fleet } from "./cluster.mjs";
import { Load } from "./load.mjs";
import { Wire } from "./wire.mjs";

/** PG_SILENCE_MS, and once more for connecting anew, with room for a busy machine. */
const BOUND_MS = 20_000;

describe("a network that fails", { timeout: 240_000 }, () => {
  let cluster, wire, far, near, load;
  before(async () => {
    cluster = await new Cluster().start();
    wire = await new Wire(path.join(cluster.folder, ".s.PGSQL.5432")).start();
    const shared = {
      DOORWARD_SECRET_KEY: randomBytes(32).toString("hex"), DOORWARD_HASH_QUEUE: "1024", DOORWARD_DATABASE_TIMEOUT: "20s",
    };
    [near] = await fleet(1, { ...shared, DOORWARD_DATABASE_URL: cluster.url });
    [far] = await fleet(1, { ...shared, DOORWARD_DATABASE_URL: `postgresql://doorward@127.0.0.1:${wire.port}/postgres` });
  });
  afterEach(() => load?.end());
  after(async () => {
    await Promise.all([near, far].map((node) => node?.stop()));
    wire?.stop();
    await cluster?.stop();
  });

  const timed = async (question) => {
    const begun = performance.now();
    const answer = await question();
    return { answer, ms: performance.now() - begun };
  };
  const isReady = async (node) => (await node.get("/readyz")).status === 200;

  async function story(fault, { isServed = false, among = [near, far] } = {}) {
    load = new Load(among).start();
    await until(() => load.ended.length > 10, "people work");
    const [person, gone] = [await near.newcomer(), await near.newcomer()];
    for (const { access } of [person, gone]) expectStatus(await far.me(access), 200);
    fault();
    const begun = performance.now();
    expectStatus(await near.post("/logout", { token: gone.access }), 200);
    const signedOut = performance.now();
    while (performance.now() - begun < 3000) {
      const at = performance.now();
      const { answer, ms } = await timed(() => far.me(gone.access));
      // Asked a second after the acknowledgement or later, it is not accepted, however long the answer takes.
      if (at - signedOut > 1000) assert.notEqual(answer.status, 200);
      assert.ok(ms < BOUND_MS, `${ms} ms`);
    }
    for (const question of [() => far.me(person.access), () => far.signIn(person), () => far.get("/readyz")]) {
      const { answer, ms } = await timed(question);
      assert.ok(ms < BOUND_MS, `${ms} ms`);
      if (isServed) expectStatus(answer, 200);
      else if (answer.status !== 200) expectStatus(answer, 503);
    }
    expectStatus(await far.get("/healthz"), 200);
    wire.set("through");
    await until(() => isReady(far), "the node is ready again");
    await until(async () => (await far.me(gone.access)).status === 401, "it knows");
    expectInvalidToken(await far.me(gone.access));
    expectStatus(await far.me(person.access), 200);
    const before = load.ended.length;
    await until(() => load.ended.length > before + 20, "people work again");
    await load.stop();
    await load.check();
  }

  test("cut: no connection, and none can be made", () => story(() => wire.set("cut")));
  test("swallowing: what is sent goes nowhere, and nobody says so", () => story(() => wire.set("swallow")));
  test("half-open: the database has closed, and the node is not told", () => story(() => wire.halfOpen()));
  // A use case asks the database several times, and writes wait for each other: a few people are served, slowly.
  test("slow: half a second to ask and be answered", () =>
    story(() => wire.set("through", 250), { isServed: true, among: [near] }));
});

describe("PostgreSQL's disk", { timeout: 120_000, skip: noSmallDisk }, () => {
  test("is full, PostgreSQL panics, has room again: nodes say so and go on by themselves", async () => {
    const folder = temporaryFolder();
    const cluster = await new Cluster().start();
    const wal = path.join(cluster.folder, "data/pg_wal");
    let nodes = [], load, isMounted = false;
    try {
      // Its log of writes moves to a disk of its own, which is small.
      cluster.query("ALTER SYSTEM SET max_wal_size = '32MB'; ");
      cluster.query("ALTER SYSTEM SET min_wal_size = '32MB'");
      cluster.halt();
      root("mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", folder);
      isMounted = true;
      root("cp", "-a", `${wal}/.`, folder);
      root("chown", "-R", "--reference", path.join(cluster.folder, "data"), folder);
      fs.rmSync(wal, { recursive: true });
      fs.symlinkSync(folder, wal);
      fs.chmodSync(cluster.folder, 0o755);
      fs.chmodSync(folder, 0o700);
      root("chown", "--reference", path.join(cluster.folder, "data"), folder);
      await cluster.revive();
      nodes = await fleet(2, { DOORWARD_DATABASE_URL: cluster.url, DOORWARD_HASH_QUEUE: "1024" });
      load = new Load(nodes).start();
      await until(() => load.ended.length > 20, "people work");
      const person = await nodes[0].newcomer();
      const filler = path.join(folder, "filler");
      spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=64k"], { stdio: "ignore" });
      // New segments find no room: use up the one at hand.
      spawnSync("psql", ["-X", "-q", "-d", cluster.url, "-c",
        "CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 200000)"], { stdio: "ignore" });
      await until(async () => (await nodes[0].signIn(person)).status === 503, "the nodes say that they can't");
      fs.rmSync(filler);
      if (!cluster.isUp) await cluster.revive();
      for (const node of nodes) await until(async () => (await node.signIn(person)).status === 200, "the nodes go on");
      const before = load.ended.length;
      await until(() => load.ended.length > before + 20, "people work again");
      await load.stop();
      await load.check();
    } finally {
      await load?.end();
      await Promise.all(nodes.map((node) => node.stop()));
      await cluster.stop();
      if (isMounted) root("umount", "-l", folder);
      fs.rmdirSync(folder);
    }
  });
});

function root(...command) {
  const done = spawnSync(command[0], command.slice(1), { encoding: "utf8" });
  assert.equal(done.status, 0, `${command.join(" ")}: ${done.stderr}`);
}
