// A back-up made beside a running server, and the way back: nothing that was revoked meanwhile comes alive again.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { checkDatabase, databaseSettings, execute, isPostgres, query } from "./database.mjs";
import { BINARY, ROOT, Server, environment, expectInvalidToken, expectStatus, run, somebody, start, temporaryFolder, until, cookieHeader } from "./harness.mjs";
import { noGiving } from "./machine.mjs";

const CHEAP = { DOORWARD_ARGON2_MEMORY: "64KiB", DOORWARD_ARGON2_TIME: "1" };
// A back-up of PostgreSQL is PostgreSQL's own.
const onSqlite = isPostgres ? () => {} : test;
const onPostgres = isPostgres ? test : () => {};

/** The commands of a block of the page, as they are written there. */
function commandsOfThePage(after) {
  const page = fs.readFileSync(path.join(ROOT, "docs/operations/backup.md"), "utf8");
  const block = page.slice(page.indexOf(after)).match(/```sh\n([^`]*)```/);
  assert.ok(block, `docs/operations/backup.md has no commands after "${after}"`);
  return block[1].split("\n").filter((line) => line && !line.startsWith("#"));
}

/** Runs a line of the page in a shell, with this build's program under its name. */
function shell(line, folder, env) {
  const done = spawnSync("sh", ["-ec", line.replace(/^doorward /, '"$BINARY" ')], {
    cwd: folder, encoding: "utf8", timeout: 120_000,
    env: { PATH: process.env.PATH, BINARY, ...databaseSettings(folder), ...env },
  });
  assert.equal(done.status, 0, `${line}: ${done.stdout}${done.stderr}`);
  return done.stdout;
}

/** Runs a command while this process goes on with its requests. */
function runBeside(args, folder) {
  const child = spawn(BINARY, args, { cwd: folder, env: environment({ ...databaseSettings(folder), ...CHEAP }), stdio: ["ignore", "pipe", "pipe"] });
  const said = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => (said.out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (said.err += text));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, ...said })));
}

/** Requests that go on until they are told to end; each refused one is a failure. */
function keepWriting(server, people) {
  const state = { stop: false, done: 0 };
  state.ended = Promise.all(people.map(async (person) => {
    let { refresh } = person;
    while (!state.stop) {
      refresh = expectStatus(await server.refresh(refresh), 200).json.refresh_token;
      state.done += 1;
    }
  }));
  return state;
}

onSqlite("a back-up is one state of a database that is being written to, and nobody else's to read", async () => {
  const server = await start(CHEAP);
  const people = [];
  for (let i = 0; i < 4; i++) people.push(await server.newcomer());
  execute(server.folder, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    INSERT INTO sign_in_failures SELECT printf('pad%0200d', i), 1, 9999999999 FROM n`);
  const writing = keepWriting(server, people);
  await until(() => writing.done > 20, "writing has begun");

  for (const i of [1, 2, 3]) {
    const before = writing.done;
    const done = await runBeside(["backup", "copy.db", "--verify", "--json", ...(i > 1 ? ["--force"] : [])], server.folder);
    assert.equal(done.code, 0, done.err);
    const said = JSON.parse(done.out);
    assert.equal(said.verified, true);
    const file = path.join(server.folder, "copy.db");
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.equal(said.bytes, fs.statSync(file).size);
    const checked = spawnSync("sqlite3", [file, "PRAGMA integrity_check; PRAGMA foreign_key_check; PRAGMA journal_mode; SELECT count(*) FROM users"]);
    assert.equal(String(checked.stdout).trim(), "ok\ndelete\n5");
    await until(() => writing.done > before + 8, "writing goes on");
  }
  writing.stop = true;
  await writing.ended;

  assert.deepEqual(fs.readdirSync(server.folder).filter((name) => name.startsWith("copy")), ["copy.db"]);
  const again = run(["backup", "copy.db"], { folder: server.folder, env: CHEAP });
  assert.equal(again.code, 1);
  assert.match(again.err, /copy\.db is there already/);
  const nowhere = run(["backup", "no/where.db"], { folder: server.folder, env: CHEAP });
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.err, /no\/where\.db.*No such file/);
  await server.stop();
});

onSqlite("after a restore everyone is who she was, and no token of before is good", async () => {
  const server = await start(CHEAP);
  const ann = await server.newcomer();
  const bob = await server.newcomer();
  const env = { ...CHEAP };
  for (const line of commandsOfThePage("## Making one")) shell(line, server.folder, env);
  const backup = fs.readdirSync(path.join(server.folder, "backup")).find((name) => name.endsWith(".db"));
  assert.ok(backup);

  // After the back-up: a token is revoked, a family ends, and the keys are rotated to one that the back-up does not know.
  expectStatus(await server.post("/logout", { token: ann.access }), 200);
  expectInvalidToken(await server.me(ann.access));
  assert.equal(run(["key", "rotate"], { folder: server.folder, env }).code, 0);
  const late = expectStatus(await server.signIn(bob), 200).json;
  const running = run(["restore", `backup/${backup}`, "--force"], { folder: server.folder, env });
  assert.equal(running.code, 1);
  assert.match(running.err, /stop the server first/);
  await server.stop({ keep: true });

  const unforced = run(["restore", `backup/${backup}`], { folder: server.folder, env });
  assert.equal(unforced.code, 1);
  assert.match(unforced.err, /--force/);
  const said = commandsOfThePage("## Going back").map((line) => shell(line.replace("20260101", backup.match(/\d{8}/)[0]), server.folder, env)).join("");
  assert.match(said, /Every sign-in has ended \(2\)/);
  assert.equal(fs.readdirSync(server.folder).filter((name) => name.startsWith("doorward.db.before-")).length, 1);
  assert.equal(fs.statSync(path.join(server.folder, "doorward.db")).mode & 0o777, 0o600);

  await server.start();
  for (const token of [ann.access, bob.access, late.access_token]) expectInvalidToken(await server.me(token));
  for (const token of [ann.refresh, bob.refresh, late.refresh_token]) expectStatus(await server.refresh(token), 401);
  expectStatus(await server.signIn(ann), 200);
  const fresh = expectStatus(await server.signIn(bob), 200).json;
  expectStatus(await server.me(fresh.access_token), 200);
  assert.equal(query(server.folder, "SELECT action FROM audit_events WHERE action = 'database.restored'").length, 1);
  assert.equal(run(["audit", "verify"], { folder: server.folder, env }).code, 0);
  checkDatabase(server.folder);
  await server.stop();
});

onSqlite("what is no good as a back-up replaces nothing", async () => {
  const folder = temporaryFolder();
  assert.equal(run(["init"], { folder, env: CHEAP }).code, 0);
  assert.equal(run(["backup", "good.db"], { folder, env: CHEAP }).code, 0);
  const before = fs.readFileSync(path.join(folder, "doorward.db"));
  const good = fs.readFileSync(path.join(folder, "good.db"));
  const file = (name, bytes) => fs.writeFileSync(path.join(folder, name), bytes);
  const damaged = Buffer.from(good);
  damaged.fill(0xa5, good.length / 2, good.length / 2 + 9000);
  file("damaged.db", damaged);
  file("cut.db", good.subarray(0, good.length / 2 - 100));
  file("text.db", "this is no database, and long enough to be looked at as one. ".repeat(40));
  file("empty.db", "");
  file("changed.db", good);
  const changed = spawnSync("sqlite3", [path.join(folder, "changed.db"), "UPDATE audit_events SET actor = 'somebody' WHERE seq = 1"]);
  assert.equal(changed.status, 0);
  for (const name of ["damaged.db", "cut.db", "text.db", "empty.db", "changed.db", "missing.db"]) {
    const said = run(["restore", name, "--force"], { folder, env: CHEAP });
    assert.equal(said.code, 1, `${name}: ${said.out}${said.err}`);
    assert.match(said.err, /^doorward: /m, name);
    assert.deepEqual(fs.readFileSync(path.join(folder, "doorward.db")), before, name);
    assert.deepEqual(fs.readdirSync(folder).filter((entry) => /partial|before/.test(entry)), [], name);
  }
  const stranger = run(["restore", "good.db", "--force"], { folder, env: { ...CHEAP, DOORWARD_SECRET_KEY: randomBytes(32).toString("hex") } });
  assert.equal(stranger.code, 1);
  assert.match(stranger.err, /another secret key/);

  // A database that nobody can open any more is what a restore is for.
  file("doorward.db", "ruins of a database");
  const mended = run(["restore", "good.db", "--force"], { folder, env: CHEAP });
  assert.equal(mended.code, 0, mended.err);
  assert.equal(run(["user", "show", "admin"], { folder, env: CHEAP }).code, 0);
  fs.rmSync(folder, { recursive: true });
});

onSqlite("--force replaces another back-up, and neither the database nor anything else that is precious", async () => {
  const server = await start(CHEAP);
  const { folder } = server;
  const ann = await server.newcomer();
  const at = (name) => path.join(folder, name);
  assert.equal(run(["backup", "good.db"], { folder, env: CHEAP }).code, 0);
  fs.writeFileSync(at("empty.db"), "");
  fs.writeFileSync(at("letter.txt"), "Dear all, this is no database.\n");
  fs.symlinkSync("doorward.db", at("link.db"));
  fs.linkSync(at("doorward.db"), at("twin.db"));
  const inode = fs.statSync(at("doorward.db")).ino;
  const precious = ["doorward.secret", "letter.txt"].map((name) => [name, fs.readFileSync(at(name))]);
  for (const name of ["doorward.db", "./doorward.db", at("doorward.db"), "doorward.db-wal", "doorward.db-shm", "link.db", "twin.db",
    "doorward.secret", "letter.txt", "."]) {
    const said = run(["backup", name, "--force"], { folder, env: CHEAP });
    assert.equal(said.code, 1, `${name}: ${said.out}${said.err}`);
    assert.match(said.err, /another name/, name);
  }
  for (const [name, bytes] of precious) assert.deepEqual(fs.readFileSync(at(name)), bytes, name);
  assert.equal(fs.statSync(at("doorward.db")).ino, inode);
  for (const name of ["good.db", "empty.db"]) {
    const said = run(["backup", name, "--force", "--verify"], { folder, env: CHEAP });
    assert.equal(said.code, 0, `${name}: ${said.err}`);
  }
  // A back-up that somebody has open, or had when his machine stopped, has a journal that would be taken for the new one's.
  fs.writeFileSync(at("good.db-wal"), "");
  assert.match(run(["backup", "good.db", "--force"], { folder, env: CHEAP }).err, /good\.db-wal is there/);
  assert.deepEqual(fs.readdirSync(folder).filter((entry) => /partial/.test(entry)), []);
  expectStatus(await server.signIn(ann), 200);
  await server.stop();
});

onSqlite("what root restores belongs to whom the database did, or to the folder's owner", { skip: noGiving }, () => {
  const NOBODY = 65534;
  const folder = temporaryFolder();
  const owner = (name) => fs.statSync(path.join(folder, name)).uid;
  assert.equal(run(["init"], { folder, env: CHEAP }).code, 0);
  assert.equal(run(["backup", "good.db"], { folder, env: CHEAP }).code, 0);
  assert.equal(run(["restore", "good.db", "--force"], { folder, env: CHEAP }).code, 0);
  assert.equal(owner("doorward.db"), 0);
  fs.chownSync(path.join(folder, "doorward.db"), NOBODY, NOBODY);
  assert.equal(run(["restore", "good.db", "--force"], { folder, env: CHEAP }).code, 0);
  assert.equal(owner("doorward.db"), NOBODY);
  fs.rmSync(path.join(folder, "doorward.db"));
  fs.chownSync(folder, NOBODY, NOBODY);
  assert.equal(run(["restore", "good.db"], { folder, env: CHEAP }).code, 0);
  assert.equal(owner("doorward.db"), NOBODY);
  fs.rmSync(folder, { recursive: true });
});

onSqlite("a journal that a database left behind when it was taken away does not come back with the restored one", async () => {
  const server = await start(CHEAP);
  const { folder } = server;
  assert.equal(run(["backup", "good.db"], { folder, env: CHEAP }).code, 0);
  for (let i = 0; i < 4; i++) await server.newcomer();
  await server.kill();
  assert.ok(fs.statSync(path.join(folder, "doorward.db-wal")).size > 0);
  fs.renameSync(path.join(folder, "doorward.db"), path.join(folder, "taken-away.db"));
  const said = run(["restore", "good.db"], { folder, env: CHEAP });
  assert.equal(said.code, 0, said.err);
  const users = JSON.parse(run(["user", "list", "--json"], { folder, env: CHEAP }).out).items;
  assert.deepEqual(users.map((user) => user.username), ["admin"]);
  assert.equal(run(["audit", "verify"], { folder, env: CHEAP }).code, 0);
  checkDatabase(folder);
  assert.equal(fs.readdirSync(folder).filter((name) => /^doorward\.db\.before-\d+-wal$/.test(name)).length, 1, "it is kept");
  fs.rmSync(folder, { recursive: true });
});

test("every sign-in of everyone ends beside the running server", async () => {
  const server = await start(CHEAP);
  const ann = await server.newcomer();
  const person = somebody();
  expectStatus(await server.post("/register", { json: person }), 201);
  const signed = expectStatus(await server.post("/login", { json: { username: person.username, password: person.password } }), 200);
  const cookie = cookieHeader(signed);
  const withCookie = () => server.get("/users/me", { headers: { cookie } });
  expectStatus(await withCookie(), 200);
  expectStatus(await server.me(ann.access), 200);
  const done = run(["user", "logout-all", "--yes"], { folder: server.folder, env: CHEAP });
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /\(2\)/);
  await until(async () => (await server.me(ann.access)).status === 401, "the access token is refused");
  expectStatus(await withCookie(), 401);
  expectStatus(await server.refresh(ann.refresh), 401);
  const fresh = expectStatus(await server.signIn(ann), 200).json;
  await until(async () => (await server.me(fresh.access_token)).status === 200, "the new one is good");
  await server.stop();
});

onPostgres("on PostgreSQL the page's commands do the same", async () => {
  const server = await start(CHEAP);
  const ann = await server.newcomer();
  const env = { ...CHEAP };
  for (const [command, tool] of [["backup", /pg_dump/], ["restore", /pg_restore[^]*logout-all/]]) {
    const said = run([command, "x.db"], { folder: server.folder, env });
    assert.equal(said.code, 1);
    assert.match(said.err, tool);
  }
  for (const line of commandsOfThePage("## PostgreSQL")) shell(line, server.folder, env);
  expectStatus(await server.post("/logout", { token: ann.access }), 200);
  await server.stop({ keep: true });
  for (const line of commandsOfThePage("### Going back on PostgreSQL")) shell(line, server.folder, env);
  const after = await new Server(server.folder, server.env).start();
  expectInvalidToken(await after.me(ann.access));
  expectStatus(await after.refresh(ann.refresh), 401);
  expectStatus(await after.signIn(ann), 200);
  await after.stop();
});
