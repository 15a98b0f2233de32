// Guessing at passwords: waits that grow, and whom they hold.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { expectDetail, expectStatus, somebody, start } from "./harness.mjs";

const HOME = { "user-agent": "Home Browser/12.3", "x-forwarded-for": "192.0.2.10" };
const STRANGER = { "user-agent": "guesser", "x-forwarded-for": "203.0.113.66" };

let server;
before(async () => (server = await start({ DOORWARD_ARGON2_MEMORY: "64KiB", DOORWARD_TRUSTED_PROXIES: "127.0.0.1" })));
after(() => server.stop());

const signIn = (username, password, headers, more = {}) =>
  server.post("/token", { form: { grant_type: "password", username, password, ...more }, headers });

const logIn = (username, password, headers) => server.post("/login", { json: { username, password }, headers });

async function registered() {
  const person = somebody();
  expectStatus(await server.post("/register", { json: person }), 201);
  return person;
}

async function guess(username, headers, more) {
  for (let i = 0; i < 5; i += 1) {
    expectDetail(await signIn(username, `guess ${i}`, headers, more), 400, "Incorrect username or password");
  }
}

function expectWait(answer) {
  expectDetail(answer, 429, "Too Many Requests");
  assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  return answer;
}

test("after five wrong passwords the account makes a stranger wait, whatever he sends", async () => {
  const ann = await registered();
  await guess(ann.username, STRANGER);
  expectWait(await signIn(ann.username, "guess", STRANGER));
  expectWait(await signIn(ann.email, ann.password, STRANGER));
  expectWait(await signIn(ann.username, ann.password, { ...STRANGER, "x-forwarded-for": "198.51.100.7" }));
  const answer = expectWait(await signIn(ann.username, ann.password, STRANGER));
  assert.equal(answer.json.error, "slow_down");
});

test("a stranger can't lock somebody out of the device that she signed in from before", async () => {
  const ann = await registered();
  expectStatus(await signIn(ann.username, ann.password, HOME), 200);
  await guess(ann.username, STRANGER);
  expectWait(await signIn(ann.username, ann.password, STRANGER));
  expectStatus(await signIn(ann.username, ann.password, HOME), 200);
  expectStatus(await logIn(ann.username, ann.password, { ...HOME, "user-agent": "Home Browser/12.4" }), 200);
  expectWait(await signIn(ann.username, ann.password, STRANGER));
});

test("/login and /token share the count", async () => {
  const ann = await registered();
  for (let i = 0; i < 5; i += 1) expectStatus(await logIn(ann.username, `guess ${i}`, STRANGER), 401);
  expectWait(await logIn(ann.username, ann.password, STRANGER));
  expectWait(await signIn(ann.username, ann.password, STRANGER));
});

test("a name and a tenant that nobody has wait alike", async () => {
  await guess("nobody.at.all", STRANGER);
  expectWait(await signIn("nobody.at.all", "guess", STRANGER));
  await guess("nobody.else", STRANGER, { tenant: "no-such-tenant" });
  expectWait(await signIn("nobody.else", "guess", STRANGER, { tenant: "no-such-tenant" }));
});

test("an inactive account waits alike", async () => {
  const ann = await registered();
  const { access } = await server.administrator();
  const { items } = expectStatus(await server.get(`/users?q=${ann.username}`, { token: access }), 200).json;
  expectStatus(await server.ask("PATCH", `/users/${items[0].id}`, { json: { is_active: false }, token: access }), 200);
  await guess(ann.username, STRANGER);
  expectWait(await signIn(ann.username, ann.password, STRANGER));
});

test("the wait is over when it was said to be, and outlives a restart", async () => {
  const ann = await registered();
  await guess(ann.username, STRANGER);
  expectWait(await signIn(ann.username, ann.password, STRANGER));
  await server.restart();
  // The next failure waits two seconds: long enough to be still there after another restart.
  for (let answer; ; ) {
    answer = await signIn(ann.username, "guess", STRANGER);
    if (answer.status === 400) break;
    expectWait(answer);
  }
  for (;;) {
    const answer = await signIn(ann.username, ann.password, STRANGER);
    if (answer.status === 200) break;
    expectWait(answer);
  }
});

test("the audit log tells of the failures, the waits and the new device", async () => {
  const ann = await registered();
  const { access } = await server.administrator();
  const since = new Date(Date.now() - 1000).toISOString();
  expectStatus(await signIn(ann.username, ann.password, HOME), 200);
  await guess(ann.username, STRANGER);
  expectStatus(await logIn(ann.username, ann.password, { ...HOME, "user-agent": "Another" }), 429);
  const found = expectStatus(
    await server.get(`/audit?limit=100&since=${since}`, { token: access }), 200).json.items.map((event) => event.action);
  assert.ok(found.includes("session.sign_in_failed") && found.includes("session.sign_in_slowed"), String(found));
});
