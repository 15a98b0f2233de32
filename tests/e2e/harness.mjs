// Starts the real server in a folder of its own and speaks to it as its users do.
//
// A test gets a Server from start(); stop() ends it, and fails the test when the server did not end well or a
// sanitizer found something. DOORWARD_BIN names another binary than build/doorward.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomInt, webcrypto } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { hold, letGo } from "./child.mjs";
import { databaseSettings, dropDatabase } from "./database.mjs";

globalThis.crypto ??= webcrypto; // Node 18 has it behind a flag

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const BINARY = path.resolve(ROOT, process.env.DOORWARD_BIN ?? "build/doorward");

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 60_000;
const ASK_EVERY_MS = 5;
const ADMINISTRATOR = /^Administrator: (\S+) {2}one-time password: (\S+)$/m;
const SANITIZER_REPORT = /(ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|SUMMARY: \w+Sanitizer)/;
// What a program needs to run at all, and what the sanitizers read; nothing else of the caller's environment.
const KEPT = ["PATH", "HOME", "LANG", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"];

export function environment(extra = {}) {
  const kept = KEPT.filter((name) => process.env[name] !== undefined).map((name) => [name, process.env[name]]);
  return { ...Object.fromEntries(kept), ...extra };
}

/**
 * What a program needs to find the Redis of tools/with_redis.sh, where there is one. Servers with different secrets do
 * not see each other in it. On a machine that is busy with tests a command may take its time.
 */
export function redisSettings() {
  return process.env.TEST_REDIS ? { DOORWARD_REDIS_URL: `${process.env.TEST_REDIS}?timeout_ms=10000` } : {};
}

export function temporaryFolder() {
  return fs.mkdtempSync(path.join(os.tmpdir(), "doorward-e2e-"));
}

// Below the range from which Linux takes the near ends of outgoing connections: one of the tests' own connections must
// not have taken a free port before the server that it was found for.
const PORTS = { first: 10_000, last: 32_000 };

const isFree = (port) => new Promise((resolve) => {
  const probe = net.createServer().on("error", () => resolve(false));
  probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
});

/** A port that was free a moment ago. */
export async function freePort() {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.last);
    if (await isFree(port)) return port;
  }
}

/** Asks `question` until it answers with something true. */
export async function until(question, what, limitMs = 30_000) {
  for (const end = Date.now() + limitMs; ; ) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) assert.fail(`waited ${limitMs} ms in vain until ${what}`);
    await pause(ASK_EVERY_MS);
  }
}

/** None is made for who names another one: that takes a while, in which nothing else happens here. */
const databaseFor = (folder, env) => (env.DOORWARD_DATABASE_URL ? {} : databaseSettings(folder));

/** Runs one command of the binary to its end. */
export function run(args, { folder = os.tmpdir(), input = "", env = {}, limitMs = 120_000 } = {}) {
  const done = spawnSync(BINARY, args, {
    cwd: folder, input, env: environment({ ...databaseFor(folder, env), ...redisSettings(), ...env }), encoding: "utf8", timeout: limitMs, maxBuffer: 64 << 20,
  });
  if (done.error) throw done.error;
  assert.doesNotMatch(done.stderr, SANITIZER_REPORT, `doorward ${args.join(" ")}`);
  return { code: done.status, signal: done.signal, out: done.stdout, err: done.stderr };
}

const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

let serial = 0;

/** A person who does not exist yet. */
export function somebody(more = {}) {
  serial += 1;
  const username = `user${process.pid}x${serial}`;
  return { username, email: `${username}@example.com`, password: `a long enough phrase ${serial * 7919}`, ...more };
}

// Something that a story left running, or a promise that nobody keeps, must not take the time of all the others.
const FILE_LIMIT_MS = 900_000;
setTimeout(() => {
  console.error(`not done after ${FILE_LIMIT_MS} ms; what is left: ${process.getActiveResourcesInfo().join(" ")}`);
  process.exit(1);
}, FILE_LIMIT_MS).unref();

export class Server {
  /** `probe`: headers without which the server would not answer. */
  constructor(folder, env, probe = {}) {
    this.folder = folder;
    this.env = env;
    this.probe = probe;
    this.out = "";
    this.err = "";
  }

  /** Starts the program and returns when it answers. Its port is new each time, unless told; its public URL stays the first one. */
  async start({ port } = {}) {
    this.port = port ?? (await freePort());
    this.url = `${this.env.DOORWARD_TLS_CERT ? "https" : "http"}://127.0.0.1:${this.port}`;
    this.publicUrl ??= this.env.DOORWARD_PUBLIC_URL ?? this.url;
    this.exit = null;
    this.child = spawn(BINARY, ["serve"], {
      cwd: this.folder,
      // Stories of limits set their own; the others all come from one address.
      env: environment({
        DOORWARD_RATE_LIMIT_LOGIN: "none", DOORWARD_RATE_LIMIT_REGISTER: "none", DOORWARD_RATE_LIMIT_FORGOT: "none",
        ...databaseFor(this.folder, this.env), ...redisSettings(), ...this.env,
        DOORWARD_LISTEN: `127.0.0.1:${this.port}`, DOORWARD_PUBLIC_URL: this.publicUrl,
      }),
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout.setEncoding("utf8").on("data", (text) => (this.out += text));
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.err += text));
    const spawned = this.child;
    // A test that died before it stopped its server must not keep the runner waiting for it.
    letGo(spawned);
    running.add(spawned);
    this.ended = new Promise((resolve) => {
      spawned.on("error", (error) => resolve({ error }));
      spawned.on("close", (code, signal) => resolve({ code, signal }));
    }).then((exit) => {
      running.delete(spawned);
      return (this.exit = exit);
    });
    await until(() => this.answers(), "the server answers", START_LIMIT_MS);
    return this;
  }

  async answers() {
    if (this.exit) assert.fail(`the server ended at its start: ${JSON.stringify(this.exit)}\n${this.err}`);
    return fetch(`${this.url}/healthz`, { headers: this.probe }).then((answer) => answer.ok, () => false);
  }

  get isUp() {
    return this.exit === null;
  }

  /** As a crash of the machine would: nothing gets a chance to tidy up. */
  async kill() {
    hold(this.child);
    this.child.kill("SIGKILL");
    await this.ended;
  }

  async restart() {
    if (this.isUp) await this.kill();
    return this.start();
  }

  /** Asks the program to end, and holds it to having been well until then. */
  async stop({ keep = false } = {}) {
    const dead = this.exit;
    hold(this.child);
    if (!dead) this.child.kill("SIGTERM");
    const late = pause(STOP_LIMIT_MS, "late", { ref: false });
    const exit = await Promise.race([this.ended, late]);
    if (exit === "late") await this.kill();
    if (!keep) dropDatabase(this.folder);
    if (!keep) fs.rmSync(this.folder, { recursive: true, force: true });
    assert.doesNotMatch(this.err, SANITIZER_REPORT);
    assert.equal(dead, null, `the server had ended by itself: ${JSON.stringify(dead)}\n${this.err.slice(-4000)}`);
    assert.notEqual(exit, "late", "the server did not end when asked to");
    assert.deepEqual({ code: exit.code, signal: exit.signal }, { code: 0, signal: null }, this.err.slice(-4000));
  }

  // --- HTTP ---------------------------------------------------------------------------------------------------------

  /** One request. `json` and `form` make the body; `token` the Authorization header. */
  async ask(method, target, { json, form, body, token, headers = {} } = {}) {
    const sent = { ...headers };
    if (token !== undefined) sent.authorization = `Bearer ${token}`;
    if (json !== undefined) [body, sent["content-type"]] = [JSON.stringify(json), "application/json"];
    if (form !== undefined) {
      [body, sent["content-type"]] = [new URLSearchParams(form).toString(), "application/x-www-form-urlencoded"];
    }
    // Whoever waited for a command without a turn of the event loop has not yet seen that the server closed an idle
    // connection: it must not be used for this request. Two turns: the first may be the rest of the one under way.
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const answer = await fetch(this.url + target, { method, body, headers: sent, redirect: "manual" });
    const text = await answer.text();
    const isJson = /^application\/([\w.-]+\+)?json\b/.test(answer.headers.get("content-type") ?? "");
    return { status: answer.status, headers: answer.headers, text, json: isJson && text ? JSON.parse(text) : undefined };
  }

  get(target, more) {
    return this.ask("GET", target, more);
  }

  post(target, more) {
    return this.ask("POST", target, more);
  }

  me(token) {
    return this.get("/users/me", { token });
  }

  signIn(person, more = {}) {
    const form = { grant_type: "password", username: person.username, password: person.password, ...more };
    return this.post("/token", { form });
  }

  refresh(refreshToken) {
    return this.post("/token/refresh", { json: { refresh_token: refreshToken } });
  }

  /** A registered person, with her user and a pair of tokens. */
  async newcomer(more = {}) {
    const person = somebody(more);
    const user = expectStatus(await this.post("/register", { json: person }), 201).json;
    const tokens = expectStatus(await this.signIn(person), 200).json;
    return { ...person, ...user, access: tokens.access_token, refresh: tokens.refresh_token };
  }

  /** The administrator whom the first start made. */
  async administrator() {
    if (!this.admin) {
      const found = ADMINISTRATOR.exec(this.out);
      assert.ok(found, `no line "Administrator: …" on standard output: ${this.out}`);
      this.admin = { username: found[1], password: found[2] };
    }
    const tokens = expectStatus(await this.signIn(this.admin), 200).json;
    return { ...this.admin, access: tokens.access_token, refresh: tokens.refresh_token };
  }

  // --- bytes --------------------------------------------------------------------------------------------------------

  /** A bare connection that remembers what came back. */
  connect() {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port: this.port, host: "127.0.0.1", noDelay: true });
      const line = { socket, received: "", closed: false };
      socket.setEncoding("latin1").on("data", (text) => (line.received += text));
      socket.on("close", () => (line.closed = true));
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        socket.on("error", () => {}); // a reset is one of the ways in which a server may refuse
        resolve(line);
      });
    });
  }

  /** Sends bytes as they are; returns the status codes of all answers that came until the server closed. */
  async raw(bytes, { limitMs = 30_000 } = {}) {
    const line = await this.connect();
    line.socket.write(bytes);
    await until(() => line.closed, `the server closes after ${JSON.stringify(String(bytes).slice(0, 60))}`, limitMs);
    return { text: line.received, statuses: statusesOf(line.received) };
  }
}

/** The status codes of the answers in a stream of bytes, in order. */
export function statusesOf(text) {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3})[ \r]/g)].map((match) => Number(match[1]));
}

// A comma before the next cookie's name, not one within a date.
const BETWEEN_COOKIES = /,\s*(?=[^\s;,=]+=)/;

/** The Set-Cookie lines of an answer. Debian 12's Node hands them out as one. */
export function setCookies({ headers }) {
  return headers.getSetCookie?.() ?? headers.get("set-cookie")?.split(BETWEEN_COOKIES) ?? [];
}

/** The Cookie header of a browser that has got this answer. */
export function cookieHeader(answer) {
  return setCookies(answer).map((line) => line.split(";")[0]).join("; ");
}

export function expectStatus(answer, status) {
  assert.equal(answer.status, status, `answered ${answer.status}: ${answer.text.slice(0, 500)}`);
  return answer;
}

export function expectDetail(answer, status, detail) {
  expectStatus(answer, status);
  assert.equal(answer.json?.detail, detail);
  return answer;
}

/** A refused bearer token (RFC 6750 section 3.1). */
export function expectInvalidToken(answer, detail = "Could not validate credentials") {
  expectDetail(answer, 401, detail);
  assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer\b.*error="invalid_token"/);
  return answer;
}

/** The members that a 422 complains about, as "body.email". */
export function complaints(answer) {
  expectStatus(answer, 422);
  assert.ok(Array.isArray(answer.json.detail), answer.text);
  for (const entry of answer.json.detail) {
    assert.ok(Array.isArray(entry.loc) && typeof entry.msg === "string" && typeof entry.type === "string", answer.text);
  }
  return answer.json.detail.map((entry) => entry.loc.join(".")).sort();
}

export async function start(env = {}, probe = {}) {
  return new Server(temporaryFolder(), env, probe).start();
}

/** The claims of a token, unverified: for tests that look at what was issued. */
export function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
}

export function headerOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[0], "base64url"));
}
