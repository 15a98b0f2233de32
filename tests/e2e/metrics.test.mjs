// Whoever runs the server sees what it does: numbers that are right, for those who have the secret, whatever goes on.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { parse } from "yaml";
import { readExposition } from "./exposition.mjs";
import { BINARY, ROOT, Server, environment, expectStatus, somebody, start, temporaryFolder, until } from "./harness.mjs";
import { SecureServer } from "./secure.mjs";

const TOKEN = "metrics-secret.of_the~story+4711";

async function read(server, { token = TOKEN, openMetrics = false } = {}) {
  const headers = openMetrics ? { accept: "application/openmetrics-text;version=1.0.0" } : {};
  const answer = expectStatus(await server.get("/metrics", { token, headers }), 200);
  return { ...readExposition(answer.text, { openMetrics }), text: answer.text, headers: answer.headers };
}

/** What came to a sum between two readings. */
const grown = (was, is, name, labels) => is.total(name, labels) - was.total(name, labels);

const raw = async (server, bytes) => (await server.raw(bytes)).text;

describe("metrics", () => {
  let server;

  // One event loop: an answer is counted when it has left, and another loop could be asked before.
  before(async () => (server = await start({
    DOORWARD_METRICS_TOKEN: TOKEN, DOORWARD_RATE_LIMIT_LOGIN: "20/minute", DOORWARD_WORKERS: "1",
  })));
  after(() => server.stop());

  test("the numbers are those of what happened", async () => {
    const person = await server.newcomer();
    const was = await read(server);
    for (let i = 0; i < 7; i++) expectStatus(await server.me(person.access), 200);
    for (let i = 0; i < 3; i++) expectStatus(await server.me("made.up.token"), 401);
    expectStatus(await server.signIn(person), 200);
    expectStatus(await server.signIn({ ...person, password: "a wrong phrase 1" }), 400);
    const second = expectStatus(await server.refresh(person.refresh), 200).json.refresh_token;
    expectStatus(await server.refresh(second), 200);
    expectStatus(await server.refresh("made up"), 401);
    expectStatus(await server.get("/nowhere"), 404);
    const is = await read(server);
    const requests = (labels) => grown(was, is, "doorward_http_requests_total", labels);
    assert.equal(requests({ method: "GET", route: "/users/me", code: "200" }), 7);
    assert.equal(requests({ method: "GET", route: "/users/me", code: "401" }), 3);
    assert.equal(requests({ method: "POST", route: "/token", code: "200" }), 1);
    assert.equal(requests({ method: "POST", route: "/token", code: "400" }), 1);
    assert.equal(requests({ method: "POST", route: "/token/refresh" }), 3);
    assert.equal(requests({ method: "GET", route: "none", code: "404" }), 1);
    assert.equal(requests({ route: "/metrics", code: "200" }), 1, "the reading before");
    const count = (name, labels) => grown(was, is, name, labels);
    assert.equal(count("doorward_http_request_seconds_count", { route: "/users/me" }), 10);
    assert.equal(count("doorward_credentials_total", { kind: "access_token", result: "ok" }), 7);
    assert.equal(count("doorward_credentials_total", { kind: "access_token" }), 10);
    assert.equal(count("doorward_sign_ins_total", { result: "ok" }), 1);
    assert.equal(count("doorward_sign_ins_total", { result: "sign_in_failed" }), 1);
    assert.equal(count("doorward_refreshes_total", { result: "ok" }), 2);
    assert.equal(count("doorward_refreshes_total", { result: "refresh_invalid" }), 1);
    assert.equal(count("doorward_audit_events_total", { action: "session.sign_in" }), 1);
    assert.equal(count("doorward_audit_events_total", { action: "session.sign_in_failed" }), 1);
    assert.equal(count("doorward_password_hash_seconds_count", { scheme: "argon2id" }), 2);
    assert.equal(count("doorward_lane_run_seconds_count", { lane: "hashing" }), 2);
    assert.equal(count("doorward_storage_writes_total"), count("doorward_storage_commit_writes_sum"));
    assert.ok(count("doorward_storage_writes_total") >= 4);
    assert.ok(count("doorward_http_received_bytes_total") > 2000);
    assert.ok(count("doorward_http_sent_bytes_total") > 2000);
    assert.ok(is.total("doorward_http_connections") >= 1);
    assert.equal(is.total("doorward_memory_fresh"), 1);
    assert.ok(is.total("process_resident_memory_bytes") > 1 << 20);
    assert.ok(Math.abs(is.total("process_start_time_seconds") - Date.now() / 1000) < 3600);
  });

  test("nothing that only grows ever falls, and the line of each metric is there once", async () => {
    let was = await read(server);
    for (let i = 0; i < 5; i++) {
      await Promise.all(Array.from({ length: 8 }, () => server.get(`/healthz?${i}`)));
      const is = await read(server, { openMetrics: i % 2 === 1 });
      for (const sample of was.samples.filter((s) => /(_total|_bucket|_count|_sum)$/.test(s.name)))
        assert.ok(is.samples.some((s) => s.name === sample.name && s.value >= sample.value &&
          Object.entries(sample.labels).every(([k, v]) => k === "le" || s.labels[k] === v)), JSON.stringify(sample));
      was = is;
    }
    assert.match(was.headers.get("content-type"), /^(text\/plain; version=0\.0\.4|application\/openmetrics-text)/);
  });

  test("a flood of made-up paths, methods and refusals makes no new series", async () => {
    await server.get("/made-up-0");
    await server.ask("DELETE", "/made-up-0");
    const was = await read(server);
    await read(server);
    const lines = (await read(server)).samples.length;
    for (let i = 0; i < 1000; i += 50)
      await Promise.all(Array.from({ length: 50 }, (_, k) => server.get(`/made-up-${i + k}-${Math.random()}`)));
    await server.ask("DELETE", "/other/path");
    const is = await read(server);
    assert.equal(is.samples.length, lines);
    assert.equal(grown(was, is, "doorward_http_requests_total", { method: "GET", route: "none", code: "404" }), 1000);
    assert.doesNotMatch(is.text, /made-up/);
  });

  test("requests that can't be read are counted by why", async () => {
    const was = await read(server);
    await raw(server, "GET / HTTP/1.1\r\n\r\n");
    await raw(server, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
    await raw(server, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n");
    await raw(server, "\0\0\0\0\r\n\r\n");
    const is = await read(server);
    for (const reason of ["no_host", "repeated_header"])
      assert.equal(grown(was, is, "doorward_http_malformed_total", { reason }), 1, reason);
    assert.equal(grown(was, is, "doorward_http_malformed_total"), 4);
  });

  test("only the secret opens it, and the secret is nowhere in it or in the log", async () => {
    const person = await server.newcomer();
    for (const headers of [{}, { authorization: "" }, { authorization: "Bearer " }, { authorization: `Basic ${TOKEN}` },
      { authorization: TOKEN }]) {
      const refused = expectStatus(await server.get("/metrics", { headers }), 401);
      assert.match(refused.headers.get("www-authenticate"), /^Bearer/);
    }
    for (const token of [`${TOKEN}x`, TOKEN.slice(0, -1), TOKEN.toUpperCase(), person.access]) {
      const refused = expectStatus(await server.get("/metrics", { token }), 401);
      assert.match(refused.headers.get("www-authenticate"), /error="invalid_token"/);
    }
    expectStatus(await server.post("/metrics", { token: TOKEN }), 405);
    const head = expectStatus(await server.ask("HEAD", "/metrics", { token: TOKEN }), 200);
    assert.equal(head.text, "");
    const { text, headers } = await read(server);
    assert.match(headers.get("cache-control"), /no-store/);
    for (const secret of [TOKEN, person.access, person.refresh, person.password, person.username, person.email])
      assert.ok(!text.includes(secret), "a secret or a name in the metrics");
    assert.ok(!server.err.includes(TOKEN), "the secret in the log");
    // It opens nothing else.
    expectStatus(await server.me(TOKEN), 401);
  });

  test("a limit that refuses is counted", async () => {
    const was = await read(server);
    const nobody = somebody();
    let refused = 0;
    // As many as it takes, also where they take so long that the window slides on.
    const limited = async () => grown(was, await read(server), "doorward_rate_limited_total", { limit: "login" });
    await until(async () => {
      refused += (await server.signIn(nobody)).status === 429;
      return (await limited()) >= 1;
    }, "the limit refuses", 120_000);
    const is = await read(server);
    assert.equal(grown(was, is, "doorward_http_requests_total", { route: "/token", code: "429" }), refused);
  });

  test("the alerts are of the form that Prometheus reads", () => {
    const { groups } = parse(fs.readFileSync(path.join(ROOT, "packaging/prometheus/doorward.rules.yml"), "utf8"));
    const rules = groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 10);
    assert.equal(new Set(rules.map((rule) => rule.alert)).size, rules.length);
    for (const rule of rules) {
      const { alert, expr, labels, annotations, for: lasting, ...more } = rule;
      assert.match(alert, /^Doorward\w+$/);
      assert.deepEqual(more, {});
      assert.equal(expr.replace(/[^()]/g, "").length % 2, 0, alert);
      assert.match(labels.severity, /^(critical|warning)$/);
      assert.ok(annotations.summary.length > 20);
      assert.match(lasting ?? "1m", /^\d+m$/);
    }
    const runbook = fs.readFileSync(path.join(ROOT, "docs/operations/runbook.md"), "utf8");
    for (const { alert } of rules) assert.ok(runbook.includes(`| \`${alert}\` |`), `docs/operations/runbook.md does not say what to do on ${alert}`);
  });

  test("the dashboard, the alerts and the documentation ask for metrics that there are", async () => {
    const { names, families } = await read(server);
    const known = new Set([...names, ...families.keys()]);
    const files = ["packaging/grafana/doorward.json", "packaging/prometheus/doorward.rules.yml", "docs/operations/metrics.md"];
    for (const file of files) {
      const text = fs.readFileSync(path.join(ROOT, file), "utf8");
      const asked = new Set(text.match(/\b(?:doorward|process)_[a-z0-9_]+\b/g));
      assert.ok(asked.size > 10, file);
      for (const name of asked) assert.ok(known.has(name), `${file} names ${name}, which is not there`);
    }
    const told = fs.readFileSync(path.join(ROOT, "docs/operations/metrics.md"), "utf8");
    for (const name of families.keys()) assert.ok(told.includes(name), `docs/operations/metrics.md does not tell of ${name}`);
    const dashboard = JSON.parse(fs.readFileSync(path.join(ROOT, "packaging/grafana/doorward.json"), "utf8"));
    const ids = dashboard.panels.map((panel) => panel.id);
    assert.equal(new Set(ids).size, ids.length);
    for (const panel of dashboard.panels.filter((each) => each.type !== "row"))
      assert.ok(panel.title && panel.targets.every((target) => /doorward_|process_/.test(target.expr)), panel.title);
  });
});

test("without the secret there are no metrics, and a bad one does not start", async () => {
  const server = await start();
  for (const token of [undefined, TOKEN]) {
    const refused = expectStatus(await server.get("/metrics", { token }), 404);
    assert.deepEqual(refused.json, expectStatus(await server.get("/no/such/path"), 404).json);
  }
  await server.stop();
  for (const value of ["fifteen-bytes-x", "sixteen bytes, !", "x".repeat(2000)]) {
    const folder = temporaryFolder();
    const done = spawnSync(BINARY, ["serve"], { cwd: folder, encoding: "utf8", timeout: 60_000,
      env: environment({ DOORWARD_METRICS_TOKEN: value, DOORWARD_LISTEN: "127.0.0.1:0" }) });
    assert.equal(done.status, 1, done.stderr);
    assert.match(done.stderr, /DOORWARD_METRICS_TOKEN/);
    assert.ok(!done.stderr.includes(value));
    fs.rmSync(folder, { recursive: true });
  }
});

/** Where a started server shows its metrics apart from what clients see. */
async function apart(server) {
  const line = () => server.err.split("\n").find((each) => each.includes('"metrics_listening"'));
  await until(line, "the metrics' listener is told");
  const { address } = JSON.parse(line());
  return (target, { token, method = "GET", ...more } = {}) => fetch(`http://${address}${target}`, { method, ...more,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
}

test("metrics have a listener of their own, which shows nothing else", async () => {
  const server = await start({ DOORWARD_METRICS_LISTEN: "127.0.0.1:0", DOORWARD_TRUSTED_HOSTS: "127.0.0.1" });
  const ask = await apart(server);
  const person = await server.newcomer();
  for (let i = 0; i < 7; i++) expectStatus(await server.me(person.access), 200);
  const shown = await ask("/metrics");
  assert.equal(shown.status, 200);
  assert.match(shown.headers.get("cache-control"), /no-store/);
  const numbers = readExposition(await shown.text(), {});
  assert.equal(numbers.total("doorward_http_requests_total", { route: "/users/me", code: "200" }), 7);
  assert.equal(numbers.total("doorward_memory_fresh"), 1);
  assert.equal(numbers.total("doorward_http_requests_total", { route: "/metrics" }), 0, "clients' requests alone");
  assert.equal((await (await ask("/healthz")).json()).status, "ok");
  assert.equal((await (await ask("/readyz")).json()).status, "ready");
  for (const target of ["/", "/docs", "/openapi.json", "/users/me", "/.well-known/jwks.json", "/users", "/audit", "/keys"])
    assert.equal((await ask(target, { token: person.access })).status, 404, target);
  for (const target of ["/token", "/register", "/login"])
    assert.equal((await ask(target, { method: "POST", body: "{}" })).status, 404, target);
  assert.equal((await ask("/metrics", { method: "POST" })).status, 405);
  for (const token of [undefined, person.access, TOKEN]) expectStatus(await server.get("/metrics", { token }), 404);
  expectStatus(await server.get("/healthz"), 200);
  expectStatus(await server.get("/readyz"), 200);
  await server.stop();
});

test("the listener of its own asks for the secret where one is set, and speaks plain http where clients come by https", async () => {
  const server = await SecureServer.start({ DOORWARD_METRICS_LISTEN: "127.0.0.1:0", DOORWARD_METRICS_TOKEN: TOKEN });
  const ask = await apart(server);
  assert.equal((await ask("/metrics")).status, 401);
  assert.equal((await ask("/metrics", { token: `${TOKEN}x` })).status, 401);
  const shown = await ask("/metrics", { token: TOKEN });
  assert.equal(shown.status, 200);
  assert.match(await shown.text(), /^doorward_build_info/m);
  assert.equal((await ask("/readyz")).status, 200);
  expectStatus(await server.get("/metrics", { token: TOKEN }), 404);
  await server.stop();
});

test("it is there until the server has stopped, and says that it does", async () => {
  const server = await start({ DOORWARD_METRICS_LISTEN: "127.0.0.1:0", DOORWARD_STOP_DELAY: "5m" });
  const ask = await apart(server);
  server.child.kill("SIGTERM");
  await until(async () => (await ask("/readyz")).status === 503, "it is no longer ready");
  assert.match((await (await ask("/readyz")).json()).detail, /stopping/);
  assert.equal((await ask("/metrics")).status, 200);
  assert.equal((await ask("/healthz")).status, 200);
  expectStatus(await server.get("/healthz"), 200);
  await server.stop(); // the second signal
  await assert.rejects(ask("/metrics"));
});

test("an address that it can't have stops the start, by name", async () => {
  const server = await start();
  for (const [address, status, words] of [[`127.0.0.1:${server.port}`, 1, /METRICS_LISTEN: can't listen on/],
    ["somewhere", 1, /METRICS_LISTEN=somewhere/], ["192.0.2.1:80", 1, /METRICS_LISTEN: can't listen on/]]) {
    const folder = temporaryFolder();
    const done = spawnSync(BINARY, ["serve"], { cwd: folder, encoding: "utf8", timeout: 60_000,
      env: environment({ DOORWARD_METRICS_LISTEN: address, DOORWARD_LISTEN: "127.0.0.1:0" }) });
    assert.equal(done.status, status, done.stderr);
    assert.match(done.stderr, words);
    fs.rmSync(folder, { recursive: true });
  }
  // And the other way round: the server's own can't be had, while the metrics' can.
  const folder = temporaryFolder();
  const done = spawnSync(BINARY, ["serve"], { cwd: folder, encoding: "utf8", timeout: 60_000,
    env: environment({ DOORWARD_METRICS_LISTEN: "127.0.0.1:0", DOORWARD_LISTEN: `127.0.0.1:${server.port}` }) });
  assert.equal(done.status, 1, done.stderr);
  assert.match(done.stderr, /can't listen on 127/);
  fs.rmSync(folder, { recursive: true });
  await server.stop();
});

test("the secret may stand in a file", async () => {
  const folder = temporaryFolder();
  const file = path.join(folder, "metrics.token");
  fs.writeFileSync(file, `${TOKEN}\n`, { mode: 0o600 });
  const server = await start({ DOORWARD_METRICS_TOKEN_FILE: file });
  await read(server);
  await server.stop();
  fs.rmSync(folder, { recursive: true });
});

test("each line about a request bears its id, and the trace that its caller is in", async () => {
  const server = await start({ DOORWARD_LOG_LEVEL: "debug" });
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  const parent = "00f067aa0ba902b7";
  const lines = () => server.err.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  const lineOf = async (id) => {
    await until(() => lines().some((line) => line.event === "request" && line.request_id === id), "the line is there");
    return lines().find((line) => line.event === "request" && line.request_id === id);
  };
  const ask = async (traceparent, target = "/healthz") => {
    const answer = await server.get(target, { headers: traceparent === undefined ? {} : { traceparent } });
    return lineOf(answer.headers.get("x-request-id"));
  };

  for (const target of ["/healthz", "/readyz", "/nowhere"]) { // on the loop, on a worker, and without a row
    const line = await ask(`00-${trace}-${parent}-01`, target);
    assert.equal(line.trace_id, trace);
    assert.equal(line.parent_id, parent);
    assert.match(line.span_id, /^[0-9a-f]{16}$/);
  }
  const later = await ask(`01-${trace}-${parent}-01-more`);
  assert.equal(later.trace_id, trace);
  const bad = [undefined, "", "00", `00-${trace}-${parent}-01-`, `ff-${trace}-${parent}-01`, `00-${"0".repeat(32)}-${parent}-01`,
    `00-${trace}-${"0".repeat(16)}-01`, `00-${trace.toUpperCase()}-${parent}-01`, "x".repeat(5000),
    `00-${trace}-${parent}-01,00-${trace}-${parent}-01`];
  for (const value of bad) {
    const line = await ask(value);
    assert.ok(!("trace_id" in line) && !("span_id" in line) && !("parent_id" in line), `${value}`);
  }
  const answer = await raw(server, `GET /healthz HTTP/1.1\r\nHost: a\r\ntraceparent: 00-${trace}-${parent}-01\r\n` +
    `Traceparent: 00-${trace}-${parent}-01\r\nConnection: close\r\n\r\n`);
  const twice = await lineOf(/x-request-id: (\w+)/i.exec(answer)[1]);
  assert.ok(!("trace_id" in twice), "two headers are none");

  // What is told while a request is served is told with its id, also by the guard and on other threads.
  const refused = await raw(server, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  const id = /x-request-id: (\w+)/i.exec(refused)[1];
  await until(() => lines().some((line) => line.event === "request_refused" && line.request_id === id), "the guard tells");
  for (const line of lines()) assert.equal(JSON.stringify(line).split('"request_id"').length - 1 <= 1, true);
  await server.stop();
});
