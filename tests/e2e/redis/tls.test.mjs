// Redis over TLS, rediss:// (spec H3): a server that is the one that was named serves as any other; one that is not, or
// that never comes to an end of the handshake, is as good as dead, and the log says why. Run under tools/with_postgres.sh.

import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { databaseSettings, dropDatabase, isPostgres } from "../database.mjs";
import { expectStatus, freePort, run, start, temporaryFolder, until } from "../harness.mjs";
import { fleet } from "../postgres/cluster.mjs";
import { certificate } from "../secure.mjs";
import { RedisServer } from "./redis_server.mjs";

assert.ok(isPostgres, "run these stories with tools/with_postgres.sh");

const DAY_MS = 86_400_000;
const LIMIT = 4;

/** Where numbers must be exact, a busy machine must not look like a lost Redis. */
const PATIENT = { timeout_ms: "10000" };
const urlOf = (port, parameters, user = "") => `rediss://${user}127.0.0.1:${port}?${new URLSearchParams(parameters)}`;

/** `clients`: the certificate of those that may connect; without it all may. */
async function secureRedis(files, clients) {
  const port = await freePort();
  const redis = new RedisServer({
    bind: "127.0.0.1", "tls-port": port, "tls-cert-file": files.cert, "tls-key-file": files.key,
    "tls-ca-cert-file": clients?.cert ?? files.cert, "tls-auth-clients": clients ? "yes" : "no",
  });
  redis.port = port;
  return redis.start();
}

const eventsOf = (node, name) => node.err.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)).filter((e) => e.event === name);
const forget = (node) => node.post("/forgot-password", { json: { email: "nobody@example.com" } });
const redisIs = async (node) => expectStatus(await node.get("/readyz"), 200).json.checks.redis;
const isTrusting = (node) => eventsOf(node, "channel_trust").at(-1)?.is === "on";

let folder, good;
before(() => {
  folder = temporaryFolder();
  good = certificate(folder, "good");
});
after(() => fs.rmSync(folder, { recursive: true, force: true }));

describe("a Redis that is who it says it is", { timeout: 120_000 }, () => {
  const name = "tls";
  let redis, nodes;
  const mayNode = () => assert.equal(redis.cli("acl", "setuser", "node", "on", ">hunter2", "~*", "&*", "+@all").trim(), "OK");
  before(async () => {
    redis = await secureRedis(good);
    mayNode();
    nodes = await fleet(2, {
      ...databaseSettings(name), DOORWARD_REDIS_URL: urlOf(redis.port, { ...PATIENT, ca: good.cert }, "node:hunter2@"),
      DOORWARD_RATE_LIMIT_FORGOT: `${LIMIT}/hour`,
    });
  });
  after(async () => {
    await Promise.all(nodes?.map((node) => node.stop()) ?? []);
    await redis?.stop();
    dropDatabase(name);
  });

  test("nodes count together and tell each other what they change", async () => {
    await until(() => nodes.every(isTrusting), "the nodes trust their channel");
    const answers = await Promise.all(nodes.flatMap((node) => Array.from({ length: LIMIT }, () => forget(node))));
    assert.equal(answers.filter((answer) => answer.status < 300).length, LIMIT);
    const person = await nodes[0].newcomer();
    expectStatus(await nodes[1].me(person.access), 200);
    expectStatus(await nodes[0].post("/logout", { token: person.access }), 200);
    await until(async () => (await nodes[1].me(person.access)).status === 401, "the other node knows");
    for (const node of nodes) assert.deepEqual(eventsOf(node, "redis_lost"), []);
  });

  test("is found again after its death", async () => {
    await redis.kill();
    await until(async () => (await redisIs(nodes[0])) === "failing", "its loss is noticed");
    await redis.start();
    mayNode();
    await until(async () => (await redisIs(nodes[0])) === "ok", "it is found again");
    await until(() => nodes.every(isTrusting), "the nodes trust their channel again");
    for (const node of nodes) assert.doesNotMatch(node.err + node.out, /hunter2/);
  });

  test("has nothing that the doctor would mend", () => {
    const env = { DOORWARD_REDIS_URL: urlOf(redis.port, { ...PATIENT, ca: good.cert }, "node:hunter2@") };
    const report = JSON.parse(run(["doctor", "--json"], { folder: nodes[0].folder, env: { ...databaseSettings(name), ...env } }).out);
    assert.deepEqual(report.items.filter((item) => item.check === "redis"), []);
  });
});

test("the system's store is asked where no file is named", { timeout: 60_000 }, async () => {
  const redis = await secureRedis(good);
  const server = await start({ DOORWARD_REDIS_URL: urlOf(redis.port, PATIENT), SSL_CERT_FILE: good.cert });
  await until(async () => (await redisIs(server)) === "ok", "Redis answers");
  await server.stop();
  await redis.stop();
});

test("a client shows its certificate where one is asked for", { timeout: 60_000 }, async () => {
  const client = certificate(folder, "client");
  const redis = await secureRedis(good, client);
  const url = urlOf(redis.port, { ...PATIENT, ca: good.cert, cert: client.cert, key: client.key });
  const server = await start({ DOORWARD_REDIS_URL: url });
  await until(async () => (await redisIs(server)) === "ok", "Redis answers");
  await server.stop();
  await redis.stop();
});

describe("a Redis that must not be trusted", { timeout: 600_000 }, () => {
  let trusted, expired, elsewhere, asking, plain, plainPort;
  const sockets = new Set();
  /** Takes connections, and says `say` a byte at a time, for ever, or nothing. */
  const impostor = (say) => new Promise((resolve) => {
    const server = net.createServer((socket) => {
      sockets.add(socket.on("error", () => {}).on("data", () => {}));
      const bytes = say && setInterval(() => socket.write(say.length > 1 ? say.splice(0, 1)[0] : say[0]), 20);
      socket.on("close", () => clearInterval(bytes));
    }).listen(0, "127.0.0.1", () => resolve(server));
    server.unref();
  });
  let silent, trickling;
  before(async () => {
    plainPort = await freePort();
    const late = certificate(folder, "expired", { from: -2 * DAY_MS, to: -DAY_MS });
    [trusted, expired, elsewhere, asking, plain, silent, trickling] = await Promise.all([
      secureRedis(good), secureRedis(late), secureRedis(certificate(folder, "elsewhere", { names: "DNS:redis.example" })),
      secureRedis(good, certificate(folder, "friend")), new RedisServer({ port: plainPort, bind: "127.0.0.1" }).start(),
      impostor(), impostor(["\x16", "\x03", "\x03", "\x3f", "\x3f", "\x02", "\x00"]),
    ]);
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    for (const server of [silent, trickling]) server?.close();
    await Promise.all([trusted, expired, elsewhere, asking, plain].map((redis) => redis?.stop()));
  });

  const CASES = [
    ["is signed by somebody else", () => urlOf(trusted.port, { ...PATIENT, ca: path.join(folder, "expired.crt") }), /TLS: self-signed certificate/],
    ["is none of the system's", () => urlOf(trusted.port, PATIENT), /TLS: self-signed certificate/],
    ["has expired", () => urlOf(expired.port, { ...PATIENT, ca: path.join(folder, "expired.crt") }), /TLS: certificate has expired/],
    ["is for another host", () => urlOf(elsewhere.port, { ...PATIENT, ca: path.join(folder, "elsewhere.crt") }), /TLS: IP address mismatch/],
    ["can't be judged, as the file is missing", () => urlOf(trusted.port, { ...PATIENT, ca: path.join(folder, "missing.pem") }), /missing\.pem can't be read/],
    ["asks for one of ours", () => urlOf(asking.port, { ...PATIENT, ca: good.cert }), /certificate required|closed|reset|[Bb]roken pipe/],
    ["is none, as it speaks no TLS", () => urlOf(plainPort, { ca: good.cert }), /speak TLS/],
    ["never comes", () => urlOf(silent.address().port, { ca: good.cert }), /no TLS handshake in time/],
    ["never ends", () => urlOf(trickling.address().port, { ca: good.cert }), /no TLS handshake in time/],
  ];
  for (const [what, url, reason] of CASES) {
    test(`its certificate ${what}`, async () => {
      const env = { DOORWARD_REDIS_URL: url().replace("rediss://", "rediss://:hunter2@"), DOORWARD_RATE_LIMIT_FORGOT: "2/hour" };
      const server = await start(env);
      const lost = await until(() => eventsOf(server, "redis_lost")[0], "the log tells of it");
      assert.match(lost.reason, reason);
      assert.match(lost.server, /^rediss:\/\/127\.0\.0\.1:\d+\/0$/);
      const ready = expectStatus(await server.get("/readyz"), 200).json;
      assert.deepEqual([ready.status, ready.checks.redis], ["degraded", "failing"]);
      // It counts by itself.
      const statuses = [];
      for (let i = 0; i < 3; i += 1) statuses.push((await forget(server)).status);
      assert.deepEqual(statuses.map((status) => status < 300), [true, true, false]);
      assert.equal(statuses[2], 429);
      const doctor = run(["doctor", "--json"], { folder: server.folder, env });
      const item = JSON.parse(doctor.out).items.find((one) => one.check === "redis" && one.severity === "error");
      assert.match(item.problem, reason);
      assert.match(item.remedy, /ca=FILE/);
      assert.equal(eventsOf(server, "redis_lost").length, 1, "it is told once");
      assert.doesNotMatch(server.err + server.out + doctor.out + doctor.err, /hunter2/);
      await server.stop();
    });
  }
});
