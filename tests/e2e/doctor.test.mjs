// doorward doctor: what is misconfigured is told, with the remedy, whatever else does not work.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import { databaseSettings, dropDatabase, execute, isPostgres, query } from "./database.mjs";
import { BINARY, environment, freePort, run, start, temporaryFolder, until } from "./harness.mjs";
import { SecureServer } from "./secure.mjs";

const CHEAP = { DOORWARD_ARGON2_MEMORY: "7MiB", DOORWARD_ARGON2_TIME: "1" };

/** Runs it while this process goes on, as it may be the one that is asked. */
function examine(folder, env = {}) {
  const child = spawn(BINARY, ["doctor", "--json"], {
    cwd: folder, env: environment({ ...databaseSettings(folder), ...CHEAP, ...env }), stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "", err = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (err += text));
  return new Promise((resolve) => child.on("close", (code) => {
    assert.doesNotMatch(out + err, /hunter2|Sanitizer/);
    resolve({ code, err, ...JSON.parse(out) });
  }));
}

const found = (report, check, severity) => report.items.find((item) => item.check === check && (!severity || item.severity === severity));

/** An installation that was made, and whose server does not run. */
function installation() {
  const folder = temporaryFolder();
  assert.equal(run(["init"], { folder, env: CHEAP }).code, 0);
  return folder;
}

function remove(folder) {
  dropDatabase(folder);
  fs.rmSync(folder, { recursive: true, force: true });
}

test("a sound installation has nothing that must be mended, and running the doctor changes nothing", async () => {
  const server = await start(CHEAP);
  const before = query(server.folder, "SELECT count(*) AS n FROM audit_events")[0].n;
  const report = await examine(server.folder);
  assert.equal(report.code, 0, JSON.stringify(report.items));
  assert.equal(report.errors, 0);
  assert.ok(report.checks >= 20, `${report.checks} checks`);
  assert.match(found(report, "administrator").problem, /one-time password|second factor/);
  assert.equal(query(server.folder, "SELECT count(*) AS n FROM audit_events")[0].n, before);
  const words = run(["doctor"], { folder: server.folder, env: CHEAP });
  assert.equal(words.code, 0, words.out);
  assert.match(words.out, /^warning {2}administrator: .+\n {9}\S.+$/m);
  assert.match(words.out, /^\d+ checks: 0 errors, \d+ warnings, \d+ notes\n$/m);
  await server.stop();
});

test("each wrong setting is found by its own check", async () => {
  const folder = installation();
  const file = (name, text) => fs.writeFileSync(path.join(folder, name), text, { mode: 0o600 });
  file("cert.pem", "no certificate");
  fs.mkdirSync(path.join(folder, "templates"));
  file("templates/reset.txt", "Subject: x\n\n{{lnik}}\n");
  const cases = [
    [{ DOORWARD_LISTEN: "0.0.0.0:8080" }, "address", "error", /plain http/],
    [{ DOORWARD_PUBLIC_URL: "http://id.example.com" }, "address", "error", /plain http/],
    [{ DOORWARD_PUBLIC_URL: "https://id.example.com" }, "address", "warning", /no proxy is trusted/],
    [{ DOORWARD_PUBLIC_URL: "https://id.example.com" }, "browsers", "warning", /any host name/],
    [{ DOORWARD_PUBLIC_URL: "https://id.example.com" }, "limits", "note", /anyone may register/],
    [{ DOORWARD_PUBLIC_URL: "https://id.example.com" }, "mail", "warning", /no mail server/],
    [{ DOORWARD_TRUSTED_PROXIES: "10.0.0.1,0.0.0.0/0" }, "proxies", "error", /every client is trusted/],
    [{ DOORWARD_TRUSTED_PROXIES: "::/0" }, "proxies", "error", /every client is trusted/],
    [{ DOORWARD_METRICS_LISTEN: ":9464" }, "metrics", "note", /whoever reaches :9464/],
    [{ DOORWARD_CORS_ORIGINS: "*" }, "browsers", "warning", /every origin/],
    [{ DOORWARD_RATE_LIMIT_LOGIN: "none", DOORWARD_LISTEN: ":80" }, "limits", "error", /as often as it likes/],
    [{ DOORWARD_ARGON2_MEMORY: "64KiB" }, "limits", "error", /guessed too fast/],
    [{ DOORWARD_ARGON2_MEMORY: "1GiB", DOORWARD_HASH_WORKERS: "256" }, "memory", "error", /256 hash workers hold 262144 MiB/],
    [{ DOORWARD_TLS_CERT: "cert.pem", DOORWARD_TLS_KEY: "cert.pem" }, "certificate", "error", /can't be used: .*cert\.pem/],
    [{ DOORWARD_MAIL_TEMPLATES: "templates" }, "templates", "error", /reset\.txt: a placeholder is unknown/],
    [{ DOORWARD_SMTP_URL: "smtp://u:hunter2@127.0.0.1:1" }, "mail", "error", /no connection to the mail server 127\.0\.0\.1 port 1/],
    [{ DOORWARD_REDIS_URL: "redis://:hunter2@127.0.0.1:1" }, "redis", "error", /refused/],
    [{ DOORWARD_LISTN: "x" }, "settings", "warning", /did you mean DOORWARD_LISTEN/],
    [{ DOORWARD_DATABASE_URL: "postgresql://u:hunter2@127.0.0.1:1/d" }, "database", "error", /can't be used/],
    [{ DOORWARD_DATABASE_URL: "sqlite:no/where.db" }, "database", "error", /there is no database/],
    [{ DOORWARD_SECRET_KEY: "hunter2" }, "settings", "error", /DOORWARD_SECRET_KEY/],
    [{ DOORWARD_WORKERS: "-1" }, "settings", "error", /allowed: 1 to 256/],
  ];
  await Promise.all(cases.map(async ([env, check, severity, text]) => {
    const report = await examine(folder, env);
    const item = report.items.find((one) => one.check === check && one.severity === severity && text.test(one.problem));
    assert.ok(item, `${JSON.stringify(env)}: ${JSON.stringify(report.items)}`);
    assert.equal(report.code, report.errors > 0 ? 1 : 0);
    if (check !== "settings") assert.ok(item.remedy, check);
    // One that fails keeps no other from being made.
    if (check !== "settings") assert.ok(report.checks >= 16, `${report.checks} checks`);
  }));
  remove(folder);
});

test("what is wrong with the database and the files around it is found", async () => {
  const folder = installation();
  const secret = path.join(folder, "doorward.secret");
  fs.chmodSync(secret, 0o644);
  assert.match(found(await examine(folder), "files", "error").problem, /doorward\.secret .*mode 644/);
  fs.chmodSync(secret, 0o600);

  const kept = fs.readFileSync(secret);
  fs.writeFileSync(secret, Buffer.from(kept).reverse());
  assert.match(found(await examine(folder), "keys", "error").problem, /another secret key/);
  fs.rmSync(secret);
  const without = await examine(folder);
  assert.match(found(without, "secret", "error").problem, /no secret key/);
  assert.equal(fs.existsSync(secret), false);
  fs.writeFileSync(secret, kept, { mode: 0o600 });

  execute(folder, `INSERT INTO outbox (id, kind, user_id, address, sealed, state, attempts, next_at, created_at, expires_at)
    SELECT 'm', 'reset', id, 'a@example.com', 'x', 'waiting', 3, 1, 1, 2 FROM users`);
  assert.match(found(await examine(folder), "outbox", "error").problem, /1 mails wait/);
  execute(folder, "DELETE FROM outbox; UPDATE users SET is_active = 0");
  assert.match(found(await examine(folder), "administrator", "error").problem, /no administrator can sign in/);
  execute(folder, "UPDATE users SET is_active = 1; UPDATE signing_keys SET created_at = 1");
  assert.match(found(await examine(folder), "keys", "warning").problem, /days old/);
  execute(folder, "UPDATE audit_events SET result = 'changed' WHERE seq = 1");
  assert.match(found(await examine(folder), "audit", "error").problem, /does not hold at event 1/);
  if (!isPostgres) {
    const file = path.join(folder, "doorward.db");
    const bytes = fs.readFileSync(file);
    bytes.fill(0xa5, 3 * 4096, 30 * 4096);
    fs.writeFileSync(file, bytes);
    const damaged = await examine(folder);
    assert.ok(found(damaged, "integrity", "error") ?? found(damaged, "database", "error"), JSON.stringify(damaged.items));
    fs.writeFileSync(file, "no database");
    assert.match(found(await examine(folder), "database", "error").problem, /not a database/);
  }
  remove(folder);
});

test("a mail server is greeted and sent nothing; one that never answers is told", async () => {
  const folder = installation();
  const heard = [];
  let lines = ["220 test", "250-test", "250 HELP"];
  const mail = net.createServer((socket) => {
    socket.setEncoding("utf8").on("error", () => {}).on("data", (text) => {
      heard.push(text);
      if (text.startsWith("EHLO")) socket.write(lines.slice(1).map((line) => `${line}\r\n`).join(""));
    });
    if (lines.length > 0) socket.write(`${lines[0]}\r\n`);
  });
  const port = await freePort();
  await new Promise((resolve) => mail.listen(port, "127.0.0.1", resolve));
  const env = { DOORWARD_SMTP_URL: `smtp://127.0.0.1:${port}`, DOORWARD_MAIL_FROM: "id@example.com" };

  assert.equal(found(await examine(folder, env), "mail"), undefined);
  await until(() => heard.length >= 2, "all that it said has been read");
  assert.deepEqual(heard.map((text) => text.split(/[ \r]/)[0]), ["EHLO", "QUIT"]);
  fs.writeFileSync(path.join(folder, "ca.pem"), "");
  const strict = await examine(folder, { ...env, DOORWARD_SMTP_CA: "ca.pem" });
  assert.match(found(strict, "mail", "error").problem, /offers no STARTTLS/);
  lines = ["220 test", "250-test", "250-STARTTLS", "250 HELP"];
  assert.equal(found(await examine(folder, { ...env, DOORWARD_SMTP_CA: "ca.pem" }), "mail"), undefined);
  lines = [];
  assert.match(found(await examine(folder, env), "mail", "error").problem, /does not answer as a mail server/);
  await new Promise((resolve) => mail.close(resolve));
  remove(folder);
});

test("a container's health check asks the server where it listens", async () => {
  /** What a program in the same container has. */
  const ask = (server, env) => new Promise((resolve) => {
    const child = spawn(BINARY, ["ready"], {
      cwd: server.folder, stdio: ["ignore", "pipe", "pipe"],
      env: environment({ ...databaseSettings(server.folder), ...CHEAP, ...server.env, DOORWARD_LISTEN: `0.0.0.0:${server.port}`, ...env }),
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
    child.on("close", (code) => resolve({ code, said }));
  });
  const name = { DOORWARD_PUBLIC_URL: "http://id.example.com", DOORWARD_TRUSTED_HOSTS: "id.example.com,127.0.0.1" };
  const server = await start({ ...CHEAP, ...name });
  assert.deepEqual(await ask(server, name), { code: 0, said: "ready\n" });
  const stranger = await ask(server, { ...name, DOORWARD_PUBLIC_URL: "http://other.example.com" });
  assert.equal(stranger.code, 1);
  assert.match(stranger.said, /answers 400/);
  await server.stop({ keep: true });
  const gone = await ask(server, name);
  assert.equal(gone.code, 1);
  assert.match(gone.said, /no answer from 127\.0\.0\.1:\d+/);
  remove(server.folder);

  const secure = await SecureServer.start();
  assert.deepEqual(await ask(secure, {}), { code: 0, said: "ready\n" });
  await secure.stop();
});
