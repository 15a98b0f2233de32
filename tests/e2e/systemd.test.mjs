// Under a supervisor such as systemd: the socket that it passes, what it is told, and the cage of the unit.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { BINARY, ROOT, environment, expectStatus, freePort, run, somebody, temporaryFolder, until, Server } from "./harness.mjs";
import { databaseSettings, dropDatabase } from "./database.mjs";
import { hold, letGo } from "./child.mjs";
import { SecureServer, certificate } from "./secure.mjs";

const SUPERVISE = path.join(ROOT, "tests/tools/supervise.py");
const UNITS = path.join(ROOT, "packaging");

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGTERM")));

/** A program of tests/tools/supervise.py: what it printed, a line each. */
class Supervisor {
  constructor(args, { folder, env = {} } = {}) {
    this.lines = [];
    this.err = "";
    this.exit = null;
    this.child = spawn("python3", [SUPERVISE, ...args], { cwd: folder, env: environment(env), stdio: ["ignore", "pipe", "pipe"] });
    letGo(this.child);
    running.add(this.child);
    let rest = "";
    this.child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      this.lines.push(...lines);
    });
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.err += text));
    this.ended = new Promise((resolve) => this.child.on("close", (code) => resolve((this.exit = { code }))));
    this.ended.then(() => running.delete(this.child));
  }

  async stop() {
    hold(this.child);
    this.child.kill("SIGTERM");
    await this.ended;
  }
}

/** A server on a passed socket, which lives on when the server ends. */
class Passed extends Server {
  static async start({ env = {}, options = [], port } = {}) {
    const server = new Passed(temporaryFolder(), env);
    server.port = port ?? (await freePort());
    server.url = server.publicUrl = `http://127.0.0.1:${server.port}`;
    server.exit = null;
    server.supervisor = new Supervisor(["listen", String(server.port), ...options, "--", BINARY, "serve"], {
      folder: server.folder,
      env: {
        DOORWARD_RATE_LIMIT_LOGIN: "none", DOORWARD_RATE_LIMIT_REGISTER: "none", ...databaseSettings(server.folder),
        DOORWARD_LISTEN: "127.0.0.1:1", DOORWARD_PUBLIC_URL: server.url, ...env,
      },
    });
    await until(() => server.supervisor.lines.length > 0, "the socket is open");
    return server;
  }

  get pid() {
    return Number(this.supervisor.lines.filter((line) => /^\d+$/.test(line)).at(-1));
  }

  async stop() {
    await this.supervisor.stop();
    dropDatabase(this.folder);
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

describe("a socket that was passed", () => {
  test("is served by all event loops, and outlives the server: no request fails while that is restarted", async () => {
    const server = await Passed.start({ env: { DOORWARD_WORKERS: "3" } });
    expectStatus(await server.get("/healthz"), 200);
    const person = expectStatus(await server.post("/register", { json: somebody() }), 201).json;
    assert.ok(person.id);
    let isOver = false, served = 0;
    const failures = [];
    const clients = Array.from({ length: 6 }, async () => {
      while (!isOver) {
        await server.get("/healthz", { headers: { connection: "close" } }).then(
          (answer) => (answer.status === 200 ? (served += 1) : failures.push(answer.status)), (error) => failures.push(String(error.cause ?? error)));
      }
    });
    for (let round = 1; round <= 3; round += 1) {
      const before = served; // what comes now is from the one that runs: it knows what SIGTERM means
      await until(() => served > before + 50, "load runs");
      const { pid } = server;
      process.kill(pid, "SIGTERM");
      await until(() => server.pid !== pid, "another one has been started");
    }
    const seen = served;
    await until(() => served > seen + 50, "it serves again");
    isOver = true;
    await Promise.all(clients);
    assert.deepEqual(failures, []);
    await server.stop();
    assert.equal(server.supervisor.exit.code, 0, server.supervisor.err);
  });

  for (const kind of ["unix", "udp"]) {
    test(`that is none of TCP's (${kind}) stops the start`, async () => {
      const server = await Passed.start({ options: [`--type=${kind}`] });
      await until(() => server.supervisor.exit, "the supervisor ends with it");
      assert.equal(server.supervisor.exit.code, 1);
      assert.match(server.supervisor.err, /the socket that was passed is not one that listens for TCP/);
      await server.stop();
    });
  }

  test("is looked for only where this process is meant", () => {
    const folder = temporaryFolder();
    const missing = run(["serve"], { folder, env: { LISTEN_PID: "1", LISTEN_FDS: "1", DOORWARD_LISTEN: "256.0.0.1:1" } });
    assert.match(missing.err, /DOORWARD_LISTEN/, "another's socket is none of ours");
    fs.rmSync(folder, { recursive: true });
  });
});

describe("what the supervisor is told", () => {
  for (const kind of ["path", "abstract"]) {
    test(`ready, reloading, alive, stopping (${kind})`, async () => {
      const folder = temporaryFolder();
      const name = kind === "path" ? path.join(folder, "notify") : `@doorward-${process.pid}`;
      const supervisor = new Supervisor(["notify", name]);
      const told = () => supervisor.lines.slice(1).map((line) => JSON.parse(line));
      await until(() => supervisor.lines.length === 1, "the socket is there");
      const server = await SecureServer.start({ NOTIFY_SOCKET: name, WATCHDOG_USEC: "200000", DOORWARD_WORKERS: "2" });
      await until(() => told().length > 0, "it says something");
      assert.equal(told()[0], "READY=1", "the first word, once it listens");
      await until(() => told().filter((text) => text === "WATCHDOG=1").length >= 3, "it says that it is alive");
      server.hangUp();
      await until(() => told().filter((text) => text === "READY=1").length === 2, "it is ready again");
      const reloading = told().filter((text) => text.startsWith("RELOADING=1"));
      assert.equal(reloading.length, 1);
      assert.match(reloading[0], /^RELOADING=1\nMONOTONIC_USEC=[1-9]\d+$/);
      assert.ok(told().indexOf(reloading[0]) < told().lastIndexOf("READY=1"));
      await server.stop();
      await until(() => told().includes("STOPPING=1"), "its last word has come");
      assert.equal(told().filter((text) => text === "STOPPING=1").length, 1);
      await supervisor.stop();
      fs.rmSync(folder, { recursive: true });
    });
  }

  test("a server that hangs says nothing, and a supervisor that is gone is nobody's harm", async () => {
    const folder = temporaryFolder();
    const name = path.join(folder, "notify");
    const supervisor = new Supervisor(["notify", name]);
    await until(() => supervisor.lines.length === 1, "the socket is there");
    const server = await SecureServer.start({ NOTIFY_SOCKET: name, WATCHDOG_USEC: "100000" });
    await until(() => supervisor.lines.length > 4, "it is alive");
    await supervisor.stop();
    fs.rmSync(folder, { recursive: true });
    expectStatus(await server.get("/healthz"), 200);
    await server.reload();
    await server.stop();
  });
});

describe("the units", () => {
  const folder = temporaryFolder();
  const unit = path.join(folder, "doorward.service");
  before(() => {
    fs.writeFileSync(unit, fs.readFileSync(path.join(UNITS, "doorward.service"), "utf8").replace("@bindir@/doorward", BINARY));
    fs.copyFileSync(path.join(UNITS, "doorward.socket"), path.join(folder, "doorward.socket"));
  });
  after(() => fs.rmSync(folder, { recursive: true }));
  const analyze = (...args) => execFileSync("systemd-analyze", args, { encoding: "utf8", env: { ...process.env, LANG: "C.UTF-8" }, stdio: ["ignore", "pipe", "pipe"] });

  test("systemd-analyze security gives less than 2.0", () => {
    const level = /exposure level for doorward.service: ([\d.]+)/.exec(analyze("security", "--offline=true", unit));
    assert.ok(level && Number(level[1]) < 2.0, level?.[0]);
  });

  /** The names that SystemCallFilter= leaves over. */
  function allowedCalls() {
    const expand = (name) => (name.startsWith("@")
      ? analyze("syscall-filter", name).split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#") && line !== name).flatMap(expand)
      : [name]);
    const calls = new Set();
    for (const [, not, names] of fs.readFileSync(unit, "utf8").matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
      for (const call of names.split(/\s+/).flatMap(expand)) not ? calls.delete(call) : calls.add(call);
    }
    if (process.getuid() === 0) calls.add("fchown"); // SQLite's, and root's alone, which the unit is not
    return [...calls];
  }

  test("a day's work needs no system call but those of the unit, and no memory that is written and executed", async () => {
    const { key, cert } = certificate(folder, "caged");
    const port = await freePort();
    const work = temporaryFolder();
    const server = new SecureServer(work, {});
    Object.assign(server, { port, url: `https://127.0.0.1:${port}`, ca: [fs.readFileSync(cert)], exit: null });
    const caged = new Supervisor(["confine", allowedCalls().join(","), "--", BINARY, "serve"], {
      folder: work,
      env: {
        ...databaseSettings(work), DOORWARD_LISTEN: `127.0.0.1:${port}`, DOORWARD_TLS_CERT: cert, DOORWARD_TLS_KEY: key,
        DOORWARD_CORS_ORIGIN_PATTERN: "https://[a-z]+\\.example\\.com", NOTIFY_SOCKET: "@nobody-listens",
      },
    });
    await until(() => caged.exit || server.get("/healthz").then((answer) => answer.status === 200, () => false), "it answers");
    assert.equal(caged.exit, null, caged.err);
    const person = await server.newcomer();
    expectStatus(await server.me(person.access), 200);
    expectStatus(await server.refresh(person.refresh), 200);
    expectStatus(await server.post("/forgot-password", { json: { email: person.email } }), 200);
    expectStatus(await server.get("/docs"), 200);
    await server.get("/healthz", { headers: { origin: "https://a.example.com" } });
    caged.child.kill("SIGHUP");
    await until(() => /"event":"reloaded"/.test(caged.err), "it reloads");
    await caged.stop();
    assert.equal(caged.exit.code, 0, caged.err.slice(-2000));
    dropDatabase(work);
    fs.rmSync(work, { recursive: true });
  });
});
