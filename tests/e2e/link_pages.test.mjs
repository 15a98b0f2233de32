// The pages behind the links of mails, in a real browser: a forgotten password is set anew, an address is confirmed.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { expectStatus, start } from "./harness.mjs";
import { MailServer } from "./mail.mjs";

const CHROMIUM = process.env.DOORWARD_CHROMIUM ?? findChromium();
const NEW = "a phrase that nobody had before";

function findChromium() {
  try {
    return execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

describe("links of mails", { skip: CHROMIUM ? false : "no Chromium on this machine" }, () => {
  let server, post, browser, page;
  const complaints = [];
  const asked = [];

  before(async () => {
    post = await new MailServer().up();
    server = await start({ DOORWARD_SMTP_URL: post.url });
    // Inside a container Chromium has no namespaces for its own sandbox; it loads nothing but this server.
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    page = await browser.newPage();
    page.setDefaultTimeout(60_000);
    page.on("console", (message) => {
      // A refusal (400, 422) is part of the story, and Chromium writes it down as an error.
      if (["error", "warning"].includes(message.type()) && !/status of 4(00|22)/.test(message.text())) {
        complaints.push(`console: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
    page.on("request", (request) => asked.push(request.url()));
    await page.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
  });

  after(async () => {
    await browser?.close();
    await post?.down();
    await server?.stop();
  });

  const said = () => page.locator("#said");
  const says = (text) => page.locator("#said", { hasText: text }).waitFor();

  async function setPassword(password, again = password) {
    await page.locator("#password").fill(password);
    await page.locator("#again").fill(again);
    await page.locator("button").click();
  }

  test("who forgot her password opens the link, sets a new one, and signs in with it", async () => {
    const person = await server.newcomer();
    expectStatus(await server.post("/forgot-password", { json: { email: person.email } }), 200);
    const { link, token } = (await post.to(person.email, 2))[1];

    const answer = await page.goto(link);
    assert.equal(answer.status(), 200);
    assert.match(answer.headers()["content-security-policy"], /default-src 'none'; script-src 'self'(;|$)/);
    assert.doesNotMatch(answer.headers()["content-security-policy"], /unsafe|https?:|\*/);
    assert.equal(page.url(), `${server.publicUrl}/reset-password`, "the token is in no address any more");

    await setPassword(NEW, "something else");
    await says("The two are not the same.");
    await setPassword("password123");
    await says("The password is among the most used ones");
    await setPassword(NEW);
    await says("Password reset successful.");
    assert.equal(await page.locator("form").isVisible(), false);
    expectStatus(await server.signIn({ ...person, password: NEW }), 200);

    await page.goto("about:blank");
    await page.goto(link);
    await setPassword("yet another phrase of hers");
    await says("Invalid or expired token");
    assert.ok(!asked.some((url) => url.includes(token)), "the token stood in a request's address");
    assert.ok(!server.err.includes(token), "the token stands in the log");
  });

  test("opening the link confirms nothing; pressing the button does", async () => {
    const person = await server.newcomer();
    const [{ link }] = await post.to(person.email);
    await page.goto("about:blank");
    await page.goto(link);
    await page.locator("button").waitFor();
    assert.equal((await server.me(person.access)).json.email_verified, false);
    await page.locator("button").click();
    await says("Email verified.");
    assert.equal((await server.me(person.access)).json.email_verified, true);
  });

  test("a link without its token says so", async () => {
    for (const path of ["/reset-password", "/verify-email#token=", "/verify-email#other=1"]) {
      await page.goto("about:blank");
      await page.goto(server.url + path);
      await says("The link is not complete");
      assert.equal(await page.locator("form").isVisible(), false);
    }
  });

  test("what is typed or linked is shown as text", async () => {
    await page.goto("about:blank");
    await page.goto(`${server.url}/verify-email#token=%3Cimg%20src=x%20onerror=alert(1)%3E`);
    await page.locator("button").click();
    await says("Invalid or expired token");
    assert.equal(await said().locator("*").count(), 0);
  });

  test("nothing complained, and no request left the machine", () => {
    assert.deepEqual(complaints, []);
    assert.deepEqual(asked.filter((url) => !url.startsWith(server.url) && url !== "about:blank"), []);
  });

  test("the files are there, and no others", async () => {
    for (const name of ["link.js", "link.css"]) expectStatus(await server.get(`/account/${name}`), 200);
    for (const name of ["reset.html", "..%2fdocs%2finit.js", "x", ""]) {
      expectStatus(await server.get(`/account/${name}`), 404);
    }
  });
});
