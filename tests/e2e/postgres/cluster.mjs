// A PostgreSQL server that a story may kill, and nodes on it.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { ROOT, Server, environment, temporaryFolder, until } from "../harness.mjs";

export const CHEAP = { DOORWARD_ARGON2_MEMORY: "64KiB", DOORWARD_ARGON2_TIME: "1" };

/** Nodes that share a database and a secret, and a public address as behind a proxy; `each`: what one has for itself. */
export async function fleet(n, env, each = []) {
  const shared = {
    ...CHEAP, DOORWARD_SECRET_KEY: randomBytes(32).toString("hex"), DOORWARD_PUBLIC_URL: "https://id.example.com", ...env,
  };
  const nodes = Array.from({ length: n }, (_, i) => new Server(temporaryFolder(), { ...shared, ...each[i] }));
  await Promise.all(nodes.map((node) => node.start()));
  return nodes;
}

export class Cluster {
  /** Made by tools/with_postgres.sh, which also removes it when its input ends. */
  async start() {
    this.child = spawn(path.join(ROOT, "tools/with_postgres.sh"), ["sh", "-c", "echo $TEST_POSTGRES_FOLDER; cat >&2"], {
      env: environment(), stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    this.child.stdout.setEncoding("utf8").on("data", (text) => (said += text));
    await until(() => said.includes("\n") || this.child.exitCode !== null, "PostgreSQL is there");
    assert.equal(this.child.exitCode, null, "PostgreSQL did not start");
    this.folder = said.trim();
    this.url = `postgresql:///postgres?host=${this.folder}&user=doorward`;
    return this;
  }

  get pid() {
    return Number(fs.readFileSync(path.join(this.folder, "data/postmaster.pid"), "utf8").split("\n")[0]);
  }

  /** As the machine's out-of-memory killer would. */
  kill() {
    process.kill(this.pid, "SIGKILL");
  }

  #control(...args) {
    const bin = fs.readdirSync("/usr/lib/postgresql").sort((x, y) => Number(y) - Number(x))[0];
    const as = process.getuid() === 0 ? ["runuser", "-u", "postgres", "--"] : [];
    const command = [...as, `/usr/lib/postgresql/${bin}/bin/pg_ctl`, "-D", path.join(this.folder, "data"), "-w", ...args];
    return spawnSync(command[0], command.slice(1), { stdio: "ignore", cwd: "/" }).status === 0;
  }

  async revive() {
    // The killed server's children take a moment to notice.
    await until(() => this.#control("-l", path.join(this.folder, "data/log"), "-o",
      `-k ${this.folder} -c listen_addresses='' -c max_connections=200`, "start"), "PostgreSQL starts again");
  }

  /** In good order. */
  halt() {
    assert.ok(this.#control("-m", "fast", "stop"), "PostgreSQL did not stop");
  }

  get isUp() {
    return this.#control("status");
  }

  query(sql) {
    const done = spawnSync("psql", ["-X", "-q", "-A", "-t", "-d", this.url, "-c", sql], { encoding: "utf8", timeout: 120_000 });
    assert.equal(done.status, 0, done.stderr);
    return done.stdout.trim();
  }

  async stop() {
    const ended = new Promise((resolve) => this.child.on("exit", resolve));
    this.child.stdin.end();
    await ended;
  }
}
