// Rate limits that three nodes count together in one Redis (spec G5, H3), and what holds while it is gone. Run under
// tools/with_postgres.sh.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { databaseSettings, dropDatabase, isPostgres } from "../database.mjs";
import { expectDetail, expectStatus, somebody, start, until } from "../harness.mjs";
import { CHEAP, fleet } from "../postgres/cluster.mjs";
import { RedisServer } from "./redis_server.mjs";

assert.ok(isPostgres, "run these stories with tools/with_postgres.sh");

/** How long a command may take, which is more than by default, and what a busy machine may add to it. */
const TIMEOUT_MS = 1000;
const MARGIN_MS = 10_000;

const LIMIT = 20;

const forget = (node) => node.post("/forgot-password", { json: { email: "nobody@example.com" } });
const limitsOf = (answer) => ["limit", "remaining", "reset"].map((name) => Number(answer.headers.get(`ratelimit-${name}`)));

/** Where the numbers must be exact, a busy machine must not look like a lost Redis. */
const patient = (redis) => ({ DOORWARD_REDIS_URL: `${redis.url}?timeout_ms=10000` });

/** So many requests at each of the nodes, all at once: how many passed. Others must have been refused for the limit. */
async function passed(nodes, each, ask = forget) {
  const answers = await Promise.all(nodes.flatMap((node) => Array.from({ length: each }, () => ask(node))));
  for (const answer of answers) {
    if (answer.status >= 300) {
      expectDetail(answer, 429, "Too Many Requests");
      assert.match(answer.headers.get("retry-after"), /^[1-9]\d*$/);
    }
  }
  return answers.filter((answer) => answer.status < 300).length;
}

const timesTold = (node, event) => node.err.split(`"${event}"`).length - 1;

describe("three nodes, one Redis", () => {
  const name = "limits";
  let redis, nodes, a, b, c;
  beforeEach(async () => {
    redis = await new RedisServer().start();
    [a, b, c] = nodes = await fleet(3, {
      ...databaseSettings(name), ...patient(redis), DOORWARD_RATE_LIMIT_FORGOT: `${LIMIT}/hour`,
      DOORWARD_RATE_LIMIT_REGISTER: "2 per 4 seconds; 100 per hour", DOORWARD_RATE_LIMIT_LOGIN: "3/minute",
    });
  });
  afterEach(async () => {
    await Promise.all(nodes?.map((node) => node.stop()) ?? []);
    await redis.stop();
    dropDatabase(name);
  });

  test("limits count together, to the request", async () => {
    assert.equal(await passed(nodes, LIMIT), LIMIT);
    // By the handler, in the hashing lane: right passwords and wrong ones alike.
    const signIn = (node) => node.signIn({ username: "nobody", password: "wrong" });
    const statuses = [];
    for (const node of [a, b, c, a, b]) statuses.push((await signIn(node)).status);
    assert.deepEqual(statuses, [400, 400, 400, 429, 429]);
    // Who they are is nobody's business there, and nothing stays.
    const keys = redis.cli("keys", "*").trim().split("\n");
    assert.ok(keys.length >= 2, keys.join());
    for (const key of keys) {
      assert.match(key, /^doorward:[0-9a-f]{16}:(rate:[0-9a-f]{32}|probe)$/);
      assert.ok(Number(redis.cli("pttl", key)) > 0 || redis.cli("exists", key).trim() === "0", key);
    }
  });

  test("a window slides for all of them", async () => {
    const register = (node) => node.post("/register", { json: somebody() });
    const begun = performance.now();
    expectStatus(await register(a), 201);
    expectStatus(await register(b), 201);
    const refused = expectDetail(await register(c), 429, "Too Many Requests");
    assert.ok(Number(refused.headers.get("retry-after")) <= 6);
    // Two in one window of four seconds: half a window later one of them no longer counts.
    await until(async () => (await register(c)).status === 201, "the next one passes");
    assert.ok(performance.now() - begun >= 5_900, "too early");
  });

  test("killed, each node counts by itself; started again, they count together", async () => {
    assert.equal(await passed(nodes, 2), 6);
    await redis.kill();
    await until(() => nodes.every((node) => timesTold(node, "redis_lost") === 1), "all have noticed");
    for (const node of nodes) assert.equal(await passed([node], LIMIT + 5), LIMIT);
    await redis.start();
    await until(() => nodes.every((node) => timesTold(node, "redis_connected") === 2), "all are back");
    assert.equal(await passed(nodes, LIMIT), LIMIT); // its memory was empty
    assert.ok(nodes.every((node) => timesTold(node, "redis_lost") === 1));
  });

  test("a node starts without it, and joins the others when it is there", async () => {
    await redis.kill();
    const late = await start({ ...a.env });
    try {
      assert.equal(timesTold(late, "redis_lost"), 1);
      expectStatus(await forget(late), 200);
      await redis.start();
      await until(() => [late, ...nodes].every((node) => timesTold(node, "redis_connected") >= 1), "all are there");
      await until(() => nodes.every((node) => timesTold(node, "redis_connected") === 2), "all are back");
      assert.equal(await passed([late, ...nodes], LIMIT), LIMIT);
    } finally {
      await late.stop();
    }
  });
});

/** Clients that ask all nodes for what is counted, all the time, and note how each request went. */
class Clients {
  constructor(nodes) {
    this.noted = [];
    this.isOver = false;
    this.loops = nodes.flatMap((node) => [this.#ask(node), this.#ask(node)]);
  }

  async #ask(node) {
    while (!this.isOver) {
      const begun = performance.now();
      const { status } = await forget(node);
      this.noted.push({ status, ms: performance.now() - begun });
    }
  }

  /** From now on: what comes until `enough` more requests have ended. */
  async next(enough, what) {
    this.noted = [];
    await until(() => this.noted.length >= enough, what);
    return this.noted;
  }

  async end() {
    this.isOver = true;
    await Promise.all(this.loops);
  }
}

describe("Redis in trouble while people work", () => {
  const name = "trouble";
  let redis, nodes, clients;
  before(async () => {
    redis = await new RedisServer().start();
    nodes = await fleet(2, {
      ...databaseSettings(name), DOORWARD_REDIS_URL: `${redis.url}?timeout_ms=${TIMEOUT_MS}`, DOORWARD_RATE_LIMIT_FORGOT: "1000000/hour",
    });
    clients = new Clients(nodes);
  });
  after(async () => {
    await clients?.end();
    await Promise.all(nodes?.map((node) => node.stop()) ?? []);
    await redis.stop();
    dropDatabase(name);
  });

  const ENOUGH = 200;
  // How often a node has found it, and not lost it again.
  const balance = (node) => timesTold(node, "redis_connected") - timesTold(node, "redis_lost");
  const lost = () => until(() => nodes.every((node) => balance(node) === 0), "all have noticed");
  const found = () => until(() => nodes.every((node) => balance(node) === 1), "all are back");

  /** No error, nobody waits for longer than one command may take, and most do not wait at all. */
  function check(noted) {
    assert.deepEqual([...new Set(noted.map(({ status }) => status))], [200]);
    const times = noted.map(({ ms }) => ms).sort((x, y) => x - y);
    assert.ok(times.at(-1) < TIMEOUT_MS + MARGIN_MS, `the slowest took ${times.at(-1)} ms`);
    assert.ok(times[times.length >> 1] < TIMEOUT_MS, `half took more than ${times[times.length >> 1]} ms`);
  }

  test("killed", async () => {
    check(await clients.next(ENOUGH, "people work"));
    await redis.kill();
    check(await clients.next(ENOUGH, "people work without it"));
    await lost();
    await redis.start();
    await found();
    check(await clients.next(ENOUGH, "people work with it again"));
  });

  test("paused: it takes connections and answers nothing", async () => {
    redis.pause();
    check(await clients.next(ENOUGH, "people work without it"));
    await lost();
    check(await clients.next(ENOUGH, "people go on working"));
    redis.resume();
    await found();
    check(await clients.next(ENOUGH, "people work with it again"));
  });

  test("full: it answers and takes nothing", async () => {
    redis.cli("config", "set", "maxmemory", "1");
    await lost();
    check(await clients.next(ENOUGH, "people work without it"));
    assert.match(nodes[0].err, /"reason":"EVALSHA was answered by OOM"/);
    redis.cli("config", "set", "maxmemory", "0");
    await found();
  });

  test("its connections are cut, again and again", async () => {
    for (let round = 0; round < 5; round += 1) {
      redis.cli("client", "kill", "type", "normal");
      check(await clients.next(ENOUGH / 4, "people work"));
    }
    await found();
  });
});

test("what an answer says of its limit is the same from Redis as from memory", async () => {
  const redis = await new RedisServer().start();
  const limits = { ...CHEAP, DOORWARD_RATE_LIMIT_FORGOT: "3 per hour; 5 per day" };
  const told = async (server) => {
    const answers = [];
    try {
      for (let i = 0; i < 5; i += 1) answers.push(await forget(server));
    } finally {
      await server.stop();
    }
    return answers.map((answer) => ({
      status: answer.status, body: answer.text, limits: limitsOf(answer), retry: Number(answer.headers.get("retry-after")),
    }));
  };
  try {
    const shared = await told(await start({ ...limits, ...patient(redis) }));
    const own = await told(await start({ ...limits, DOORWARD_REDIS_URL: undefined }));
    assert.ok(redis.cli("keys", "*:rate:*").trim() !== "");
    for (const [i, answer] of shared.entries()) {
      assert.deepEqual([answer.status, answer.body, ...answer.limits.slice(0, 2)],
        [own[i].status, own[i].body, ...own[i].limits.slice(0, 2)]);
      // Both run for a moment: a request may fall into the next second.
      assert.ok(Math.abs(answer.limits[2] - own[i].limits[2]) <= 5 && Math.abs(answer.retry - own[i].retry) <= 5,
        JSON.stringify([answer, own[i]]));
    }
    assert.deepEqual(shared.map(({ status }) => status), [200, 200, 200, 429, 429]);
  } finally {
    await redis.stop();
  }
});
