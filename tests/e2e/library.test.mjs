// The library as an outside program meets it: installed, found by pkg-config, linked, and protecting a route.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { SignJWT } from "jose";
import { ROOT } from "./harness.mjs";
import { Installed, STRICT } from "./installed.mjs";

const KEY = "0123456789abcdef0123456789abcdef";
const HELLO = path.join(ROOT, "examples/hello.c");

describe("the library", () => {
  const installed = new Installed();
  let hello, program;

  const token = (key = KEY) => new SignJWT({}).setProtectedHeader({ alg: "HS256" }).setSubject("ada")
    .setExpirationTime("1m").sign(new TextEncoder().encode(key));
  const greet = (bearer) => program.ask("GET", "/hello", { token: bearer });

  before(async () => {
    hello = installed.compile(HELLO);
    program = await installed.serve(hello, (address) => [address], { HELLO_KEY: KEY });
  });

  after(async () => {
    await program?.stop();
    installed.remove();
  });

  test("who brings a token is greeted by name", async () => {
    const answer = await greet(await token());
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, { message: "Hello, ada!" });
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
    const { status, stderr } = spawnSync(hello, [], { env: installed.environment({ HELLO_KEY: "short" }), encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /too short for HS256/);
  });

  test("pkg-config gives its own folder and name alone, with the sysroot set or not", () => {
    for (const env of [{}, { PKG_CONFIG_SYSROOT_DIR: installed.folder }]) {
      const flags = installed.pkgConfig(["--cflags", "--libs"], env);
      // A build folder made before the file could be moved: meson configure build -Dpkgconfig.relocatable=true
      assert.ok(fs.existsSync(path.join(flags[0].slice(2), "doorward.h")), flags[0]);
      assert.ok(fs.existsSync(path.join(flags[1].slice(2), "libdoorward.so")), flags[1]);
      assert.deepEqual(flags.slice(2).filter((flag) => !flag.startsWith("-Wl,")), ["-ldoorward"]);
    }
  });

  test("the flags may stand before the program's name or behind it", () => {
    const built = path.join(installed.folder, "before");
    execFileSync("cc", [...STRICT, ...installed.flags, HELLO, "-o", built], { stdio: "pipe" });
    const { status, stderr } = spawnSync(built, [], { env: installed.environment(), encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /no key/);
  });

  test("what belongs to it is there: headers, manual pages, licence, documentation, examples", () => {
    const headers = fs.readdirSync(path.join(ROOT, "include/doorward"));
    for (const name of [...headers, "doorward.h", "doorward.1", "libdoorward.3", "LICENSE", "library.md", "jwt.md"]) {
      assert.ok(installed.find(name), name);
    }
    assert.equal(fs.readFileSync(installed.find("hello.c"), "utf8"), fs.readFileSync(HELLO, "utf8"));
    execFileSync(installed.find("doorward"), ["--help"], { stdio: "pipe" });
  });

  test("the manual pages are sound, and libdoorward(3) names every header", () => {
    for (const page of ["doorward.1", "libdoorward.3"].map((name) => installed.find(name))) {
      const lint = spawnSync("mandoc", ["-T", "lint", "-W", "warning", page], { encoding: "utf8" });
      assert.equal(lint.stdout + lint.stderr, "");
      const shown = spawnSync("man", ["--warnings=w", "-E", "UTF-8", "-l", page], {
        encoding: "utf8", env: installed.environment({ LC_ALL: "C.UTF-8", MANWIDTH: "100", MANPAGER: "cat" }),
      });
      assert.equal(shown.stderr, "");
      assert.match(shown.stdout, /SEE ALSO/);
    }
    const page = fs.readFileSync(installed.find("libdoorward.3"), "utf8");
    for (const name of fs.readdirSync(path.join(ROOT, "include/doorward"))) {
      assert.ok(page.includes(`\n.B doorward/${name}\n`), name);
    }
    const program = path.join(installed.folder, "manual.c");
    const [, example] = page.match(/^\.EX\n(.*?)^\.EE$/ms);
    fs.writeFileSync(program, example.replaceAll("\\e", "\\").replaceAll("\\-", "-"));
    installed.compile(program);
  });

  test("the shared library has its number, and a program asks for that", () => {
    const needed = execFileSync("readelf", ["-d", hello], { encoding: "utf8" });
    assert.match(needed, /NEEDED.*\[libdoorward\.so\.0\]/);
    assert.equal(fs.readlinkSync(installed.find("libdoorward.so")), "libdoorward.so.0");
  });
});
