// What an owner is told by mail about her account and who tries to get into it, where, and what an administrator can do for whoever lost her phone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as OTPAuth from "otpauth";
import { expectDetail, expectInvalidToken, expectStatus, run, start, until } from "./harness.mjs";
import { MailServer } from "./mail.mjs";

const STEP_MS = 30_000;
const MARGIN_MS = 10_000;
const NEW = "a phrase that nobody had before";

describe("the owner is told", () => {
  let server, post;
  before(async () => {
    post = await new MailServer().up();
    server = await start({ DOORWARD_SMTP_URL: post.url });
  });
  after(async () => {
    await post?.down();
    await server?.stop();
  });

  const forget = (email) => server.post("/forgot-password", { json: { email } });
  const reset = (token) => server.post("/reset-password", { json: { token, new_password: NEW } });
  const verify = (token) => server.post("/verify-email", { json: { token } });
  const move = (person, email) => server.ask("PATCH", "/users/me", { token: person.access, json: { email } });

  /** A person whose address is verified. */
  async function settled() {
    const person = await server.newcomer();
    const [mail] = await post.to(person.email);
    expectStatus(await verify(mail.token), 200);
    return person;
  }

  /** A person with a second factor; `code(i)` gives codes that were not used yet. */
  async function enrolled() {
    const person = await server.newcomer();
    const { provisioning_uri: uri } = expectStatus(await server.post("/2fa/setup", { token: person.access }), 200).json;
    const totp = OTPAuth.URI.parse(uri);
    // Three in a row are good: the first one, of the step before, must not end with its step on its way to the server.
    await until(() => Date.now() % STEP_MS < STEP_MS - MARGIN_MS, "the step is a fresh one");
    const start = Math.floor(Date.now() / STEP_MS) - 1;
    const code = (i) => totp.generate({ timestamp: (start + i) * STEP_MS });
    const json = { code: code(0) };
    const { recovery_codes: codes } = expectStatus(
      await server.post("/2fa/enable", { token: person.access, json }), 200).json;
    return { ...person, code, codes };
  }

  function expectNotice(mail, person, subject) {
    assert.equal(mail.headers.subject, subject);
    assert.ok(mail.text.includes(`Hello ${person.username},`) && mail.html.includes(person.username));
    assert.match(mail.text, /at \d{4}-\d\d-\d\d \d\d:\d\d UTC, from (127\.0\.0\.1|the server's own machine)/);
    for (const secret of [person.password, person.access, person.refresh, ...(person.codes ?? [])]) {
      assert.ok(!mail.raw.includes(secret), "a secret stands in a mail");
    }
  }

  test("her address was changed: the old mailbox hears of it, and can take it back", async () => {
    const person = await settled();
    const next = `new-${person.email}`;
    const user = expectStatus(await move(person, next), 200).json;
    assert.deepEqual([user.email, user.email_verified], [next, false]);
    const [notice] = await post.notices(person.email);
    expectNotice(notice, person, "Your e-mail address was changed");
    assert.ok(!notice.text.includes(next), "the new address is nobody's business there");

    expectStatus(await forget(next), 200); // whichever of the two is given
    const mails = await post.to(person.email, 2);
    expectStatus(await reset(mails[1].token), 200);
    const back = expectStatus(await server.signIn({ ...person, password: NEW }), 200).json.access_token;
    const now = (await server.me(back)).json;
    assert.deepEqual([now.email, now.email_verified], [person.email, true]);
    const [verification] = await post.to(next);
    expectDetail(await verify(verification.token), 400, "Invalid or expired token");
  });

  test("the old address is nobody else's until the new one is verified", async () => {
    const person = await settled();
    const taken = { username: `${person.username}-2`, email: person.email, password: NEW };
    expectStatus(await move(person, `new-${person.email}`), 200);
    expectDetail(await server.post("/register", { json: taken }), 400, "Username or email already registered");
    const [verification] = await post.to(`new-${person.email}`);
    expectStatus(await verify(verification.token), 200);
    expectStatus(await server.post("/register", { json: taken }), 201);
  });

  test("her password was changed, or reset; an API key was made", async () => {
    const person = await server.newcomer();
    const json = { current_password: person.password, new_password: NEW };
    expectStatus(await server.post("/users/me/password", { token: person.access, json }), 204);
    expectNotice((await post.notices(person.email))[0], person, "Your password was changed");

    const made = await server.post("/users/me/api-keys", { token: person.access, json: { name: "<i>night</i> & day" } });
    const { key } = expectStatus(made, 201).json;
    const mail = (await post.notices(person.email, 2))[1];
    expectNotice(mail, person, "An API key was made");
    assert.ok(mail.text.includes("Its name is: <i>night</i> & day"));
    assert.ok(mail.html.includes("&lt;i&gt;night&lt;/i&gt; &amp; day"));
    assert.ok(!mail.raw.includes(key) && !mail.raw.includes(key.split("_")[2]));

    expectStatus(await forget(person.email), 200);
    const mails = await post.to(person.email, 2);
    expectStatus(await reset(mails[1].token), 200);
    expectNotice((await post.notices(person.email, 3))[2], person, "Your password was changed");
  });

  test("two-factor sign-in was turned on and off, recovery codes were used and renewed", async () => {
    const person = await enrolled();
    expectNotice((await post.notices(person.email))[0], person, "Two-factor sign-in is on");

    const { mfa_token: token } = expectStatus(await server.signIn(person), 403).json;
    expectStatus(await server.post("/2fa/verify", { token, json: { recovery_code: person.codes[0] } }), 200);
    expectNotice((await post.notices(person.email, 2))[1], person, "A recovery code was used");

    const renew = { password: person.password, code: person.code(1) };
    expectStatus(await server.post("/2fa/recovery-codes", { token: person.access, json: renew }), 200);
    expectNotice((await post.notices(person.email, 3))[2], person, "New recovery codes were made");

    const off = { password: person.password, code: person.code(2) };
    expectStatus(await server.post("/2fa/disable", { token: person.access, json: off }), 200);
    expectNotice((await post.notices(person.email, 4))[3], person, "Two-factor sign-in is off");
  });

  test("a sign-in from a new device, wrong passwords, and right ones with wrong codes are told", async () => {
    const person = await enrolled();
    const elsewhere = { "user-agent": "Another Browser" };
    const form = { grant_type: "password", username: person.username, password: person.password };
    const { mfa_token: pending } = expectStatus(await server.post("/token", { form, headers: elsewhere }), 403).json;
    for (let i = 0; i < 5; i++) {
      expectStatus(await server.post("/2fa/verify", { token: pending, json: { recovery_code: `no code ${i}` } }), 401);
    }
    expectNotice((await post.notices(person.email, 2))[1], person, "Your password was right, the codes were not");

    const other = await server.newcomer();
    const again = { grant_type: "password", username: other.username, password: other.password };
    expectStatus(await server.post("/token", { form: again, headers: elsewhere }), 200);
    expectNotice((await post.notices(other.email))[0], other, "A sign-in from a new device");

    const third = await server.newcomer();
    for (let i = 0; i < 5; i++) expectStatus(await server.signIn({ ...third, password: "wrong" }), 400);
    expectNotice((await post.notices(third.email))[0], third, "Wrong passwords for your account");
  });

  test("somebody else has a copy of her refresh token: the sign-in has ended, and she is told", async () => {
    const person = await server.newcomer();
    const second = expectStatus(await server.refresh(person.refresh), 200).json.refresh_token;
    expectStatus(await server.refresh(second), 200);
    expectDetail(await server.refresh(person.refresh), 401, "Refresh token reuse detected");
    expectNotice((await post.notices(person.email))[0], person, "A sign-in of yours was ended");
  });

  test("who lost her phone asks an administrator: it is off, every sign-in has ended, and she is told", async () => {
    const person = await enrolled();
    const admin = await server.administrator();
    const { mfa_token: pending } = expectStatus(await server.signIn(person), 403).json;
    const target = `/users/${person.id}/2fa`;

    expectStatus(await server.ask("DELETE", target, { token: person.access }), 403);
    expectStatus(await server.ask("DELETE", target, { token: admin.access }), 204);
    expectInvalidToken(await server.me(person.access));
    expectDetail(await server.refresh(person.refresh), 401, "Invalid refresh token");
    expectStatus(await server.post("/2fa/verify", { token: pending, json: { code: person.code(1) } }), 401);
    expectNotice((await post.notices(person.email, 2))[1], person, "Two-factor sign-in is off");
    assert.match((await post.notices(person.email, 2))[1].text, /An administrator did it\./);
    const access = expectStatus(await server.signIn(person), 200).json.access_token;
    assert.equal((await server.me(access)).json.mfa_enabled, false);
    const { out } = run(["audit", "export"], { folder: server.folder });
    const event = out.trim().split("\n").map((line) => JSON.parse(line)).find((e) => e.action === "mfa.reset");
    assert.deepEqual([event.target, event.result], [person.id, "ok"]);

    expectStatus(await server.ask("DELETE", target, { token: admin.access }), 409);
    expectStatus(await server.ask("DELETE", `/users/${admin.username}/2fa`, { token: admin.access }), 404);
    const { id } = (await server.me(admin.access)).json;
    expectDetail(await server.ask("DELETE", `/users/${id}/2fa`, { token: admin.access }), 403,
      "Your own second factor is turned off at /2fa/disable");
    const made = await server.post("/users/me/api-keys", { token: admin.access, json: { name: "k" } });
    const headers = { "x-api-key": expectStatus(made, 201).json.key };
    expectStatus(await server.ask("DELETE", target, { headers }), 403);
  });

  test("the same by command line, beside the running server", async () => {
    const person = await enrolled();
    const { folder } = server;
    const done = run(["user", "reset-2fa", person.username], { folder });
    assert.equal(done.code, 0, done.err);
    expectInvalidToken(await server.me(person.access));
    expectStatus(await server.signIn(person), 200);
    expectNotice((await post.notices(person.email, 2))[1], person, "Two-factor sign-in is off");

    assert.equal(run(["user", "reset-2fa", person.username], { folder }).code, 1);
    assert.match(run(["user", "reset-2fa", person.username], { folder }).err, /has no second factor/);
    assert.equal(run(["user", "reset-2fa", "nobody-at-all"], { folder }).code, 1);
    assert.equal(run(["user", "reset-2fa"], { folder }).code, 2);
  });
});
