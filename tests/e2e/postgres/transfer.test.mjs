// An installation moves from SQLite to PostgreSQL and back (doorward migrate --to): everything goes on, nothing is lost.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { after, test } from "node:test";
import { databaseSettings, dropDatabase } from "../database.mjs";
import { BINARY, Server, environment, expectStatus, run, temporaryFolder, until } from "../harness.mjs";
import { CHEAP } from "./cluster.mjs";

const SQLITE = { ...CHEAP, DOORWARD_DATABASE_URL: "sqlite:doorward.db" };
const folders = [];
after(() => folders.forEach((folder) => {
  dropDatabase(folder);
  fs.rmSync(folder, { recursive: true, force: true });
}));

/** An empty database, with a folder of its own. */
function emptyDatabase() {
  const folder = temporaryFolder();
  folders.push(folder);
  return { folder, url: databaseSettings(folder).DOORWARD_DATABASE_URL };
}

function psql(url, sql) {
  const done = spawnSync("psql", ["-X", "-q", "-A", "-t", "-d", url, "-c", sql], { encoding: "utf8" });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim();
}

/** A folder with a SQLite installation and n users besides the administrator. */
function installation(n) {
  const folder = temporaryFolder();
  folders.push(folder);
  assert.equal(run(["init"], { folder, env: SQLITE }).code, 0);
  const sql = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${n})
    INSERT INTO users (id, tenant_id, username, username_key, email, email_key, email_verified, full_name, is_active, role,
      permissions, password_hash, token_version, mfa_enabled, created_at, updated_at)
    SELECT printf('0190%032x', i), (SELECT id FROM tenants), 'u' || i, 'u' || i, 'u' || i || '@e', 'u' || i || '@e', 1,
      'Ünal ' || char(9, 92, 10) || i, 1, 'user', '', 'h', 1, 0, 1, 1 FROM n`;
  assert.equal(spawnSync("sqlite3", [path.join(folder, "doorward.db"), sql]).status, 0);
  return folder;
}

test("everyone stays signed in, and everything that was there is there, on PostgreSQL and back on SQLite", async () => {
  const server = await new Server(temporaryFolder(), SQLITE).start();
  const ann = await server.newcomer({ full_name: "Änn O'Neill \\N \\." });
  const key = expectStatus(await server.post("/users/me/api-keys", { token: ann.access, json: { name: "ci" } }), 201).json;
  const target = emptyDatabase();
  const file = path.join(server.folder, "target");
  fs.writeFileSync(file, `${target.url}\n`, { mode: 0o600 });
  const move = (more = {}) => run(["migrate", "--to-file", "target", "--json"], { folder: server.folder, env: { ...SQLITE, ...more } });

  const tooEarly = move();
  assert.equal(tooEarly.code, 1);
  assert.match(tooEarly.err, /another program has the database .*open/);
  await server.stop({ keep: true });

  const moved = move();
  assert.equal(moved.code, 0, moved.err);
  const told = JSON.parse(moved.out);
  assert.equal(told.tables.find((table) => table.name === "users").rows, 2);
  assert.equal(told.rows, told.tables.reduce((sum, table) => sum + table.rows, 0));
  assert.match(told.audit_head, /^\d+:[0-9a-f]{64}$/);

  server.env = { ...CHEAP, DOORWARD_DATABASE_URL: target.url };
  await server.start();
  expectStatus(await server.me(ann.access), 200);
  expectStatus(await server.get("/users/me", { headers: { "x-api-key": key.key } }), 200);
  const again = expectStatus(await server.refresh(ann.refresh), 200).json;
  expectStatus(await server.signIn(ann), 200);
  const me = expectStatus(await server.me(again.access_token), 200).json;
  assert.deepEqual([me.id, me.full_name, me.username], [ann.id, ann.full_name, ann.username]);
  const busy = run(["migrate", "--to", "sqlite:back.db"], { folder: server.folder, env: server.env });
  assert.equal(busy.code, 1);
  assert.match(busy.err, /a server (has the source open|writes to the source): stop all of them first/);
  await server.stop({ keep: true });

  const back = run(["migrate", "--to", "sqlite:back.db"], { folder: server.folder, env: server.env });
  assert.equal(back.code, 0, back.err);
  assert.match(back.out, /users +2\n/);
  assert.match(back.out, /the secret key is the file doorward\.secret/);
  server.env = { ...CHEAP, DOORWARD_DATABASE_URL: "sqlite:back.db" };
  await server.start();
  expectStatus(await server.me(again.access_token), 200);
  expectStatus(await server.refresh(again.refresh_token), 200);
  assert.equal(run(["audit", "verify", "--head", told.audit_head], { folder: server.folder, env: server.env }).code, 0);
  await server.stop();
});

test("a copy that is killed, or loses its connection, leaves nothing behind and can be run again", async () => {
  const folder = installation(3000);
  const target = emptyDatabase();
  assert.equal(run(["migrate"], { folder, env: { ...SQLITE, DOORWARD_DATABASE_URL: target.url } }).code, 0);
  const users = () => Number(psql(target.url, "SELECT count(*) FROM users"));
  const waiting = () => psql(target.url, "SELECT pid FROM pg_stat_activity WHERE application_name = 'doorward' AND wait_event_type = 'Lock'" +
    " AND datname = current_database()");

  /** Starts a copy that has written everyone and waits at the last table; `end` ends it there. */
  async function interrupt(end) {
    const locker = spawn("psql", ["-X", "-d", target.url], { stdio: ["pipe", "ignore", "inherit"] });
    locker.stdin.write("BEGIN; LOCK TABLE api_key_secrets IN SHARE MODE;\n");
    await until(() => psql(target.url, "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND relation = 'api_key_secrets'::regclass") === "1",
      "the table is locked");
    const child = spawn(BINARY, ["migrate", "--to", target.url], { cwd: folder, env: environment(SQLITE), stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
    await until(() => waiting() !== "", "the copy waits");
    end(child);
    const exit = await ended;
    locker.stdin.end("ROLLBACK;\n");
    await new Promise((resolve) => locker.on("close", resolve));
    await until(() => waiting() === "", "its session is over");
    assert.equal(users(), 0);
    return { ...exit, said };
  }

  assert.equal((await interrupt((child) => child.kill("SIGKILL"))).signal, "SIGKILL");
  const cut = await interrupt(() => psql(target.url, `SELECT pg_terminate_backend(${waiting()})`));
  assert.equal(cut.code, 1);
  assert.match(cut.said, /doorward: .*(connection|terminating)/);

  const whole = run(["migrate", "--to", target.url], { folder, env: SQLITE });
  assert.equal(whole.code, 0, whole.err);
  assert.equal(users(), 3001);
  const twice = run(["migrate", "--to", target.url], { folder, env: SQLITE });
  assert.equal(twice.code, 1);
  assert.match(twice.err, /the target has data in it already/);
});

test("what can't be done is told, and how to mend it", async () => {
  const folder = installation(3);
  const target = emptyDatabase();
  const refused = (args, code, text, env = SQLITE) => {
    const said = run(["migrate", ...args], { folder, env });
    assert.equal(said.code, code, said.err);
    assert.match(said.err, text);
    assert.doesNotMatch(said.err, /hunter2/);
  };

  refused(["--to", "mysql://x"], 2, /--to: allowed: starts with sqlite:, postgresql:\/\//);
  refused(["--to", "postgresql://u:hunter2@127.0.0.1:1/d"], 1, /seen by every user of this machine[^]*the target can't be reached/);
  refused(["--to", "sqlite:doorward.db"], 1, /or it is the other side of the copy/);
  refused(["--to", "sqlite:nowhere/x.db"], 1, /can't be opened/);
  refused(["--to-file", "missing"], 1, /missing: No such file/);
  refused(["--to", "sqlite:a", "--to-file", "b"], 2, /not both/);

  // A role that may connect and no more.
  psql(target.url, "CREATE ROLE transfer_guest LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC;");
  refused(["--to", target.url.replace("user=doorward", "user=transfer_guest")], 1, /permission denied[^]*the tables of the target can't be made/);
  psql(target.url, "DROP ROLE transfer_guest");

  const sqlite = (sql) => assert.equal(spawnSync("sqlite3", [path.join(folder, "doorward.db"), sql]).status, 0);
  sqlite("UPDATE users SET full_name = CAST(x'61006200' AS TEXT) WHERE username = 'u2'");
  refused(["--to", target.url], 1, /users, row 2 \(id 0190\w+\): a text in it has a NUL or is not UTF-8/);
  sqlite("UPDATE users SET full_name = NULL");
  const other = temporaryFolder();
  folders.push(other);
  fs.copyFileSync(path.join(folder, "doorward.db"), path.join(other, "doorward.db"));
  const stranger = run(["migrate", "--to", target.url], { folder: other, env: { ...SQLITE, DOORWARD_SECRET_KEY: randomBytes(32).toString("hex") } });
  assert.equal(stranger.code, 1);
  assert.match(stranger.err, /sealed with another secret key/);
  assert.equal(psql(target.url, "SELECT count(*) FROM users"), "0");
  const done = run(["migrate", "--to", target.url], { folder, env: SQLITE });
  assert.equal(done.code, 0, done.err);
});
