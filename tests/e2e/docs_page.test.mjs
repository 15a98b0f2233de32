// The documentation page in a real browser: register, press Authorize, call a protected route.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { findChromium } from "./browser.mjs";
import { expectStatus, somebody, start } from "./harness.mjs";

const CHROMIUM = findChromium();

describe("documentation page", { skip: CHROMIUM ? false : "no Chromium on this machine" }, () => {
  let server, browser, page;
  const complaints = [];
  const foreign = [];

  before(async () => {
    server = await start();
    // Inside a container Chromium has no namespaces for its own sandbox; it loads nothing but this server.
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
    page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.origin !== server.url && url.protocol !== "data:") foreign.push(request.url());
    });
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const block = (method, path) =>
    page.locator(`.opblock-${method}`).filter({ has: page.locator(`[data-path="${path}"]`) });

  /** Opens an operation, sends it with `body`, and returns the status that the page shows. */
  async function execute(method, path, body) {
    const operation = block(method, path);
    await operation.locator(".opblock-summary-control").click();
    await operation.locator(".try-out__btn").click();
    if (body) await operation.locator("textarea.body-param__text").fill(JSON.stringify(body));
    await operation.locator(".execute").click();
    const status = operation.locator(".live-responses-table tbody .response-col_status");
    await status.first().waitFor();
    return Number((await status.first().innerText()).match(/\d{3}/)[0]);
  }

  test("it loads under a strict policy, which allows no inline script or style and no other machine", async () => {
    const answer = await page.goto(`${server.url}/docs`);
    assert.equal(answer.status(), 200);
    const policy = answer.headers()["content-security-policy"];
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self'(;|$)/);
    assert.match(policy, /base-uri 'none'; form-action 'none'; frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    await page.locator(".opblock").first().waitFor();
  });

  test("a stranger registers, authorizes by name and password, and calls a protected route", async () => {
    const person = somebody();
    assert.equal(await execute("post", "/register", person), 201);

    await page.locator(".auth-wrapper .authorize").first().click();
    const dialog = page.locator(".dialog-ux");
    await dialog.locator("#oauth_username").fill(person.username);
    await dialog.locator("#oauth_password").fill(person.password);
    await dialog.locator(".auth-btn-wrapper .authorize").first().click();
    await dialog.locator("button", { hasText: "Logout" }).first().waitFor();
    await dialog.locator(".btn-done").first().click();

    assert.equal(await execute("get", "/users/me"), 200);
    const shown = await block("get", "/users/me").locator(".live-responses-table").innerText();
    assert.ok(shown.includes(person.username));
  });

  test("the sign-in does not outlive the page", async () => {
    await page.reload();
    await page.locator(".opblock").first().waitFor();
    assert.deepEqual(await page.evaluate(() => [localStorage.length, sessionStorage.length, document.cookie]), [0, 0, ""]);
  });

  test("nothing complained, and no request left the machine", () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(foreign, []);
  });

  test("its files have a tag and are not sent twice", async () => {
    for (const name of ["swagger-ui.css", "swagger-ui-bundle.js", "init.js", "favicon-32x32.png"]) {
      const first = expectStatus(await server.get(`/docs/${name}`), 200);
      const etag = first.headers.get("etag");
      assert.match(etag ?? "", /^"[0-9a-f]+"$/, name);
      expectStatus(await server.get(`/docs/${name}`, { headers: { "if-none-match": etag } }), 304);
    }
  });
});
