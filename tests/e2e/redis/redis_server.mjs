// A Redis that a story may kill, pause and start again with an empty memory.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { hold, letGo } from "../child.mjs";
import { environment, until } from "../harness.mjs";

// Debian's redis-server is redis-check-rdb by another name, and redis-tools has that one without a service.
const PROGRAM = ["redis-server", "valkey-server", "redis-check-rdb"].map((name) => `/usr/bin/${name}`)
  .find((file) => fs.existsSync(file));

export class RedisServer {
  /** `options` as in redis.conf. */
  constructor(options = {}) {
    this.options = options;
    this.folder = fs.mkdtempSync(path.join(os.tmpdir(), "dw-redis-"));
    this.socket = path.join(this.folder, "socket");
    this.url = `unix:${this.socket}`;
  }

  async start() {
    assert.ok(PROGRAM, "Redis is not installed: tools/setup.sh test");
    const options = { port: 0, unixsocket: this.socket, dir: this.folder, save: "", appendonly: "no", logfile: "log", ...this.options };
    this.child = spawn(PROGRAM, Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]), {
      argv0: "redis-server", env: environment(), stdio: "ignore",
    });
    letGo(this.child);
    this.ended = new Promise((resolve) => this.child.on("exit", resolve));
    process.once("exit", () => this.child.kill("SIGKILL"));
    await until(() => this.cli("ping").trim() === "PONG", "Redis answers");
    return this;
  }

  cli(...words) {
    return spawnSync("redis-cli", ["-s", this.socket, ...words], { encoding: "utf8", timeout: 10_000 }).stdout ?? "";
  }

  /** As the machine's out-of-memory killer would. */
  async kill() {
    hold(this.child);
    this.child.kill("SIGKILL");
    await this.ended;
  }

  pause() {
    this.child.kill("SIGSTOP");
  }

  resume() {
    this.child.kill("SIGCONT");
  }

  async stop() {
    if (this.child && this.child.exitCode === null && this.child.signalCode === null) await this.kill();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}
