// Every flow, with every secret that it uses or makes written down; then all places where one could have been left: the
// log (at its most talkative), what the program printed, the audit log, the database file byte by byte, mails of other
// kinds, and the answers to requests that were refused.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { storedIn } from "./database.mjs";
import { readMail } from "./mail.mjs";
import { expectStatus, run, somebody, start, until, setCookies } from "./harness.mjs";
import * as OTPAuth from "otpauth";

describe("no secret is left behind", () => {
  let server, admin;
  const secrets = {}; // secret → what it is
  const refusals = []; // answers of 400 and more

  const note = (what, ...values) => values.forEach((value) => {
    assert.ok(typeof value === "string" && value.length >= 6, `${what}: ${value}`);
    secrets[value] = what;
  });

  before(async () => {
    server = await start({ DOORWARD_LOG_LEVEL: "debug" });
    const plainAsk = server.ask.bind(server);
    server.ask = async (...request) => {
      const answer = await plainAsk(...request);
      const isAsking = answer.json?.mfa_token !== undefined; // no refusal: what it gives is for the second step
      if (answer.status >= 400 && !isAsking) refusals.push(`${request[0]} ${request[1].split("?")[0]} ${answer.text}`);
      return answer;
    };
    admin = await server.administrator();
    note("the administrator's first password", admin.password);
    note("a token", admin.access, admin.refresh);
    note("the server's secret", fs.readFileSync(path.join(server.folder, "doorward.secret"), "utf8").trim());
  });
  after(() => server?.stop());

  test("nor would a crash leave them in a core file", () => {
    const limits = fs.readFileSync(`/proc/${server.child.pid}/limits`, "utf8");
    assert.match(limits, /^Max core file size +1 +1 +bytes *$/m);
  });

  const outbox = () => path.join(server.folder, "outbox");
  const mails = () => (fs.existsSync(outbox()) ? fs.readdirSync(outbox()) : []).filter((name) => name.endsWith(".eml"))
    .map((name) => readMail(fs.readFileSync(path.join(outbox(), name), "utf8")));
  const mailTo = (person, subject) => until(
    () => mails().find((mail) => mail.headers.to === `<${person.email}>` && subject.test(mail.headers.subject)),
    `a mail ${subject} to ${person.email}`);

  async function newcomer() {
    const person = await server.newcomer();
    note("a password", person.password);
    note("a token", person.access, person.refresh);
    return person;
  }

  test("passwords: wrong, refused, changed, forgotten, set by an administrator", async () => {
    const person = await newcomer();
    note("what was typed as a name", "mistyped phrase as a name");
    await server.signIn({ username: "mistyped phrase as a name", password: person.password });
    for (const wrong of ["wrong phrase 60497", `${person.password}x`, "nul\0inside the phrase", "x1y2z3".repeat(200)]) {
      const guessed = await newcomer(); // each her own: failures make the next attempt wait
      note("a wrong password", wrong);
      await server.signIn({ ...guessed, password: wrong });
      await server.post("/login", { json: { username: guessed.username, password: wrong } });
      await server.ask("DELETE", "/users/me", { json: { password: wrong }, token: guessed.access });
    }
    for (const refused of ["short7", "password1", "n\0ul inside a phrase", `${person.username} 12345`, "u8v9w0".repeat(400)]) {
      note("a refused password", refused);
      await server.post("/register", { json: { ...somebody(), password: refused } });
      await server.post("/users/me/password", {
        json: { current_password: person.password, new_password: refused }, token: person.access });
    }
    note("a password in a broken body", "phrase in a broken body");
    await server.post("/login", { body: '{"username": "x", "password": "phrase in a broken body"',
      headers: { "content-type": "application/json" } });
    await server.post("/token", { json: { username: person.username, password: person.password } });
    note("a password", "changed phrase 3141", "forgotten phrase 2718", "phrase of the command line 1618");
    expectStatus(await server.post("/users/me/password", {
      json: { current_password: person.password, new_password: "changed phrase 3141" }, token: person.access }), 204);

    note("a made-up token of a mail", "A".repeat(43));
    await server.post("/reset-password", { json: { token: "A".repeat(43), new_password: "forgotten phrase 2718" } });
    await server.post("/verify-email", { json: { token: "A".repeat(43) } });
    expectStatus(await server.post("/forgot-password", { json: { email: person.email } }), 200);
    const verification = await mailTo(person, /verify|confirm|address/i);
    const reset = await until(() => mails().find((mail) => mail.headers.to === `<${person.email}>` && mail.token
      && mail.token !== verification.token), "the mail for the reset");
    note("a token of a mail", verification.token, reset.token);
    expectStatus(await server.post("/reset-password", {
      json: { token: reset.token, new_password: "forgotten phrase 2718" } }), 200);
    await server.post("/reset-password", { json: { token: reset.token, new_password: "forgotten phrase 2718" } });
    expectStatus(await server.post("/verify-email", { json: { token: verification.token } }), 200);
    const set = run(["user", "set-password", person.username], {
      folder: server.folder, input: "phrase of the command line 1618\n" });
    assert.equal(set.code, 0, set.err);
    expectStatus(await server.signIn({ ...person, password: "phrase of the command line 1618" }), 200);
  });

  test("tokens and cookies: rotated, reused, expired, malformed, in the wrong place", async () => {
    const person = await newcomer();
    const pair = expectStatus(await server.refresh(person.refresh), 200).json;
    note("a token", pair.access_token, pair.refresh_token);
    await server.refresh(`${pair.refresh_token}x`);
    await server.get(`/users/me?access_token=${pair.access_token}&api_key=${pair.refresh_token}`);
    await server.get(`/nowhere?token=${pair.access_token}`, { token: pair.access_token });
    await server.get("/users/me", { headers: { authorization: `Basic ${Buffer.from(`x:${person.password}`).toString("base64")}` } });
    await server.get("/users/me", { headers: { authorization: `Bearer ${pair.refresh_token}` } });
    const login = expectStatus(await server.post("/login", { json: person }), 200);
    const cookies = setCookies(login).map((cookie) => cookie.split(";")[0]);
    note("a cookie", ...cookies.map((cookie) => cookie.split("=")[1]));
    note("a CSRF token", login.json.csrf_token);
    await server.post("/logout", { headers: { cookie: cookies.join("; ") } });
    await server.post("/logout", { headers: { cookie: cookies.join("; "), "x-csrf-token": `${login.json.csrf_token}x` } });
    expectStatus(await server.post("/logout", {
      headers: { cookie: cookies.join("; "), "x-csrf-token": login.json.csrf_token } }), 200);
    await server.get("/users/me", { headers: { cookie: cookies.join("; ") } });
    expectStatus(await server.post("/logout/all", { token: pair.access_token }), 200);
    await server.me(pair.access_token);
  });

  test("API keys: made, used, refused, rotated, revoked", async () => {
    const person = await newcomer();
    const made = expectStatus(await server.post("/users/me/api-keys", { json: { name: "x" }, token: person.access }), 201).json;
    note("an API key", made.key);
    const withKey = (key) => server.get("/users/me", { headers: { "x-api-key": key } });
    expectStatus(await withKey(made.key), 200);
    const other = `${made.key.slice(0, -8)}${"0".repeat(8)}`;
    note("a wrong API key", other, made.key.slice(0, -1));
    await withKey(other);
    await withKey(made.key.slice(0, -1));
    await server.get(`/users/me?x-api-key=${made.key}`);
    await server.me(made.key);
    const rotated = expectStatus(
      await server.post(`/users/me/api-keys/${made.id}/rotate?overlap=0`, { token: person.access }), 200).json;
    note("an API key", rotated.key);
    await withKey(made.key);
    await withKey(rotated.key);
    expectStatus(await server.ask("DELETE", `/users/me/api-keys/${made.id}`, { token: person.access }), 204);
    await withKey(rotated.key);
  });

  test("the second factor: set up, wrong and right codes, recovery codes, turned off", async () => {
    const person = await newcomer();
    const setup = expectStatus(await server.post("/2fa/setup", { token: person.access }), 200).json;
    note("a second factor's secret", setup.secret, setup.provisioning_uri);
    const code = OTPAuth.URI.parse(setup.provisioning_uri).generate();
    await server.post("/2fa/enable", { json: { code: code === "000000" ? "111111" : "000000" }, token: person.access });
    const { recovery_codes: codes } =
      expectStatus(await server.post("/2fa/enable", { json: { code }, token: person.access }), 200).json;
    note("a recovery code", ...codes);
    note("a recovery code as some write it", ...codes.map((one) => one.replaceAll("-", "")));
    const { mfa_token: pending } = expectStatus(await server.signIn(person), 403).json;
    note("a pending token", pending);
    const wrong = "WRNG-WRNG-WRNG-WRNG-WRNG-WRNG";
    note("a wrong recovery code", wrong);
    await server.post("/2fa/verify", { json: { recovery_code: wrong }, token: pending });
    const pair = expectStatus(await server.post("/2fa/verify", { json: { recovery_code: codes[0] }, token: pending }), 200).json;
    note("a token", pair.access_token, pair.refresh_token);
    await server.post("/2fa/verify", { json: { recovery_code: codes[0] }, token: pending });
    expectStatus(await server.post("/2fa/disable", {
      json: { password: person.password, code: codes[1] }, token: pair.access_token }), 200);
  });

  test("administration: keys rotated, a user made on the command line, users listed, shown and exported", async () => {
    expectStatus(await server.post("/keys/rotate?now=true", { token: admin.access }), 200);
    const person = somebody({ password: "phrase of a made user 1414" });
    note("a password", person.password);
    const made = run(["user", "create", person.username, "--email", person.email], {
      folder: server.folder, input: `${person.password}\n` });
    assert.equal(made.code, 0, made.err);
    const lists = [
      expectStatus(await server.get("/users?limit=100", { token: admin.access }), 200).text,
      expectStatus(await server.get("/keys", { token: admin.access }), 200).text,
      expectStatus(await server.get("/audit?limit=100", { token: admin.access }), 200).text,
      run(["user", "list", "--json"], { folder: server.folder }).out,
      run(["user", "show", person.username, "--json"], { folder: server.folder }).out,
      run(["key", "list", "--json"], { folder: server.folder }).out,
      run(["settings", "--json"], { folder: server.folder }).out,
      run(["doctor", "--json"], { folder: server.folder }).out,
    ];
    for (const text of lists) {
      assert.doesNotMatch(text, /\$argon2|password_hash|"d" ?:|"sealed"/, text.slice(0, 200));
      for (const [secret, what] of Object.entries(secrets)) assert.ok(!text.includes(secret), `a list holds ${what}`);
    }
  });

  test("none of them is in the log, the output, the audit log, the database, another mail, a refusal", async () => {
    assert.ok(Object.keys(secrets).length > 60, `${Object.keys(secrets).length} secrets`);
    assert.ok(refusals.length > 40, `${refusals.length} refusals`);
    const exported = run(["audit", "export"], { folder: server.folder }).out;
    await server.stop({ keep: true });
    const places = {
      "the log": server.err,
      "the output": server.out.replace(admin.password, ""), // told once, to whoever starts it first
      "the audit log": exported,
      "the refusals": refusals.join("\n"),
      "the database": storedIn(server.folder),
    };
    assert.ok(places["the database"].includes("audit_events"));
    const spellings = (secret) => [...new Set([
      secret, Buffer.from(secret, "utf8").toString("latin1"), JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret),
      Buffer.from(secret).toString("base64").replace(/=+$/, ""), Buffer.from(secret).toString("hex"),
    ])];
    for (const [place, text] of Object.entries(places)) {
      assert.ok(text.length > 0, place);
      for (const [secret, what] of Object.entries(secrets)) {
        for (const spelling of spellings(secret)) assert.ok(!text.includes(spelling), `${place} holds ${what}`);
      }
    }
    for (const place of ["the log", "the output", "the audit log", "the refusals"]) {
      assert.doesNotMatch(places[place], /\$argon2|\$2b\$|-----BEGIN|"d":"/, `${place} holds a hash or a key`);
    }
    const inMails = Object.entries(secrets).filter(([, what]) => what !== "a token of a mail");
    for (const mail of mails()) {
      for (const [secret, what] of inMails) assert.ok(!mail.raw.includes(secret) && !mail.text.includes(secret), `a mail holds ${what}`);
    }
    await server.start();
  });
});
