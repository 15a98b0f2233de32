// Cookie sessions, CSRF, the list of devices (spec E6, E7, A6; api.md "/login", "/users/me/sessions", "Cookies").

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { storedIn } from "./database.mjs";
import { chromium } from "playwright-core";
import {
  complaints, expectDetail, expectInvalidToken, expectStatus, freePort, somebody, start, until, setCookies,
} from "./harness.mjs";

const REFUSED = "CSRF token missing or invalid";
const RFC_3339_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

/** The cookies that an answer sets: name → { value, flags }. */
function cookiesOf(answer) {
  return Object.fromEntries(setCookies(answer).map((line) => {
    const [pair, ...flags] = line.split("; ");
    return [pair.slice(0, pair.indexOf("=")), { value: pair.slice(pair.indexOf("=") + 1), flags: flags.sort() }];
  }));
}

/** A browser as far as cookies go: keeps them, sends them, and sends the CSRF token where its page means to. */
class Browser {
  constructor(server, { agent = "a browser" } = {}) {
    Object.assign(this, { server, agent, jar: {} });
  }

  async ask(method, target, { headers = {}, csrf = true, ...more } = {}) {
    const cookie = Object.entries(this.jar).map(([name, value]) => `${name}=${value}`).join("; ");
    const sent = { "user-agent": this.agent, ...(cookie ? { cookie } : {}), ...headers };
    const token = this.jar.csrf ?? this.jar["__Host-csrf"];
    if (csrf && token && method !== "GET") sent["x-csrf-token"] ??= token;
    const answer = await this.server.ask(method, target, { headers: sent, ...more });
    for (const [name, { value, flags }] of Object.entries(cookiesOf(answer))) {
      if (flags.includes("Max-Age=0")) delete this.jar[name];
      else this.jar[name] = value;
    }
    return answer;
  }

  get(target, more) {
    return this.ask("GET", target, more);
  }

  post(target, more) {
    return this.ask("POST", target, more);
  }

  me(more) {
    return this.get("/users/me", more);
  }

  logIn(person, more = {}) {
    return this.post("/login", { json: { username: person.username, password: person.password, ...more } });
  }

  async devices() {
    return expectStatus(await this.get("/users/me/sessions"), 200).json.items;
  }
}

async function registered(server, more = {}) {
  const person = somebody(more);
  return { ...person, ...expectStatus(await server.post("/register", { json: person }), 201).json };
}

async function signedIn(server, person, more = {}) {
  const browser = new Browser(server, more);
  expectStatus(await browser.logIn(person, more.login), 200);
  return browser;
}

describe("cookie sessions over http", () => {
  let server;
  before(async () => { server = await start(); });
  after(() => server?.stop());

  test("she logs in and gets her user, a CSRF token and two cookies, one of them out of scripts' reach", async () => {
    const person = await registered(server);
    const answer = expectStatus(await new Browser(server).logIn(person), 200);
    const { session, csrf, ...others } = cookiesOf(answer);

    assert.deepEqual(others, {});
    assert.deepEqual(session.flags, ["HttpOnly", "Path=/", "SameSite=Lax"]);
    assert.deepEqual(csrf.flags, ["Path=/", "SameSite=Lax"]);
    assert.match(session.value, /^[\w-]{43}$/);
    assert.equal(answer.json.csrf_token, csrf.value);
    assert.equal(answer.json.user.id, person.id);
    assert.doesNotMatch(answer.text, /password|hash|argon2/i);
    assert.equal(answer.headers.get("cache-control"), "no-store");
  });

  test("the cookie says who she is, by name or address and on every protected route that reads", async () => {
    const person = await registered(server);
    for (const username of [person.username, person.email.toUpperCase()]) {
      const browser = await signedIn(server, { ...person, username });
      assert.equal(expectStatus(await browser.me(), 200).json.id, person.id);
    }
  });

  test("a wrong password and an unknown name get the same 401 and no cookie; a missing member is named", async () => {
    const person = await registered(server);
    const wrong = await new Browser(server).logIn({ ...person, password: "not her password" });
    const unknown = await new Browser(server).logIn(somebody());

    for (const answer of [wrong, unknown]) {
      expectDetail(answer, 401, "Incorrect username or password");
      assert.ok(answer.headers.get("www-authenticate"));
      assert.deepEqual(setCookies(answer), []);
    }
    assert.deepEqual([...unknown.headers.keys()].sort(), [...wrong.headers.keys()].sort());
    const nowhere = await new Browser(server).logIn(person, { tenant: "no-such-tenant" });
    expectDetail(nowhere, 401, "Incorrect username or password");
    assert.deepEqual(complaints(await new Browser(server).post("/login", { json: {} })),
      ["body.password", "body.username"]);
  });

  test("an inactive user is told so after the right password only, and her cookie is dead", async () => {
    const person = await registered(server);
    const browser = await signedIn(server, person);
    const admin = await server.administrator();
    expectStatus(await server.ask("PATCH", `/users/${person.id}`, { json: { is_active: false }, token: admin.access }),
      200);

    expectDetail(await browser.me(), 400, "Inactive user");
    expectDetail(await new Browser(server).logIn(person), 400, "Inactive user");
    expectDetail(await new Browser(server).logIn({ ...person, password: "wrong one" }), 401,
      "Incorrect username or password");
    expectStatus(await server.ask("PATCH", `/users/${person.id}`, { json: { is_active: true }, token: admin.access }),
      200);
    expectInvalidCookie(await browser.me());
    expectStatus(await new Browser(server).logIn(person), 200);
  });

  function expectInvalidCookie(answer) {
    assert.ok(["Could not validate credentials", "Token has expired"].includes(answer.json?.detail), answer.text);
    expectStatus(answer, 401);
    assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer\b/);
  }

  test("with remember the cookies outlive the browser: 30 days", async () => {
    const browser = new Browser(server);
    const answer = expectStatus(await browser.logIn(await registered(server), { remember: true }), 200);
    for (const { flags } of Object.values(cookiesOf(answer))) assert.ok(flags.includes("Max-Age=2592000"));
    const [device] = await browser.devices();
    const lives = Date.parse(device.expires_at) - Date.parse(device.created_at);
    assert.equal(lives, 30 * 86_400_000);
  });

  test("a session that the browser brought along is ended when she logs in: nobody can plant one", async () => {
    const [attacker, victim] = [await registered(server), await registered(server)];
    const planted = await signedIn(server, attacker);
    const browser = new Browser(server);
    browser.jar = { ...planted.jar };
    expectStatus(await browser.logIn(victim), 200);

    assert.notEqual(browser.jar.session, planted.jar.session);
    expectInvalidCookie(await planted.me());
    assert.equal(expectStatus(await browser.me(), 200).json.id, victim.id);

    const invented = new Browser(server);
    invented.jar = { session: "A".repeat(43) };
    expectStatus(await invented.logIn(victim), 200);
    assert.notEqual(invented.jar.session, "A".repeat(43));
  });

  test("one changed character in the cookie, or anything else for it, is worth nothing", async () => {
    const browser = await signedIn(server, await registered(server));
    const { session } = browser.jar;
    const changed = session.slice(0, 20) + (session[20] === "A" ? "B" : "A") + session.slice(21);
    for (const junk of [changed, "x", `${session}A`, session.slice(1), "%00", "A".repeat(43)]) {
      expectInvalidCookie(await server.get("/users/me", { headers: { cookie: `session=${junk}` } }));
    }
    expectDetail(await server.get("/users/me", { headers: { cookie: `__Host-session=${session}` } }), 401,
      "Not authenticated");
    expectStatus(await browser.me(), 200);
  });

  test("logging out ends the session and takes both cookies away", async () => {
    const person = await registered(server);
    const browser = await signedIn(server, person);
    const kept = { ...browser.jar };
    const answer = await browser.post("/logout");
    expectDetail(answer, 200, "Logged out");
    assert.equal(answer.headers.get("clear-site-data"), '"cache", "storage"');
    assert.deepEqual(browser.jar, {});
    const { access_token: access } = expectStatus(await server.signIn(person), 200).json;
    assert.equal((await server.post("/logout", { token: access })).headers.get("clear-site-data"), null);
    browser.jar = kept;
    expectInvalidCookie(await browser.me());
    expectStatus(await browser.post("/logout"), 401);
  });

  test("a dead session stays dead over a crash, and a live one stays alive", async () => {
    const person = await registered(server);
    const [ended, alive] = [await signedIn(server, person), await signedIn(server, person)];
    const kept = { ...ended.jar };
    expectStatus(await ended.post("/logout"), 200);
    await server.restart();
    ended.jar = kept;
    expectInvalidCookie(await ended.me());
    expectStatus(await alive.me(), 200);
  });

  // --- CSRF ---------------------------------------------------------------------------------------------------------

  test("CSRF: what changes something needs the token of this very session, and nothing changes without", async () => {
    const person = await registered(server);
    const browser = await signedIn(server, person);
    const other = await signedIn(server, await registered(server));
    const own = await signedIn(server, person);
    const { csrf } = browser.jar;
    const flipped = csrf.slice(0, 30) + (csrf[30] === "A" ? "B" : "A") + csrf.slice(31);
    const attempts = [
      ["no token", {}],
      ["an empty one", { "x-csrf-token": "" }],
      ["nonsense", { "x-csrf-token": "nonsense" }],
      ["one changed character", { "x-csrf-token": flipped }],
      ["another user's", { "x-csrf-token": other.jar.csrf }],
      ["another user's, as the cookie too", { "x-csrf-token": other.jar.csrf, cookie: `session=${browser.jar.session}; csrf=${other.jar.csrf}` }],
      ["of another session of hers", { "x-csrf-token": own.jar.csrf, cookie: `session=${browser.jar.session}; csrf=${own.jar.csrf}` }],
      ["right, but the cookie says something else", { "x-csrf-token": csrf, cookie: `session=${browser.jar.session}; csrf=${other.jar.csrf}` }],
      ["in the cookie alone", { cookie: `session=${browser.jar.session}; csrf=${csrf}` }],
      ["right, from a foreign origin", { "x-csrf-token": csrf, origin: "https://evil.example" }],
      ["right, from another port", { "x-csrf-token": csrf, origin: "http://127.0.0.1:1" }],
      ["right, from a page without an origin", { "x-csrf-token": csrf, origin: "null" }],
      ["right, from another site", { "x-csrf-token": csrf, "sec-fetch-site": "cross-site" }],
      ["right, from a neighbouring host", { "x-csrf-token": csrf, "sec-fetch-site": "same-site" }],
      ["right, own origin, but another site", { "x-csrf-token": csrf, origin: server.publicUrl, "sec-fetch-site": "cross-site" }],
    ];
    for (const [what, headers] of attempts) {
      const answer = await browser.ask("PATCH", "/users/me", { json: { full_name: what }, csrf: false, headers });
      assert.deepEqual([answer.status, answer.json?.detail], [403, REFUSED], what);
    }
    assert.equal(expectStatus(await browser.me(), 200).json.full_name, null);
    for (const method of ["POST", "DELETE"]) {
      const target = method === "POST" ? "/logout" : "/users/me/sessions/01890a5d-ac96-774b-bcce-b302099a8057";
      expectDetail(await browser.ask(method, target, { csrf: false }), 403, REFUSED);
    }
  });

  test("CSRF: the right token passes, with the origin's headers or without them, and again", async () => {
    const browser = await signedIn(server, await registered(server));
    const good = [
      {}, { origin: server.publicUrl }, { "sec-fetch-site": "same-origin" }, { "sec-fetch-site": "none" },
      { origin: server.publicUrl, "sec-fetch-site": "same-origin" },
      { cookie: `session=${browser.jar.session}`, "x-csrf-token": browser.jar.csrf },
    ];
    for (const [i, headers] of good.entries()) {
      const answer = await browser.ask("PATCH", "/users/me", { json: { full_name: `name ${i}` }, headers });
      assert.equal(expectStatus(answer, 200).json.full_name, `name ${i}`);
    }
    expectStatus(await browser.me({ headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" } }), 200);
  });

  test("CSRF is never asked of a bearer token, and a bearer token beside the cookie wins", async () => {
    const [person, other] = [await server.newcomer(), await registered(server)];
    const browser = await signedIn(server, other);
    const patch = (headers) => server.ask("PATCH", "/users/me", {
      json: { full_name: "by token" }, token: person.access, headers,
    });
    for (const headers of [{}, { origin: "https://app.example" }, { "sec-fetch-site": "cross-site" },
      { cookie: `session=${browser.jar.session}` }]) {
      assert.equal(expectStatus(await patch(headers), 200).json.id, person.id);
    }
    assert.equal(expectStatus(await browser.me(), 200).json.full_name, null);
    expectInvalidToken(await browser.me({ token: "a.b.c" }));
  });

  test("login CSRF: another site's page can't sign a browser in as somebody else", async () => {
    const person = await registered(server);
    const json = { username: person.username, password: person.password };
    for (const headers of [{ origin: "https://evil.example" }, { origin: "null" }, { "sec-fetch-site": "cross-site" }]) {
      const answer = expectDetail(await server.post("/login", { json, headers }), 403, REFUSED);
      assert.deepEqual(setCookies(answer), []);
    }
    const text = { headers: { "content-type": "text/plain" }, body: JSON.stringify(json) };
    const form = await server.post("/login", { form: json });
    for (const answer of [await server.post("/login", text), form]) {
      assert.ok([400, 415, 422].includes(answer.status), `answered ${answer.status}`);
      assert.deepEqual(setCookies(answer), []);
    }
    expectStatus(await server.post("/login", { json, headers: { origin: server.publicUrl } }), 200);
  });

  // --- devices ------------------------------------------------------------------------------------------------------

  test("her devices are one list, cookies and tokens alike, and nobody else's are in it", async () => {
    const person = await registered(server);
    await signedIn(server, await registered(server));
    const phone = await signedIn(server, person, { agent: "a phone" });
    const program = expectStatus(await server.signIn(person, { client_id: "nightly" }), 200).json;
    const laptop = await signedIn(server, person, { agent: "a laptop" });
    const list = await laptop.devices();

    assert.deepEqual(list.map((device) => [device.kind, device.client_id, device.current]),
      [["cookie", "doorward", true], ["token", "nightly", false], ["cookie", "doorward", false]]);
    assert.deepEqual([list[0].user_agent, list[2].user_agent], ["a laptop", "a phone"]);
    for (const device of list) {
      assert.deepEqual(Object.keys(device).sort(), ["address", "client_id", "created_at", "current", "expires_at", "id",
        "kind", "last_seen_at", "user_agent"]);
      assert.equal(device.address, "127.0.0.1");
      for (const time of ["created_at", "expires_at", "last_seen_at"]) assert.match(device[time], RFC_3339_UTC);
    }
    const byToken = expectStatus(await server.get("/users/me/sessions", { token: program.access_token }), 200).json;
    assert.deepEqual(byToken.items.map((device) => device.current), [false, true, false]);

    const first = expectStatus(await phone.get("/users/me/sessions?limit=2"), 200).json;
    assert.deepEqual(first.items.map((device) => device.id), list.slice(0, 2).map((device) => device.id));
    const rest = expectStatus(await phone.get(`/users/me/sessions?limit=2&after=${first.next}`), 200).json;
    assert.deepEqual([rest.items.map((device) => device.id), rest.next], [[list[2].id], null]);
  });

  test("she ends one device: its cookie, or its access and refresh tokens, die at once; the others go on", async () => {
    const person = await registered(server);
    const [here, phone] = [await signedIn(server, person), await signedIn(server, person, { agent: "a phone" })];
    const program = expectStatus(await server.signIn(person), 200).json;
    const end = (id) => here.ask("DELETE", `/users/me/sessions/${id}`);
    const list = await here.devices();

    expectStatus(await end(list.find((device) => device.user_agent === "a phone").id), 204);
    expectInvalidCookie(await phone.me());
    expectStatus(await server.me(program.access_token), 200);
    expectStatus(await end(list.find((device) => device.kind === "token").id), 204);
    expectInvalidToken(await server.me(program.access_token));
    expectStatus(await server.refresh(program.refresh_token), 401);
    assert.equal((await here.devices()).length, 1);
    expectStatus(await end(list.find((device) => device.kind === "token").id), 404);

    const kept = { ...here.jar };
    expectStatus(await end((await here.devices())[0].id), 204);
    assert.deepEqual(here.jar, {});
    here.jar = kept;
    expectInvalidCookie(await here.me());
  });

  test("another user's device does not exist for her, nor does one that is no id", async () => {
    const [ann, bob] = [await signedIn(server, await registered(server)), await signedIn(server, await registered(server))];
    const [his] = await bob.devices();
    for (const id of [his.id, "01890a5d-ac96-774b-bcce-b302099a8057", "nonsense", "%00"]) {
      expectStatus(await ann.ask("DELETE", `/users/me/sessions/${id}`), id === "%00" ? 400 : 404);
    }
    expectStatus(await bob.me(), 200);
  });

  test("logging out everywhere ends cookies and tokens; an administrator can do it too", async () => {
    const person = await registered(server);
    const admin = await server.administrator();
    for (const everywhere of [
      (browser) => browser.post("/logout/all"),
      () => server.post(`/users/${person.id}/logout`, { token: admin.access }),
    ]) {
      const [here, phone] = [await signedIn(server, person), await signedIn(server, person)];
      const program = expectStatus(await server.signIn(person), 200).json;
      const kept = { ...here.jar };
      expectStatus(await everywhere(here), 200);
      here.jar = kept;
      expectInvalidCookie(await here.me());
      expectInvalidCookie(await phone.me());
      expectInvalidToken(await server.me(program.access_token));
    }
  });

  // --- renewal ------------------------------------------------------------------------------------------------------

  test("a new password gives a new cookie; the old one and all other devices are out", async () => {
    const person = await registered(server);
    const [here, elsewhere] = [await signedIn(server, person), await signedIn(server, person)];
    const program = expectStatus(await server.signIn(person), 200).json;
    const old = { ...here.jar };
    const json = { current_password: person.password, new_password: "another long phrase 42" };
    expectStatus(await here.post("/users/me/password", { json }), 204);

    assert.notEqual(here.jar.session, old.session);
    expectInvalidCookie(await server.get("/users/me", { headers: { cookie: `session=${old.session}` } }));
    expectInvalidCookie(await elsewhere.me());
    expectInvalidToken(await server.me(program.access_token));
    expectStatus(await here.me(), 200);
    expectStatus(await here.ask("PATCH", "/users/me", { json: { full_name: "still here" } }), 200);
    assert.equal((await here.devices()).length, 1);
  });

  test("a change of role gives a new cookie with the next answer, even when that is a refusal; the old one is dead", async () => {
    const person = await registered(server);
    const admin = await server.administrator();
    const browser = await signedIn(server, person, { login: { remember: true } });
    const setRole = (role) => server.ask("PUT", `/users/${person.id}/role`, { json: { role }, token: admin.access });
    const steps = [["moderator", 200], ["user", 403]];
    for (const [role, status] of steps) {
      const old = browser.jar.session;
      expectStatus(await setRole(role), 200);
      const answer = expectStatus(await browser.get("/users"), status);
      assert.notEqual(browser.jar.session, old);
      assert.ok(cookiesOf(answer).session.flags.some((flag) => /^Max-Age=\d{7}$/.test(flag)));
      expectInvalidCookie(await server.get("/users/me", { headers: { cookie: `session=${old}` } }));
      assert.equal(expectStatus(await browser.me(), 200).json.role, role);
    }
    const same = browser.jar.session;
    expectStatus(await browser.me(), 200);
    assert.equal(browser.jar.session, same);
  });

  test("deleting the account takes the cookies away", async () => {
    const person = await registered(server);
    const browser = await signedIn(server, person);
    const kept = { ...browser.jar };
    expectStatus(await browser.ask("DELETE", "/users/me", { json: { password: person.password } }), 204);
    assert.deepEqual(browser.jar, {});
    browser.jar = kept;
    expectInvalidCookie(await browser.me());
  });

  test("no cookie and no CSRF token is in the log or the database", async () => {
    const browser = await signedIn(server, await registered(server));
    await browser.me();
    await browser.post("/logout", { csrf: false });
    const stored = storedIn(server.folder);
    for (const secret of Object.values(browser.jar)) {
      assert.ok(secret.length > 40 && !server.err.includes(secret) && !server.out.includes(secret));
      assert.ok(!stored.includes(secret));
    }
    assert.ok(stored.length > 1000);
  });
});

describe("cookie sessions behind an https address", () => {
  let server;
  before(async () => { server = await start({ DOORWARD_PUBLIC_URL: "https://id.example.com" }); });
  after(() => server?.stop());

  test("the cookies are Secure and carry the prefix that ties them to this host", async () => {
    const browser = new Browser(server);
    const answer = expectStatus(await browser.logIn(await registered(server)), 200);
    const cookies = cookiesOf(answer);

    assert.deepEqual(Object.keys(cookies).sort(), ["__Host-csrf", "__Host-session"]);
    assert.deepEqual(cookies["__Host-session"].flags, ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"]);
    assert.deepEqual(cookies["__Host-csrf"].flags, ["Path=/", "SameSite=Lax", "Secure"]);
    expectStatus(await browser.me(), 200);
    const plain = `session=${browser.jar["__Host-session"]}`;
    expectDetail(await server.get("/users/me", { headers: { cookie: plain } }), 401, "Not authenticated");
    expectStatus(await browser.ask("PATCH", "/users/me", {
      json: { full_name: "x" }, headers: { origin: "https://id.example.com" },
    }), 200);
    expectDetail(await browser.ask("PATCH", "/users/me", {
      json: { full_name: "y" }, headers: { origin: "http://id.example.com" },
    }), 403, REFUSED);
    expectStatus(await browser.post("/logout"), 200);
    assert.deepEqual(browser.jar, {});
  });
});

describe("lifetimes of cookie sessions", () => {
  let server;
  const stop = () => server?.stop();
  after(stop);

  test("an idle session ends, one in use goes on until its absolute end, a remembered one stays", async () => {
    server = await start({ DOORWARD_SESSION_IDLE: "5s", DOORWARD_SESSION_TTL: "12s" });
    const person = await registered(server);
    const [idle, busy, remembered] = [await signedIn(server, person), await signedIn(server, person),
      await signedIn(server, person, { login: { remember: true } })];
    const opened = Date.now();
    const states = [];
    await until(async () => {
      const answer = await busy.me();
      if (answer.status === 200) states.push(Date.now() - opened);
      return answer.status !== 200;
    }, "the busy session reaches its absolute end");

    expectDetail(await busy.me(), 401, "Token has expired");
    assert.ok(states.at(-1) > 6_000, `the busy session ended after ${states.at(-1)} ms`);
    expectDetail(await idle.me(), 401, "Token has expired");
    expectStatus(await remembered.me(), 200);
    assert.equal((await remembered.devices()).length, 1);
  });

  test("an idle session is gone from the list before its absolute end", async () => {
    await server.stop({ keep: true });
    server.env = { DOORWARD_SESSION_IDLE: "5s", DOORWARD_SESSION_TTL: "1h" };
    await server.start();
    const person = await registered(server);
    const [here] = [await signedIn(server, person), await signedIn(server, person)];
    assert.equal((await here.devices()).length, 2);
    await until(async () => (await here.devices()).length === 1, "the idle session is gone");
    expectStatus(await here.me(), 200);
  });
});

// --- a real browser ---------------------------------------------------------------------------------------------------

const CHROMIUM = process.env.DOORWARD_CHROMIUM ?? findChromium();

function findChromium() {
  try {
    return execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

describe("in a real browser", { skip: CHROMIUM ? false : "no Chromium on this machine" }, () => {
  let server, browser, page, evil, person;
  const foreign = {};

  before(async () => {
    server = await start();
    const port = await freePort();
    evil = http.createServer((request, response) => {
      response.setHeader("content-type", "text/html").end("<!doctype html><title>A page</title><p>Win a prize");
    });
    await new Promise((resolve) => evil.listen(port, "127.0.0.1", resolve));
    foreign.site = `http://localhost:${port}/`; // Lax: the browser keeps the cookie back
    foreign.port = `http://127.0.0.1:${port}/`; // the same site to browsers: the cookie goes along
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    person = await registered(server);
  });

  after(async () => {
    await browser?.close();
    evil?.close();
    await server?.stop();
  });

  const fetchIn = (target, options = {}) => page.evaluate(async ([to, sent]) => {
    const answer = await fetch(to, sent);
    return { status: answer.status, text: await answer.text() };
  }, [target, options]);

  const jar = async () => (await page.context().cookies(server.url)).map((cookie) => cookie.name).sort();

  async function logIn() {
    await page.goto(`${server.url}/docs`);
    const answer = await fetchIn("/login", {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: person.username, password: person.password }),
    });
    assert.equal(answer.status, 200, answer.text);
  }

  test("her own page signs in, sees the CSRF token and not the session, and changes her profile with it", async () => {
    await logIn();
    const visible = await page.evaluate(() => document.cookie);
    assert.match(visible, /^csrf=[\w-]+$/);
    const patch = (token) => fetchIn("/users/me", {
      method: "PATCH", headers: { "content-type": "application/json", ...(token ? { "x-csrf-token": token } : {}) },
      body: JSON.stringify({ full_name: "set by her own page" }),
    });
    assert.equal((await patch()).status, 403);
    assert.equal((await patch(visible.slice("csrf=".length))).status, 200);
    assert.deepEqual(await jar(), ["csrf", "session"]);
  });

  test("a form posted from another origin changes nothing, although it knows the address", async () => {
    const attempts = [
      ["/logout", foreign.site, 401], ["/logout/all", foreign.site, 401], ["/users/me/password", foreign.site, 401],
      ["/logout", foreign.port, 403], ["/logout/all", foreign.port, 403], ["/users/me/password", foreign.port, 403],
    ];
    for (const [target, from, status] of attempts) {
      await page.goto(from);
      const [answer] = await Promise.all([
        page.waitForNavigation(),
        page.evaluate((action) => {
          const form = Object.assign(document.createElement("form"), { action, method: "POST", enctype: "text/plain" });
          form.append(Object.assign(document.createElement("input"), { name: '{"x":"', value: '"}' }));
          document.body.append(form);
          form.submit();
        }, server.url + target),
      ]);
      assert.equal(answer.status(), status, `${target} from ${from}`);
    }
    await page.goto(`${server.url}/docs`);
    const me = await fetchIn("/users/me");
    assert.equal(me.status, 200, me.text);
    assert.equal(JSON.parse(me.text).full_name, "set by her own page");
  });

  test("a script of another origin can't read with her cookie, nor change anything", async () => {
    for (const from of [foreign.site, foreign.port]) {
      await page.goto(from);
      const ask = (url, options) => page.evaluate(
        ([to, sent]) => fetch(to, { credentials: "include", ...sent }).then((answer) => answer.type, () => "refused"),
        [url, options]);
      assert.equal(await ask(`${server.url}/users/me`), "refused");
      // Cookies know no ports: the neighbour may even read the token. Its own origin gives it away.
      const token = await page.evaluate(() => document.cookie.match(/csrf=([\w-]+)/)?.[1] ?? "none");
      assert.equal(await ask(`${server.url}/logout`, { method: "POST", headers: { "x-csrf-token": token } }), "refused");
      await ask(`${server.url}/logout`, { method: "POST", mode: "no-cors" });
    }
    await page.goto(`${server.url}/docs`);
    assert.equal((await fetchIn("/users/me")).status, 200);
  });

  test("logging out leaves no cookie in the browser", async () => {
    const token = (await page.evaluate(() => document.cookie)).slice("csrf=".length);
    const answer = await fetchIn("/logout", { method: "POST", headers: { "x-csrf-token": token } });
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(await jar(), []);
    assert.equal((await fetchIn("/users/me")).status, 401);
  });
});
