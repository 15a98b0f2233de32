// What the machine does to a server on SQLite while people work: a disk that is full, a database that is read-only or gone, a
// log that nobody reads, a clock that is set. Nothing that was acknowledged is lost, nothing that was revoked comes back,
// and nobody sees an error that is not one of "come again".

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import * as OTPAuth from "otpauth";
import { checkDatabase, query } from "./database.mjs";
import { Server, expectDetail, expectInvalidToken, expectStatus, run, temporaryFolder, until } from "./harness.mjs";
import { noFreezing, noSmallDisk } from "./machine.mjs";
import { Load } from "./postgres/load.mjs";

const CHEAP = { DOORWARD_ARGON2_MEMORY: "64KiB", DOORWARD_ARGON2_TIME: "1", DOORWARD_HASH_QUEUE: "1024" };
const FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

function root(...command) {
  const done = spawnSync(command[0], command.slice(1), { encoding: "utf8" });
  assert.equal(done.status, 0, `${command.join(" ")}: ${done.stderr}`);
}

/** A disk of a few megabytes; `fill` leaves no byte of it. */
class SmallDisk {
  constructor(size) {
    this.folder = temporaryFolder();
    root("mount", "-t", "tmpfs", "-o", `size=${size}`, "tmpfs", this.folder);
    this.filler = path.join(this.folder, "filler");
  }

  fill() {
    const fd = fs.openSync(this.filler, "a");
    try {
      for (let size = 1 << 20; size >= 1; size >>= 1) {
        try {
          for (;;) fs.writeSync(fd, Buffer.alloc(size));
        } catch (error) {
          assert.equal(error.code, "ENOSPC");
        }
      }
    } finally {
      fs.closeSync(fd);
    }
  }

  free() {
    fs.rmSync(this.filler, { force: true });
  }

  remove() {
    root("umount", "-l", this.folder);
    fs.rmdirSync(this.folder);
  }
}

/** People at work on a server, which is then told to be unwell; `well` again, it must go on by itself. */
async function story({ server, unwell, well, says, isReady = true }) {
  const load = new Load([server]).start();
  try {
    await until(() => load.ended.length > 20, "people work");
    const person = await server.newcomer();
    const gone = await server.newcomer();
    expectStatus(await server.post("/logout", { token: gone.access }), 200);
    unwell();
    const refused = await until(async () => {
      const answer = await server.post("/register", { json: { ...person, username: `${person.username}x`, email: `x${person.email}` } });
      person.username = answer.status === 201 ? `${person.username}x` : person.username;
      person.email = answer.status === 201 ? `x${person.email}` : person.email;
      return answer.status !== 201 && answer;
    }, "a write is refused");
    expectStatus(refused, 503);
    assert.match(refused.headers.get("retry-after"), /^\d+$/);
    await until(() => says.test(server.err), "the log says why");
    // What needs no writing goes on.
    for (let i = 0; i < 20; i += 1) {
      expectStatus(await server.me(person.access), 200);
      expectInvalidToken(await server.me(gone.access));
    }
    expectStatus(await server.get("/.well-known/jwks.json"), 200);
    expectStatus(await server.get("/readyz"), isReady ? 200 : 503);
    well();
    const before = load.ended.length;
    await until(() => load.ended.length > before + 20, "people work again");
    expectInvalidToken(await server.me(gone.access));
    await load.stop();
    await load.check();
    await server.restart();
    await load.check();
    expectInvalidToken(await server.me(gone.access));
  } finally {
    await load.end();
  }
}

describe("SQLite on a machine that is unwell", { timeout: 180_000 }, () => {
  let server;
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  test("the disk is full, and has room again", { skip: noSmallDisk }, async () => {
    const disk = new SmallDisk("24m");
    try {
      server = await new Server(disk.folder, CHEAP).start();
      await story({ server, unwell: () => disk.fill(), well: () => disk.free(), says: /database or disk is full/ });
      checkDatabase(disk.folder);
      await server.stop({ keep: true });
    } finally {
      if (server?.isUp) await server.kill();
      server = undefined;
      disk.remove();
    }
  });

  test("a command on a full disk says that it is full", { skip: noSmallDisk }, () => {
    for (const size of ["200k", "400k", "600k"]) {
      const disk = new SmallDisk(size);
      try {
        const said = run(["init"], { folder: disk.folder, env: CHEAP });
        assert.equal(said.code, 1, size);
        assert.match(said.err, /database or disk is full/, size);
        assert.doesNotMatch(said.err, /another process/, size);
      } finally {
        disk.remove();
      }
    }
  });

  test("the database becomes read-only", { skip: noFreezing }, async () => {
    const folder = temporaryFolder();
    server = await new Server(folder, CHEAP).start();
    const files = ["doorward.db", "doorward.db-wal"].map((name) => path.join(folder, name));
    const set = (flag) => root("chattr", flag, ...files.filter((file) => fs.existsSync(file)));
    try {
      await story({ server, unwell: () => set("+i"), well: () => set("-i"), says: /disk I\/O error|readonly database/ });
    } finally {
      set("-i");
    }
    checkDatabase(folder);
  });

  test("somebody moves the database away under the running server, and puts it back", async () => {
    const folder = temporaryFolder();
    server = await new Server(folder, CHEAP).start();
    const [here, there] = [path.join(folder, "doorward.db"), path.join(folder, "elsewhere")];
    await story({
      server, unwell: () => fs.renameSync(here, there), well: () => fs.renameSync(there, here), isReady: false,
      says: /the file was moved, deleted or replaced/,
    });
    checkDatabase(folder);
  });

  test("a database that may not be written to stops the start, with a word why", { skip: noFreezing }, async () => {
    const folder = temporaryFolder();
    server = await new Server(folder, CHEAP).start();
    await server.stop({ keep: true });
    const file = path.join(folder, "doorward.db");
    root("chattr", "+i", file);
    try {
      await assert.rejects(server.start(), /the server ended at its start.*may not be written to/s);
    } finally {
      root("chattr", "-i", file);
    }
    await server.start();
  });

  test("the log's disk is full, its reader sleeps, its reader is gone: people work on", async () => {
    server = await new Server(temporaryFolder(), { ...CHEAP, DOORWARD_LOG_LEVEL: "debug" }).start();
    const load = new Load([server]).start();
    try {
      const work = async (n) => {
        const before = load.ended.length;
        await until(() => load.ended.length > before + n, "people work");
      };
      await work(20);
      server.child.stderr.pause();
      await work(150); // far more than a pipe takes
      server.child.stderr.resume();
      await work(20);
      await until(() => server.err.includes("log_lines_lost"), "the log says that there is a gap");
      server.child.stderr.destroy();
      await work(100);
      await load.stop();
      assert.deepEqual(load.failures(), {});
    } finally {
      await load.end();
    }
  });
});

describe("mails that find no room", { timeout: 60_000, skip: noSmallDisk }, () => {
  test("the outbox's disk is full: the letter waits and leaves no half of it behind", async () => {
    const disk = new SmallDisk("64k");
    const folder = temporaryFolder();
    const outbox = path.join(folder, "outbox");
    fs.symlinkSync(disk.folder, outbox);
    const server = await new Server(folder, CHEAP).start();
    try {
      const person = await server.newcomer();
      disk.fill();
      expectStatus(await server.post("/forgot-password", { json: { email: person.email } }), 200);
      await until(() => /mail|outbox/.test(server.err.split("\n").filter((line) => /"level":"(warning|error)"/.test(line)).join("\n")),
        "the log says that a mail could not be written");
      for (let i = 0; i < 20; i += 1) expectStatus(await server.me(person.access), 200);
      assert.deepEqual(fs.readdirSync(disk.folder).filter((name) => name.endsWith(".eml")), []);
      disk.free();
      const find = () => fs.readdirSync(disk.folder).find((name) => {
        const text = name.endsWith(".eml") ? fs.readFileSync(path.join(disk.folder, name), "utf8") : "";
        return text.includes(person.email) && text.includes("reset");
      });
      await until(find, "the mail is there");
    } finally {
      await server.stop();
      disk.remove();
    }
  });
});

describe("a clock that is set", { timeout: 120_000, skip: fs.existsSync(FAKETIME) ? false : "needs libfaketime" }, () => {
  const HOUR = 3600;
  let server, clock;
  const set = async (seconds) => {
    // In one step: the server reads it all the time.
    fs.writeFileSync(`${clock}.new`, `${seconds >= 0 ? "+" : ""}${seconds}`);
    fs.renameSync(`${clock}.new`, clock);
    const want = Date.now() / 1000 + seconds;
    await until(async () => Math.abs(Date.parse((await server.get("/healthz")).headers.get("date")) / 1000 - want) < 60, "the clock is set");
    await pause(600); // two looks at what has changed
  };
  before(async () => {
    const folder = temporaryFolder();
    clock = path.join(folder, "clock");
    fs.writeFileSync(clock, "+0");
    server = await new Server(folder, {
      ...CHEAP, LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DOORWARD_RATE_LIMIT_FORGOT: "3/minute",
    }).start();
  });
  after(() => server?.stop());
  afterEach(() => set(0));

  test("set back: no token of the future, no revoked one; who signs in anew is served; then all is as it was", async () => {
    const [person, gone] = [await server.newcomer(), await server.newcomer()];
    expectStatus(await server.post("/logout", { token: gone.access }), 200);
    await set(-HOUR);
    expectStatus(await server.me(person.access), 401);
    expectStatus(await server.me(gone.access), 401);
    const again = expectStatus(await server.signIn(person), 200).json;
    expectStatus(await server.me(again.access_token), 200);
    const refreshed = expectStatus(await server.refresh(again.refresh_token), 200).json;
    expectStatus(await server.me(refreshed.access_token), 200);
    await set(0);
    expectStatus(await server.me(person.access), 200);
    expectInvalidToken(await server.me(gone.access));
    expectStatus(await server.refresh(refreshed.refresh_token), 200);
  });

  test("set forth and back again: what was revoked stays revoked, also after a start at the wrong time", async () => {
    const [person, gone] = [await server.newcomer(), await server.newcomer()];
    expectStatus(await server.post("/logout", { token: gone.access }), 200);
    await set(2 * HOUR);
    expectDetail(await server.me(person.access), 401, "Token has expired");
    await server.restart();
    await server.newcomer();
    await set(0);
    expectStatus(await server.me(person.access), 200);
    expectInvalidToken(await server.me(gone.access));
    await server.restart();
    expectInvalidToken(await server.me(gone.access));
  });

  test("limits: set back, nobody waits longer than the limit says; set forth, they go on", async () => {
    const ask = () => server.post("/forgot-password", { json: { email: "nobody@example.com" } });
    const until429 = async () => {
      for (let i = 0; i < 12; i += 1) { // one window may end and the next begin meanwhile
        const answer = await ask();
        if (answer.status === 429) return answer;
        expectStatus(answer, 200);
      }
      return assert.fail("no limit");
    };
    for (const at of [0, -HOUR, HOUR]) {
      await set(at);
      const wait = Number((await until429()).headers.get("retry-after"));
      assert.ok(wait >= 1 && wait <= 120, `at ${at}: ${wait} s`); // a sliding window looks back on the one before
    }
  });

  test("a code of the second factor is good once, whatever the clock does", async () => {
    const person = await server.newcomer();
    const setUp = expectStatus(await server.post("/2fa/setup", { token: person.access }), 200).json;
    const totp = new OTPAuth.TOTP({ secret: OTPAuth.Secret.fromBase32(setUp.secret) });
    const code = () => totp.generate({ timestamp: Date.now() });
    const first = code();
    expectStatus(await server.post("/2fa/enable", { json: { code: first }, token: person.access }), 200);
    const verify = async (sent) => {
      const pending = expectStatus(await server.signIn(person), 403).json.mfa_token;
      return server.post("/2fa/verify", { json: { code: sent }, token: pending });
    };
    assert.notEqual((await verify(first)).status, 200);
    await set(-90);
    assert.notEqual((await verify(first)).status, 200);
    assert.notEqual((await verify(totp.generate({ timestamp: Date.now() - 90_000 }))).status, 200); // older than the last one
    await set(90);
    expectStatus(await verify(totp.generate({ timestamp: Date.now() + 90_000 })), 200);
    await set(0);
    assert.notEqual((await verify(first)).status, 200);
  });

  test("a browser's session: set back it goes on, set forth past its idle time it ends", async () => {
    const person = await server.newcomer();
    const login = expectStatus(await server.post("/login", { json: { username: person.username, password: person.password } }), 200);
    const cookie = login.headers.get("set-cookie").match(/(session=[^;,]+)/)[1];
    const me = () => server.get("/users/me", { headers: { cookie } });
    expectStatus(await me(), 200);
    await set(-HOUR);
    expectStatus(await me(), 200);
    await set(0);
    expectStatus(await me(), 200);
    await set(13 * HOUR);
    expectStatus(await me(), 401);
    assert.ok(query(server.folder, "SELECT count(*) AS n FROM audit_events")[0].n > 0);
  });
});
