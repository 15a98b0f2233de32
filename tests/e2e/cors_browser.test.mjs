// Pages of other origins in a real browser: what a listed one can do, and what another one can't.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { expectStatus, somebody, start } from "./harness.mjs";

const CHROMIUM = process.env.DOORWARD_CHROMIUM ?? findChromium();

function findChromium() {
  try {
    return execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

/** Serves an empty page: a place for scripts of an origin to run. */
function pageServer() {
  return new Promise((resolve) => {
    const server = http.createServer((request, answer) =>
      answer.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>page</title>"));
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

describe("pages of other origins", { skip: CHROMIUM ? false : "no Chromium on this machine" }, () => {
  let listed, other, server, browser, person;

  before(async () => {
    [listed, other] = await Promise.all([pageServer(), pageServer()]);
    server = await start({ DOORWARD_ARGON2_MEMORY: "64KiB", DOORWARD_CORS_ORIGINS: originOf(listed) });
    person = await server.newcomer();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  });

  after(async () => {
    await browser?.close();
    listed?.close();
    other?.close();
    await server?.stop();
  });

  const originOf = (pages) => `http://127.0.0.1:${pages.address().port}`;

  /** Runs a story in a page of that origin, in a browser that has seen nothing yet. */
  async function on(pages, story) {
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(originOf(pages));
      await story(page, context);
    } finally {
      await context.close();
    }
  }

  /** One fetch() in the page: what its script got to see. */
  const fetchIn = (page, path, options) => page.evaluate(async ([url, asked]) => {
    try {
      const answer = await fetch(url, asked);
      return { type: answer.type, status: answer.status, text: await answer.text(),
        requestId: answer.headers.get("x-request-id"), limit: answer.headers.get("www-authenticate") };
    } catch (error) {
      return { error: error.name };
    }
  }, [server.url + path, options]);

  const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });
  const json = (body, headers = {}) => ({ method: "POST", body: JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers }, credentials: "include" });

  test("a listed page calls with a bearer token and reads the answer, errors too", () => on(listed, async (page) => {
    const seen = await fetchIn(page, "/users/me", bearer(person.access));
    assert.equal(seen.status, 200);
    assert.equal(JSON.parse(seen.text).username, person.username);
    assert.match(seen.requestId, /^[0-9a-f]{32}$/);
    const refused = await fetchIn(page, "/users/me", bearer("rubbish"));
    assert.equal(refused.status, 401);
    assert.match(refused.limit, /invalid_token/);
    const changed = await fetchIn(page, "/users/me", { ...bearer(person.access), method: "PATCH",
      headers: { ...bearer(person.access).headers, "content-type": "application/json" },
      body: JSON.stringify({ full_name: "From another origin" }) });
    assert.equal(changed.status, 200);
  }));

  test("another page reads nothing, and changes nothing", () => on(other, async (page) => {
    assert.deepEqual(await fetchIn(page, "/users/me", bearer(person.access)), { error: "TypeError" });
    assert.deepEqual(await fetchIn(page, "/healthz", {}), { error: "TypeError" });
    const deleted = await fetchIn(page, "/users/me", { ...bearer(person.access), method: "DELETE" });
    assert.deepEqual(deleted, { error: "TypeError" });
    expectStatus(await server.me(person.access), 200);
    // Without CORS the browser sends, and shows nothing.
    const opaque = await fetchIn(page, "/healthz", { mode: "no-cors" });
    assert.ok(opaque.error === "TypeError" || (opaque.type === "opaque" && opaque.text === ""));
  }));

  test("a sandboxed frame in a listed page is nobody", () => on(listed, async (page) => {
    const seen = await page.evaluate((url) => new Promise((resolve) => {
      addEventListener("message", ({ data, origin }) => resolve([data, origin]));
      const frame = document.createElement("iframe");
      frame.sandbox = "allow-scripts";
      frame.srcdoc = `<script>fetch("${url}").then(() => "read", () => "refused").then((w) => parent.postMessage(w, "*"))</script>`;
      document.body.append(frame);
    }), `${server.url}/healthz`);
    assert.deepEqual(seen, ["refused", "null"]);
  }));

  test("a listed page signs in by cookie; a change needs the CSRF token", () => on(listed, async (page) => {
    const stranger = somebody();
    expectStatus(await server.post("/register", { json: stranger }), 201);
    const signedIn = await fetchIn(page, "/login", json({ username: stranger.username, password: stranger.password }));
    assert.equal(signedIn.status, 200);
    const { csrf_token: token } = JSON.parse(signedIn.text);
    const me = await fetchIn(page, "/users/me", { credentials: "include" });
    assert.equal(JSON.parse(me.text).username, stranger.username);
    assert.equal((await fetchIn(page, "/users/me", { credentials: "omit" })).status, 401);
    const body = { ...json({ full_name: "By cookie" }), method: "PATCH" };
    assert.equal((await fetchIn(page, "/users/me", body)).status, 403);
    const withToken = { ...body, headers: { ...body.headers, "x-csrf-token": token } };
    assert.equal(JSON.parse((await fetchIn(page, "/users/me", withToken)).text).full_name, "By cookie");
  }));

  test("another page of the same site, with the cookie at hand, can do nothing with it", () => on(listed, async (page, context) => {
    const stranger = somebody();
    expectStatus(await server.post("/register", { json: stranger }), 201);
    const signedIn = await fetchIn(page, "/login", json({ username: stranger.username, password: stranger.password }));
    const { csrf_token: token } = JSON.parse(signedIn.text);
    await page.goto(originOf(other)); // the same site: another port, where cookies go too
    assert.ok((await context.cookies(server.url)).length >= 2);
    assert.deepEqual(await fetchIn(page, "/users/me", { credentials: "include" }), { error: "TypeError" });
    // A form needs no leave: the check of Origin refuses it, even if it knew the token.
    const sent = { method: "POST", mode: "no-cors", credentials: "include", body: "" };
    await fetchIn(page, "/logout", { ...sent, headers: { "x-csrf-token": token } });
    await fetchIn(page, "/logout", sent);
    const [session] = (await context.cookies(server.url)).filter(({ name }) => name === "session");
    expectStatus(await server.get("/users/me", { headers: { cookie: `session=${session.value}` } }), 200);
  }));
});
