// Limits by address, and who a client behind a proxy is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { expectDetail, expectStatus, run, somebody, start, temporaryFolder } from "./harness.mjs";

const CHEAP = { DOORWARD_ARGON2_MEMORY: "64KiB" };

async function withServer(env, story) {
  const server = await start({ ...CHEAP, ...env });
  try {
    await story(server);
  } finally {
    await server.stop();
  }
}

const limitsOf = (answer) => ["limit", "remaining", "reset"].map((name) => answer.headers.get(`ratelimit-${name}`));

test("sign-in is limited by address, right passwords and wrong ones alike", () =>
  withServer({ DOORWARD_RATE_LIMIT_LOGIN: "3/minute" }, async (server) => {
    const ann = somebody();
    expectStatus(await server.post("/register", { json: ann }), 201);
    const first = expectStatus(await server.signIn(ann), 200);
    assert.deepEqual(limitsOf(first).slice(0, 2), ["3", "2"]);
    expectStatus(await server.signIn({ ...ann, password: "wrong" }), 400);
    expectStatus(await server.post("/login", { json: ann }), 200);
    const refused = expectDetail(await server.signIn(ann), 429, "Too Many Requests");
    assert.equal(refused.json.error, "slow_down");
    assert.match(refused.headers.get("retry-after"), /^[1-9]\d*$/);
    assert.equal(limitsOf(refused)[1], "0");
    expectDetail(await server.post("/login", { json: ann }), 429, "Too Many Requests");
    // What is no attempt goes on: refreshing, and everything else.
    expectStatus(await server.refresh(first.json.refresh_token), 200);
    expectStatus(await server.post("/token", {
      form: { grant_type: "refresh_token", refresh_token: "rubbish" } }), 400);
    expectStatus(await server.me(first.json.access_token), 200);
  }));

test("the default is ten attempts a minute", async () => {
  const folder = temporaryFolder();
  const settings = JSON.parse(run(["settings", "--json"], { folder }).out);
  const found = JSON.stringify(settings);
  assert.match(found, /RATE_LIMIT_LOGIN/);
  assert.match(found, /10\/minute/);
});

test("registering and asking for reset links have limits of their own, which hold nothing else up", () =>
  withServer({ DOORWARD_RATE_LIMIT_REGISTER: "3/minute", DOORWARD_RATE_LIMIT_FORGOT: "2/minute" }, async (server) => {
    const people = [somebody(), somebody(), somebody(), somebody()];
    const statuses = [];
    for (const json of people) statuses.push((await server.post("/register", { json })).status);
    assert.deepEqual(statuses, [201, 201, 201, 429]);
    const refused = expectDetail(await server.post("/register", { json: people[3] }), 429, "Too Many Requests");
    assert.match(refused.headers.get("retry-after"), /^[1-9]\d*$/);

    const forget = (email) => server.post("/forgot-password", { json: { email } });
    expectStatus(await forget(people[0].email), 200);
    expectStatus(await forget("nobody@example.com"), 200);
    for (const email of [people[1].email, "nobody@example.com"]) {
      expectDetail(await forget(email), 429, "Too Many Requests"); // alike, whoever it is
    }
    expectStatus(await server.signIn(people[0]), 200);
  }));

test("their defaults leave room for a test run, and are no more than that", () => {
  const found = JSON.stringify(JSON.parse(run(["settings", "--json"], { folder: temporaryFolder() }).out));
  for (const part of [/RATE_LIMIT_REGISTER/, /120\/minute/, /RATE_LIMIT_FORGOT/, /30\/minute/]) {
    assert.match(found, part);
  }
});

test("a limit for everything holds for every route, and for none", () =>
  withServer({ DOORWARD_RATE_LIMIT_DEFAULT: "5 per minute; 1000 per day" }, async (server) => {
    let answer;
    for (let i = 0; i < 6; i += 1) answer = await server.get(i % 2 ? "/nowhere" : "/healthz");
    expectDetail(answer, 429, "Too Many Requests");
    assert.ok(answer.headers.get("x-request-id"));
    expectStatus(await server.get("/openapi.json"), 429);
  }));

test("behind a trusted proxy each client has a count of its own; a forged header changes nothing", () =>
  withServer({ DOORWARD_RATE_LIMIT_LOGIN: "2/minute", DOORWARD_TRUSTED_PROXIES: "127.0.0.1,10.0.0.0/8" },
    async (server) => {
      let serial = 0; // another name each time: the waits of one account are another story
      const from = async (list) => (await server.post("/token", {
        form: { grant_type: "password", username: `nobody${(serial += 1)}`, password: "wrong" },
        headers: { "x-forwarded-for": list } })).status;
      assert.deepEqual([await from("192.0.2.1"), await from("192.0.2.1"), await from("192.0.2.1")], [400, 400, 429]);
      assert.equal(await from("192.0.2.2"), 400);
      // What the client wrote himself stands before what the proxy added.
      assert.equal(await from("192.0.2.99, 192.0.2.1"), 429);
      assert.equal(await from("192.0.2.99, 192.0.2.1, 10.1.1.1"), 429);
      // An IPv6 client is its /64.
      assert.deepEqual([await from("2001:db8::1"), await from("2001:db8::2"), await from("2001:db8::3")],
        [400, 400, 429]);
      assert.equal(await from("2001:db8:0:1::1"), 400);
    }));

test("without trusted proxies a client can't choose who he is", () =>
  withServer({ DOORWARD_RATE_LIMIT_LOGIN: "2/minute" }, async (server) => {
    const statuses = [];
    for (let i = 0; i < 3; i += 1) {
      const headers = { "x-forwarded-for": `192.0.2.${i}`, forwarded: `for=192.0.2.${i}` };
      const form = { grant_type: "password", username: "nobody", password: "wrong" };
      statuses.push((await server.post("/token", { form, headers })).status);
    }
    assert.deepEqual(statuses, [400, 400, 429]);
    assert.doesNotMatch(server.err, /192\.0\.2\./);
  }));

test("a limit or a proxy that can't be read stops the start, by name", () => {
  const rows = {
    DOORWARD_RATE_LIMIT_LOGIN: ["10/fortnight", "", "0/minute", "-1/second"],
    DOORWARD_RATE_LIMIT_DEFAULT: ["many"],
    DOORWARD_TRUSTED_PROXIES: ["proxy.example", "10.0.0.1/8", "127.0.0.1,"],
  };
  for (const [name, values] of Object.entries(rows)) {
    for (const value of values.filter((text) => text !== "")) {
      const { code, err } = run(["serve"], { folder: temporaryFolder(), env: { [name]: value } });
      assert.equal(code, 1, `${name}=${value}: ${err}`);
      assert.match(err, new RegExp(`${name}.*allowed`));
    }
  }
});
