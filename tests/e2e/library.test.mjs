// The library as an outside program meets it: installed, found by pkg-config, linked, and protecting a route.
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { SignJWT } from "jose";
import { BINARY, ROOT, environment, freePort, temporaryFolder, until } from "./harness.mjs";

const KEY = "0123456789abcdef0123456789abcdef";
const FLAGS = ["-std=c17", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"];

describe("the library", () => {
  const folder = temporaryFolder();
  const hello = path.join(folder, "hello");
  let libraries, origin, program;

  const env = (key) => environment({ HELLO_KEY: key, LD_LIBRARY_PATH: libraries });
  const token = (key = KEY) => new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject("ada")
    .setExpirationTime("1m").sign(new TextEncoder().encode(key));
  const greet = (bearer) => fetch(`${origin}/hello`, { headers: bearer ? { authorization: `Bearer ${bearer}` } : {} });

  before(async () => {
    execFileSync("meson", ["install", "-C", path.dirname(BINARY), "--no-rebuild", "--destdir", folder], { stdio: "pipe" });
    const found = execFileSync("find", [folder, "-name", "doorward.pc"], { encoding: "utf8" }).trim();
    assert.ok(found, "doorward.pc was not installed");
    libraries = path.join(path.dirname(found), "..");
    const asked = { env: environment({ PKG_CONFIG_PATH: path.dirname(found), PKG_CONFIG_SYSROOT_DIR: folder }), encoding: "utf8" };
    const flags = execFileSync("pkg-config", ["--cflags", "--libs", "doorward"], asked).trim().split(/\s+/);
    execFileSync("cc", [...FLAGS, "-o", hello, path.join(ROOT, "examples/hello.c"), ...flags]);
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    program = spawn(hello, [`127.0.0.1:${port}`], { env: env(KEY), stdio: "ignore" });
    await until(() => fetch(origin).then(() => true, () => false), "the example listens");
  });

  after(() => {
    program?.kill();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  test("who brings a token is greeted by name", async () => {
    const answer = await greet(await token());
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { message: "Hello, ada!" });
  });

  test("who brings none, or a forged one, is not", async () => {
    const stranger = await greet();
    assert.equal(stranger.status, 401);
    assert.equal(stranger.headers.get("www-authenticate"), "Bearer");
    const forged = await greet(await token(KEY.replace("0", "x")));
    assert.equal(forged.status, 401);
    assert.equal(forged.headers.get("www-authenticate"), 'Bearer error="invalid_token"');
  });

  test("with a key that is too short the example does not start, and says why", () => {
    const { status, stderr } = spawnSync(hello, [], { env: env("short"), encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /HELLO_KEY/);
  });
});
