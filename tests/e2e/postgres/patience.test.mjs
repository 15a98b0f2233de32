// A database far away: half a second to ask and be answered, and more people than it can serve. Nobody waits without end,
// and what was refused has not happened, then or later (docs/scale.md).

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { expectStatus, until } from "../harness.mjs";
import { Cluster, fleet } from "./cluster.mjs";
import { Wire } from "./wire.mjs";

/** One change takes a round trip at least, so all of them take 40 seconds at least; and there are more than threads. */
const PEOPLE = 80;
const TIMEOUT_S = 3;
/** With what had begun by then: a wait for the lock, a transaction, and reading what is to be told. */
const BOUND_MS = 20_000;

describe("a database far away", { timeout: 180_000 }, () => {
  let cluster, wire, near, far, people;
  before(async () => {
    cluster = await new Cluster().start();
    wire = await new Wire(path.join(cluster.folder, ".s.PGSQL.5432")).start();
    const shared = { DOORWARD_SECRET_KEY: randomBytes(32).toString("hex"), DOORWARD_HASH_QUEUE: "1024",
      DOORWARD_REFRESH_GRACE: "60s" };
    [near] = await fleet(1, { ...shared, DOORWARD_DATABASE_URL: cluster.url });
    [far] = await fleet(1, {
      ...shared, DOORWARD_DATABASE_URL: `postgresql://doorward@127.0.0.1:${wire.port}/postgres`,
      DOORWARD_DATABASE_TIMEOUT: `${TIMEOUT_S}s`,
    });
    people = [];
    for (let i = 0; i < PEOPLE; i += 8) {
      people.push(...(await Promise.all(Array.from({ length: 8 }, () => near.newcomer()))));
    }
    wire.set("through", 250);
  });
  after(async () => {
    await Promise.all([near, far].map((node) => node?.stop()));
    wire?.stop();
    await cluster?.stop();
  });

  /** All at once; each is served or told to come again, in time. */
  async function all(question) {
    const answers = await Promise.all(people.map(async (person) => {
      const begun = performance.now();
      const answer = await question(person);
      return { answer, ms: performance.now() - begun };
    }));
    for (const { answer, ms } of answers) {
      if (answer.status !== 200) expectStatus(answer, 503);
      if (answer.status !== 200) assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
      assert.ok(ms < BOUND_MS, `${answer.status} after ${ms} ms`);
    }
    return answers.map(({ answer }) => answer.status === 200);
  }

  test("takes some changes and refuses the others, which never happen", async () => {
    const served = await all(({ access }) => far.ask("PATCH", "/users/me", { token: access, json: { full_name: "changed" } }));
    assert.ok(served.includes(false), "more was written than the wire can carry");
    // Writes keep their order: when this one is there, none from before it is still to come.
    await until(async () => (await far.ask("PATCH", "/users/me",
      { token: people[0].access, json: { full_name: "later" } })).status === 200, "one alone is served");
    for (const [i, { access }] of people.entries()) {
      if (i === 0) continue;
      const { full_name: name } = expectStatus(await near.me(access), 200).json;
      assert.equal(name ?? null, served[i] ? "changed" : null, `of person ${i}`);
    }
  });

  test("lets nobody stand in line for a minute to sign in", async () => {
    const served = await all((person) => far.signIn(person));
    assert.ok(served.includes(false), "more was asked than the wire can carry");
  });

  test("lets refreshes through together, whoever waits", async () => {
    const served = await all(({ refresh }) => far.refresh(refresh));
    assert.ok(served.includes(true), "not one of those that share their round trips was served");
    for (const [i, { refresh }] of people.entries()) {
      // Whether it was spent or not: it can be sent again.
      if (!served[i]) expectStatus(await near.refresh(refresh), 200);
    }
  });

  test("comes nearer, and all are served", async () => {
    wire.set("through", 0);
    await until(async () => (await far.signIn(people[0])).status === 200, "people sign in again");
    assert.ok(!(await all(({ access }) =>
      far.ask("PATCH", "/users/me", { token: access, json: { full_name: "at last" } }))).includes(false));
  });
});
