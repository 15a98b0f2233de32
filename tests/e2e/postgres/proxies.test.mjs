// Three nodes behind the proxies of packaging/proxies/, as the examples stand there (spec G3, H4, H5).

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { databaseSettings, dropDatabase } from "../database.mjs";
import { claimsOf, expectInvalidToken, expectStatus, until, setCookies } from "../harness.mjs";
import { fleet } from "./cluster.mjs";
import { lingers } from "./delays.mjs";
import { Edge, NAME, PROXIES, STOP_DELAY } from "./edge.mjs";
import { Load } from "./load.mjs";

const CLIENT = "127.0.0.2";
const WITHIN_MS = 1000;

for (const kind of Object.keys(PROXIES)) {
  describe(`three nodes behind ${kind}`, { timeout: 180_000 }, () => {
    let nodes, a, b, c, edge, load;
    before(async () => {
      [a, b, c] = nodes = await fleet(3, {
        ...databaseSettings(kind), DOORWARD_PUBLIC_URL: `https://${NAME}`, DOORWARD_TRUSTED_HOSTS: `${NAME},127.0.0.1`,
        DOORWARD_TRUSTED_PROXIES: "127.0.0.1", DOORWARD_STOP_DELAY: STOP_DELAY, DOORWARD_HASH_QUEUE: "1024",
      });
      edge = await new Edge(kind, nodes).start();
    });
    after(async () => {
      await load?.end();
      await edge?.stop();
      await Promise.all(nodes?.map((node) => node.stop()) ?? []);
      dropDatabase(kind);
    });

    const working = () => (load = new Load([edge]).start());
    const progress = async (n = 10) => {
      const before = load.ended.length;
      await until(() => load.ended.length >= before + n, "people work");
    };
    const comeBack = async (node) => {
      // On the port that the proxy knows.
      const { port } = node;
      await node.start({ port });
      await until(async () => (await node.get("/readyz")).status === 200, "the node is ready");
    };

    test("signed in by the proxy, signed out on one node, refused on another within a second", async () => {
      const person = await edge.newcomer();
      for (const node of nodes) expectStatus(await node.me(person.access), 200);
      expectStatus(await b.post("/logout", { token: person.access }), 200);
      const others = [a, c, edge];
      const delays = await Promise.all(others.map((node) =>
        lingers(async () => (await node.me(person.access)).status !== 401, "the token is refused")));
      assert.ok(Math.max(...delays) < WITHIN_MS, delays.join());
      for (const node of others) expectInvalidToken(await node.me(person.access));
    });

    test("the audit log has the client's own address, whatever the client says about itself", async () => {
      const lies = {
        "x-forwarded-for": "6.6.6.6", forwarded: "for=6.6.6.6;proto=http", "x-forwarded-proto": "http", "x-real-ip": "6.6.6.6",
        "x-request-id": "mine",
      };
      const honest = await edge.newcomer();
      for (const headers of [{}, lies]) {
        const form = { grant_type: "password", username: honest.username, password: honest.password };
        const answer = expectStatus(await edge.post("/token", { form, headers, from: CLIENT }), 200);
        assert.notEqual(answer.headers.get("x-request-id"), "mine");
        const { family } = claimsOf(answer.json.refresh_token);
        const events = await auditOf(nodes, honest.id, family);
        assert.deepEqual(events.map((event) => event.address), [CLIENT], JSON.stringify(headers));
      }
    });

    test("cookies are the browser's to keep, and the issuer is the address that clients use", async () => {
      const person = await edge.newcomer();
      assert.equal(claimsOf(person.access).iss, `https://${NAME}`);
      const metadata = expectStatus(await edge.get("/.well-known/oauth-authorization-server"), 200).json;
      assert.equal(metadata.token_endpoint, `https://${NAME}/token`);
      const answer = expectStatus(await edge.post("/login", {
        json: { username: person.username, password: person.password }, headers: { origin: `https://${NAME}` },
      }), 200);
      const cookies = setCookies(answer);
      assert.match(cookies.join("\n"), /__Host-session=.*; ?Secure/i);
      assert.ok(answer.headers.get("strict-transport-security"));
      expectStatus(await edge.get("/readyz"), 404); // the nodes' own business
    });

    test("a node is killed while people work: only what it had in hand is lost, and no question", async () => {
      working();
      await progress();
      await b.kill();
      await progress(30);
      const failures = load.failures();
      // A POST that was sent is not sent again; the proxy answers for the dead node.
      assert.deepEqual(Object.keys(failures).filter((key) => key.startsWith("me")), [], JSON.stringify(failures));
      assert.ok(Object.values(failures).reduce((sum, n) => sum + n, 0) <= 9, JSON.stringify(failures));
      await comeBack(b);
      await progress();
      await load.stop();
      await load.check();
      await until(() => b.get("/healthz").then(() => true), "it is back");
    });

    test("all nodes are started anew, one after the other, while people work: nothing fails", async () => {
      working();
      await progress();
      for (const node of nodes) {
        const stopping = node.stop({ keep: true });
        await until(async () => (await node.get("/readyz").catch(() => ({ status: 503 }))).status === 503, "it says that it stops");
        await stopping;
        await comeBack(node);
        // As who rolls a release out would: not before the balancer sends it requests again.
        const served = node.err.length;
        await until(() => node.err.length > served, "it is asked again");
        await pause(0);
      }
      await progress();
      await load.stop();
      assert.deepEqual(load.failures(), {});
      await load.check();
    });
  });
}

/** What the audit log has on something, asked of the node that made the administrator. */
async function auditOf(nodes, actor, target) {
  const first = nodes.find((node) => node.out.includes("Administrator:"));
  const admin = (first.signedIn ??= await first.administrator());
  const answer = expectStatus(await first.get(`/audit?actor=${actor}`, { token: admin.access }), 200);
  return answer.json.items.filter((event) => event.target === target);
}
