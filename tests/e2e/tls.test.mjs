// TLS by the server itself: what it speaks and what it refuses, a renewed certificate, and peers that mean ill.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import tls from "node:tls";
import { expectStatus, run, somebody, statusesOf, temporaryFolder, until, setCookies } from "./harness.mjs";
import { SecureServer, certificate, fingerprint, request } from "./secure.mjs";

const HELLO = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const BIG = 1_700_000; // what /docs/swagger-ui-bundle.js has at least

/** Sends bytes as they are; resolves with what came back when the server has closed. */
function plain(port, bytes, { end = false } = {}) {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    let received = "";
    socket.setEncoding("latin1").on("data", (text) => (received += text));
    socket.on("error", () => {});
    socket.on("close", () => resolve(received));
    socket.write(bytes);
    if (end) socket.end();
  });
}

/** A ClientHello as Node writes it. */
function clientHello() {
  return new Promise((resolve) => {
    const catcher = net.createServer((socket) => socket.once("data", (bytes) => {
      socket.destroy();
      catcher.close(() => resolve(bytes));
    }));
    catcher.listen(0, "127.0.0.1", () => tls.connect({ port: catcher.address().port, host: "127.0.0.1" }).on("error", () => {}));
  });
}

describe("what is spoken", () => {
  let server;
  before(async () => { server = await SecureServer.start(); });
  after(() => server?.stop());

  test("an account's life over https, with cookies that are for https alone", async () => {
    const person = await server.newcomer();
    expectStatus(await server.me(person.access), 200);
    const signedIn = expectStatus(await server.post("/login", { json: { username: person.username, password: person.password } }), 200);
    const cookies = setCookies(signedIn);
    assert.ok(cookies.some((cookie) => cookie.startsWith("__Host-session=") && /; Secure/.test(cookie)), cookies.join("\n"));
    assert.match(signedIn.headers.get("strict-transport-security") ?? "", /max-age/);
    const metadata = await server.get("/.well-known/openid-configuration");
    if (metadata.status === 200) assert.match(metadata.json.issuer, /^https:/);
  });

  for (const version of ["TLSv1.2", "TLSv1.3"]) {
    test(`${version}, http/1.1 by ALPN, with and without a server name`, async () => {
      for (const servername of ["localhost", ""]) {
        const line = await server.secure({ minVersion: version, maxVersion: version, ALPNProtocols: ["h2", "http/1.1"], servername, checkServerIdentity: () => undefined });
        assert.equal(line.socket.getProtocol(), version);
        assert.equal(line.socket.alpnProtocol, "http/1.1");
        line.socket.write(HELLO);
        await until(() => line.received.includes("}"), "the answer is there");
        line.socket.end();
        await until(() => line.closed, "the server closes, too");
        assert.ok(line.ended, "by close_notify");
      }
    });
  }

  const REFUSED = [
    ["TLS 1.1", { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" }, /protocol version|PROTOCOL/i],
    ["TLS 1.0", { minVersion: "TLSv1", maxVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" }, /protocol version|PROTOCOL/i],
    ["a cipher without forward secrecy", { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256" }, /handshake failure/i],
    ["a cipher of CBC", { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" }, /handshake failure/i],
    ["a curve of old", { maxVersion: "TLSv1.2", ecdhCurve: "secp521r1", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" }, /handshake failure/i],
    ["another protocol than http/1.1", { ALPNProtocols: ["h2"] }, /no application protocol/i],
  ];
  for (const [name, options, told] of REFUSED) {
    test(`refused with an alert: ${name}`, async () => {
      await assert.rejects(server.secure(options), (error) => told.test(`${error.message} ${error.reason}`) || assert.fail(error));
    });
  }

  test("a session is resumed by its ticket", async () => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"]) {
      const first = await server.secure({ maxVersion });
      first.socket.write(HELLO);
      await until(() => first.session, "the ticket has come");
      const second = await server.secure({ maxVersion, session: first.session });
      assert.ok(second.socket.isSessionReused(), maxVersion);
      first.socket.destroy();
      second.socket.destroy();
    }
  });

  test("plain http on this port is told what it is", async () => {
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const answer = await plain(server.port, `${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 400 Bad Request\r\n/);
      assert.match(answer, /Plain HTTP was sent to a port for https/);
    }
  });

  test("a megabyte comes whole, however it is asked for", async () => {
    const bundle = await server.get("/docs/swagger-ui-bundle.js");
    assert.ok(bundle.text.length > BIG);
    const line = await server.secure();
    line.socket.write("GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3) + HELLO);
    await until(() => statusesOf(line.received).length === 4 && line.received.endsWith("}"), "four answers", 60_000);
    assert.ok(line.received.length > 3 * BIG);
    line.socket.destroy();
  });

  test("requests a byte a record, and a thousand in one piece", async () => {
    const slow = await server.secure();
    slow.socket.setNoDelay(true);
    for (const byte of HELLO) slow.socket.write(byte);
    await until(() => slow.received.includes("}"), "the answer to single bytes");
    const fast = await server.secure();
    fast.socket.write(HELLO.repeat(1000));
    await until(() => statusesOf(fast.received).length === 1000, "a thousand answers", 60_000);
    assert.ok(statusesOf(fast.received).every((status) => status === 200));
    slow.socket.destroy();
    fast.socket.destroy();
  });

  test("100 Continue, and a body that comes in pieces", async () => {
    const person = await server.newcomer();
    const body = JSON.stringify({ refresh_token: person.refresh });
    const line = await server.secure();
    line.socket.write(`POST /token/refresh HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`);
    await until(() => line.received.startsWith("HTTP/1.1 100 Continue\r\n\r\n"), "the invitation");
    line.socket.write(body.slice(0, 10));
    line.socket.write(body.slice(10));
    await until(() => statusesOf(line.received).length === 2, "the answer");
    assert.equal(statusesOf(line.received)[1], 200);
    line.socket.destroy();
  });

  test("a request and the end of it all in one breath is answered", async () => {
    const line = await server.secure({ allowHalfOpen: true });
    line.socket.write(HELLO);
    line.socket.end();
    await until(() => line.closed || line.received.includes("}"), "the answer");
    assert.deepEqual(statusesOf(line.received), [200]);
    line.socket.destroy();
  });
});

describe("peers that mean ill", () => {
  let server;
  before(async () => { server = await SecureServer.start(); });
  after(() => server?.stop());
  const isWell = async () => expectStatus(await server.get("/healthz"), 200);

  test("random bytes, of every length and beginning, are closed upon", async () => {
    const lengths = [1, 2, 4, 5, 6, 11, 64, 517, 4096, 40_000];
    const heads = [[], [0x16], [0x16, 3, 1], [0x16, 3, 3, 0xff, 0xff], [0x16, 3, 1, 0x40, 0], [0x80, 0x2e, 1], [0x17, 3, 3], [0x15, 3, 3, 0, 2], [0x14, 3, 3, 0, 1]];
    const all = heads.flatMap((head) => lengths.map((length) => Buffer.concat([Buffer.from(head), randomBytes(length)])));
    await Promise.all(all.map((bytes) => plain(server.port, bytes, { end: true })));
    await isWell();
  });

  test("a ClientHello cut at each of its bytes, bent at each of its bytes", async () => {
    const hello = await clientHello();
    const cut = Array.from(hello, (_, i) => hello.subarray(0, i));
    const bent = Array.from(hello, (_, i) => Buffer.from(hello.map((byte, j) => (i === j ? byte ^ (1 << (i % 8)) : byte))));
    for (const bytes of [...cut, ...bent].filter((b) => b.length > 0 && !(b[0] >= 0x41 && b[0] <= 0x5a))) await plain(server.port, bytes, { end: true });
    await isWell();
  });

  test("a handshake that never ends is ended: too many bytes, and too much time", { timeout: 60_000 }, async () => {
    const record = Buffer.concat([Buffer.from([0x16, 3, 1, 0x40, 0]), Buffer.from([1, 0, 0xff, 0xff]), randomBytes(0x4000 - 4)]);
    await plain(server.port, Buffer.concat(Array(8).fill(record)));
    const hello = await clientHello();
    const began = Date.now();
    await plain(server.port, hello.subarray(0, 100));
    assert.ok(Date.now() - began >= 9_000, "not before the header's deadline");
    await isWell();
  });

  test("renegotiation is refused", async () => {
    const line = await server.secure({ maxVersion: "TLSv1.2" });
    const refused = new Promise((resolve) => line.socket.renegotiate({}, (error) => resolve(error)) || resolve(null));
    line.socket.write(HELLO);
    const error = await Promise.race([refused, until(() => line.closed, "closed").then(() => new Error("closed"))]);
    assert.ok(error, "it went through");
    line.socket.destroy();
    await isWell();
  });

  test("whoever leaves without a word leaves nothing behind", async () => {
    for (let round = 0; round < 20; round += 1) {
      const lines = await Promise.all(Array.from({ length: 20 }, () => server.secure()));
      lines.forEach(({ socket }, i) => {
        socket.write(i % 2 ? HELLO : "POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{");
        socket.destroy();
      });
    }
    await isWell();
  });
});

describe("the start", () => {
  const folder = temporaryFolder();
  after(() => fs.rmSync(folder, { recursive: true, force: true }));
  const good = certificate(folder, "good");
  const other = certificate(folder, "other");
  const day = 86_400_000;
  const file = (name, content) => {
    fs.writeFileSync(path.join(folder, name), content);
    return path.join(folder, name);
  };
  const CASES = [
    ["only a certificate", { cert: good.cert }, /DOORWARD_TLS_CERT needs DOORWARD_TLS_KEY/],
    ["only a key", { key: good.key }, /DOORWARD_TLS_KEY needs DOORWARD_TLS_CERT/],
    ["no such certificate", { ...good, cert: path.join(folder, "none") }, /none: No such file/],
    ["no such key", { ...good, key: path.join(folder, "none") }, /none: No such file/],
    ["a folder", { ...good, cert: folder }, /is not a file/],
    ["an empty certificate", { ...good, cert: file("empty", "") }, /empty is empty/],
    ["an empty key", { ...good, key: file("empty", "") }, /empty is empty/],
    ["no PEM", { ...good, cert: file("noise", randomBytes(500)) }, /holds no certificate in PEM/],
    ["a key instead of the certificate", { ...good, cert: good.key }, /holds no certificate in PEM/],
    ["a certificate instead of the key", { ...good, key: good.cert }, /holds no private key/],
    ["half a certificate", { ...good, cert: file("half", fs.readFileSync(good.cert, "utf8").slice(0, 200)) }, /holds no certificate in PEM/],
    ["somebody else's key", { ...good, key: other.key }, /is not the key of the first certificate/],
    ["an expired certificate", certificate(folder, "old", { from: -30 * day, to: -day }), /has expired/],
    ["one of tomorrow", certificate(folder, "young", { from: day, to: 30 * day }), /is not valid yet/],
    ["RSA of 1024 bits", certificate(folder, "weak", { kind: "weak" }), /less than 2048 bits/],
    ["a file without end", { ...good, cert: file("huge", Buffer.alloc(1 << 20, "a")) }, /is too long/],
  ];
  for (const [name, { cert, key }, told] of CASES) {
    test(`${name}: it does not start, and says why`, () => {
      const env = { DOORWARD_LISTEN: "127.0.0.1:0", ...(cert && { DOORWARD_TLS_CERT: cert }), ...(key && { DOORWARD_TLS_KEY: key }) };
      const done = run(["serve"], { folder, env });
      assert.equal(done.code, 1, done.err);
      assert.match(done.err, told);
      assert.doesNotMatch(done.err, /PRIVATE KEY|MII/);
    });
  }

  for (const kind of ["ec384", "rsa", "ed25519"]) {
    test(`a key of kind ${kind} serves`, async () => {
      const server = await SecureServer.start({ kind });
      expectStatus(await server.get("/healthz"), 200);
      await server.stop();
    });
  }

  test("a key that everybody may read is told", async () => {
    const server = await SecureServer.start();
    fs.chmodSync(server.env.DOORWARD_TLS_KEY, 0o644);
    await server.restart();
    await until(() => /everybody on this machine may read the key/.test(server.err), "it is told");
    await server.stop();
  });
});

describe("a renewed certificate", () => {
  let server;
  before(async () => { server = await SecureServer.start({ DOORWARD_WORKERS: "2" }); });
  after(() => server?.stop());

  /** In the way of certbot and others: written beside, renamed into place. */
  const replace = (kind) => {
    const made = certificate(server.folder, `next${Date.now()}`, { kind });
    const print = fingerprint(made.cert);
    server.ca = [...server.ca, fs.readFileSync(made.cert)];
    fs.renameSync(made.cert, server.env.DOORWARD_TLS_CERT);
    fs.renameSync(made.key, server.env.DOORWARD_TLS_KEY);
    return print;
  };

  test("is taken up by SIGHUP under load: no request fails, and old connections live on", async () => {
    const kept = await server.secure();
    let isOver = false, served = 0;
    const failures = [];
    const clients = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        await request(`${server.url}/healthz`, { ca: server.ca }).then(
          (answer) => (answer.status === 200 ? (served += 1) : failures.push(answer.status)),
          (error) => failures.push(error.message),
        );
      }
    });
    const prints = [];
    for (const kind of ["rsa", "ec", "ed25519", "ec"]) {
      await until(() => served > 20 * (prints.length + 1), "load runs");
      prints.push(replace(kind));
      await server.reload();
      const seen = await request(`${server.url}/healthz`, { ca: server.ca });
      assert.equal(seen.peer, prints.at(-1), "the new certificate is shown at once");
    }
    isOver = true;
    await Promise.all(clients);
    assert.deepEqual(failures, []);
    kept.socket.write(HELLO);
    await until(() => kept.received.includes("}"), "the connection of before is answered");
    kept.socket.destroy();
  });

  test("that is broken leaves the old one in place, and the log says why", async () => {
    const before = (await server.get("/healthz")).peer;
    const saved = fs.readFileSync(server.env.DOORWARD_TLS_KEY);
    fs.writeFileSync(server.env.DOORWARD_TLS_KEY, certificate(server.folder, "stray").key && fs.readFileSync(path.join(server.folder, "stray.key")));
    await server.reload();
    assert.match(server.events("certificate_kept").at(-1).message, /is not the key of/);
    assert.equal((await server.get("/healthz")).peer, before);
    fs.writeFileSync(server.env.DOORWARD_TLS_KEY, saved);
    await server.reload();
    assert.equal((await server.get("/healthz")).peer, before);
  });

  test("SIGHUP reads the settings that may change, and names those that want a restart", async () => {
    const count = () => server.events("request").length;
    const file = path.join(server.folder, ".env");
    fs.writeFileSync(file, "DOORWARD_LOG_LEVEL=warning\nDOORWARD_ACCESS_TTL=1m\n", { mode: 0o600 });
    server.hangUp();
    await until(() => server.events("setting").some((e) => /ACCESS_TTL has changed: that takes a restart/.test(e.message)), "the change is told");
    await until(async () => {
      const before = count();
      await server.get("/healthz");
      return count() === before;
    }, "requests are no longer logged");
    fs.writeFileSync(file, "DOORWARD_LOG_LEVEL=nonsense\n");
    server.hangUp();
    await until(() => server.events("settings_kept").length === 1, "a wrong value is told");
    fs.rmSync(file);
    await server.reload();
    const before = count();
    await server.get("/healthz");
    await until(() => count() > before, "requests are logged again");
  });
});

describe("the stop", () => {
  test("finishes what is under way over TLS, and takes no new connection", async () => {
    const server = await SecureServer.start();
    const person = somebody();
    const idle = await server.secure();
    idle.socket.write(HELLO);
    await until(() => idle.received.includes("}"), "it is a used connection");
    const body = JSON.stringify(person);
    const busy = await server.secure();
    busy.socket.write(`POST /register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
    const seen = await server.get("/healthz");
    assert.equal(seen.status, 200);
    const stopped = server.stop();
    await until(() => idle.closed, "idle connections end");
    assert.ok(idle.ended, "by close_notify");
    // Each event loop has a listener of its own, and ends it when it hears of the stop.
    await until(() => request(`${server.url}/healthz`, { ca: server.ca }).then(() => false, () => true), "nobody is let in any more");
    busy.socket.write(body.slice(5));
    await until(() => busy.closed, "the last answer has come");
    assert.deepEqual(statusesOf(busy.received), [201]);
    assert.match(busy.received, /\r\nConnection: close\r\n/);
    assert.ok(busy.ended, "by close_notify");
    await stopped;
  });
});
