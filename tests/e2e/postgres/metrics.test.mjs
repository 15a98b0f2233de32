// The database goes away: whoever looks after the node is told, by numbers and by /readyz, at once and without waiting.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readExposition } from "../exposition.mjs";
import { expectStatus, until } from "../harness.mjs";
import { Cluster, fleet } from "./cluster.mjs";

const TOKEN = "metrics-of-a-node-0815";

describe("a node without its database", { timeout: 120_000 }, () => {
  let cluster, node;
  before(async () => {
    cluster = await new Cluster().start();
    [node] = await fleet(1, { DOORWARD_DATABASE_URL: cluster.url, DOORWARD_METRICS_TOKEN: TOKEN });
  });
  after(async () => {
    await node?.stop();
    await cluster?.stop();
  });

  const read = async () => readExposition(expectStatus(await node.get("/metrics", { token: TOKEN }), 200).text);
  const ready = () => node.get("/readyz");

  test("shows it, goes on counting, and says when it is over", async () => {
    const person = await node.newcomer();
    const well = expectStatus(await ready(), 200).json;
    assert.deepEqual([well.status, well.detail, well.checks.database, well.checks.writes], ["ready", null, "ok", "ok"]);
    const was = await read();
    assert.equal(was.total("doorward_memory_fresh"), 1);
    assert.ok(was.total("doorward_storage_connects_total", { result: "ok" }) >= 1);

    cluster.kill();
    await until(async () => (await ready()).status === 503, "it is not ready");
    const refused = expectStatus(await ready(), 503);
    assert.match(refused.headers.get("retry-after"), /^\d+$/);
    assert.deepEqual([refused.json.status, refused.json.checks.database], ["not ready", "failing"]);
    assert.doesNotMatch(refused.text, /postgres|socket|\//i, "nothing about where the database is");
    await until(async () => (await node.me(person.access)).status === 503, "tokens can't be checked");
    await until(async () => (await read()).total("doorward_memory_fresh") === 0, "its memory is not relied on any more");
    const is = await read();
    assert.ok(is.total("doorward_memory_age_seconds") > 0);
    assert.ok(is.total("doorward_http_requests_total", { code: "503" }) > was.total("doorward_http_requests_total", { code: "503" }));
    await until(async () => (await read()).total("doorward_chore_failing", { chore: "watch" }) === 1, "the watch fails");
    await until(async () => (await read()).total("doorward_storage_connects_total", { result: "failed" }) > 0, "connecting fails");

    await cluster.revive();
    await until(async () => (await ready()).json.status === "ready", "it is ready again");
    await until(async () => (await read()).total("doorward_chore_failing") === 0, "its chores go well");
    expectStatus(await node.me(person.access), 200);
    for (const sample of was.samples.filter((s) => s.name.endsWith("_total")))
      assert.ok((await read()).total(sample.name, sample.labels) >= sample.value, sample.name);
  });
});
