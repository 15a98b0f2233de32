// The library as an outside program meets it: installed into a folder, found by pkg-config, outside the tree.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { hold, letGo } from "./child.mjs";
import { BINARY, environment, freePort, temporaryFolder, until } from "./harness.mjs";

export const STRICT = ["-std=c17", "-Wall", "-Wextra", "-Werror", "-pedantic"];

const SANITIZER_REPORT = /(ERROR: (Address|Leak|Thread)Sanitizer|runtime error:|SUMMARY: \w+Sanitizer)/;
const running = new Set();
process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));

export class Installed {
  constructor() {
    this.folder = temporaryFolder();
    execFileSync("meson", ["install", "-C", path.dirname(BINARY), "--no-rebuild", "--destdir", this.folder], { stdio: "pipe" });
    this.pc = this.find("doorward.pc");
    this.libraries = path.dirname(this.find("libdoorward.so"));
    this.flags = this.pkgConfig(["--cflags", "--libs"], { PKG_CONFIG_SYSROOT_DIR: this.folder });
  }

  /** The one installed file of that name. */
  find(name) {
    const paths = execFileSync("find", [this.folder, "!", "-type", "d", "-name", name], { encoding: "utf8" }).trim().split("\n").filter(Boolean);
    assert.equal(paths.length, 1, `${name} was installed ${paths.length} times`);
    return paths[0];
  }

  pkgConfig(options, env = {}) {
    const asked = { env: environment({ PKG_CONFIG_PATH: path.dirname(this.pc), ...env }), encoding: "utf8" };
    return execFileSync("pkg-config", [...options, "doorward"], asked).trim().split(/\s+/);
  }

  /** Compiles one file, without a warning, and returns the program. `flags` come before those of pkg-config. */
  compile(source, name = path.basename(source, ".c"), flags = STRICT, compiler = "cc") {
    const program = path.join(this.folder, name);
    execFileSync(compiler, [...flags, "-o", program, source, ...this.flags], { encoding: "utf8", stdio: "pipe" });
    return program;
  }

  environment(extra = {}) {
    return environment({ LD_LIBRARY_PATH: this.libraries, ...extra });
  }

  /** Starts a program that serves; `argv(address)` are its arguments, `ask(url)` how to see that it listens. */
  async serve(program, argv, env = {}, ask = fetch) {
    const child = new Served(program, argv, this.environment(env));
    await child.start(ask);
    return child;
  }

  remove() {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A program of ours under test, and the way to end it well. */
export class Served {
  constructor(program, argv, env) {
    Object.assign(this, { program, argv, env, out: "", err: "" });
  }

  async start(ask = fetch) {
    const port = await freePort();
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.exit = null;
    this.child = spawn(this.program, this.argv(`127.0.0.1:${port}`), { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout.setEncoding("utf8").on("data", (text) => (this.out += text));
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.err += text));
    const spawned = this.child;
    letGo(spawned);
    running.add(spawned);
    this.ended = new Promise((resolve) => spawned.on("close", (code, signal) => resolve({ code, signal }))).then((exit) => {
      running.delete(spawned);
      return (this.exit = exit);
    });
    await until(() => this.#listens(ask), `${path.basename(this.program)} listens`);
  }

  async #listens(ask) {
    assert.equal(this.exit, null, `${path.basename(this.program)} ended at its start: ${this.err}`);
    return ask(this.url).then(() => true, () => false);
  }

  /** As a power cut would. */
  async kill() {
    hold(this.child);
    this.child.kill("SIGKILL");
    await this.ended;
  }

  async stop() {
    hold(this.child);
    this.child.kill("SIGTERM");
    assert.deepEqual(await this.ended, { code: 0, signal: null }, this.err);
    assert.doesNotMatch(this.err, SANITIZER_REPORT);
  }

  /** One request; `json` and `form` make the body, `token` the Authorization header. */
  async ask(method, target, { json, form, token, headers = {} } = {}) {
    const sent = { ...headers };
    let body;
    if (token !== undefined) sent.authorization = `Bearer ${token}`;
    if (json !== undefined) [body, sent["content-type"]] = [JSON.stringify(json), "application/json"];
    if (form !== undefined) body = new URLSearchParams(form);
    const answer = await fetch(this.url + target, { method, body, headers: sent, redirect: "manual" });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get("content-type") ?? "");
    return { status: answer.status, headers: answer.headers, text, json: isJson && text ? JSON.parse(text) : undefined };
  }
}
