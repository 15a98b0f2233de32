// Clients that are slow, or never come to an end, and the others, who must not notice.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import tls from "node:tls";
import { BINARY, Server, environment, expectStatus, freePort, start, statusesOf, temporaryFolder, until } from "./harness.mjs";
import { databaseSettings, dropDatabase } from "./database.mjs";
import { hold, letGo } from "./child.mjs";
import { SecureServer } from "./secure.mjs";

const BIG = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n";
const TRICKLE_MS = 500;

// Each kind: what it sends at once, what it then sends a byte of now and again, and whether it reads.
const KINDS = {
  "a header without an end": { first: "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ", byte: "a", reads: true },
  "a body without an end": {
    first: "POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{", byte: " ", reads: true,
  },
  "answers that are not read": { first: BIG.repeat(30), byte: "", reads: false },
};

class Slow {
  constructor(socket, kind) {
    Object.assign(this, { socket, kind: KINDS[kind], name: kind, received: "", closed: false });
    socket.setEncoding("latin1").on("close", () => (this.closed = true)).on("error", () => {});
    if (this.kind.reads) socket.on("data", (text) => (this.received += text));
    else socket.pause();
    socket.write(this.kind.first);
  }

  trickle() {
    if (!this.closed && this.kind.byte) this.socket.write(this.kind.byte);
  }
}

function memory(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
}

/** Seconds of processor time so far. */
function processorTime(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function opened(server, connect) {
  return new Promise((resolve, reject) => {
    const socket = connect(server);
    socket.once("error", reject);
    socket.once(socket.encrypted ? "secureConnect" : "connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}

async function keep(server, count, connect) {
  const kinds = Object.keys(KINDS);
  const slow = [];
  while (slow.length < count) {
    const batch = Array.from({ length: Math.min(100, count - slow.length) }, () => opened(server, connect));
    slow.push(...(await Promise.all(batch)).map((socket, i) => new Slow(socket, kinds[i % kinds.length])));
  }
  return slow;
}

/** What ordinary clients do meanwhile; resolves with the answers that were none. */
async function ordinary(server, rounds) {
  const failures = [];
  const check = (answer, status) => answer.status === status || failures.push(`${answer.status}: ${answer.text}`);
  await Promise.all(Array.from({ length: 4 }, async () => {
    const person = await server.newcomer();
    for (let i = 0; i < rounds; i += 1) {
      check(await server.me(person.access), 200);
      check(await server.get("/healthz"), 200);
    }
    check(await server.signIn(person), 200);
    check(await server.refresh(person.refresh), 200);
  }));
  return failures;
}

/** `each`: bytes of memory that one of them may cost. */
async function story(server, count, connect, each) {
  assert.deepEqual(await ordinary(server, 5), []);
  const before = memory(server.child.pid);
  const slow = await keep(server, count, connect);
  const trickle = setInterval(() => slow.forEach((client) => client.trickle()), TRICKLE_MS);
  try {
    const areThere = () => slow.filter((client) => client.closed).length < count / 2;
    assert.ok(areThere(), "most of them have got in");
    // On a busy machine their time may be over before this is.
    for (let i = 0; i < 10 && areThere(); i += 1) assert.deepEqual(await ordinary(server, 5), []);
    const grown = memory(server.child.pid) - before;
    assert.ok(grown < count * each, `${grown} bytes more for ${count} slow clients`);
    const headers = slow.filter((client) => client.name === "a header without an end");
    await until(() => headers.every((client) => client.closed), "those with a header without an end are sent away", 60_000);
    for (const client of headers) assert.deepEqual(statusesOf(client.received), [408]);
    assert.deepEqual(await ordinary(server, 5), []);
  } finally {
    clearInterval(trickle);
    slow.forEach((client) => client.socket.destroy());
  }
  assert.deepEqual(await ordinary(server, 5), []);
}

describe("1,000 slow clients", () => {
  let server;
  before(async () => { server = await start(); });
  after(() => server?.stop());

  test("nobody else notices them, and they cost little", { timeout: 180_000 }, async () => {
    await story(server, 1000, ({ port }) => net.connect({ port, host: "127.0.0.1" }), 48 * 1024);
  });
});

describe("200 slow clients over TLS", () => {
  let server;
  before(async () => { server = await SecureServer.start(); });
  after(() => server?.stop());

  test("the same, with a record of ciphertext each", { timeout: 180_000 }, async () => {
    const connect = ({ port, ca }) => tls.connect({ port, host: "127.0.0.1", ca });
    await story(server, 200, connect, 192 * 1024);
  });

  test("and those that never finish their handshake", { timeout: 60_000 }, async () => {
    const hello = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]);
    const waiting = await Promise.all(Array.from({ length: 300 }, () => opened(server, ({ port }) => net.connect({ port, host: "127.0.0.1" }))));
    const closed = waiting.map((socket) => new Promise((resolve) => socket.resume().on("error", () => {}).on("close", resolve)));
    waiting.forEach((socket, i) => i % 2 && socket.write(hello));
    assert.deepEqual(await ordinary(server, 20), []);
    await Promise.all(closed);
    assert.deepEqual(await ordinary(server, 5), []);
  });
});

describe("more connections than file descriptors", () => {
  // Known at the start, the server takes fewer connections; later it finds out when it opens one more.
  for (const [when, atStart, later] of [["from the start", 120], ["later on", 1000, 80]])
  test(`${when}: the server neither spins nor falls over, and serves on`, { timeout: 120_000 }, async () => {
    const folder = temporaryFolder();
    const server = new Server(folder, {});
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    server.exit = null;
    const child = spawn("sh", ["-c", `ulimit -n ${atStart}; exec "$0" serve`, BINARY], {
      cwd: folder, stdio: ["ignore", "ignore", "pipe"],
      env: environment({ ...databaseSettings(folder), DOORWARD_LISTEN: `127.0.0.1:${server.port}`, DOORWARD_WORKERS: "2" }),
    });
    let err = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
    const ended = new Promise((resolve) => child.on("close", (code) => resolve(code)));
    process.once("exit", () => child.kill("SIGKILL"));
    letGo(child);
    await until(() => fetch(`${server.url}/healthz`).then((answer) => answer.ok, () => false), "it answers");
    if (later) execFileSync("prlimit", ["--pid", String(child.pid), `--nofile=${later}:${later}`]);
    const sockets = Array.from({ length: 200 }, () => net.connect({ port: server.port, host: "127.0.0.1" }).on("error", () => {}).resume());
    await until(() => sockets.filter((socket) => socket.closed).length >= 100, "those that it has no descriptor for are sent away");
    const [wall, spent] = [Date.now(), processorTime(child.pid)];
    await pause(1500); // a time to measure in, and not to wait for something
    const share = (processorTime(child.pid) - spent) / ((Date.now() - wall) / 1000);
    assert.ok(share < 0.5, `${share} of a processor while nothing happens`);
    sockets.forEach((socket) => socket.destroy());
    await until(() => server.get("/healthz").then((answer) => answer.status === 200, () => false), "it answers again");
    expectStatus(await server.get("/healthz"), 200);
    hold(child);
    child.kill("SIGTERM");
    assert.equal(await ended, 0, err);
    dropDatabase(folder);
    fs.rmSync(folder, { recursive: true });
  });
});
