// The audit log: flows leave their events, nobody changes them unseen, and none holds a secret (spec G8, G9).

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { execute } from "./database.mjs";
import { expectStatus, run, somebody, start, until } from "./harness.mjs";

const sql = (server, text) => execute(server.folder, text);

describe("the audit log", () => {
  let server, admin;
  before(async () => {
    server = await start();
    admin = await server.administrator();
  });
  after(() => server?.stop());

  const audit = (query = "") => server.get(`/audit?limit=100${query}`, { token: admin.access });
  const command = (...words) => run(["audit", ...words], { folder: server.folder });

  test("every flow leaves its events: who, what, on whom, from where, with what result", async () => {
    const person = await server.newcomer();
    expectStatus(await server.signIn({ ...person, password: "a wrong phrase" }), 400);
    const next = "another long phrase 77";
    const change = { current_password: person.password, new_password: next };
    expectStatus(await server.post("/users/me/password", { json: change, token: person.access }), 204);
    const { access_token: access, refresh_token: refresh } =
      expectStatus(await server.signIn({ ...person, password: next }), 200).json;
    expectStatus(await server.post("/logout", { token: access }), 200);
    assert.notEqual((await server.refresh(refresh)).status, 200);
    expectStatus(await server.ask("PATCH", `/users/${person.id}`, { json: { is_active: false }, token: admin.access }), 200);
    expectStatus(await server.ask("DELETE", `/users/${person.id}`, { token: admin.access }), 204);

    const own = expectStatus(await audit(`&actor=${person.id}`), 200).json.items.map((event) => event.action);
    for (const action of ["user.created", "session.sign_in", "user.password_changed", "session.sign_out"]) {
      assert.ok(own.includes(action), `${action} is not in ${own.join(" ")}`);
    }
    const upon = (await audit()).json.items.filter((event) => event.target === person.id);
    const { id: adminId } = (await server.me(admin.access)).json;
    for (const action of ["user.disabled", "user.deleted"]) {
      const event = upon.find((candidate) => candidate.action === action);
      assert.equal(event?.actor, adminId, action);
      assert.equal(event.address, "127.0.0.1");
      assert.equal(event.result, "ok");
    }
    const failed = (await audit("&action=session.sign_in_failed")).json.items;
    assert.ok(failed.some((event) => event.result === "sign_in_failed" && event.address === "127.0.0.1"));
  });

  test("it is searched by time and read page by page, the newest first", async () => {
    const seen = [];
    let target = "/audit?limit=3";
    while (target) {
      const page = expectStatus(await server.get(target, { token: admin.access }), 200).json;
      seen.push(...page.items.map((event) => event.seq));
      target = page.next && `/audit?limit=3&after=${page.next}`;
    }
    assert.deepEqual(seen, [...seen].sort((a, b) => b - a));
    assert.equal(new Set(seen).size, seen.length);
    assert.ok(seen.includes(1));
    assert.deepEqual((await audit("&since=2999-01-01T00:00:00Z")).json.items, []);
    assert.deepEqual((await audit("&until=2001-01-01T00:00:00Z")).json.items, []);
    for (const query of ["&since=yesterday", "&after=x", "&after=-1", "&limit=0"]) expectStatus(await audit(query), 422);
  });

  test("as JSON lines it is all of it, the oldest first, by HTTP and by command", async () => {
    const answer = expectStatus(
      await server.get("/audit", { token: admin.access, headers: { accept: "application/x-ndjson" } }), 200);
    assert.match(answer.headers.get("content-type"), /^application\/x-ndjson/);
    const lines = answer.text.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map((event) => event.seq), lines.map((_, n) => n + 1));
    const exported = command("export");
    assert.equal(exported.code, 0, exported.err);
    assert.ok(exported.out.startsWith(answer.text.slice(0, answer.text.indexOf("\n"))));
    assert.ok(exported.out.trim().split("\n").length >= lines.length);
  });

  test("only who may read it sees it", async () => {
    const person = await server.newcomer();
    expectStatus(await server.get("/audit"), 401);
    expectStatus(await server.get("/audit", { token: person.access }), 403);
    const role = { role: "moderator" };
    expectStatus(await server.ask("PUT", `/users/${person.id}/role`, { json: role, token: admin.access }), 200);
    expectStatus(await server.get("/audit", { token: person.access }), 403);
  });

  test("one byte of one row changed: the command names the row", async () => {
    const before = command("verify", "--json");
    assert.equal(before.code, 0, before.err);
    const { events, head } = JSON.parse(before.out);
    assert.ok(events > 5);
    const rows = (await audit()).json.items;
    const victim = rows[rows.length - 3];

    sql(server, `UPDATE audit_events SET address = '127.0.0.2' WHERE seq = ${victim.seq}`);
    const changed = command("verify");
    assert.equal(changed.code, 1);
    assert.match(changed.err, new RegExp(`event ${victim.seq}, id ${victim.id} is not what was written`));
    sql(server, `UPDATE audit_events SET address = '${victim.address ?? ""}' WHERE seq = ${victim.seq}`);
    if (victim.address === null) sql(server, `UPDATE audit_events SET address = NULL WHERE seq = ${victim.seq}`);
    assert.equal(command("verify", "--head", head).code, 0, "put back as it was, it holds");
  });

  test("a row taken out is missed, and so are the last ones when their head was kept", async () => {
    const { head } = JSON.parse(command("verify", "--json").out);
    const last = Number(head.split(":")[0]);
    sql(server, `CREATE TABLE kept AS SELECT * FROM audit_events WHERE seq >= ${last - 1};
                 CREATE TABLE kept_head AS SELECT * FROM audit_head;
                 DELETE FROM audit_events WHERE seq = ${last - 1}`);
    assert.match(command("verify").err, new RegExp(`event ${last - 1} was removed`));
    sql(server, `DELETE FROM audit_events WHERE seq >= ${last - 1};
                 UPDATE audit_head SET seq = ${last - 2}, hash = (SELECT hash FROM audit_events WHERE seq = ${last - 2})`);
    assert.equal(command("verify").code, 0, "who can write the table and put its head back can cut off its end");
    const cut = command("verify", "--head", head);
    assert.equal(cut.code, 1);
    assert.match(cut.err, /cut off/);
    sql(server, `INSERT INTO audit_events SELECT * FROM kept; DELETE FROM audit_head;
                 INSERT INTO audit_head SELECT * FROM kept_head; DROP TABLE kept; DROP TABLE kept_head`);
    assert.equal(command("verify", "--head", head).code, 0);
    assert.equal(command("verify", "--head", "x").code, 2);
  });

  test("what came after a head is verified by itself; old events are pruned and the rest still holds", async () => {
    const { head, events } = JSON.parse(command("verify", "--json").out);
    await server.newcomer();
    const since = JSON.parse(command("verify", "--since", head, "--json").out);
    assert.ok(since.events >= 2 && since.events < events);
    assert.equal(command("verify", "--since", `1:${"0".repeat(64)}`).code, 1);
    for (const wrong of ["", "1", "x:y", `0:${"0".repeat(64)}`]) assert.equal(command("verify", "--since", wrong).code, 2);

    assert.equal(command("prune").code, 2);
    for (const wrong of ["yesterday", "2999-01-01T00:00:00Z"]) assert.equal(command("prune", "--before", wrong).code, 2);
    assert.match(command("prune", "--before", "2001-01-01T00:00:00Z").out, /^0 events were removed/);
    const newest = new Date((await audit()).json.items[0].at).getTime();
    await until(() => Date.now() >= newest + 1000, "the newest event is of an earlier second");
    const pruned = command("prune", "--before", new Date().toISOString().replace(/\.\d+Z$/, "Z"));
    assert.equal(pruned.code, 0, pruned.err);
    assert.ok(Number(pruned.out.split(" ")[0]) > 0, pruned.out);
    const after = JSON.parse(command("verify", "--json").out);
    assert.ok(after.pruned > 0 && after.events < events);
    const told = (await audit("&action=audit.pruned")).json.items;
    assert.equal(told[0].actor, "cli");
    assert.match(told[0].detail, new RegExp(`^${after.pruned}:[0-9a-f]{64}$`));
    assert.equal(JSON.parse(command("export").out.split("\n")[0]).seq, after.pruned + 1);
    assert.match(command("verify", "--head", `1:${"0".repeat(64)}`).err, /event 1 was pruned/);

    sql(server, `CREATE TABLE kept AS SELECT * FROM audit_events; DELETE FROM audit_events WHERE seq = ${after.pruned + 1}`);
    assert.match(command("verify").err, new RegExp(`event ${after.pruned + 1} was removed`));
    const refused = command("prune", "--before", "2001-01-01T00:00:00Z");
    assert.equal(refused.code, 1, "what does not hold is not pruned");
    assert.match(refused.err, /does not hold/);
    sql(server, "DELETE FROM audit_events; INSERT INTO audit_events SELECT * FROM kept; DROP TABLE kept");
    assert.equal(command("verify").code, 0);
  });

  test("a server that stops tells its log where the audit log ends", async () => {
    const other = await start();
    await other.newcomer();
    const { head } = JSON.parse(run(["audit", "verify", "--json"], { folder: other.folder }).out);
    await other.stop();
    const [seq, hash] = head.split(":");
    const line = other.err.split("\n").find((text) => text.includes('"audit_head"'));
    assert.deepEqual([JSON.parse(line).seq, JSON.parse(line).hash], [Number(seq), hash]);
  });

  test("many at once, and a crash in between: the chain holds", async () => {
    const people = await Promise.all(Array.from({ length: 6 }, () => server.newcomer()));
    await Promise.all(people.map((person) => server.post("/logout/all", { token: person.access })));
    await server.restart();
    const verified = command("verify");
    assert.equal(verified.code, 0, verified.err);
  });

  test("no secret is in the log, in the audit log, or in the mails", async () => {
    const person = await server.newcomer();
    const mistyped = `mistyped secret ${Date.now()}`;
    await server.signIn({ username: mistyped, password: mistyped });
    await server.signIn({ ...person, password: "a wrong phrase 12345" });
    const pair = expectStatus(await server.refresh(person.refresh), 200).json;
    await server.ask("DELETE", "/users/me", { json: { password: "not this phrase 999" }, token: pair.access_token });
    const unregistered = somebody();
    await server.post("/register", { json: { ...unregistered, email: "no address" } });
    const secrets = [
      person.password, person.access, person.refresh, pair.access_token, pair.refresh_token, admin.password, admin.access,
      mistyped, "a wrong phrase 12345", "not this phrase 999", unregistered.password,
      fs.readFileSync(path.join(server.folder, "doorward.secret"), "utf8").trim(),
    ];
    const outbox = path.join(server.folder, "outbox");
    const mails = fs.existsSync(outbox)
      ? fs.readdirSync(outbox).map((name) => fs.readFileSync(path.join(outbox, name), "utf8")).join("\n")
      : "";
    const places = { log: server.err, audit: command("export").out, mails };
    assert.ok(places.log.length > 0 && places.audit.length > 0);
    for (const [place, text] of Object.entries(places)) {
      for (const secret of secrets) assert.ok(!text.includes(secret), `${place} holds ${secret.slice(0, 12)}…`);
    }
  });
});

describe("an audit log longer than one answer", () => {
  let server;
  before(async () => { server = await start(); });
  after(() => server?.stop());

  test("as JSON lines: the link leads to the rest of what was searched for, and to nothing else", async () => {
    const admin = await server.administrator();
    const actor = "a&b c>";
    sql(server, `WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 11100)
      INSERT INTO audit_events (seq, id, at, action, tenant_id, actor, result, hash)
      SELECT i, 'made-' || i, 1000000000 + i, CASE i % 2 WHEN 0 THEN 'user.updated' ELSE 'user.created' END,
      (SELECT id FROM tenants WHERE slug = 'default'), CASE i WHEN 11100 THEN 'another' ELSE '${actor}' END, 'ok', '' FROM n`);
    const seen = [];
    let target = `/audit?${new URLSearchParams({ actor, action: "user.updated", since: "2001-09-09T01:46:40Z",
      until: "2001-09-09T05:00:00Z" })}`;
    for (let pages = 0; target; pages++) {
      const answer = expectStatus(
        await server.get(target, { token: admin.access, headers: { accept: "application/x-ndjson" } }), 200);
      seen.push(...answer.text.trim().split("\n").map((line) => JSON.parse(line).seq));
      const link = answer.headers.get("link");
      assert.equal(pages === 0, link !== null, link ?? "no link");
      target = link && /^<([^>]*)>; rel="next"$/.exec(link)[1];
    }
    assert.deepEqual(seen, Array.from({ length: 5050 }, (_, n) => 1000 + 2 * n));
  });
});
