// Taking users over from another system.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import { databaseSettings, query } from "./database.mjs";
import { BINARY, environment, expectDetail, expectStatus, run, start, until } from "./harness.mjs";

// All of them are of "password".
const BCRYPT = "$2b$04$CCCCCCCCCCCCCCCCCCCCC.FXJHjF.8tyWAsIeGLxC7hC/nyX4QxgC";
const HASHES = {
  bcrypt: BCRYPT,
  argon2: "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
  passlib_pbkdf2: "$pbkdf2-sha256$1000$ZGVmZ2hpamtsbW5vcHFycw$VZ2ZuT57VGlpkGVT2e3OKgdARk8e9IiuZDc3gBJQ6pw",
  django_pbkdf2: "pbkdf2_sha256$1000$NaClNaClNaClNaClNaClNa$tqIS7xpHLv4cOQWkJEvoPECbzJMqgjFbth0GRTBN+Lw=",
  django_scrypt: "scrypt$1024$NaClNaClNaClNaClNaClNa$8$1$"
    + "Qp36JlYfLxFnjitqk3PDx2zs8MnKaMo/VE7qypwaVw8PmW5LpKuF67XnIMhOnyl+xIo9dHVINNtaF+FtkHUJUA==",
  django_bcrypt: `bcrypt$${BCRYPT}`,
  django_bcrypt_sha256: "bcrypt_sha256$$2b$04$CCCCCCCCCCCCCCCCCCCCC.OVEbrBWNIKOiXonGgrkYYYsdUI5iltu",
  passlib_bcrypt_sha256: "$bcrypt-sha256$v=2,t=2b,r=4$CCCCCCCCCCCCCCCCCCCCC.$tJIAQxzM2rIsEXCYXIw/MkFrZ789ZUS",
};

const CHEAP = { DOORWARD_ARGON2_MEMORY: "64KiB", DOORWARD_ARGON2_TIME: "1" };

let server;
before(async () => (server = await start(CHEAP)));
after(() => server.stop());

const line = (username, more = {}) =>
  JSON.stringify({ username, email: `${username}@example.com`, password_hash: BCRYPT, ...more });

/** The one value that a query answers with. */
const sql = (text) => String(Object.values(query(server.folder, text)[0])[0]);

function doImport(lines, { name = "users.jsonl", args = [] } = {}) {
  fs.writeFileSync(path.join(server.folder, name), lines.join("\n") + "\n");
  return run(["user", "import", name, ...args], { folder: server.folder, env: CHEAP, limitMs: 600_000 });
}

const signIn = (username, password = "password") => server.signIn({ username, password });

test("hashes of other systems sign in, and the first sign-in replaces them", async () => {
  const done = doImport(Object.entries(HASHES).map(([username, password_hash]) => line(username, { password_hash })));
  assert.equal(done.code, 0, done.err);
  for (const username of Object.keys(HASHES)) {
    expectStatus(await signIn(username, "Password"), 400);
    expectStatus(await signIn(username), 200);
    expectStatus(await signIn(`${username}@example.com`), 200);
  }
  for (const username of Object.keys(HASHES)) {
    assert.match(sql(`SELECT password_hash FROM users WHERE username = '${username}'`), /^\$argon2id\$v=19\$/, username);
  }
});

test("good lines are taken, bad ones told by number, and the exit code says so", async () => {
  const done = doImport([
    line("good1", { full_name: "Good One", role: "moderator", email_verified: true }),
    "{\"username\": ",
    line("good1"),
    line("other", { email: "GOOD1@example.com" }),
    line("nohash", { password_hash: "5f4dcc3b5aa765d61d8327deb882cf99" }),
    line("costly", { password_hash: HASHES.django_pbkdf2.replace("$1000$", "$99999999$") }),
    line("king", { role: "king" }),
    line("faraway", { tenant: "nowhere" }),
    line("bad name"),
    line("nomail", { email: undefined }),
    line("typed", { is_active: "yes" }),
    "x".repeat(70000),
    line("nul", { full_name: "a\u0000b" }),
    "",
    line("good2", { is_active: false }),
  ]);
  assert.equal(done.code, 1);
  assert.deepEqual([...done.err.matchAll(/line (\d+): /g)].map((found) => Number(found[1])),
    [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
  assert.doesNotMatch(done.err + done.out, /5f4dcc3b|NaCl|CCCCC/, "no hash is told");
  const tokens = expectStatus(await signIn("good1"), 200).json;
  const me = expectStatus(await server.me(tokens.access_token), 200).json;
  assert.deepEqual([me.full_name, me.role, me.email_verified], ["Good One", "moderator", true]);
  expectDetail(await signIn("good2"), 400, "Inactive user");
});

test("CSV with quotes, commas and line breaks in fields", async () => {
  const done = doImport([
    "\ufeffemail,username,full_name,password_hash,is_active",
    `csv1@example.com,csv1,"Smith, ""Jo""\nthe second",${BCRYPT},true\r`,
    `csv2@example.com,csv2,,"${BCRYPT}",`,
    `csv3@example.com,csv3,${BCRYPT}`,
    `csv4@example.com,csv4,a"b,${BCRYPT},1`,
    `csv5@example.com,csv5,,${BCRYPT},perhaps`,
  ], { name: "users.csv" });
  assert.equal(done.code, 1, done.err);
  assert.deepEqual([...done.err.matchAll(/line (\d+): /g)].map((found) => Number(found[1])), [5, 6, 7]);
  const tokens = expectStatus(await signIn("csv1"), 200).json;
  assert.equal(expectStatus(await server.me(tokens.access_token), 200).json.full_name, 'Smith, "Jo"\nthe second');
  expectStatus(await signIn("csv2"), 200);
});

test("wrong usage and files that are none", () => {
  assert.equal(doImport(["name,mail"], { name: "no.csv" }).code, 1);
  assert.equal(doImport([""], { name: "empty.csv" }).code, 1);
  assert.equal(doImport([line("x1")], { args: ["--format", "xml"] }).code, 2);
  assert.equal(run(["user", "import", "missing.jsonl"], { folder: server.folder, env: CHEAP }).code, 1);
  assert.equal(doImport([line("x2")], { args: ["--tenant", "nowhere"] }).code, 1);
});

test("a hundred thousand users in one command, with progress", async () => {
  const done = doImport(Array.from({ length: 100_000 }, (_, i) => line(`mass${i}`)), { args: ["--json"] });
  assert.equal(done.code, 0, done.err);
  assert.deepEqual(JSON.parse(done.out), { imported: 100_000, refused: 0 });
  assert.deepEqual([...done.err.matchAll(/^doorward: (\d+) lines, (\d+) imported$/gm)].map(([, lines, taken]) => [lines, taken]),
    Array.from({ length: 10 }, (_, i) => [`${i + 1}0000`, `${i + 1}0000`]));
  assert.equal(sql("SELECT count(*) FROM users WHERE username LIKE 'mass%'"), "100000");
  expectStatus(await signIn("mass99999"), 200);
  assert.match(sql("SELECT password_hash FROM users WHERE username = 'mass99999'"), /^\$argon2id\$/);
  assert.equal(sql("SELECT password_hash FROM users WHERE username = 'mass99998'"), BCRYPT);
});

test("an import that was killed is run again: what it had taken is told by line, the rest is taken", async () => {
  const lines = Array.from({ length: 60_000 }, (_, i) => line(`again${i}`));
  fs.writeFileSync(path.join(server.folder, "again.jsonl"), lines.join("\n") + "\n");
  const child = spawn(BINARY, ["user", "import", "again.jsonl"], {
    cwd: server.folder, env: environment({ ...databaseSettings(server.folder), ...CHEAP }), stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (text) => (told += text));
  const ended = new Promise((resolve) => child.on("close", (code, signal) => resolve(signal)));
  await until(() => told.includes("10000 imported"), "the import is under way");
  child.kill("SIGKILL");
  assert.equal(await ended, "SIGKILL", "it was not killed in the middle");

  const taken = Number(sql("SELECT count(*) FROM users WHERE username LIKE 'again%'"));
  assert.ok(taken >= 10_000 && taken < lines.length, String(taken));
  const again = run(["user", "import", "again.jsonl", "--json"], { folder: server.folder, env: CHEAP, limitMs: 600_000 });
  assert.equal(again.code, 1, "lines were refused");
  assert.deepEqual(JSON.parse(again.out.split("\n")[0]), { imported: lines.length - taken, refused: taken });
  const refused = [...again.err.matchAll(/^doorward: line (\d+): the user name or the e-mail address is taken$/gm)];
  assert.deepEqual(refused.map(([, number]) => Number(number)), Array.from({ length: taken }, (_, i) => i + 1));
  assert.equal(sql("SELECT count(*) FROM users WHERE username LIKE 'again%'"), String(lines.length));
  expectStatus(await signIn("again0"), 200);
  expectStatus(await signIn("again59999"), 200);
  const verified = run(["audit", "verify"], { folder: server.folder, env: CHEAP });
  assert.equal(verified.code, 0, verified.err);
});
