// A forgotten password and a verified address (spec E10), with a real mail server on this machine.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { dumpOf } from "./database.mjs";
import * as OTPAuth from "otpauth";
import {
  complaints, expectDetail, expectInvalidToken, expectStatus, freePort, run, somebody, start, temporaryFolder, until, cookieHeader,
} from "./harness.mjs";
import { MailServer, readMail } from "./mail.mjs";

const ASKED = "If that email exists, a reset link has been sent.";
const BAD_TOKEN = "Invalid or expired token";
const NEW = "a phrase that nobody had before";

const forget = (server, email, more = {}) => server.post("/forgot-password", { json: { email, ...more } });
const reset = (server, token, password = NEW) =>
  server.post("/reset-password", { json: { token, new_password: password } });
const verify = (server, token) => server.post("/verify-email", { json: { token } });

/** The mails about `what` ("reset", "verify") that came to an address. */
const about = (mails, what) => mails.filter((mail) => mail.link?.includes(`/${what}`));

async function resetMail(server, post, person, count = 2) {
  expectStatus(await forget(server, person.email), 200);
  return about(await post.to(person.email, count), "reset-password").at(-1);
}

describe("recovery", () => {
  let server, post;
  before(async () => {
    post = await new MailServer().up();
    server = await start({ DOORWARD_SMTP_URL: post.url, DOORWARD_MAIL_FROM: "accounts@id.example.com" });
  });
  after(async () => {
    await post?.down();
    await server?.stop();
  });

  test("who forgot her password gets a mail, sets a new one, and every sign-in of before has ended", async () => {
    const person = await server.newcomer();
    const other = expectStatus(await server.signIn(person), 200).json;
    const mail = await resetMail(server, post, person);

    assert.equal(mail.from, "accounts@id.example.com");
    assert.equal(mail.headers.from, "<accounts@id.example.com>");
    assert.equal(mail.headers.to, `<${person.email}>`);
    assert.equal(mail.headers.subject, "Reset your password");
    assert.equal(mail.headers["auto-submitted"], "auto-generated");
    assert.match(mail.headers.date, /^\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/);
    assert.ok(Math.abs(Date.parse(mail.headers.date) - Date.now()) < 60_000);
    assert.equal(mail.link, `${server.publicUrl}/reset-password#token=${mail.token}`);
    assert.match(mail.token, /^[\w-]{43}$/);
    assert.ok(mail.text.includes(`\n${mail.token}\n`) && mail.html.includes(`<a href="${mail.link}">`));

    const done = expectStatus(await reset(server, mail.token), 200);
    assert.deepEqual(done.json, { msg: "Password reset successful." });
    for (const access of [person.access, other.access_token]) expectInvalidToken(await server.me(access));
    for (const refresh of [person.refresh, other.refresh_token]) {
      expectDetail(await server.refresh(refresh), 401, "Invalid refresh token");
    }
    expectStatus(await server.signIn(person), 400);
    expectStatus(await server.signIn({ ...person, password: NEW }), 200);
  });

  test("a token works once, also after a crash", async () => {
    const person = await server.newcomer();
    const { token } = await resetMail(server, post, person);

    expectStatus(await reset(server, token), 200);
    expectDetail(await reset(server, token, "yet another phrase of hers"), 400, BAD_TOKEN);
    await server.restart();
    expectDetail(await reset(server, token, "yet another phrase of hers"), 400, BAD_TOKEN);
    expectStatus(await server.signIn({ ...person, password: NEW }), 200);
  });

  test("of many who use one token at the same moment, one wins", async () => {
    const person = await server.newcomer();
    const { token } = await resetMail(server, post, person);
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((i) => reset(server, token, `a phrase of the ${i}th one`)));
    const won = answers.map((answer) => answer.status).indexOf(200);

    assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 400, 400, 400, 400, 400]);
    expectStatus(await server.signIn({ ...person, password: `a phrase of the ${won + 1}th one` }), 200);
  });

  test("a reset is no way around the second factor, and ends cookie sessions too", async () => {
    const person = await server.newcomer();
    const login = { username: person.username, password: person.password };
    const signedIn = expectStatus(await server.post("/login", { json: login }), 200);
    const cookie = cookieHeader(signedIn);
    const { provisioning_uri: uri } = expectStatus(await server.post("/2fa/setup", { token: person.access }), 200).json;
    const json = { code: OTPAuth.URI.parse(uri).generate() };
    expectStatus(await server.post("/2fa/enable", { token: person.access, json }), 200);
    const { token } = await resetMail(server, post, person);

    expectStatus(await reset(server, token), 200);
    expectStatus(await server.get("/users/me", { headers: { cookie } }), 401);
    const answer = expectStatus(await server.signIn({ ...person, password: NEW }), 403);
    assert.equal(answer.json.error, "mfa_required");
    expectInvalidToken(await server.me(answer.json.mfa_token));
  });

  test("a newer mail ends the token of the one before", async () => {
    const person = await server.newcomer();
    const first = await resetMail(server, post, person);
    const second = await resetMail(server, post, person, 3);

    expectDetail(await reset(server, first.token), 400, BAD_TOKEN);
    expectStatus(await reset(server, second.token), 200);
  });

  test("a weak password is refused, and the token is still good", async () => {
    const person = await server.newcomer();
    const { token } = await resetMail(server, post, person);

    for (const weak of ["short", "password123", `my name is ${person.username}`]) {
      assert.deepEqual(complaints(await reset(server, token, weak)), ["body.new_password"], weak);
    }
    expectStatus(await reset(server, token), 200);
  });

  test("what is no token is refused in the same words, and what is no address is told", async () => {
    for (const token of ["", "x", "A".repeat(43), "ü".repeat(43), `${"A".repeat(42)}=`, "A".repeat(5000)]) {
      expectDetail(await reset(server, token), 400, BAD_TOKEN);
      expectDetail(await verify(server, token), 400, BAD_TOKEN);
    }
    assert.deepEqual(complaints(await forget(server, "no address")), ["body.email"]);
    assert.deepEqual(complaints(await forget(server, "a@example.com\r\nBcc: b@example.com")), ["body.email"]);
    assert.deepEqual(complaints(await server.post("/reset-password", { json: {} })), ["body.new_password", "body.token"]);
  });

  test("the answer tells nothing: unknown, known, disabled, another tenant", async () => {
    const person = await server.newcomer();
    const gone = await server.newcomer();
    const admin = await server.administrator();
    const before = post.mails.length;
    expectStatus(await server.ask("PATCH", `/users/${gone.id}`, { token: admin.access, json: { is_active: false } }), 200);

    const answers = [
      await forget(server, "nobody-at-all@example.com"), await forget(server, gone.email),
      await forget(server, person.email, { tenant: "no-such-tenant" }), await forget(server, person.email),
    ];
    for (const answer of answers) {
      assert.deepEqual(expectStatus(answer, 200).json, { msg: ASKED });
      const names = [...answer.headers.keys()].sort();
      assert.deepEqual(names, [...answers[0].headers.keys()].sort());
    }
    await post.to(person.email, 2);
    assert.deepEqual(about(post.mails.slice(before), "reset").map((mail) => mail.to), [[person.email]]);
  });

  test("a mailbox is not flooded: three mails an hour, and nobody is told", async () => {
    const person = await server.newcomer();
    const witness = await server.newcomer();

    for (let i = 1; i <= 3; i += 1) await resetMail(server, post, person, 1 + i);
    assert.deepEqual(expectStatus(await forget(server, person.email), 200).json, { msg: ASKED });
    await resetMail(server, post, witness); // asked after her, so hers would have come
    assert.equal(about(await post.to(person.email, 4), "reset").length, 3);
  });

  test("an address is verified by the mail that came there, once, and a new address anew", async () => {
    const person = await server.newcomer();
    const [mail] = await post.to(person.email);
    const next = `new.${person.email}`;

    assert.equal(mail.headers.subject, "Confirm your e-mail address");
    assert.equal(mail.link, `${server.publicUrl}/verify-email#token=${mail.token}`);
    assert.deepEqual(expectStatus(await verify(server, mail.token), 200).json, { msg: "Email verified." });
    assert.equal((await server.me(person.access)).json.email_verified, true);
    expectDetail(await verify(server, mail.token), 400, BAD_TOKEN);

    const changed = await server.ask("PATCH", "/users/me", { token: person.access, json: { email: next } });
    assert.equal(expectStatus(changed, 200).json.email_verified, false);
    const [second] = await post.to(next);
    expectDetail(await reset(server, second.token), 400, BAD_TOKEN); // the other purpose
    expectStatus(await verify(server, second.token), 200);
    assert.equal((await server.me(person.access)).json.email_verified, true);
  });

  test("a link in the old mailbox is dead when the address has changed", async () => {
    const person = await server.newcomer();
    const { token } = await resetMail(server, post, person);

    expectStatus(await server.ask("PATCH", "/users/me", { token: person.access, json: { email: `x${person.email}` } }),
                 200);
    expectDetail(await reset(server, token), 400, BAD_TOKEN);
  });

  test("another verification mail may be asked for, twice an hour after the first", async () => {
    const person = await server.newcomer();
    const resend = () => server.post("/verify-email/resend", { token: person.access });

    expectStatus(await server.post("/verify-email/resend"), 401);
    const [first] = await post.to(person.email);
    for (let i = 2; i <= 3; i += 1) {
      expectStatus(await resend(), 200);
      await post.to(person.email, i);
    }
    const refused = expectStatus(await resend(), 429);
    const wait = Number(refused.headers.get("retry-after"));
    assert.ok(wait > 3500 && wait <= 3600, `Retry-After: ${wait}`);
    expectDetail(await verify(server, first.token), 400, BAD_TOKEN);
    expectStatus(await verify(server, (await post.to(person.email, 3)).at(-1).token), 200);
    assert.deepEqual(expectStatus(await resend(), 200).json, { msg: "The email is verified already." });
  });

  test("no secret that was used stands in the log, the audit trail, the outbox table or any file", async () => {
    const secrets = post.mails.map((mail) => mail.token);
    const person = await server.newcomer();
    const { token } = await resetMail(server, post, person);
    expectStatus(await reset(server, token, "a phrase to look for everywhere"), 200);
    const verification = about(await post.to(person.email, 2), "verify")[0].token;
    expectStatus(await verify(server, verification), 200);
    secrets.push(token, verification, "a phrase to look for everywhere", person.password);

    await server.stop({ keep: true });
    const dump = dumpOf(server.folder);
    assert.match(dump, /^outbox .*"sent"/m);
    assert.match(dump, /recovery\.password_reset/);
    assert.match(dump, /recovery\.email_verified/);
    const files = fs.readdirSync(server.folder).map((name) => path.join(server.folder, name))
      .filter((name) => fs.statSync(name).isFile());
    const places = { log: server.err, output: server.out, dump,
                     ...Object.fromEntries(files.map((name) => [name, fs.readFileSync(name, "latin1")])) };
    for (const [place, text] of Object.entries(places)) {
      for (const secret of secrets) assert.ok(!text.includes(secret), `${place} holds a secret`);
    }
    await server.start();
  });
});

describe("a mail server in trouble", () => {
  test("nothing is lost while it is down, nor when the program is killed meanwhile", async (t) => {
    const port = await freePort();
    const post = new MailServer();
    t.after(() => post.down());
    const server = await start({ DOORWARD_SMTP_URL: `smtp://127.0.0.1:${port}` });
    const person = await server.newcomer();

    expectStatus(await forget(server, person.email), 200);
    await until(() => /"event":"smtp_failed"/.test(server.err), "a mail could not be sent");
    await server.restart();
    await post.up(port);
    // A mail that was in hand at the kill is taken up again two minutes later at the latest.
    const mails = await post.to(person.email, 2, 180_000);
    expectStatus(await reset(server, about(mails, "reset")[0].token), 200);
    expectStatus(await verify(server, about(mails, "verify")[0].token), 200);
    await server.stop();
  });

  test("a minute without it delays the mails and nothing else", async (t) => {
    const post = await new MailServer().up();
    t.after(() => post.down());
    const { port } = post;
    const server = await start({ DOORWARD_SMTP_URL: post.url });
    const people = [await server.newcomer(), await server.newcomer(), await server.newcomer()];

    for (const person of people) await post.to(person.email);
    await post.down();
    const asked = Date.now();
    for (const person of people) assert.deepEqual(expectStatus(await forget(server, person.email), 200).json, { msg: ASKED });
    await pause(60_000); // the story is about this minute
    assert.equal(about(post.mails, "reset").length, 0);
    for (const person of people) expectStatus(await server.signIn(person), 200);

    await post.up(port);
    for (const person of people) {
      const mail = about(await post.to(person.email, 2, 60_000), "reset")[0];
      expectStatus(await reset(server, mail.token), 200);
    }
    assert.ok(Date.now() - asked >= 60_000);
    await server.stop();
  });

  test("one that does not know some recipients still gets everybody else's mails", async (t) => {
    const onRcptTo = ({ address }, session, done) => done(
      address.startsWith("unknown") ? Object.assign(new Error("No such user"), { responseCode: 550 }) : undefined);
    const post = await new MailServer({ onRcptTo }).up();
    t.after(() => post.down());
    const server = await start({ DOORWARD_SMTP_URL: post.url });

    for (let n = 0; n < 4; n += 1) {
      const json = { ...somebody(), email: `unknown${n}@example.com` };
      expectStatus(await server.post("/register", { json }), 201);
    }
    const person = await server.newcomer();
    await post.to(person.email);
    const refused = () => [...server.err.matchAll(/"event":"smtp_failed"[^}]*"answer":(\d+)/g)].map(([, answer]) => answer);
    await until(() => refused().length >= 4, "the log tells of the others");
    assert.ok(refused().every((answer) => answer === "550"), server.err);
    assert.doesNotMatch(server.err, /"event":"mailer_failed"/); // nothing stopped for them
    await server.stop();
  });

  test("one that hangs does not keep the program from ending", async () => {
    const post = await new MailServer({ onConnect: () => {} }).up(); // never greets
    const server = await start({ DOORWARD_SMTP_URL: post.url });
    let connected = false;
    post.server.server.on("connection", () => { connected = true; });

    await server.newcomer();
    await until(() => connected, "the program turns to the mail server");
    const asked = Date.now();
    await server.stop();
    assert.ok(Date.now() - asked < 10_000);
    post.server.connections.forEach((connection) => connection._socket?.destroy());
    await post.down();
  });
});

describe("ways to send", () => {
  const folder = temporaryFolder();
  const files = { key: path.join(folder, "key.pem"), cert: path.join(folder, "cert.pem") };
  const login = { onAuth: ({ username, password }, session, done) =>
    done(null, username === "mailer" && password === "p@ss/word" ? { user: username } : {}) };
  const credentials = "mailer:p%40ss%2Fword";

  before(() => {
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                             "-keyout", files.key, "-out", files.cert, "-subj", "/CN=localhost",
                             "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], { stdio: "ignore" });
  });
  after(() => fs.rmSync(folder, { recursive: true, force: true }));

  const tls = () => ({ key: fs.readFileSync(files.key), cert: fs.readFileSync(files.cert) });

  async function firstMail(options, urlOf, env = {}) {
    const post = await new MailServer(options).up();
    const server = await start({ DOORWARD_SMTP_URL: urlOf(post.port), ...env });
    const person = await server.newcomer();
    const failed = () => /"event":"smtp_failed"/.test(server.err);

    await until(() => post.mails.length > 0 || failed(), "a mail was sent or refused");
    const result = { mail: post.mails[0], person, err: server.err };
    await server.stop();
    await post.down();
    return result;
  }

  test("TLS from the first byte, with name and password", async () => {
    const { mail, err } = await firstMail({ ...tls(), ...login, secure: true, authOptional: false },
      (port) => `smtps://${credentials}@127.0.0.1:${port}`, { DOORWARD_SMTP_CA: files.cert });

    assert.ok(mail, err);
    assert.equal(mail.secure, true);
    assert.equal(mail.user, "mailer");
  });

  test("STARTTLS, with name and password", async () => {
    const { mail, err } = await firstMail({ ...tls(), ...login, authOptional: false },
      (port) => `smtp://${credentials}@127.0.0.1:${port}`, { DOORWARD_SMTP_CA: files.cert });

    assert.ok(mail, err);
    assert.equal(mail.secure, true);
    assert.equal(mail.user, "mailer");
  });

  test("what is no good is not spoken to: a certificate of somebody else, no STARTTLS, a wrong password", async () => {
    const cases = [
      [{ ...tls(), secure: true }, (port) => `smtps://127.0.0.1:${port}`, {}],
      [{ hideSTARTTLS: true }, (port) => `smtp://127.0.0.1:${port}`, { DOORWARD_SMTP_CA: files.cert }],
      [{ ...login, authOptional: false, allowInsecureAuth: true }, (port) => `smtp://mailer:wrong@127.0.0.1:${port}`, {}],
    ];
    for (const [options, urlOf, env] of cases) {
      const { mail, err } = await firstMail(options, urlOf, env);
      assert.equal(mail, undefined);
      assert.match(err, /"event":"smtp_failed"/);
      assert.doesNotMatch(err, /mailer:wrong|wrong@/);
    }
  });

  test("without a mail server the mails are files that nobody else can read", async () => {
    const server = await start();
    const person = await server.newcomer();
    const outbox = path.join(server.folder, "outbox");
    const mails = () => (fs.existsSync(outbox) ? fs.readdirSync(outbox).filter((name) => name.endsWith(".eml")) : []);

    expectStatus(await forget(server, person.email), 200);
    await until(() => mails().length === 2, "two mails lie in outbox/");
    assert.equal(fs.statSync(outbox).mode & 0o777, 0o700);
    const read = mails().map((name) => {
      assert.equal(fs.statSync(path.join(outbox, name)).mode & 0o777, 0o600);
      return readMail(fs.readFileSync(path.join(outbox, name), "utf8"));
    });
    assert.deepEqual(fs.readdirSync(outbox).length, 2);
    expectStatus(await reset(server, about(read, "reset")[0].token), 200);
    expectStatus(await verify(server, about(read, "verify")[0].token), 200);
    await server.stop();
  });

  test("one's own words, escaped where they must be; wrong ones stop the start", async () => {
    const words = temporaryFolder();
    fs.writeFileSync(path.join(words, "verify.txt"), "Subject: Grüße an {{username}}\n\nHallo {{username}}, {{link}}\n\n{{link}}\n");
    const post = await new MailServer().up();
    const env = { DOORWARD_SMTP_URL: post.url, DOORWARD_MAIL_TEMPLATES: words };
    const server = await start(env);
    const person = await server.newcomer();
    const [mail] = await post.to(person.email);

    const subject = [...mail.headers.subject.matchAll(/=\?utf-8\?B\?([^?]*)\?=/g)]
      .map((word) => Buffer.from(word[1], "base64").toString("utf8")).join("");
    assert.equal(subject, `Grüße an ${person.username}`);
    assert.ok(mail.text.startsWith(`Hallo ${person.username}`));
    assert.match(mail.html, /Confirm that it is yours/); // the built-in half
    await server.stop();
    await post.down();

    fs.writeFileSync(path.join(words, "verify.html"), "<p>{{password}}</p>");
    const there = temporaryFolder();
    const refused = run(["serve"], { folder: there, env: { ...env, DOORWARD_LISTEN: "127.0.0.1:0" } });
    assert.equal(refused.code, 1);
    assert.match(refused.err, /DOORWARD_MAIL_TEMPLATES: verify\.html: a placeholder is unknown/);
    for (const folder of [words, there]) fs.rmSync(folder, { recursive: true, force: true });
  });

  test("a wrong setting stops the start, and never shows a password", () => {
    const there = temporaryFolder();
    const cases = [
      [{ DOORWARD_SMTP_URL: "http://mailer:topsecret@127.0.0.1" }, /DOORWARD_SMTP_URL/],
      [{ DOORWARD_SMTP_URL: "smtp://" }, /DOORWARD_SMTP_URL/],
      [{ DOORWARD_MAIL_FROM: "Doorward" }, /DOORWARD_MAIL_FROM/],
      [{ DOORWARD_RESET_TTL: "1s" }, /DOORWARD_RESET_TTL/],
    ];
    for (const [env, told] of cases) {
      const refused = run(["serve"], { folder: there, env });
      assert.equal(refused.code, 1);
      assert.match(refused.err, told);
      assert.doesNotMatch(refused.err, /topsecret/);
    }
    const shown = run(["settings"], { folder: there, env: { DOORWARD_SMTP_URL: "smtp://mailer:topsecret@mail.example.com" } });
    assert.equal(shown.code, 0);
    assert.match(shown.out, /DOORWARD_SMTP_URL = \(set\)/);
    assert.doesNotMatch(shown.out, /topsecret/);
    fs.rmSync(there, { recursive: true, force: true });
  });
});
