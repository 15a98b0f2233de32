// What the other stories rely on: a program that a test waits for is waited for, even if nothing else goes on.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import path from "node:path";
import { describe, test } from "node:test";
import { ROOT, environment } from "./harness.mjs";
import { hold, letGo } from "./child.mjs";

describe("programs under test", () => {
  const run = (...lines) => spawnSync(process.execPath, ["--input-type=module", "-e", [
    `import { spawn } from "node:child_process";`,
    `import { hold, letGo } from ${JSON.stringify(path.join(ROOT, "tests/e2e/child.mjs"))};`,
    // The shell dies at once, what it started keeps the pipe open a while.
    `const child = spawn("sh", ["-c", "sleep 0.5 & kill -9 $$"], { stdio: ["ignore", "pipe", "pipe"] });`,
    ...lines,
  ].join("\n")], { encoding: "utf8", timeout: 30_000, env: environment() });

  test("one that was killed is waited for until its pipes are closed", () => {
    const done = run(
      "letGo(child); hold(child);",
      `child.on("close", (code, signal) => console.log(signal));`,
      "child.stdout.resume(); child.stderr.resume();");
    assert.equal(done.status, 0, done.stderr);
    assert.equal(done.stdout, "SIGKILL\n");
  });

  test("one that was forgotten holds nobody", () => {
    const done = run("letGo(child);");
    assert.equal(done.status, 0, done.stderr);
    assert.equal(done.stdout, "");
  });

  test("one without pipes can be held, too", async () => {
    const child = spawn("sleep", ["0.2"], { stdio: "ignore" });
    letGo(child);
    hold(child);
    assert.equal(await new Promise((resolve) => child.on("close", resolve)), 0);
  });
});
