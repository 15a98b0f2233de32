// WebSockets as clients meet them: who may connect, what each may say, and when it ends.

import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { chromium } from "playwright-core";
import { until } from "./harness.mjs";
import { findChromium } from "./browser.mjs";
import { Rooms } from "./websockets.mjs";

/** A second, and what a busy machine may add to it. */
const REVOKED_WITHIN_MS = 1000 + 4000;

describe("WebSockets", () => {
  const rooms = new Rooms();

  before(() => rooms.start());
  after(() => rooms.stop());

  /** What has happened so far, when all who were there before have been counted as gone. */
  const quiet = () => until(async () => {
    const facts = await rooms.facts();
    return facts.opened === facts.closed && facts;
  }, "all of before are gone");

  test("one who speaks in a room is heard by all who are in it, and by nobody else", async () => {
    const token = await rooms.token("ada", { scope: "rooms:write" });
    const ada = await rooms.connect("/rooms/one", { token });
    const bob = await rooms.connect("/rooms/one", { token: await rooms.token("bob") });
    const eve = await rooms.connect("/rooms/two", { token: await rooms.token("eve") });
    assert.deepEqual(await bob.ask({ type: "whoami", id: 1 }), { type: "whoami", id: 1, from: "bob", text: "0 messages, blocking 0" });
    ada.say({ type: "say", text: "good morning" });
    assert.deepEqual(await ada.hear(), { type: "said", from: "ada", text: "good morning" });
    assert.deepEqual(await bob.hear(), { type: "said", from: "ada", text: "good morning" });
    assert.equal((await eve.ask({ type: "whoami_slowly", id: "x" })).text, "0 messages, blocking 1");
    assert.deepEqual(eve.messages, []);
    for (const client of [ada, bob, eve]) assert.equal((await client.leave()).code, 1000);
  });

  test("a token that is refused, or none, closes with 1008 and says no more than HTTP would", async () => {
    for (const [token, reason] of [[undefined, "Not authenticated"], ["nonsense", "Could not validate credentials"]]) {
      const client = await rooms.connect("/rooms/one", { token });
      const { code, reason: told } = await client.end();
      assert.equal(code, 1008);
      assert.equal(told, reason);
    }
  });

  test("an application's own codes: 4401 for who, 4403 for what", async () => {
    const nobody = await rooms.connect("/staff/one", { token: "nonsense" });
    assert.equal((await nobody.end()).code, 4401);
    const somebody = await rooms.connect("/staff/one", { token: await rooms.token("ada") });
    assert.deepEqual({ ...(await somebody.end()), atMs: 0 }, { code: 4403, reason: "Not enough permissions", atMs: 0 });
    const moderator = await rooms.connect("/staff/one", { token: await rooms.token("mo", { role: "moderator" }) });
    assert.equal((await moderator.ask({ type: "whoami" })).from, "mo");
    await moderator.leave();
  });

  test("a message without the right is refused and the connection kept", async () => {
    const ada = await rooms.connect("/rooms/one", { token: await rooms.token("ada") });
    assert.deepEqual(await ada.ask({ type: "say", text: "hello", id: 7 }),
      { type: "error", id: 7, error: "insufficient_scope", detail: "Not enough permissions" });
    assert.equal((await ada.ask({ type: "hush" })).error, "role_required");
    assert.equal((await ada.ask({ type: "whoami" })).from, "ada");
    await ada.leave();
  });

  test("what is no message of the table is answered, and the connection kept", async () => {
    const ada = await rooms.connect("/rooms/one", { token: await rooms.token("ada", { scope: "rooms:write" }) });
    const cases = [
      ["{", "json_invalid", "JSON decode error"],
      ["[]", "bad_request", "A message is an object with a type"],
      ['{"type":7}', "bad_request", "A message is an object with a type"],
      ['{"type":"say","type":"say"}', "json_duplicate_name", "JSON decode error"],
      ['{"type":"fly"}', "not_found", "Unknown message type"],
      ['{"type":"auth","token":"x"}', "not_found", "Unknown message type"],
      ['{"type":"say","text":"x","id":[]}', "bad_request", "The id of a message is a number or a short string"],
    ];
    for (const [text, error, detail] of cases) {
      ada.socket.send(text);
      assert.deepEqual(await ada.hear(), { type: "error", error, detail }, text);
    }
    const wrong = await ada.ask({ type: "say", id: "a", text: "", loud: true });
    assert.equal(wrong.error, "validation");
    assert.equal(wrong.id, "a");
    assert.deepEqual(wrong.detail.map(({ loc, type }) => [loc, type]),
      [[["message", "text"], "string_too_short"], [["message", "loud"], "extra_forbidden"]]);
    assert.equal((await ada.ask({ type: "whoami" })).from, "ada");
    ada.socket.send(Buffer.from([1, 2, 3]));
    assert.equal((await ada.end()).code, 1003);
  });

  test("a revoked token ends its connection within a second, also one that says nothing", async () => {
    const tokens = [await rooms.token("ada"), await rooms.token("ada")];
    const [silent, busy] = await Promise.all(tokens.map((token) => rooms.connect("/rooms/one", { token })));
    const other = await rooms.connect("/rooms/one", { token: await rooms.token("bob") });
    await Promise.all(tokens.map((token) => rooms.revoke(token)));
    const startMs = Date.now();
    busy.say({ type: "whoami" });
    for (const client of [silent, busy]) {
      const { code, reason, atMs } = await client.end();
      assert.equal(code, 1008);
      assert.equal(reason, "Could not validate credentials");
      assert.ok(atMs - startMs < REVOKED_WITHIN_MS, `${atMs - startMs} ms`);
      assert.deepEqual(client.messages, []);
    }
    assert.equal((await other.ask({ type: "whoami" })).from, "bob");
    await other.leave();
  });

  test("a token that expires ends its connection", async () => {
    const startMs = Date.now();
    const ada = await rooms.connect("/rooms/one", { token: await rooms.token("ada", { expires_in: 5 }) });
    assert.equal((await ada.ask({ type: "whoami" })).from, "ada");
    assert.deepEqual({ ...(await ada.end()), atMs: 0 }, { code: 1008, reason: "Token has expired", atMs: 0 });
    assert.ok(ada.closed.atMs - startMs > 900);
  });

  test("a connection that is cut is cleaned up once", async () => {
    const before = await quiet();
    const ada = await rooms.connect("/rooms/lobby", { token: await rooms.token("ada") });
    await until(async () => (await rooms.facts()).listeners === 1, "she has entered");
    ada.socket._socket.resetAndDestroy();
    const after = await until(async () => {
      const facts = await rooms.facts();
      return facts.closed > before.closed && facts;
    }, "she is gone");
    assert.deepEqual([after.opened - before.opened, after.closed - before.closed, after.last_code, after.listeners], [1, 1, 1006, 0]);
  });

  test("where the credential may stand: header, cookie, query, protocol, first message", async () => {
    const token = await rooms.token("ada");
    const ways = [
      ["/browser/one", { token }],
      ["/browser/one", { headers: { cookie: `session=${token}` } }],
      [`/browser/one?access_token=${token}`, {}],
      ["/browser/one", { protocols: ["bearer", token] }],
      ["/browser/one", { protocols: ["rooms.v1", "bearer", token] }],
    ];
    for (const [target, how] of ways) {
      const client = await rooms.connect(target, how);
      assert.equal((await client.ask({ type: "whoami" })).from, "ada", JSON.stringify(how));
      assert.equal(client.socket.protocol, how.protocols?.[0] ?? "");
      await client.leave();
    }
    const late = await rooms.connect("/browser/one");
    assert.deepEqual(await late.ask({ type: "auth", token, id: 1 }), { type: "authenticated", id: 1 });
    assert.equal((await late.ask({ type: "whoami" })).from, "ada");
    const newer = await rooms.token("ada");
    assert.deepEqual(await late.ask({ type: "auth", token: newer }), { type: "authenticated" });
    await rooms.revoke(token);
    await pause(700);
    assert.equal((await late.ask({ type: "whoami" })).from, "ada");
    late.say({ type: "auth", token: await rooms.token("eve") });
    assert.equal((await late.end()).code, 4401);
  });

  test("who may still say who it is has little time, and can say nothing else first", async () => {
    const silent = await rooms.connect("/browser/one");
    const rash = await rooms.connect("/browser/one");
    const wrong = await rooms.connect("/browser/one");
    rash.say({ type: "whoami" });
    wrong.say({ type: "auth", token: "nonsense" });
    assert.equal((await rash.end()).code, 4401);
    assert.equal((await wrong.end()).code, 4401);
    assert.deepEqual({ ...(await silent.end()), atMs: 0 }, { code: 4401, reason: "Not authenticated", atMs: 0 });
    const given = await rooms.connect("/rooms/one");
    assert.equal((await given.end()).code, 1008);
  });

  test("pages of other origins are refused, those listed are not", async () => {
    const token = await rooms.token("ada");
    for (const [origin, status] of [["https://evil.example", 403], ["null", 403], [rooms.url.replace("127.0.0.1", "localhost"), 403],
      ["https://friend.example.evil.example", 403], ["https://friend.example", undefined], [rooms.url, undefined]]) {
      const client = await rooms.connect("/browser/one", { headers: { cookie: `session=${token}`, origin } });
      assert.equal(client.refusal?.status, status, origin);
      if (status === undefined) await client.leave();
    }
  });

  test("what is no WebSocket request is told so", async () => {
    const plain = await rooms.served.ask("GET", "/echo");
    assert.equal(plain.status, 426);
    assert.equal(plain.headers.get("upgrade"), "websocket");
    const old = await rooms.connect("/echo", { protocolVersion: 8 });
    assert.equal(old.refusal.status, 426);
    assert.equal(old.refusal.headers["sec-websocket-version"], "13");
    assert.equal((await rooms.connect("/nowhere")).refusal.status, 404);
    assert.equal((await rooms.served.ask("POST", "/echo")).status, 405);
  });

  test("too many messages, too long ones, no answer to a ping", async () => {
    const fast = await rooms.connect("/tight");
    for (let i = 0; i < 20; i++) fast.socket.send("x");
    assert.deepEqual({ ...(await fast.end()), atMs: 0 }, { code: 1008, reason: "Too many messages", atMs: 0 });
    const long = await rooms.connect("/tight");
    long.socket.send("x".repeat(1001));
    assert.equal((await long.end()).code, 1009);
    const alive = await rooms.connect("/tight");
    const dead = await rooms.connect("/tight", { autoPong: false });
    assert.equal((await dead.end()).code, 1006);
    assert.equal(alive.closed, null);
    await alive.leave();
  });

  test("a reader that does not read is closed, and holds up nobody", async () => {
    const before = await quiet();
    const slow = await rooms.connect("/rooms/slow", { token: await rooms.token("ada") });
    slow.socket._socket.pause();
    slow.say({ type: "burst", n: 5000 });
    const other = await rooms.connect("/rooms/slow", { token: await rooms.token("bob") });
    assert.equal((await other.ask({ type: "whoami" })).from, "bob");
    await until(async () => (await rooms.facts()).closed > before.closed, "the slow one is given up");
    assert.equal((await rooms.facts()).last_code, 1008);
    await other.leave();
  });
});

describe("WebSockets of a server that stops", () => {
  test("every connection is told 1001 and cleaned up", async () => {
    const rooms = await new Rooms().start();
    const token = await rooms.token("ada");
    const clients = await Promise.all(Array.from({ length: 50 }, () => rooms.connect("/rooms/one", { token })));
    await rooms.stop();
    for (const client of clients) assert.equal((await client.end()).code, 1001);
    assert.match(rooms.served.err, /"opened":50,"closed":50/);
  });
});

describe("WebSockets that say nothing", () => {
  const MANY = 10_000;
  const ALLOWED_BYTES = 200 << 20;

  /** A handshake by hand: ten thousand of ws's own clients would need more memory than the server. */
  const listen = (rooms, token) => new Promise((resolve, reject) => {
    const socket = net.connect(rooms.served.port, "127.0.0.1");
    socket.on("error", reject).once("data", (data) => {
      if (data.toString().startsWith("HTTP/1.1 101")) resolve(socket);
      else reject(new Error(data.toString()));
    });
    socket.write(`GET /rooms/quiet HTTP/1.1\r\nHost: 127.0.0.1:${rooms.served.port}\r\nUpgrade: websocket\r\n` +
      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      `User-Agent: ${"Mozilla/5.0 ".repeat(10)}\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  });

  test("ten thousand of them are held, each of them asked about, in under 200 MB", async (t) => {
    const rooms = await new Rooms().start();
    const token = await rooms.token("ada");
    const before = rooms.memory();
    const sockets = [];
    while (sockets.length < MANY) {
      const batch = Array.from({ length: 100 }, () => listen(rooms, token));
      sockets.push(...await Promise.all(batch));
    }
    await until(async () => (await rooms.facts()).opened === MANY, "all are in");
    await pause(1000); // so that each has been asked about at least once
    const held = rooms.memory();
    t.diagnostic(`${((held - before) / MANY).toFixed(0)} bytes a connection, ${(held / 2 ** 20).toFixed(1)} MiB together`);
    assert.ok(held < ALLOWED_BYTES, `${held} bytes`);
    const ends = sockets.map((socket) => new Promise((resolve) => socket.on("close", resolve)));
    await rooms.revoke(token);
    await Promise.all(ends);
    await until(async () => (await rooms.facts()).closed === MANY, "all were cleaned up");
    await rooms.stop();
  });
});

const CHROMIUM = findChromium();

describe("WebSockets in a browser", { skip: CHROMIUM ? false : "no Chromium on this machine" }, () => {
  const rooms = new Rooms();
  let browser, context, page;

  before(async () => {
    await rooms.start();
    // Inside a container Chromium has no namespaces for its own sandbox; it loads nothing but this server.
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    context = await browser.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(rooms.url);
  });

  after(async () => {
    await browser?.close();
    await rooms.stop();
  });

  /** Connects by the page's own WebSocket, sends `messages` and returns all that came until the connection closed. */
  const converse = (target, protocols, messages, close) => page.evaluate(([url, protocols, messages, close]) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url, protocols);
      const heard = (window.heard = []);
      socket.onopen = () => messages.forEach((message) => socket.send(JSON.stringify(message)));
      socket.onmessage = ({ data }) => {
        heard.push(JSON.parse(data));
        if (close && heard.length === messages.length) socket.close(1000, "done");
      };
      socket.onclose = ({ code, reason, wasClean }) => resolve({ heard, code, reason, wasClean, protocol: socket.protocol });
    }), [rooms.url.replace("http", "ws") + target, protocols, messages, close]);

  test("a script sees why it was refused", async () => {
    assert.deepEqual(await converse("/rooms/one", [], [], false),
      { heard: [], code: 1008, reason: "Not authenticated", wasClean: true, protocol: "" });
    assert.deepEqual(await converse("/rooms/one", ["bearer", "nonsense"], [], false),
      { heard: [], code: 1008, reason: "Could not validate credentials", wasClean: true, protocol: "bearer" });
  });

  test("with a token among the protocols it speaks and is answered", async () => {
    const token = await rooms.token("ada");
    const { heard, code, wasClean, protocol } = await converse("/rooms/one", ["bearer", token],
      [{ type: "hush", id: 1 }, { type: "whoami", id: 2 }], true);
    assert.deepEqual(heard.map(({ id, error, from }) => [id, error ?? from]), [[1, "role_required"], [2, "ada"]]);
    assert.deepEqual([code, wasClean, protocol], [1000, true, "bearer"]);
  });

  test("with a first message it speaks too, and a revoked token ends it", async () => {
    const token = await rooms.token("ada");
    const ended = converse("/browser/one", [], [{ type: "auth", token }, { type: "whoami" }], false);
    await until(() => page.evaluate(() => window.heard?.length === 2), "both have been answered");
    await rooms.revoke(token);
    const { heard, code, wasClean } = await ended;
    assert.deepEqual(heard.map(({ type }) => type), ["authenticated", "whoami"]);
    assert.deepEqual([code, wasClean], [4401, true]);
  });

  test("a page of another origin does not ride on the visitor's cookie", async () => {
    const token = await rooms.token("ada");
    await context.addCookies([{ name: "session", value: token, url: rooms.url }]);
    const own = await converse("/rooms/one", [], [{ type: "whoami" }], true);
    assert.equal(own.heard[0].from, "ada");
    const elsewhere = await context.newPage();
    await elsewhere.goto(rooms.url.replace("127.0.0.1", "localhost"));
    const ended = await elsewhere.evaluate((url) => new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onclose = (event) => resolve([event.code, socket.protocol]);
    }), `${rooms.url.replace("http", "ws")}/rooms/one`);
    assert.deepEqual(ended, [1006, ""]);
  });
});
