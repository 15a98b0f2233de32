// What the operator asks of new passwords besides their length: names of the service, and those known from breaches.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { complaints, expectStatus, run, somebody, start, temporaryFolder } from "./harness.mjs";

const LEAKED = "what everybody else has 17";
const FINE = "a phrase that nobody had before";

/** A file as the public list comes: by hash, with counts. */
function breachedFile(folder, passwords) {
  const lines = passwords.map((text) => createHash("sha1").update(text).digest("hex").toUpperCase()).sort();
  const file = path.join(folder, "pwned.txt");
  fs.writeFileSync(file, lines.map((hash, i) => `${hash}:${i + 1}\r\n`).join(""));
  return file;
}

describe("new passwords", () => {
  let server, folder;
  before(async () => {
    folder = temporaryFolder();
    const others = Array.from({ length: 3000 }, (_, i) => `somebody's password ${i}`);
    server = await start({
      DOORWARD_PASSWORD_WORDS: "Zweibrunn,fjordline", DOORWARD_PASSWORD_BREACHED: breachedFile(folder, [...others, LEAKED]),
    });
  });
  after(async () => {
    await server?.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  function expectRefused(answer, type, member = "password") {
    assert.deepEqual(complaints(answer), [`body.${member}`]);
    assert.equal(answer.json.detail[0].type, type);
    assert.equal(answer.json.detail[0].input, undefined);
  }

  const register = (more) => server.post("/register", { json: somebody(more) });

  test("one with a name of the service in it is refused", async () => {
    for (const password of ["ZWEIBRUNN 2026", "my fjordline way", "open the Doorward"]) {
      expectRefused(await register({ password }), "password_context");
    }
    expectStatus(await register({ password: FINE }), 201);
  });

  test("the name of a tenant counts there and nowhere else", async () => {
    const { access: token } = await server.administrator();
    expectStatus(await server.post("/tenants", { token, json: { slug: "umbrella", name: "Umbrella" } }), 201);
    const password = "umbrella in the rain";
    expectRefused(await register({ password, tenant: "umbrella" }), "password_context");
    expectStatus(await register({ password }), 201);
    expectStatus(await register({ password: "by default a phrase" }), 201);
  });

  test("one that is known from a breach is refused at registration, at a change, and by command line", async () => {
    expectRefused(await register({ password: LEAKED }), "password_breached");
    expectStatus(await register({ password: `${LEAKED}!` }), 201);
    const person = await server.newcomer();
    const json = { current_password: person.password, new_password: LEAKED };
    expectRefused(await server.post("/users/me/password", { token: person.access, json }), "password_breached",
      "new_password");
    const { folder: at, env } = server;
    const made = run(["user", "set-password", person.username, "--json"], { folder: at, env, input: `${LEAKED}\n` });
    assert.equal(made.code, 1);
    assert.equal(JSON.parse(made.err).error, "password_breached");
    expectStatus(await server.signIn(person), 200);
  });

  test("a file that is no such list stops the start, and says which setting", async () => {
    const odd = path.join(folder, "odd.txt");
    fs.writeFileSync(odd, "password\n123456\n");
    for (const [env, what] of [
      [{ DOORWARD_PASSWORD_BREACHED: odd }, /DOORWARD_PASSWORD_BREACHED=.*odd\.txt: allowed: a file of SHA-1 hashes/],
      [{ DOORWARD_PASSWORD_BREACHED: path.join(folder, "nowhere") }, /DOORWARD_PASSWORD_BREACHED=.*nowhere: the file can't be opened/],
      [{ DOORWARD_PASSWORD_WORDS: "fine,x" }, /DOORWARD_PASSWORD_WORDS: allowed: words of 3 characters or more/],
    ]) {
      const done = run(["user", "list"], { folder: server.folder, env });
      assert.equal(done.code, 1, done.out);
      assert.match(done.err, what);
    }
  });
});
