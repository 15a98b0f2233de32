// Bad input: the server refuses it in so many words, stays up, and answers others meanwhile.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { expectDetail, expectStatus, somebody, start, statusesOf, until } from "./harness.mjs";

const MIB = 1 << 20;
const DEADLINE_LIMIT_MS = 90_000; // how long a slow client is waited for before it counts as tolerated for ever

const clientError = (answer, ...statuses) => {
  assert.ok(statuses.includes(answer.status), `answered ${answer.status}: ${answer.text.slice(0, 300)}`);
  if (answer.json) assert.ok(answer.json.detail ?? answer.json.error, answer.text);
  return answer;
};

describe("bad input", () => {
  let server, onlooker;
  // Somebody else, who must be served all the while.
  const watch = { asked: 0, failures: [], done: false };

  before(async () => {
    server = await start();
    onlooker = (async () => {
      while (!watch.done) {
        const answer = await server.get("/healthz").catch((error) => ({ status: String(error.cause ?? error) }));
        watch.asked += 1;
        if (answer.status !== 200) watch.failures.push(answer.status);
      }
    })();
  });

  after(async () => {
    watch.done = true;
    await onlooker;
    await server?.stop();
    assert.deepEqual(watch.failures, [], `of ${watch.asked} healthy requests meanwhile`);
    assert.ok(watch.asked > 0);
  });

  const register = (body, type = "application/json") =>
    server.post("/register", { body, headers: { "content-type": type } });
  const registered = (change) => register(JSON.stringify({ ...somebody(), ...change }));
  const rawPost = (body, ...headers) =>
    server.raw(Buffer.concat([
      Buffer.from(["POST /register HTTP/1.1", "Host: x", "Content-Type: application/json", "Connection: close",
        `Content-Length: ${body.length}`, ...headers, "", ""].join("\r\n")), Buffer.from(body)]));
  const rawGet = (target, ...headers) =>
    server.raw([`GET ${target} HTTP/1.1`, "Host: x", ...headers, "Connection: close", "", ""].join("\r\n"));

  describe("bodies", () => {
    const NOT_JSON = ["", "{", "nonsense", '{"username": }', "{'username': 1}", '{"a":1} trailing', "\u0000", "[1,]", "NaN"];
    for (const body of NOT_JSON) {
      test(`not JSON: ${JSON.stringify(body)}`, async () => {
        clientError(await register(body), 400, 422);
      });
    }

    for (const body of ["null", "[]", '"text"', "1"]) {
      test(`JSON, but not an object: ${body}`, async () => {
        clientError(await register(body), 422);
      });
    }

    test("the same name twice in an object", async () => {
      const person = somebody();
      const body = JSON.stringify(person).replace("{", `{"username":"${somebody().username}",`);
      clientError(await register(body), 400, 422);
    });

    for (const [open, close] of [["[", "]"], ['{"a":', "}"]]) {
      test(`nested 10,000 deep with ${open}`, async () => {
        clientError(await register(open.repeat(10_000) + "1" + close.repeat(10_000)), 400, 422);
        const nested = JSON.stringify(somebody()).replace("{", `{"x":${open.repeat(10_000)}1${close.repeat(10_000)},`);
        clientError(await register(nested), 400, 422);
      });
    }

    test("100 MB, announced", async () => {
      const line = await server.connect();
      line.socket.write(`POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${100 * MIB}\r\n\r\n`);
      await pour(line, 100 * MIB);
      assert.deepEqual(statusesOf(line.received), [413]);
    });

    test("100 MB, in chunks that never say how many are to come", async () => {
      const line = await server.connect();
      line.socket.write("POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
      await pour(line, 100 * MIB, (data) => Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]));
      assert.deepEqual(statusesOf(line.received), [413]);
    });

    test("wrong content type", async () => {
      const body = JSON.stringify(somebody());
      for (const type of ["text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "x"]) {
        clientError(await register(body, type), 400, 415, 422);
      }
    });

    test("invalid UTF-8", async () => {
      for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
        const [head, tail] = JSON.stringify(somebody({ full_name: "|" })).split("|");
        clientError(await register(Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from(tail)])), 400, 422);
      }
      clientError(await registered({ full_name: "\ud800" }), 400, 422);
    });

    test("a body that is shorter than announced ends without an account", async () => {
      const person = somebody();
      const body = JSON.stringify(person);
      const line = await server.connect();
      line.socket.end(`POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`);
      await until(() => line.closed, "the connection ends");
      assert.ok(!statusesOf(line.received).includes(201));
      expectStatus(await server.signIn(person), 400);
    });
  });

  describe("values", () => {
    const VALUES = [
      ["NUL in a user name", { username: "ad\u0000min" }],
      ["NUL in an address", { email: "a\u0000@example.com" }],
      ["NUL in a password", { password: "long enough\u0000but cut" }],
      ["a control character in a user name", { username: "new\nline" }],
      ["an e-mail of 300 characters", { email: `${"a".repeat(288)}@example.com` }],
      ["a local part of 65 characters", { email: `${"a".repeat(65)}@example.com` }],
      ["a user name of 10,000 characters", { username: "a".repeat(10_000) }],
      ["a number for a name", { username: 12 }],
      ["an object for a password", { password: { $ne: null } }],
      ["a list for an address", { email: ["a@example.com"] }],
      ["null for a name", { username: null }],
    ];
    for (const [what, change] of VALUES) {
      test(what, async () => {
        const answer = clientError(await registered(change), 422);
        assert.deepEqual([...new Set(answer.json.detail.map((entry) => entry.loc.join(".")))], [`body.${Object.keys(change)[0]}`]);
      });
    }

    test("a password of 1 MB", async () => {
      clientError(await registered({ password: "p".repeat(MIB) }), 413, 422);
      clientError(await server.signIn({ username: "admin", password: "p".repeat(MIB) }), 400, 413, 422);
      clientError(await registered({ password: "p".repeat(100_000) }), 422);
    });

    test("a form that is not one", async () => {
      const token = (body) => server.post("/token", { body, headers: { "content-type": "application/x-www-form-urlencoded" } });
      for (const body of ["", "%", "%zz=%00", "&&&&", "=".repeat(1000), "grant_type=password&username=%ff&password=%ff",
        "grant_type=password&username=a%00b&password=whatever1", "grant_type=password&grant_type=refresh_token",
        Array.from({ length: 5000 }, (_, n) => `k${n}=v`).join("&")]) {
        clientError(await token(body), 400, 413, 422);
      }
    });

    test("text that looks like SQL is text", async () => {
      for (const username of ["' OR '1'='1", "admin'--", "\"; DROP TABLE user; --"]) {
        clientError(await server.signIn({ username, password: "whatever it may be" }), 400, 422);
      }
      expectStatus(await server.administrator().then(({ access }) => server.me(access)), 200);
    });
  });

  describe("headers", () => {
    test("1,000 headers", async () => {
      const { statuses } = await rawGet("/healthz", ...Array.from({ length: 1000 }, (_, n) => `X-Header-${n}: ${n}`));
      assert.deepEqual(statuses, [431]);
    });

    test("a header of 64 KB", async () => {
      const { statuses } = await rawGet("/healthz", `X-Long: ${"a".repeat(64 << 10)}`);
      assert.deepEqual(statuses, [431]);
    });

    test("a request line of 64 KB", async () => {
      const { statuses } = await rawGet(`/${"a".repeat(64 << 10)}`);
      assert.ok([400, 414, 431].includes(statuses[0]) && statuses.length === 1, statuses.join(" "));
    });

    // Each could let two readers disagree about where a request ends, or whom it is for.
    const AMBIGUOUS = [
      ["Content-Length twice", ["Content-Length: 2", "Content-Length: 2"]],
      ["Content-Length with a list", ["Content-Length: 2, 2"]],
      ["Content-Length with a sign", ["Content-Length: +2"]],
      ["Content-Length and Transfer-Encoding", ["Content-Length: 2", "Transfer-Encoding: chunked"]],
      ["a transfer coding that is not chunked", ["Transfer-Encoding: gzip"]],
      ["chunked twice", ["Transfer-Encoding: chunked, chunked"]],
      ["chunked misspelt", ["Transfer-Encoding: xchunked"]],
      ["a blank before the colon", ["Content-Length : 2"]],
      ["a folded line", ["X-Folded: a", " b"]],
      ["a second Host", ["Host: other"]],
      ["a name that is not a token", ["X(y): 1"]],
      ["a control character in a value", ["X-Control: a\u0001b"]],
    ];
    for (const [what, headers] of AMBIGUOUS) {
      test(`refused and not read further: ${what}`, async () => {
        const head = ["POST /register HTTP/1.1", "Host: x", "Content-Type: application/json", ...headers, "", ""].join("\r\n");
        const { statuses } = await server.raw(`${head}{}GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        assert.equal(statuses.length, 1, statuses.join(" "));
        assert.ok([400, 501].includes(statuses[0]), statuses.join(" "));
      });
    }

    const NOT_A_REQUEST = [
      ["no Host", "GET /healthz HTTP/1.1\r\n\r\n"],
      ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
      ["a version that does not exist", "GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n"],
      ["no version", "GET /healthz\r\n\r\n"],
      ["a TLS greeting", Buffer.from("160301020001000001fc0303", "hex")],
      ["noise", Buffer.from(Array.from({ length: 512 }, (_, n) => (n * 197 + 31) % 256))],
    ];
    for (const [what, bytes] of NOT_A_REQUEST) {
      test(`not a request: ${what}`, async () => {
        const { statuses } = await server.raw(bytes);
        assert.ok(statuses.every((status) => [400, 505].includes(status)) && statuses.length <= 1, statuses.join(" "));
      });
    }

    test("an upgrade that is not offered gets one answer", async () => {
      const { statuses } = await rawGet("/healthz", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__");
      assert.ok(statuses.length === 1 && [200, 400].includes(statuses[0]), statuses.join(" "));
    });

    test("requests in one packet are answered one after the other", async () => {
      const get = (target, more = "") => `GET ${target} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
      const { statuses } = await server.raw(get("/healthz") + get("/nowhere") + get("/users/me") + get("/healthz", "Connection: close\r\n"));
      assert.deepEqual(statuses, [200, 404, 401, 200]);
    });
  });

  describe("targets", () => {
    const TRAVERSALS = [
      "/../../../../etc/passwd", "/docs/../../../../etc/passwd", "/docs/..%2f..%2f..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd",
      "/docs/%2e%2e/%2e%2e/doorward.db", "/docs/....//....//etc/passwd", "/docs\\..\\..\\doorward.db", "//etc/passwd",
      "/docs/init.js%00.png", "/docs/%00",
    ];
    for (const target of TRAVERSALS) {
      test(`path traversal: ${target}`, async () => {
        const { text, statuses } = await rawGet(target);
        assert.ok(statuses.length === 1 && [400, 404].includes(statuses[0]), statuses.join(" "));
        assert.doesNotMatch(text, /root:|SQLite format/);
      });
    }

    test("an unknown route", async () => {
      expectDetail(await server.get("/nowhere"), 404, "Not Found");
      expectDetail(await server.post("/nowhere", { json: {} }), 404, "Not Found");
      expectStatus(await server.get("/users/me/"), 404);
    });

    test("a method that the route does not have, with the list of those that it has", async () => {
      for (const [method, target, allowed] of [
        ["GET", "/register", ["POST"]], ["DELETE", "/token", ["POST"]], ["POST", "/healthz", ["GET"]], ["PUT", "/users/me", ["GET", "PATCH", "DELETE"]],
      ]) {
        const answer = expectDetail(await server.ask(method, target), 405, "Method Not Allowed");
        const allow = (answer.headers.get("allow") ?? "").split(/\s*,\s*/);
        for (const name of allowed) assert.ok(allow.includes(name), `${target}: Allow: ${allow}`);
        assert.ok(!allow.includes(method));
      }
    });

    test("a method that nobody has, or that asks for an echo", async () => {
      for (const method of ["TRACE", "CONNECT", "BREW", "get"]) {
        const target = method === "CONNECT" ? "x:443" : "/healthz";
        const { statuses, text } = await server.raw(`${method} ${target} HTTP/1.1\r\nHost: x\r\nX-Secret: echo-me\r\nConnection: close\r\n\r\n`);
        assert.ok(statuses.length === 1 && [400, 404, 405, 501].includes(statuses[0]), `${method}: ${statuses.join(" ")}`);
        assert.doesNotMatch(text, /echo-me/);
      }
    });

    test("HEAD has the headers of GET and no body", async () => {
      const line = await server.connect();
      line.socket.write("HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
      await until(() => line.closed, "the server closes");
      const [status] = statusesOf(line.received);
      assert.ok([200, 405].includes(status));
      assert.ok(line.received.endsWith("\r\n\r\n"), "a body followed");
    });
  });

  describe("slow and broken clients", { concurrency: true }, () => {
    /** One byte every now and then, as an attacker does who wants to hold a connection for ever. */
    async function trickle(line, bytes) {
      let at = 0;
      await until(() => {
        if (!line.closed && at < bytes.length) line.socket.write(bytes[at]);
        at += 1;
        return line.closed;
      }, "the server gives up on a slow client", DEADLINE_LIMIT_MS);
      assert.ok(at < bytes.length, "the client was done before it was given up on");
    }
    const never = (length) => "x".repeat(length);

    test("a header that never ends", { timeout: DEADLINE_LIMIT_MS * 2 }, async () => {
      const line = await server.connect();
      await trickle(line, `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ${never(30_000)}`);
      assert.ok(statusesOf(line.received).every((status) => status === 408));
    });

    test("a body that never ends", { timeout: DEADLINE_LIMIT_MS * 2 }, async () => {
      const line = await server.connect();
      line.socket.write("POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n");
      await trickle(line, never(59_000));
      assert.ok(statusesOf(line.received).every((status) => status === 408));
    });

    test("a client that connects and says nothing while others are served", async () => {
      const lines = await Promise.all(Array.from({ length: 200 }, () => server.connect()));
      expectStatus(await server.get("/healthz"), 200);
      for (const line of lines) line.socket.destroy();
    });

    test("clients that leave in the middle, at every point of a request", async () => {
      const body = JSON.stringify(somebody());
      const whole = `POST /register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      for (let cut = 1; cut < whole.length; cut += 7) {
        const line = await server.connect();
        line.socket.write(whole.slice(0, cut));
        if (cut % 2) line.socket.resetAndDestroy?.() ?? line.socket.destroy();
        else line.socket.end();
      }
      expectStatus(await server.get("/healthz"), 200);
    });

    test("clients that ask for a sign-in and do not wait for the answer", async () => {
      const form = new URLSearchParams({ grant_type: "password", username: "admin", password: "not hers" }).toString();
      const whole = `POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n${form}`;
      for (let n = 0; n < 50; n += 1) {
        const line = await server.connect();
        line.socket.write(whole, () => line.socket.destroy());
      }
      const { access } = await server.administrator();
      expectStatus(await server.me(access), 200);
    });
  });

  test("at last, an ordinary newcomer is served as ever", async () => {
    const person = await server.newcomer();
    expectStatus(await server.me(person.access), 200);
    assert.ok(server.isUp);
    assert.deepEqual((await rawPost("{}")).statuses, [422]);
  });

  /** Writes up to `total` bytes as fast as they are taken, until the server has closed. */
  async function pour(line, total, wrap = (data) => data) {
    const piece = wrap(Buffer.alloc(64 << 10, "x"));
    for (let sent = 0; sent < total && !line.closed; sent += piece.length) {
      if (!line.socket.write(piece)) {
        await new Promise((resolve) => line.socket.once("drain", resolve).once("close", resolve));
      }
    }
    await until(() => line.closed, "the server closes");
  }
});
