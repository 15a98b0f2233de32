// The page for the operator at three in the morning: its commands do what it says, on any database.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { databaseSettings, execute } from "./database.mjs";
import { BINARY, ROOT, environment, expectStatus, run, somebody, start } from "./harness.mjs";

const PAGE = fs.readFileSync(path.join(ROOT, "docs/operations/runbook.md"), "utf8");
const CHEAP = { DOORWARD_ARGON2_MEMORY: "7MiB", DOORWARD_ARGON2_TIME: "1" };

function commandsUnder(heading) {
  const block = PAGE.slice(PAGE.indexOf(heading)).match(/```sh\n([^`]*)```/);
  assert.ok(PAGE.includes(heading) && block, `docs/operations/runbook.md has no commands under "${heading}"`);
  return block[1].trim().split("\n");
}

/** A line of the page in a shell, beside the server, with this build's program under its name. */
function shell(line, server, input = "") {
  return spawnSync("sh", ["-ec", line.replace(/^doorward /, '"$BINARY" ')], {
    cwd: server.folder, input, encoding: "utf8", timeout: 120_000,
    env: environment({ BINARY, ...databaseSettings(server.folder), ...CHEAP, DOORWARD_LISTEN: `127.0.0.1:${server.port}`, DOORWARD_PUBLIC_URL: server.publicUrl }),
  });
}

test("who is locked out gets in again by the commands of the page", async () => {
  const server = await start(CHEAP);
  const alice = { ...somebody(), username: "alice" };
  expectStatus(await server.post("/register", { json: alice }), 201);
  for (const line of commandsUnder("First, always")) {
    const { status, stdout, stderr } = shell(line, server);
    assert.equal(status, 0, `${line}: ${stdout}${stderr}`);
  }
  execute(server.folder, "UPDATE users SET is_active = 0 WHERE username = 'admin'");
  for (const line of commandsUnder("## Somebody is locked out")) {
    const { status, stdout, stderr } = shell(line, server, "four green lanterns");
    const hasNone = line.includes("reset-2fa") && /has no second factor/.test(stderr);
    assert.ok(status === 0 || hasNone, `${line}: ${stdout}${stderr}`);
  }
  for (const username of ["admin", "bob"])
    expectStatus(await server.signIn({ username, password: "four green lanterns" }), 200);
  const admins = JSON.parse(run(["user", "list", "--role", "admin", "--json"], { folder: server.folder, env: CHEAP }).out).items;
  assert.deepEqual(admins.map((user) => user.username).sort(), ["admin", "alice", "bob"]);
  await server.stop();
});

test("every command and setting that the page names is there, and every page that it leads to", () => {
  const commands = JSON.stringify(run(["reference", "commands"]).out), settings = run(["reference", "settings"]).out;
  for (const [, name] of PAGE.matchAll(/`doorward ((?:user |key |audit )?[a-z0-9-]+)/g))
    assert.ok(commands.includes(`## doorward ${name}`), `doorward ${name}`);
  for (const [name] of PAGE.matchAll(/DOORWARD_[A-Z_]+/g)) assert.ok(settings.includes(`\`${name}\``), name);
  for (const [, target] of PAGE.matchAll(/\]\(([^)]+)\)/g)) {
    const [file, anchor] = target.split("#");
    const text = fs.readFileSync(path.join(ROOT, "docs/operations", file), "utf8");
    const anchors = text.split("\n").filter((line) => line.startsWith("#")).map((line) =>
      line.replace(/^#+ /, "").toLowerCase().replace(/[^a-z0-9 -]/g, "").replaceAll(" ", "-"));
    if (anchor) assert.ok(anchors.includes(anchor), target);
  }
});
