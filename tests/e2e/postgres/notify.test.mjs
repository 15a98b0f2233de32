// What one node changes, the others are told by PostgreSQL at once (LISTEN/NOTIFY); without being told they find it by
// themselves (spec H5). Run under tools/with_postgres.sh.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { databaseSettings, dropDatabase, isPostgres, query } from "../database.mjs";
import { expectStatus, until } from "../harness.mjs";
import { fleet } from "./cluster.mjs";
import { lingers, mostlyWithin } from "./delays.mjs";

assert.ok(isPostgres, "run these stories with tools/with_postgres.sh");

/** A node looks by itself four times a second. */
const LOOK_MS = 250;
const WITHIN_MS = 1000;

describe("three nodes that PostgreSQL tells of each other", () => {
  let nodes, a, b, c;
  before(async () => ([a, b, c] = nodes = await fleet(3, databaseSettings("notify"))));
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    dropDatabase("notify");
  });

  /** Signed in on one, out on another: how long a third goes on accepting her, after the answer. */
  async function delay() {
    const person = await a.newcomer();
    for (const node of nodes) expectStatus(await node.me(person.access), 200);
    expectStatus(await b.post("/logout", { token: person.access }), 200);
    return lingers(async () => (await c.me(person.access)).status !== 401, "it is refused");
  }

  const sessions = () => query("notify",
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'").length;

  test("a sign-out is known long before the next look would find it", async (t) => {
    await until(() => sessions() === nodes.length, "every node listens");
    await mostlyWithin(LOOK_MS / 4, delay, t);
  });

  test("nobody is told any more: known within a second all the same, and soon they are told again", async (t) => {
    const cut = () => query("notify", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity" +
      " WHERE datname = current_database() AND query LIKE 'LISTEN%'");
    const all = [];
    for (let i = 0; i < 5; i += 1) {
      cut();
      all.push(await delay());
    }
    t.diagnostic(`refused elsewhere after ${all.map((ms) => ms.toFixed(1)).join(", ")} ms`);
    for (const ms of all) assert.ok(ms < WITHIN_MS, `refused after ${ms} ms`);
    await until(() => sessions() === nodes.length, "every node listens again");
    for (const node of nodes) await until(() => node.err.includes("database_listener"), "it tells that it was cut");
  });
});
