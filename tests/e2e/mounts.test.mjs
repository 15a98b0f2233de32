// Applications in an application, over a real connection: the program of docs/library/middleware.md, serving.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { ROOT, until } from "./harness.mjs";
import { Installed, STRICT } from "./installed.mjs";

const PREVIEW = "https://x.preview.example.com";

describe("a shop mounted in a site", () => {
  let installed, site;

  before(async () => {
    installed = new Installed();
    const page = fs.readFileSync(path.join(ROOT, "docs/library/middleware.md"), "utf8");
    const source = path.join(installed.folder, "site.c");
    fs.writeFileSync(source, /^```c\n(.*?)^```\n/ms.exec(page)[1]);
    const flags = [...STRICT, "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];
    site = await installed.serve(installed.compile(source, "site", flags), (address) => [address]);
  });

  after(async () => {
    await site?.stop();
    installed?.remove();
  });

  test("each path has one reading", async () => {
    const rows = {
      "/": "|/", "/shopping": "|/shopping", "/shop/items/7": "/shop|/shop/items/7",
      "/sh%6fp/items/7": "/shop|/sh%6fp/items/7", "/shop/items/a%20b": "/shop|/shop/items/a%20b",
    };
    for (const [target, body] of Object.entries(rows)) {
      assert.deepEqual(await site.ask("GET", target).then(({ status, text }) => [status, text]), [200, body], target);
    }
    // The shop has no row of its own root, and nobody has the others.
    for (const target of ["/shop", "/shop/", "/shop%2fitems/7", "/shop//items/7", "/%2fshop/items/7", "/shop/items/7/"]) {
      assert.equal((await site.ask("GET", target)).status, 404, target);
    }
    assert.equal((await site.ask("POST", "/shop/items/7")).headers.get("allow"), "GET, HEAD");
  });

  test("the document of the shop says where it is", async () => {
    const { json } = await site.ask("GET", "/shop/openapi.json");
    assert.equal(json.info.title, "Shop");
    assert.deepEqual(json.servers, [{ url: "/shop" }]);
    assert.deepEqual(Object.keys(json.paths), ["/items/{id}"]);
  });

  test("the site's CORS and hosts hold in the shop, the shop's limits are its own, headers stand once", async () => {
    const headers = { origin: PREVIEW, "x-customer": "ann" };
    for (const status of [200, 200, 429]) {
      const answer = await site.ask("GET", "/shop/items/7", { headers });
      assert.equal(answer.status, status);
      assert.equal(answer.headers.get("access-control-allow-origin"), PREVIEW);
      assert.match(answer.headers.get("x-request-id"), /^[0-9a-f]{32}$/);
      assert.equal(answer.headers.get("x-frame-options"), "DENY");
      assert.equal(answer.headers.get("vary"), "Origin");
    }
    assert.equal((await site.ask("GET", "/shop/items/7", { headers: { "x-customer": "bob" } })).status, 200);
    const preflight = await site.ask("OPTIONS", "/shop/items/7", {
      headers: { origin: PREVIEW, "access-control-request-method": "DELETE" } });
    assert.deepEqual([preflight.status, preflight.text], [200, "OK"]);
  });

  test("the log has one line a request, with the whole path and without the query", async () => {
    await site.ask("GET", "/shop/items/seen?token=query-secret");
    const lines = () => site.err.split("\n").filter((line) => line.includes("items/seen"));
    await until(() => lines().length > 0, "the line is written");
    assert.equal(lines().length, 1);
    assert.equal(JSON.parse(lines()[0]).path, "/shop/items/seen");
    assert.ok(!site.err.includes("query-secret"));
  });
});
