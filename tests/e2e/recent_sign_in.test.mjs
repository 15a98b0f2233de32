// What decides over an account asks for a recent sign-in or for the password: a token or cookie that was stolen is
// neither. The rows, one by one, are in tests/unit/protocol/test_recent_sign_in.c; here is the way over the wire.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { expectDetail, expectStatus, run, start, until, cookieHeader } from "./harness.mjs";

const REFUSAL = "Sign in again, or send current_password";

describe("a sign-in that is never recent enough", () => {
  let server;
  before(async () => (server = await start({ DOORWARD_REAUTH_TTL: "0" })));
  after(() => server?.stop());

  test("a stolen access token makes no key, changes no address, sets up no second factor", async () => {
    const person = await server.newcomer();
    const { access: token } = person;
    const tries = [
      ["PATCH", "/users/me", { email: "thief@example.com" }],
      ["POST", "/users/me/api-keys", { name: "mine now" }],
      ["POST", "/2fa/setup", undefined],
      ["POST", "/2fa/enable", { code: "123456" }],
    ];

    for (const [method, target, json] of tries) {
      expectDetail(await server.ask(method, target, { token, json }), 403, REFUSAL);
    }
    assert.deepEqual(expectStatus(await server.get("/users/me/api-keys", { token }), 200).json.items, []);
    assert.equal((await server.me(token)).json.email, person.email);
  });

  test("her password with the request is enough, and many at once are all looked at", async () => {
    const person = await server.newcomer();
    const json = { name: "k", current_password: person.password };
    const answers = await Promise.all(Array.from({ length: 30 }, () =>
      server.post("/users/me/api-keys", { token: person.access, json })));

    for (const answer of answers) expectStatus(answer, 201);
    expectStatus(await server.ask("PATCH", "/users/me", { token: person.access,
      json: { email: `new-${person.email}`, current_password: person.password } }), 200);
  });

  test("from a browser too: the cookie alone is not enough", async () => {
    const person = await server.newcomer();
    const login = { username: person.username, password: person.password };
    const signedIn = expectStatus(await server.post("/login", { json: login }), 200);
    const cookie = cookieHeader(signedIn);
    const headers = { cookie, "x-csrf-token": signedIn.json.csrf_token };

    expectDetail(await server.post("/2fa/setup", { headers }), 403, REFUSAL);
    const json = { current_password: person.password };
    expectStatus(await server.post("/2fa/setup", { headers, json }), 200);
  });

  test("guessing there is guessing: it waits, and is in the audit log", async () => {
    const person = await server.newcomer();
    const json = { current_password: "not her phrase at all" };
    const guess = () => server.post("/2fa/setup", { token: person.access, json });

    let failures = 0;
    const answer = await until(async () => {
      const said = await guess();
      if (said.status === 429) return said;
      expectDetail(said, 400, "Incorrect password");
      failures += 1; // the first waits are short: on a busy machine they may be over when the next guess comes
      return undefined;
    }, "it has to wait");
    assert.ok(failures >= 5 && failures < 20, `${failures} guesses`);
    assert.ok(Number(answer.headers.get("retry-after")) >= 1);
    const { out } = run(["audit", "export"], { folder: server.folder });
    const events = out.trim().split("\n").map((line) => JSON.parse(line));
    const failed = events.filter((event) => event.action === "session.sign_in_failed" && event.target === person.id);
    assert.equal(failed.length, failures);
  });
});

describe("a sign-in that grows old", () => {
  test("refreshing does not make it young; the password does", async () => {
    const server = await start({ DOORWARD_REAUTH_TTL: "1s" });
    const person = await server.newcomer();
    let tokens = person;
    await until(async () => (await server.post("/2fa/setup", { token: person.access })).status === 403, "it is old");
    const pair = expectStatus(await server.refresh(tokens.refresh), 200).json;
    tokens = { access: pair.access_token, refresh: pair.refresh_token };
    expectDetail(await server.post("/2fa/setup", { token: tokens.access }), 403, REFUSAL);
    const json = { current_password: person.password };
    expectStatus(await server.post("/2fa/setup", { token: tokens.access, json }), 200);
    const { out } = run(["audit", "export"], { folder: server.folder });
    assert.match(out, new RegExp(`"session.password_confirmed"[^\\n]*${person.id}`));
    await server.stop();
  });
});
