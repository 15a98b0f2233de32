// Two-factor sign-in (spec E9): the codes are made by npm's otpauth, the picture is read by zbarimg.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { storedIn } from "./database.mjs";
import * as OTPAuth from "otpauth";
import {
  claimsOf, complaints, expectDetail, expectInvalidToken, expectStatus, headerOf, start, temporaryFolder,
} from "./harness.mjs";

const STEP_MS = 30_000;
const DENIED = "Could not validate credentials";

/** An authenticator app: remembers which codes it has shown, as the server does. */
class App {
  constructor(uri) {
    this.totp = OTPAuth.URI.parse(uri);
    this.last = 0;
  }

  /**
   * A code that was not used yet. Two in a row are good, as a clock may be a step ahead; the one of the step before would
   * be good as well, but not any more when the step ends on its way to the server.
   */
  code() {
    const now = Math.floor(Date.now() / STEP_MS);
    this.last = Math.max(this.last + 1, now);
    assert.ok(this.last <= now + 1, "the test used up its codes");
    return this.totp.generate({ timestamp: this.last * STEP_MS });
  }

  wrong() {
    const now = Math.floor(Date.now() / STEP_MS);
    const right = [-2, -1, 0, 1, 2].map((offset) => this.totp.generate({ timestamp: (now + offset) * STEP_MS }));
    return ["000000", "111111", "222222", "333333", "444444", "555555"].find((code) => !right.includes(code));
  }
}

describe("two-factor sign-in", () => {
  let server;
  before(async () => { server = await start({ DOORWARD_RATE_LIMIT_LOGIN: "10000/minute" }); });
  after(() => server?.stop());

  const setUp = async (person) => expectStatus(await server.post("/2fa/setup", { token: person.access }), 200).json;

  /** A person with two-factor sign-in on: one code is used up. */
  async function enrolled() {
    const person = await server.newcomer();
    person.app = new App((await setUp(person)).provisioning_uri);
    const json = { code: person.app.code() };
    person.codes = expectStatus(await server.post("/2fa/enable", { token: person.access, json }), 200)
      .json.recovery_codes;
    return person;
  }

  /** The first step, with the right password. */
  async function pending(person, more = {}) {
    const answer = expectStatus(await server.signIn(person, more), 403);
    assert.equal(answer.json.error, "mfa_required");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(typeof answer.json.error_description, "string");
    assert.equal(typeof answer.json.detail, "string");
    assert.equal(answer.json.access_token, undefined);
    return answer.json.mfa_token;
  }

  const verify = (token, json) => server.post("/2fa/verify", { token, json });

  test("she scans the picture with her phone, turns it on, and signs in with what the phone shows", async () => {
    const person = await server.newcomer();
    const first = await server.post("/2fa/setup", { token: person.access });
    const { secret, provisioning_uri: uri } = expectStatus(first, 200).json;
    assert.equal(first.headers.get("cache-control"), "no-store");

    const picture = await fetch(`${server.url}/2fa/setup`, {
      method: "POST", headers: { authorization: `Bearer ${person.access}`, accept: "image/png" },
    });
    assert.equal(picture.status, 200);
    assert.equal(picture.headers.get("content-type"), "image/png");
    assert.equal(picture.headers.get("cache-control"), "no-store");
    const folder = temporaryFolder();
    const file = path.join(folder, "qr.png");
    fs.writeFileSync(file, Buffer.from(await picture.arrayBuffer()));
    const read = spawnSync("zbarimg", ["--quiet", "--raw", file], { encoding: "utf8" });
    fs.rmSync(folder, { recursive: true });
    assert.equal(read.status, 0, read.stderr);
    assert.equal(read.stdout.trim(), uri);

    const totp = OTPAuth.URI.parse(uri);
    assert.equal(totp.secret.base32, secret);
    assert.equal(totp.secret.bytes.length, 20);
    assert.equal(totp.label, person.email);
    assert.equal((await setUp(person)).secret, secret, "a second set-up gives the same secret");

    const app = new App(uri);
    expectDetail(await server.post("/2fa/enable", { token: person.access, json: { code: app.wrong() } }), 400,
      "Invalid 2FA code");
    expectStatus(await server.signIn(person), 200);
    const enabled = await server.post("/2fa/enable", { token: person.access, json: { code: app.code() } });
    assert.equal(new Set(expectStatus(enabled, 200).json.recovery_codes).size, 10);
    assert.equal(enabled.headers.get("cache-control"), "no-store");
    assert.equal(expectStatus(await server.me(person.access), 200).json.mfa_enabled, true);
    expectStatus(await server.post("/2fa/setup", { token: person.access }), 409);

    const token = await pending(person);
    assert.equal(claimsOf(token).type, "mfa");
    assert.equal(claimsOf(token).exp - claimsOf(token).iat, 300);
    assert.equal(headerOf(token).alg, "HS256");
    const answer = expectStatus(await verify(token, { code: app.code() }), 200);
    assert.equal(answer.json.token_type, "bearer");
    assert.equal(answer.headers.get("cache-control"), "no-store");
    expectStatus(await server.me(answer.json.access_token), 200);
    expectStatus(await server.refresh(answer.json.refresh_token), 200);
  });

  test("a code that was seen over her shoulder is worth nothing, not even after the machine crashed", async () => {
    const person = await enrolled();
    const code = person.app.code();
    const token = await pending(person);

    expectStatus(await verify(token, { code }), 200);
    expectInvalidToken(await verify(token, { recovery_code: person.codes[0] }), DENIED); // the pending token is spent too
    expectDetail(await verify(await pending(person), { code }), 401, "Invalid 2FA code");
    await server.restart();
    expectDetail(await verify(await pending(person), { code }), 401, "Invalid 2FA code");
    expectInvalidToken(await verify(token, { code }), DENIED);
  });

  test("whoever knows the password may guess five times, then has to wait; a new sign-in does not help", async () => {
    const person = await enrolled();

    for (let i = 0; i < 5; i += 1) {
      expectDetail(await verify(await pending(person), { code: person.app.wrong() }), 401, "Invalid 2FA code");
    }
    const right = person.app.code();
    for (const json of [{ code: right }, { code: right }, { recovery_code: person.codes[0] }]) {
      const answer = expectStatus(await verify(await pending(person), json), 429);
      const seconds = Number(answer.headers.get("retry-after"));
      assert.ok(seconds > 0 && seconds <= 300, `Retry-After: ${seconds}`);
    }
    await server.restart();
    expectStatus(await verify(await pending(person), { code: right }), 429);
  });

  test("of twenty who send one code at the same moment, one gets in", async () => {
    const person = await enrolled();
    const code = person.app.code();
    const tokens = await Promise.all(Array.from({ length: 20 }, () => pending(person)));
    const answers = await Promise.all(tokens.map((token) => verify(token, { code })));

    assert.equal(answers.filter((answer) => answer.status === 200).length, 1);
  });

  test("without her phone, a recovery code lets her in once", async () => {
    const person = await enrolled();
    const [first, second] = person.codes;

    const answer = expectStatus(await verify(await pending(person), { recovery_code: first.toLowerCase() }), 200);
    expectStatus(await server.me(answer.json.access_token), 200);
    expectDetail(await verify(await pending(person), { recovery_code: first }), 401, "Invalid 2FA code");
    expectStatus(await verify(await pending(person), { recovery_code: second.replaceAll("-", " ") }), 200);

    const wrong = { password: "not her password", code: person.app.code() };
    expectDetail(await server.post("/2fa/recovery-codes", { token: person.access, json: wrong }), 400,
      "Incorrect password");
    const json = { password: person.password, code: wrong.code }; // a wrong password uses no code up
    const fresh = expectStatus(await server.post("/2fa/recovery-codes", { token: person.access, json }), 200)
      .json.recovery_codes;
    assert.equal(fresh.filter((code) => person.codes.includes(code)).length, 0);
    expectDetail(await verify(await pending(person), { recovery_code: person.codes[5] }), 401, "Invalid 2FA code");
    expectStatus(await verify(await pending(person), { recovery_code: fresh[0] }), 200);
  });

  test("to turn it off she needs her password and a code", async () => {
    const person = await enrolled();
    const disable = (json) => server.post("/2fa/disable", { token: person.access, json });

    expectDetail(await disable({ password: "not her password", code: person.app.wrong() }), 400, "Incorrect password");
    expectDetail(await disable({ password: person.password, code: person.app.wrong() }), 400, "Invalid 2FA code");
    assert.deepEqual(complaints(await disable({ password: person.password })), ["body.code"]);
    expectStatus(await server.signIn(person), 403);
    expectStatus(await disable({ password: person.password, code: person.app.code() }), 200);
    expectStatus(await server.signIn(person), 200);
    assert.equal(expectStatus(await server.me(person.access), 200).json.mfa_enabled, false);
    expectStatus(await disable({ password: person.password, code: "123456" }), 409);
    const next = new App((await setUp(person)).provisioning_uri);
    assert.notEqual(next.totp.secret.base32, person.app.totp.secret.base32);
  });

  test("the pending token opens one door, and no other token opens that one", async () => {
    const person = await enrolled();
    const token = await pending(person);

    expectInvalidToken(await server.me(token), DENIED);
    expectInvalidToken(await server.post("/2fa/disable", { token, json: { password: person.password, code: "1" } }),
      DENIED);
    expectInvalidToken(await server.post("/logout/all", { token }), DENIED);
    expectDetail(await server.refresh(token), 401, "Invalid refresh token");
    for (const other of [person.access, person.refresh, "x.y.z", `${token}x`]) {
      expectInvalidToken(await verify(other, { code: person.app.wrong() }), DENIED);
    }
    expectDetail(await server.post("/2fa/verify", { json: { code: "123456" } }), 401, "Not authenticated");
    assert.deepEqual(complaints(await verify(token, {})), ["body.code"]);
    assert.deepEqual(complaints(await verify(token, { code: "123456", recovery_code: "x" })), ["body.code"]);
    expectStatus(await verify(token, { code: person.app.code() }), 200);
  });

  test("a client's scope comes through the second step", async () => {
    const admin = await server.administrator();
    const app = new App((await setUp(admin)).provisioning_uri);
    expectStatus(await server.post("/2fa/enable", { token: admin.access, json: { code: app.code() } }), 200);
    const token = await pending(admin, { scope: "read:users delete:moon", client_id: "desk" });
    const answer = expectStatus(await verify(token, { code: app.code() }), 200);

    assert.equal(answer.json.scope, "read:users");
    assert.equal(claimsOf(answer.json.access_token).client_id, "desk");
    expectStatus(await server.get("/users", { token: answer.json.access_token }), 200);
  });

  test("a new password leaves it on, and a disabled user's pending token is dead", async () => {
    const person = await enrolled();
    const json = { current_password: person.password, new_password: "another phrase of hers 77" };
    expectStatus(await server.post("/users/me/password", { token: person.access, json }), 204);
    person.password = json.new_password;
    const token = await pending(person);
    expectStatus(await server.post("/logout/all", { token: person.access }), 200);
    expectInvalidToken(await verify(token, { code: person.app.code() }), DENIED);
    expectStatus(await verify(await pending(person), { recovery_code: person.codes[0] }), 200);
  });

  test("a right password is still needed first, and a wrong one tells nothing of the second factor", async () => {
    const person = await enrolled();

    expectDetail(await server.signIn({ ...person, password: "wrong" }), 400, "Incorrect username or password");
    expectStatus(await server.post("/2fa/setup"), 401);
    expectStatus(await server.post("/2fa/enable", { json: { code: "123456" } }), 401);
  });

  test("the browser's sign-in waits for the second step too, and ends in cookies", async () => {
    const person = await enrolled();
    const json = { username: person.username, password: person.password };
    const first = expectStatus(await server.post("/login", { json }), 403);

    assert.equal(first.json.error, "mfa_required");
    assert.equal(first.headers.get("set-cookie"), null);
    const answer = expectStatus(await verify(first.json.mfa_token, { code: person.app.code() }), 200);
    assert.match(answer.headers.get("set-cookie") ?? "", /\bsession=/);
    assert.equal(answer.json.user.username, person.username);
    assert.equal(typeof answer.json.csrf_token, "string");
    assert.equal(answer.json.access_token, undefined);
  });

  test("the documentation shows the pending token as a scheme of its own", async () => {
    const { json: api } = expectStatus(await server.get("/openapi.json"), 200);

    assert.deepEqual(
      { type: api.components.securitySchemes.MfaToken.type, scheme: api.components.securitySchemes.MfaToken.scheme },
      { type: "http", scheme: "bearer" });
    assert.deepEqual(api.paths["/2fa/verify"].post.security, [{ MfaToken: [] }]);
  });

  test("neither the log nor the database tells a secret", async () => {
    const person = await enrolled();
    const token = await pending(person);
    const code = person.app.code();
    expectStatus(await verify(token, { code }), 200);
    const kept = storedIn(server.folder);

    assert.ok(kept.includes(person.username));
    for (const secret of [token, person.app.totp.secret.base32, ...person.codes]) {
      assert.ok(!server.err.includes(secret) && !kept.includes(secret), "a secret lies in the open");
    }
  });
});
