// The command line beside a running server, and what the first start leaves behind (spec H1, E5; api.md "Command line").

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { databaseSettings } from "./database.mjs";
import { BINARY, environment, expectDetail, expectInvalidToken, expectStatus, headerOf, run, start, temporaryFolder,
  until } from "./harness.mjs";

const CHEAP = { DOORWARD_ARGON2_MEMORY: "64KiB" };

/** Asks until the answer has this status. */
function reaches(status, ask) {
  return until(async () => (await ask()).status === status, `the answer is ${status}`);
}

describe("the command line beside a running server", () => {
  let server;
  before(async () => { server = await start(CHEAP); });
  after(() => server?.stop());

  const doorward = (args, input) => {
    const done = run(args, { folder: server.folder, input, env: CHEAP });
    assert.equal(done.code, 0, done.err);
    return done.out;
  };

  test("a disabled user is refused, an enabled one signs in again", async () => {
    const ann = await server.newcomer();
    expectStatus(await server.me(ann.access), 200);
    doorward(["user", "disable", ann.username]);
    await reaches(400, () => server.me(ann.access));
    expectDetail(await server.me(ann.access), 400, "Inactive user");
    doorward(["user", "enable", ann.email]);
    await reaches(200, () => server.signIn(ann));
    expectInvalidToken(await server.me(ann.access));
  });

  test("a deleted user's token is dead", async () => {
    const bob = await server.newcomer();
    expectStatus(await server.me(bob.access), 200);
    doorward(["user", "delete", bob.id]);
    await reaches(401, () => server.me(bob.access));
  });

  test("a new role counts at once", async () => {
    const eve = await server.newcomer();
    expectStatus(await server.get("/users", { token: eve.access }), 403);
    doorward(["user", "set-role", eve.username, "moderator"]);
    await until(async () => {
      const tokens = expectStatus(await server.signIn(eve), 200).json;
      return (await server.get("/users", { token: tokens.access_token })).status === 200;
    }, "a moderator may list users");
  });

  test("a new password ends what the old one opened", async () => {
    const kim = await server.newcomer();
    doorward(["user", "set-password", kim.username], "quite another phrase 77\n");
    await reaches(401, () => server.me(kim.access));
    expectStatus(await server.signIn(kim), 400);
    expectStatus(await server.signIn({ ...kim, password: "quite another phrase 77" }), 200);
  });

  test("a rotated key signs, the old one still verifies, a retired one does not", async () => {
    const joe = await server.newcomer();
    const old = headerOf(joe.access).kid;
    const { kid } = JSON.parse(doorward(["key", "rotate", "--now", "--json"]));
    let tokens;
    await until(async () => {
      tokens = expectStatus(await server.signIn(joe), 200).json;
      return headerOf(tokens.access_token).kid === kid;
    }, "the new key signs");
    expectStatus(await server.me(tokens.access_token), 200);
    expectStatus(await server.me(joe.access), 200);
    doorward(["key", "retire", old]);
    await reaches(401, () => server.me(joe.access));
    expectStatus(await server.me(tokens.access_token), 200);
  });

  test("a user made by hand signs in", async () => {
    const person = { username: "handmade", password: "made by hand, with care" };
    doorward(["user", "create", "handmade", "--email", "handmade@example.com"], `${person.password}\n`);
    expectStatus(await server.signIn(person), 200);
  });
});

describe("the first start", () => {
  test("eight at once make one secret, one pair of keys, one administrator", async () => {
    const folder = temporaryFolder();
    const inits = Array.from({ length: 8 }, () => new Promise((resolve) => {
      const child = spawn(BINARY, ["init"], { cwd: folder, env: environment({ ...databaseSettings(folder), ...CHEAP }), stdio: ["ignore", "pipe", "pipe"] });
      let out = "", err = "";
      child.stdout.on("data", (text) => (out += text));
      child.stderr.on("data", (text) => (err += text));
      child.on("close", (code) => resolve({ code, out, err }));
    }));
    const done = await Promise.all(inits);
    for (const { code, err } of done) assert.equal(code, 0, err);
    assert.equal(done.filter(({ out }) => out.startsWith("Administrator: ")).length, 1);
    const lists = (...words) => JSON.parse(run([...words, "--json"], { folder, env: CHEAP }).out).items;
    assert.equal(lists("user", "list").length, 1);
    assert.deepEqual(lists("key", "list").map((key) => key.state), ["active", "next"]);
    fs.rmSync(folder, { recursive: true });
  });

  test("leaves files that nobody else may read, and tells the password nowhere else", async () => {
    const server = await start(CHEAP);
    try {
      await server.administrator();
      for (const name of fs.readdirSync(server.folder)) {
        assert.equal(fs.statSync(path.join(server.folder, name)).mode & 0o777, 0o600, name);
        const content = fs.readFileSync(path.join(server.folder, name));
        assert.equal(content.includes(server.admin.password), false, `${name} holds the password`);
      }
      assert.equal(server.err.includes(server.admin.password), false, "the log holds the password");
      const [first, ...rest] = server.out.trim().split("\n");
      assert.ok(first.endsWith(server.admin.password));
      assert.match(rest.join("\n"), /^It is good for 24 hours\. Change it: .*$/);
    } finally {
      await server.stop();
    }
  });

  test("a wrong setting stops it, by name, before anything is made", () => {
    const folder = temporaryFolder();
    const { code, err } = run(["serve"], { folder, env: { DOORWARD_ACCESS_TTL: "soon", DOORWARD_SECRET_KEY: "hunter2" } });
    assert.equal(code, 1);
    assert.match(err, /^doorward: DOORWARD_ACCESS_TTL=soon \(environment\): allowed: 1s to 1d/m);
    assert.match(err, /^doorward: DOORWARD_SECRET_KEY \(environment\): allowed: 32 to 1024/m);
    assert.doesNotMatch(err, /hunter2/);
    assert.deepEqual(fs.readdirSync(folder), []);
    fs.rmSync(folder, { recursive: true });
  });
});
