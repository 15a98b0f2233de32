// Every security scheme of the library: refused without, described as OpenAPI words it, and tried from Swagger UI.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { chromium } from "playwright-core";
import { ROOT } from "./harness.mjs";
import { Installed } from "./installed.mjs";

const CHROMIUM = process.env.DOORWARD_CHROMIUM ?? findChromium();
const basic = (text) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
const bearer = (text) => ({ authorization: `Bearer ${text}` });

// A row's path, the challenge of a stranger, and what lets one in.
const ROWS = [
  ["/password", 'Bearer scope="read"', { headers: bearer("password-token") }],
  ["/code", 'Bearer scope="read"', { headers: bearer("code-token") }],
  ["/bearer", "Bearer", { headers: bearer("good") }],
  ["/basic", 'Basic realm="things", charset="UTF-8"', { headers: basic("ann:secret") }],
  ["/digest", 'Digest realm="things"', { headers: { authorization: 'Digest username="ann"' } }],
  ["/header", "APIKey", { headers: { "x-api-key": "good" } }],
  ["/query", "APIKey", { query: "?key=good" }],
  ["/cookie", "APIKey", { headers: { cookie: "key=good" } }],
  ["/openid", 'Bearer scope="openid"', { headers: bearer("code-token") }],
  ["/either", "Bearer", { headers: { "x-api-key": "good" } }],
  ["/either", "Bearer", { headers: bearer("good") }],
  ["/both", 'Basic realm="things", charset="UTF-8"', { headers: basic("ann:secret"), query: "?key=good" }],
];

function findChromium() {
  try {
    return execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

describe("security schemes", () => {
  const installed = new Installed();
  let program;

  before(async () => {
    program = await installed.serve(installed.compile(path.join(ROOT, "tests/e2e/schemes.c")), (address) => [address]);
  });
  after(async () => {
    await program?.stop();
    installed.remove();
  });

  for (const [target, challenge, { headers, query = "" }] of ROWS) {
    test(`${target} asks a stranger, and takes ${JSON.stringify(headers ?? query)}`, async () => {
      const stranger = await program.ask("GET", target);
      assert.equal(stranger.status, 401);
      assert.equal(stranger.headers.get("www-authenticate"), challenge);
      assert.deepEqual(stranger.json, { detail: "Not authenticated" });
      assert.equal((await program.ask("GET", target + query, { headers })).status, 200);
    });
  }

  test("what is optional lets a stranger through, but not who sends nonsense", async () => {
    assert.deepEqual((await program.ask("GET", "/optional")).json, { scheme: "none" });
    assert.deepEqual((await program.ask("GET", "/optional", { headers: bearer("x") })).json, { scheme: "bearer" });
    assert.equal((await program.ask("GET", "/optional", { headers: bearer("x y") })).status, 401);
  });

  for (const mount of ["", "/mounted"]) {
    test(`a public validator accepts ${mount}/openapi.json`, async () => {
      const validator = new Validator();
      const result = await validator.validate((await program.ask("GET", `${mount}/openapi.json`)).json);
      assert.ok(result.valid, JSON.stringify(result.errors, null, 2));
      assert.equal(validator.version, "3.1");
    });
  }

  test("they are described in OpenAPI's words", async () => {
    const { components, paths } = (await program.ask("GET", "/openapi.json")).json;
    const scopes = { read: "See things", write: "Change things" };
    assert.deepEqual(components.securitySchemes, {
      password: { type: "oauth2", description: "ann, secret", flows: { password: { tokenUrl: "token", scopes } } },
      code: { type: "oauth2", flows: { authorizationCode: {
        authorizationUrl: "/authorize", tokenUrl: "/token/code", refreshUrl: "/token/code", scopes } } },
      bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
      basic: { type: "http", scheme: "basic" },
      digest: { type: "http", scheme: "digest" },
      header: { type: "apiKey", in: "header", name: "X-API-Key" },
      query: { type: "apiKey", in: "query", name: "key" },
      cookie: { type: "apiKey", in: "cookie", name: "key" },
      openid: { type: "openIdConnect", openIdConnectUrl: "/.well-known/openid-configuration" },
    });
    assert.deepEqual(paths["/either"].get.security, [{ bearer: [] }, { header: [] }]);
    assert.deepEqual(paths["/both"].get.security, [{ basic: [], query: [] }]);
    assert.deepEqual(paths["/optional"].get.security, [{ bearer: [] }, {}]);
    assert.deepEqual(paths["/openid"].get.security, [{ openid: ["openid"] }]);
    assert.equal(paths["/authorize"].get.security, undefined);
  });

  describe("in Swagger UI", { skip: CHROMIUM ? false : "no Chromium on this machine" }, () => {
    let browser, page;
    const complaints = [];

    before(async () => {
      // Inside a container Chromium has no namespaces for its own sandbox; it loads nothing but this program.
      browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
    });
    after(() => browser?.close());

    async function open(mount) {
      page = await browser.newPage();
      page.setDefaultTimeout(60_000);
      page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
      page.on("console", (message) => /Content Security Policy/.test(message.text()) && complaints.push(message.text()));
      await page.goto(`${program.url}${mount}/docs`);
      await page.locator(".opblock").first().waitFor();
    }

    /** The operation's own lock, its dialog filled in by `fill`, and what the operation then answers. */
    async function authorized(target, fill) {
      const operation = page.locator(".opblock").filter({ has: page.locator(`[data-path="${target}"]`) });
      await operation.locator(".authorization__btn").click();
      const dialog = page.locator(".dialog-ux");
      await fill(dialog);
      await dialog.locator(".auth-btn-wrapper .authorize").first().click();
      await dialog.locator("button", { hasText: "Logout" }).first().waitFor();
      await dialog.locator(".btn-done").first().click();
      await operation.locator(".opblock-summary-control").click();
      await operation.locator(".try-out__btn").click();
      await operation.locator(".execute").click();
      const status = operation.locator(".live-responses-table tbody .response-col_status").first();
      await status.waitFor();
      return Number((await status.innerText()).match(/\d{3}/)[0]);
    }

    const value = (dialog) => dialog.locator("input[type=text], input[aria-label=auth-bearer-value]").first().fill("good");
    const named = async (dialog) => {
      await dialog.locator("input[name=username]").fill("ann");
      await dialog.locator("input[name=password]").fill("secret");
    };
    const client = (dialog) => dialog.locator("#client_id_authorizationCode, #client_id_authorization_code").first().fill("docs");

    for (const mount of ["", "/mounted"]) {
      test(`each that it supports gets in${mount && ", also where the application is mounted"}`, async () => {
        await open(mount);
        assert.equal(await authorized("/bearer", value), 200, "bearer");
        assert.equal(await authorized("/basic", named), 200, "basic");
        assert.equal(await authorized("/header", value), 200, "API key in a header");
        assert.equal(await authorized("/query", value), 200, "API key in the query");
        assert.equal(await authorized("/password", async (dialog) => {
          await dialog.locator("#oauth_username").fill("ann");
          await dialog.locator("#oauth_password").fill("secret");
        }), 200, "OAuth2 password");
      });
    }

    test("a sign-in by authorization code comes back to the page, with PKCE", async () => {
      await open("");
      assert.equal(await authorized("/code", client), 200);
    });

    test("OpenID Connect finds its endpoints by discovery", async () => {
      await open("");
      assert.equal(await authorized("/openid", client), 200);
    });

    test("nothing complained", () => assert.deepEqual(complaints, []));
  });
});
