// Guessing at passwords: waits that grow, and whom they hold.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { expectDetail, expectStatus, somebody, start, until } from "./harness.mjs";

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

const LONG_S = 8; // a wait that outlasts the rest of a story, on a slow machine too

/** Guesses on until a long wait has begun; `how` is one wrong attempt. */
async function guess(how, refusal = 400) {
  let failures = 0;
  await until(async () => {
    const answer = await how();
    if (answer.status !== 429) failures += 1;
    if (answer.status !== 429) expectDetail(answer, refusal, "Incorrect username or password");
    else expectWait(answer);
    return Number(answer.headers.get("retry-after")) > LONG_S / 2;
  }, "the wait is long");
  assert.ok(failures >= 8, "five are free, then 1, 2 and 4 seconds");
}

function expectWait(answer) {
  expectDetail(answer, 429, "Too Many Requests");
  assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
  return answer;
}

describe("guessing", { concurrency: true }, () => {
  test("after five wrong passwords the account makes a stranger wait, whatever he sends", async () => {
    const ann = await registered();
    await guess(() => signIn(ann.username, "guess", STRANGER));
    expectWait(await signIn(ann.username, "guess", STRANGER));
    expectWait(await signIn(ann.email, ann.password, STRANGER));
    expectWait(await signIn(ann.username, ann.password, { ...STRANGER, "x-forwarded-for": "198.51.100.7" }));
    const answer = expectWait(await signIn(ann.username, ann.password, STRANGER));
    assert.equal(answer.json.error, "slow_down");
  });

  test("a stranger can't lock somebody out of the device that she signed in from before", async () => {
    const ann = await registered();
    expectStatus(await signIn(ann.username, ann.password, HOME), 200);
    await guess(() => signIn(ann.username, "guess", STRANGER));
    expectWait(await signIn(ann.username, ann.password, STRANGER));
    expectStatus(await signIn(ann.username, ann.password, HOME), 200);
    expectStatus(await logIn(ann.username, ann.password, { ...HOME, "user-agent": "Home Browser/12.4" }), 200);
    expectWait(await signIn(ann.username, ann.password, STRANGER));
  });

  test("/login and /token share the count", async () => {
    const ann = await registered();
    await guess(() => logIn(ann.username, "guess", STRANGER), 401);
    expectWait(await logIn(ann.username, ann.password, STRANGER));
    expectWait(await signIn(ann.username, ann.password, STRANGER));
  });

  test("a stolen sign-in is no way to guess the password", async () => {
    const person = await registered();
    const token = expectStatus(await signIn(person.username, person.password, HOME), 200).json.access_token;
    const json = { current_password: "wrong", new_password: "something else entirely" };
    const change = () => server.post("/users/me/password", { json, token, headers: STRANGER });
    let failures = 0;
    await until(async () => {
      const answer = await change();
      if (answer.status !== 429) failures += 1;
      if (answer.status !== 429) expectDetail(answer, 400, "Incorrect password");
      else expectWait(answer);
      return Number(answer.headers.get("retry-after")) > 1;
    }, "the wait grows");
    assert.ok(failures >= 6);
    expectStatus(await signIn(person.username, person.password, HOME), 200);
  });

  test("a name and a tenant that nobody has wait alike", async () => {
    await guess(() => signIn("nobody.at.all", "guess", STRANGER));
    expectWait(await signIn("nobody.at.all", "guess", STRANGER));
    const elsewhere = () => signIn("nobody.else", "guess", STRANGER, { tenant: "no-such-tenant" });
    await guess(elsewhere);
    expectWait(await elsewhere());
  });

  test("an inactive account waits alike", async () => {
    const ann = await registered();
    const { access } = await server.administrator();
    const { items } = expectStatus(await server.get(`/users?q=${ann.username}`, { token: access }), 200).json;
    const disabled = { json: { is_active: false }, token: access };
    expectStatus(await server.ask("PATCH", `/users/${items[0].id}`, disabled), 200);
    await guess(() => signIn(ann.username, "guess", STRANGER));
    expectWait(await signIn(ann.username, ann.password, STRANGER));
  });

  test("the audit log tells of the failures, the waits and the new device", async () => {
    const ann = await registered();
    const { access } = await server.administrator();
    const since = new Date(Date.now() - 1000).toISOString();
    expectStatus(await signIn(ann.username, ann.password, HOME), 200);
    await guess(() => signIn(ann.username, "guess", STRANGER));
    expectStatus(await logIn(ann.username, ann.password, { ...HOME, "user-agent": "Another" }), 429);
    const answer = await server.get(`/audit?limit=100&since=${since}`, { token: access });
    const found = expectStatus(answer, 200).json.items.map((event) => event.action);
    assert.ok(found.includes("session.sign_in_failed") && found.includes("session.sign_in_slowed"), String(found));
  });
});

// Alone: it ends the server in between.
test("the wait is over when it was said to be, and outlives a restart", async () => {
  const ann = await registered();
  await guess(() => signIn(ann.username, "guess", STRANGER));
  expectWait(await signIn(ann.username, ann.password, STRANGER));
  await server.restart();
  expectWait(await signIn(ann.username, ann.password, STRANGER));
  await until(async () => {
    const answer = await signIn(ann.username, ann.password, STRANGER);
    return answer.status === 200 || !expectWait(answer);
  }, "the wait is over");
});
