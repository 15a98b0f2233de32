// Tokens: how a sign-in lives on, and how it ends (spec D2, D3, E3 to E5).

import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { after, before, describe, test } from "node:test";
import {
  claimsOf, expectDetail, expectInvalidToken, expectStatus, headerOf, somebody, start, until,
} from "./harness.mjs";

const REUSED = "Refresh token reuse detected";
const INVALID_REFRESH = "Invalid refresh token";
const PARALLEL_USES = 200;

describe("tokens", () => {
  let server;
  before(async () => { server = await start(); });
  after(() => server?.stop());

  test("an access token says who, for whom, until when, and no secret", async () => {
    const person = await server.newcomer();
    const [header, claims] = [headerOf(person.access), claimsOf(person.access)];

    assert.deepEqual(Object.keys(header).sort(), ["alg", "kid", "typ"]);
    assert.equal(header.typ, "at+jwt");
    assert.equal(header.alg, "ES256");
    assert.equal(claims.sub, person.id);
    assert.equal(claims.type, "access");
    assert.equal(claims.role, "user");
    assert.equal(claims.tenant, "default");
    assert.equal(claims.exp - claims.iat, 15 * 60);
    assert.deepEqual(claims.permissions, []);
    for (const name of ["iss", "aud", "nbf", "jti", "client_id", "scope", "sid", "ver"]) {
      assert.notEqual(claims[name], undefined, name);
    }
    assert.ok(person.access.length < 1024, `${person.access.length} bytes`);
  });

  test("a refresh token gives a new pair, and says nothing about its key", async () => {
    const person = await server.newcomer();
    const answer = expectStatus(await server.refresh(person.refresh), 200);

    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(answer.json.token_type, "bearer");
    assert.equal(answer.json.expires_in, 15 * 60);
    assert.notEqual(answer.json.refresh_token, person.refresh);
    assert.notEqual(claimsOf(answer.json.access_token).jti, claimsOf(person.access).jti);
    assert.equal(claimsOf(answer.json.access_token).sub, person.id);
    expectStatus(await server.me(answer.json.access_token), 200);

    const claims = claimsOf(person.refresh);
    assert.equal(claims.type, "refresh");
    assert.equal(claims.exp - claims.iat, 7 * 24 * 3600);
    const published = expectStatus(await server.get("/.well-known/jwks.json"), 200).json.keys;
    assert.ok(published.length > 0 && published.every((key) => key.d === undefined && key.k === undefined));
    assert.ok(!published.some((key) => key.kid === headerOf(person.refresh).kid));
  });

  test("the OAuth2 form of a refresh does the same, and refuses in OAuth2's words", async () => {
    const person = await server.newcomer();
    const grant = (refresh_token) => server.post("/token", { form: { grant_type: "refresh_token", refresh_token } });

    expectStatus(await grant(person.refresh), 200);
    const refused = expectStatus(await grant("not.a.token"), 400);
    assert.equal(refused.json.error, "invalid_grant");
    assert.ok(refused.json.detail);
  });

  test("an access token does not refresh, and a refresh token opens no door", async () => {
    const person = await server.newcomer();

    expectDetail(await server.refresh(person.access), 401, INVALID_REFRESH);
    expectInvalidToken(await server.me(person.refresh));
    expectDetail(await server.refresh("rubbish"), 401, INVALID_REFRESH);
    expectStatus(await server.post("/token/refresh", { json: {} }), 422);
    expectStatus(await server.refresh(person.refresh), 200);
  });

  test("a client whose answer was lost may ask again within the grace", async () => {
    const person = await server.newcomer();
    expectStatus(await server.refresh(person.refresh), 200);
    const again = expectStatus(await server.refresh(person.refresh), 200).json;

    expectStatus(await server.me(again.access_token), 200);
    expectStatus(await server.refresh(again.refresh_token), 200);
  });

  test("200 parallel uses of one refresh token leave exactly one line of the family", async () => {
    const person = await server.newcomer();
    const answers = await Promise.all(Array.from({ length: PARALLEL_USES }, () => server.refresh(person.refresh)));
    const given = new Set(answers.filter((a) => a.status === 200).map((a) => a.json.refresh_token));

    assert.ok(answers.every((answer) => [200, 401].includes(answer.status)));
    assert.ok(given.size > 0, "nobody got a new pair");
    const survivors = [];
    for (const token of given) survivors.push((await server.refresh(token)).status);
    assert.equal(survivors.filter((status) => status === 200).length, 1, JSON.stringify(survivors));
  });

  test("signing out ends the access token and its refresh family, and leaves other sign-ins alone", async () => {
    const person = await server.newcomer();
    const elsewhere = expectStatus(await server.signIn(person), 200).json;

    expectDetail(await server.post("/logout", { token: person.access }), 200, "Logged out");
    expectInvalidToken(await server.me(person.access));
    expectDetail(await server.refresh(person.refresh), 401, INVALID_REFRESH);
    expectStatus(await server.me(elsewhere.access_token), 200);
    expectStatus(await server.refresh(elsewhere.refresh_token), 200);
  });

  test("signing out after a refresh also ends the newer tokens of that sign-in", async () => {
    const person = await server.newcomer();
    const newer = expectStatus(await server.refresh(person.refresh), 200).json;

    expectStatus(await server.post("/logout", { token: newer.access_token }), 200);
    expectStatus(await server.refresh(newer.refresh_token), 401);
    expectStatus(await server.me(newer.access_token), 401);
  });

  test("signing out everywhere ends every sign-in, and she can come back", async () => {
    const person = await server.newcomer();
    const elsewhere = expectStatus(await server.signIn(person), 200).json;

    expectStatus(await server.post("/logout/all", { token: person.access }), 200);
    for (const token of [person.access, elsewhere.access_token]) expectStatus(await server.me(token), 401);
    for (const token of [person.refresh, elsewhere.refresh_token]) expectStatus(await server.refresh(token), 401);
    const back = expectStatus(await server.signIn(person), 200).json;
    expectStatus(await server.me(back.access_token), 200);
  });

  test("signing out needs a token", async () => {
    expectDetail(await server.post("/logout"), 401, "Not authenticated");
    expectDetail(await server.post("/logout/all"), 401, "Not authenticated");
  });

  test("a token signed by nobody, or with the public key as a secret, opens nothing", async () => {
    const person = await server.newcomer();
    const [, payload] = person.access.split(".");
    const { kid } = headerOf(person.access);
    const jwk = (await server.get("/.well-known/jwks.json")).json.keys.find((key) => key.kid === kid);
    const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
    const encoded = (header) => Buffer.from(JSON.stringify(header)).toString("base64url");
    const hmac = (input, secret) => createHmac("sha256", secret).update(input).digest("base64url");

    const none = `${encoded({ alg: "none", typ: "at+jwt", kid })}.${payload}.`;
    const confused = `${encoded({ alg: "HS256", typ: "at+jwt", kid })}.${payload}`;
    const own = `${encoded({ alg: "ES256", typ: "at+jwt", kid, jwk })}.${payload}.${person.access.split(".")[2]}`;
    for (const forged of [none, `${confused}.${hmac(confused, pem)}`, `${confused}.${hmac(confused, jwk.x)}`, own]) {
      expectInvalidToken(await server.me(forged));
    }
  });

  test("a token over 8 KiB is refused, and so are two of them", async () => {
    const person = await server.newcomer();
    const long = await server.me(person.access + "A".repeat(9000));
    assert.ok([401, 431].includes(long.status), `answered ${long.status}`);

    const line = `Authorization: Bearer ${person.access}\r\n`;
    const both = await server.raw(`GET /users/me HTTP/1.1\r\nHost: x\r\n${line}${line}Connection: close\r\n\r\n`);
    assert.deepEqual(both.statuses, [400]);
  });
});

describe("tokens over a crash", () => {
  let server;
  before(async () => { server = await start({ DOORWARD_REFRESH_GRACE: "0" }); });
  after(() => server?.stop());

  test("a signed-out token stays refused after kill -9, and a good one stays good", async () => {
    const [gone, here] = [await server.newcomer(), await server.newcomer()];
    expectStatus(await server.post("/logout", { token: gone.access }), 200);
    await server.restart();

    expectStatus(await server.me(gone.access), 401);
    expectStatus(await server.refresh(gone.refresh), 401);
    expectStatus(await server.me(here.access), 200);
    expectStatus(await server.refresh(here.refresh), 200);
  });

  test("signing out everywhere holds over kill -9", async () => {
    const person = await server.newcomer();
    expectStatus(await server.post("/logout/all", { token: person.access }), 200);
    await server.restart();

    expectStatus(await server.me(person.access), 401);
    expectStatus(await server.refresh(person.refresh), 401);
  });

  test("a refresh whose answer was seen is on the disk: the new token works after kill -9, the old one does not", async () => {
    const person = await server.newcomer();
    const newer = expectStatus(await server.refresh(person.refresh), 200).json;
    await server.restart();

    const newest = expectStatus(await server.refresh(newer.refresh_token), 200).json;
    expectDetail(await server.refresh(person.refresh), 401, REUSED);
    expectStatus(await server.refresh(newest.refresh_token), 401);
  });

  test("the one-time password of the administrator is printed once, not at every start", async () => {
    await server.restart();
    assert.equal(server.out.match(/one-time password/g)?.length, 1);
  });
});

describe("tokens without grace", () => {
  let server;
  before(async () => { server = await start({ DOORWARD_REFRESH_GRACE: "0" }); });
  after(() => server?.stop());

  test("a stolen refresh token ends the whole family: the thief's and the owner's", async () => {
    const person = await server.newcomer();
    const thief = expectStatus(await server.refresh(person.refresh), 200).json;

    expectDetail(await server.refresh(person.refresh), 401, REUSED);
    expectDetail(await server.refresh(thief.refresh_token), 401, INVALID_REFRESH);
    const again = expectStatus(await server.signIn(person), 200).json;
    expectStatus(await server.refresh(again.refresh_token), 200);
  });

  test("reuse in one family does not touch another sign-in of the same person", async () => {
    const person = await server.newcomer();
    const elsewhere = expectStatus(await server.signIn(person), 200).json;
    expectStatus(await server.refresh(person.refresh), 200);

    expectDetail(await server.refresh(person.refresh), 401, REUSED);
    expectStatus(await server.refresh(elsewhere.refresh_token), 200);
  });

  test("of 200 parallel uses of one refresh token exactly one wins", async () => {
    const person = await server.newcomer();
    const answers = await Promise.all(Array.from({ length: PARALLEL_USES }, () => server.refresh(person.refresh)));
    const won = answers.filter((answer) => answer.status === 200);

    assert.equal(won.length, 1);
    assert.equal(answers.filter((answer) => answer.status === 401).length, PARALLEL_USES - 1);
    expectStatus(await server.refresh(won[0].json.refresh_token), 401);
  });
});

describe("tokens that expire", () => {
  let server;
  before(async () => { server = await start({ DOORWARD_ACCESS_TTL: "1s", DOORWARD_REFRESH_TTL: "2s" }); });
  after(() => server?.stop());

  test("an expired token is told from an invalid one", async () => {
    const person = somebody();
    expectStatus(await server.post("/register", { json: person }), 201);
    const pair = expectStatus(await server.signIn(person), 200).json;
    assert.equal(pair.expires_in, 1);

    const refused = await until(async () => {
      const answer = await server.me(pair.access_token);
      return answer.status === 200 ? null : answer;
    }, "the access token expires");
    expectInvalidToken(refused, "Token has expired");
    expectInvalidToken(await server.me(`${pair.access_token}x`));
  });

  test("an expired refresh token is no longer good", async () => {
    const person = somebody();
    expectStatus(await server.post("/register", { json: person }), 201);
    const pair = expectStatus(await server.signIn(person), 200).json;
    const { exp } = claimsOf(pair.refresh_token);
    await until(() => Date.now() / 1000 > exp + 1, "the refresh token's time is over");

    expectDetail(await server.refresh(pair.refresh_token), 401, INVALID_REFRESH);
  });
});

// A refresh is checked and answered on the event loop; what takes longer moves to a worker in between.
describe("tokens whose signatures take milliseconds", () => {
  let server;
  before(async () => { server = await start({ DOORWARD_JWT_ALGORITHM: "RS256", DOORWARD_REFRESH_GRACE: "0" }); });
  after(() => server?.stop());

  test("are refreshed by JSON and by form, and a spent one ends its family", async () => {
    const person = await server.newcomer();
    const second = expectStatus(await server.refresh(person.refresh), 200).json;
    const form = { grant_type: "refresh_token", refresh_token: second.refresh_token };
    const third = expectStatus(await server.post("/token", { form }), 200).json;

    assert.equal(headerOf(third.access_token).alg, "RS256");
    expectStatus(await server.me(third.access_token), 200);
    expectDetail(await server.post("/token", { form }), 400, REUSED);
    expectDetail(await server.refresh(third.refresh_token), 401, INVALID_REFRESH);
    expectStatus(await server.me(third.access_token), 401);
  });
});

describe("refreshes of many at once", () => {
  let server;
  before(async () => { server = await start({ DOORWARD_REFRESH_GRACE: "0" }); });
  after(() => server?.stop());

  test("each gets its own answer, whatever the others of its batch are", async () => {
    const people = [];
    for (let i = 0; i < 12; i++)
      people.push(await server.newcomer());
    for (const thief of people.slice(0, 4))
      expectStatus(await server.refresh(thief.refresh), 200); // spent from now on
    const asked = [...people.map((person) => person.refresh), "no token", ""];
    const answers = await Promise.all(asked.map((token) => server.refresh(token)));

    assert.deepEqual(answers.map((answer) => answer.status),
                     [...Array(4).fill(401), ...Array(8).fill(200), 401, 401]);
    for (const answer of answers.slice(0, 4))
      expectDetail(answer, 401, REUSED);
    for (const [i, answer] of answers.slice(4, 12).entries())
      assert.equal(claimsOf(answer.json.access_token).sub, people[i + 4].id);
  });
});
