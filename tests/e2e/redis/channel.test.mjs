// Three nodes on one PostgreSQL and one Redis behave as one, and know when they can't (spec H5). Who may trust what he
// remembers is told in src/shared/channel_trust.h; here everything it stands on fails. Run under tools/with_postgres.sh.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { claimsOf, expectInvalidToken, expectStatus, run, until } from "../harness.mjs";
import { Cluster, fleet } from "../postgres/cluster.mjs";
import { lingers, mostlyWithin } from "../postgres/delays.mjs";
import { Load } from "../postgres/load.mjs";
import { Cable, Eavesdropper } from "./machines.mjs";
import { RedisServer } from "./redis_server.mjs";

/** A change is acknowledged on one node; from then on the others have this long to know. */
const WITHIN_MS = 1000;
/** A node looks into the database by itself four times a second. */
const LOOK_MS = 250;
/** Long enough for trust that nothing renews to have ended twice. */
const TWICE_MS = 1600;

let cluster, redis, databases = 0;
before(async () => {
  cluster = await new Cluster().start();
  redis = await new RedisServer().start();
});
after(async () => {
  await redis?.stop();
  await cluster?.stop();
});

/** A database of its own, and how a node reaches it, maybe through a cable. */
function database() {
  const name = `fleet${(databases += 1)}`;
  cluster.query(`CREATE DATABASE ${name}`);
  return (folder = cluster.folder) => `postgresql:///${name}?host=${folder}&user=doorward`;
}

const isTrusting = (node) => /.*"channel_trust","is":"(on|off)"/s.exec(node.err)?.[1] === "on";
const allTrust = (nodes) => until(() => nodes.every(isTrusting), "the nodes trust their channel");

/** How long a token that was good is still accepted. */
const refused = (node, token) => lingers(async () => (await node.me(token)).status === 200, "it is not accepted any more");

async function known(node, nodes) {
  const person = await node.newcomer();
  for (const other of nodes) expectStatus(await other.me(person.access), 200);
  return person;
}

function expectAway(answer) {
  expectStatus(answer, 503);
  assert.match(answer.headers.get("retry-after"), /^\d+$/);
}

const MANY = 20;

/**
 * What is asked while there is no database is answered, for longer than anything that nothing renews is trusted. On a
 * busy machine beats are late: trust ends, as it must, and does not always come back without the database. Then that is
 * there for a moment, and taken away once more. `all`: the nodes whose trust is needed.
 */
async function staysServed({ cut, mend, nodes, all = nodes, token }) {
  for (let round = 0; round < MANY; round += 1) {
    await cut();
    const statuses = new Set();
    for (const end = performance.now() + TWICE_MS; performance.now() < end && !statuses.has(503); await pause(10))
      for (const node of nodes) statuses.add((await node.me(token)).status);
    for (const status of statuses) assert.ok(status === 200 || status === 503, `answered ${status}`);
    if (!statuses.has(503)) return;
    await mend();
    for (const node of all) await until(() => isReady(node), "the node is ready again");
    await allTrust(all);
  }
  assert.fail(`in ${MANY} rounds nobody was served for ${TWICE_MS} ms without the database`);
}

/** Not signed out; whether that can be told is another story. */
const expectNotEnded = (answer) => assert.ok([200, 503].includes(answer.status), `answered ${answer.status}: ${answer.text}`);

const dissolve = (nodes) => Promise.all(nodes?.map((node) => node.isUp && node.stop()) ?? []);

/** A node's way to PostgreSQL: quicker to take away than the server itself. */
const wayToDatabase = () => new Cable(".s.PGSQL.5432", `${cluster.folder}/.s.PGSQL.5432`).lay();

const isReady = async (node) => (await node.get("/readyz")).status === 200;

describe("three nodes", { timeout: 240_000 }, () => {
  let nodes, a, b, c, load, toDatabase;
  before(async () => {
    toDatabase = await wayToDatabase();
    [a, b, c] = nodes = await fleet(3, {
      DOORWARD_DATABASE_URL: database()(toDatabase.folder), DOORWARD_REDIS_URL: redis.url, DOORWARD_HASH_QUEUE: "1024", DOORWARD_LOG_LEVEL: "info",
    });
    await allTrust(nodes);
  });
  afterEach(() => load?.end());
  after(async () => {
    toDatabase?.mend();
    await dissolve(nodes);
    toDatabase?.remove();
  });

  test("signed in on one, out on another, refused on the third at once", async (t) => {
    await mostlyWithin(LOOK_MS / 4, async () => {
      const person = await known(a, nodes);
      expectStatus(await b.post("/logout", { token: person.access }), 200);
      const ms = await refused(c, person.access);
      expectInvalidToken(await c.me(person.access));
      assert.ok(ms < WITHIN_MS, `${ms} ms`);
      return ms;
    }, t);
  });

  test("one refresh token sent to three nodes at once: one line survives", async () => {
    const person = await a.newcomer();
    const answers = await Promise.all([...nodes, ...nodes, ...nodes].map((node) => node.refresh(person.refresh)));
    for (const answer of answers) expectStatus(answer, 200);
    assert.equal(new Set(answers.map((answer) => claimsOf(answer.json.refresh_token).jti)).size, 1);
  });

  test("PostgreSQL is killed: who is known is still served, everybody else is told to come again", async () => {
    const person = await known(a, nodes);
    await staysServed({ cut: () => cluster.kill(), mend: () => cluster.revive(), nodes, token: person.access });
    expectAway(await b.signIn(person));
    expectAway(await b.refresh(person.refresh));
    expectAway(await b.post("/logout", { token: person.access }));
    expectNotEnded(await b.me(person.access)); // that was no sign-out
    expectInvalidToken(await b.me(`${person.access.slice(0, -4)}AAAA`));
    expectStatus(await b.get("/readyz"), 503);
    await cluster.revive();
    for (const node of nodes) await until(() => isReady(node), "the node is ready again");
    for (const node of nodes) expectStatus(await node.me(person.access), 200);
    expectStatus(await c.post("/logout", { token: person.access }), 200);
    for (const node of nodes) assert.ok((await refused(node, person.access)) < WITHIN_MS);
  });

  const working = () => (load = new Load(nodes).start());

  test("Redis is killed while people work, and comes back", async () => {
    working();
    await until(() => load.ended.length > 20, "people work");
    await redis.kill();
    const before = load.ended.length;
    await until(() => load.ended.length > before + 50, "people work without it");
    const person = await known(a, nodes);
    expectStatus(await b.post("/logout", { token: person.access }), 200);
    assert.ok((await refused(c, person.access)) < WITHIN_MS);
    await redis.start();
    await allTrust(nodes);
    await load.stop();
    await load.check();
  });

  test("Redis hangs while people work, and wakes up", async (t) => {
    working();
    await until(() => load.ended.length > 20, "people work");
    redis.pause();
    try {
      load.slowest = 0;
      const before = load.ended.length;
      await until(() => load.ended.length > before + 50, "people work on");
      const person = await known(a, nodes);
      expectStatus(await b.post("/logout", { token: person.access }), 200);
      assert.ok((await refused(c, person.access)) < WITHIN_MS);
      await until(() => !nodes.some(isTrusting), "nobody trusts a channel that is silent");
    } finally {
      redis.resume();
    }
    t.diagnostic(`the slowest request took ${load.slowest.toFixed(0)} ms`);
    await allTrust(nodes);
    await load.stop();
    await load.check();
  });

  test("both are down: nobody is told anything", async () => {
    const person = await known(a, nodes);
    await redis.kill();
    toDatabase.cut();
    for (const node of nodes) assert.ok((await refused(node, person.access)) < WITHIN_MS);
    await pause(100);
    for (const node of nodes) expectAway(await node.me(person.access));
    toDatabase.mend();
    await redis.start();
    for (const node of nodes) await until(() => isReady(node), "the node is ready again");
    await allTrust(nodes);
    for (const node of nodes) expectStatus(await node.me(person.access), 200);
  });

  test("whoever reaches Redis and has no secret is believed nothing", async () => {
    const ear = await new Eavesdropper(redis.socket).listen();
    const person = await known(a, nodes);
    expectStatus(await b.post("/logout", { token: person.access }), 200);
    const victim = await known(a, nodes);
    const size = ear.messages[0].bytes.length;
    const nonsense = [Buffer.alloc(0), Buffer.from("x"), randomBytes(size - 1), randomBytes(size), randomBytes(size + 1),
      Buffer.alloc(size), randomBytes(1 << 20)];
    for (const bytes of nonsense) await ear.say(bytes);
    for (const { bytes } of ear.messages.slice(-20)) {
      await ear.say(bytes); // again, late
      const other = Buffer.from(bytes);
      other[1] ^= 1; // another kind
      await ear.say(other);
      await ear.say(other.subarray(0, 50));
    }
    await staysServed({ cut: () => toDatabase.cut(), mend: () => toDatabase.mend(), nodes, token: victim.access });
    for (const node of nodes) assert.notEqual((await node.me(person.access)).status, 200);
    toDatabase.mend();
    for (const node of nodes) await until(() => isReady(node), "the node is ready again");
  });

  test("a node that stops says goodbye, one that dies is missed", async () => {
    const person = await known(a, nodes);
    await c.stop({ keep: true });
    await staysServed({ cut: () => toDatabase.cut(), mend: () => toDatabase.mend(), nodes: [a, b], token: person.access });
    await b.kill();
    assert.ok((await refused(a, person.access)) < WITHIN_MS + LOOK_MS); // it may live and have lost its way to Redis
    expectAway(await a.me(person.access));
    toDatabase.mend();
    await until(() => isReady(a), "the node is ready again");
    expectStatus(await a.me(person.access), 200);
    await b.start();
    await c.start();
    for (const node of nodes) expectStatus(await node.me(person.access), 200);
  });
});

describe("cut cables", { timeout: 240_000 }, () => {
  let nodes, a, c, url, toRedis, toDatabase, others;
  const cables = () => [toRedis, toDatabase, others].filter(Boolean);
  const withoutDatabase = { cut: () => toDatabase.cut(), mend: () => toDatabase.mend() };
  before(async () => {
    url = database();
    toRedis = await new Cable("redis", redis.socket).lay(); // of c
    toDatabase = await wayToDatabase(); // of a
    others = await wayToDatabase(); // of c
    [a, c] = nodes = await fleet(2, { DOORWARD_LOG_LEVEL: "info" }, [
      { DOORWARD_DATABASE_URL: url(toDatabase.folder), DOORWARD_REDIS_URL: redis.url },
      { DOORWARD_DATABASE_URL: url(others.folder), DOORWARD_REDIS_URL: `unix:${toRedis.socket}` },
    ]);
    await allTrust(nodes);
    Object.assign(withoutDatabase, { nodes: [a], all: nodes });
  });
  after(async () => {
    for (const cable of cables()) cable.mend();
    await dissolve(nodes);
    for (const cable of cables()) cable.remove();
  });

  const WAYS = [
    ["its connection to Redis is cut", () => toRedis.cut()],
    ["what it sends to Redis gets lost", () => toRedis.hold({ there: true })],
    ["what Redis sends it gets lost", () => toRedis.hold({ back: true })],
    ["Redis and it can't hear each other, and are not told", () => toRedis.hold({ there: true, back: true })],
  ];

  for (const [name, fail] of WAYS)
    test(`${name}: what one does the other knows within a second, and neither trusts the channel`, async () => {
      const person = await known(a, nodes);
      const other = await known(a, nodes);
      const third = await known(a, nodes);
      fail();
      expectStatus(await a.post("/logout", { token: person.access }), 200);
      assert.ok((await refused(c, person.access)) < WITHIN_MS);
      expectStatus(await c.post("/logout", { token: other.access }), 200);
      assert.ok((await refused(a, other.access)) < WITHIN_MS);
      for (const cable of [toDatabase, others]) cable.cut();
      for (const node of nodes) assert.ok((await refused(node, third.access)) < WITHIN_MS + LOOK_MS);
      for (const node of nodes) expectAway(await node.me(third.access));
      for (const cable of cables()) cable.mend();
      for (const node of nodes) await until(() => isReady(node), "the node is ready again");
      await allTrust(nodes);
      for (const node of nodes) expectStatus(await node.me(third.access), 200);
    });

  test("one has only Redis, the other only PostgreSQL: what the second revokes the first does not accept", async () => {
    const person = await known(a, nodes);
    await staysServed({ ...withoutDatabase, token: person.access }); // the channel tells it all
    toRedis.cut();
    expectStatus(await c.post("/logout", { token: person.access }), 200);
    assert.ok((await refused(a, person.access)) < WITHIN_MS);
    expectAway(await a.me(person.access));
    toRedis.mend();
    toDatabase.mend();
    await until(() => isReady(a), "the node is ready again");
    await allTrust(nodes);
    expectInvalidToken(await a.me(person.access));
  });

  test("one has only Redis, and is told by it what the other revokes", async () => {
    const person = await known(a, nodes);
    const other = await known(a, nodes);
    toDatabase.cut();
    expectStatus(await c.post("/logout", { token: person.access }), 200);
    assert.ok((await refused(a, person.access)) < WITHIN_MS);
    await staysServed({ ...withoutDatabase, token: other.access });
    toDatabase.mend();
    await until(() => isReady(a), "the node is ready again");
    await allTrust(nodes);
  });

  test("the command line changes somebody while a node has only Redis", async () => {
    const person = await known(a, nodes);
    await staysServed({ ...withoutDatabase, token: person.access });
    const done = run(["user", "disable", person.username], {
      folder: c.folder, env: { ...c.env, DOORWARD_DATABASE_URL: url(), DOORWARD_REDIS_URL: redis.url },
    });
    assert.equal(done.code, 0, done.err);
    assert.equal(done.err, "");
    expectAway(await a.me(person.access));
    toDatabase.mend();
    await until(async () => (await a.me(person.access)).status === 400, "the user is inactive there, too");
  });

  test("a token ends in its time, whoever is away", async () => {
    const way = await wayToDatabase();
    const [alone] = await fleet(1, {
      DOORWARD_DATABASE_URL: database()(way.folder), DOORWARD_REDIS_URL: redis.url, DOORWARD_LOG_LEVEL: "info",
      DOORWARD_ACCESS_TTL: "4s",
    });
    await allTrust([alone]);
    const person = await known(alone, [alone]);
    way.cut();
    expectNotEnded(await alone.me(person.access));
    await until(async () => (await alone.me(person.access)).status === 401, "the token has expired");
    way.mend();
    await until(() => isReady(alone), "the node is ready again");
    await alone.stop();
    way.remove();
  });
});
