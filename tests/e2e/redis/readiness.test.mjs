// Redis goes away: the server serves on, and says at /readyz and in its metrics what it serves without.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readExposition } from "../exposition.mjs";
import { expectStatus, start, until } from "../harness.mjs";
import { RedisServer } from "./redis_server.mjs";

const TOKEN = "metrics-of-a-node-0815";

describe("a server whose Redis dies", { timeout: 120_000 }, () => {
  let redis, server;
  before(async () => {
    redis = await new RedisServer().start();
    server = await start({ DOORWARD_REDIS_URL: redis.url, DOORWARD_METRICS_TOKEN: TOKEN, DOORWARD_RATE_LIMIT_LOGIN: "1000/minute" });
  });
  after(async () => {
    await server?.stop();
    await redis?.stop();
  });

  const read = async () => readExposition(expectStatus(await server.get("/metrics", { token: TOKEN }), 200).text);
  const ready = async () => expectStatus(await server.get("/readyz"), 200).json;

  test("is worse off, and ready all the same", async () => {
    const person = await server.newcomer();
    await until(async () => (await ready()).checks.redis === "ok", "Redis answers");
    const was = await read();
    assert.equal(was.total("doorward_redis_connected"), 1);
    assert.ok(was.total("doorward_redis_calls_total") > 0);
    await redis.kill();
    await until(async () => {
      expectStatus(await server.signIn(person), 200);
      return (await ready()).checks.redis === "failing";
    }, "its loss is noticed");
    const worse = await ready();
    assert.deepEqual([worse.status, worse.detail, worse.checks.database], ["degraded", null, "ok"]);
    const is = await read();
    assert.equal(is.total("doorward_redis_connected"), 0);
    assert.ok(is.total("doorward_redis_losses_total") > was.total("doorward_redis_losses_total"));
    await redis.start();
    await until(async () => (await ready()).checks.redis === "ok", "Redis is found again");
  });
});
