// Whether memory stays flat over a great many requests of all kinds. A measurement, not a test.
//
//   DOORWARD_BIN=build/doorward node bench/flat_memory.mjs [REQUESTS [SECONDS]]
//   tools/with_postgres.sh node bench/flat_memory.mjs [REQUESTS [SECONDS]]
//
// 1,000,000 requests, or as many as there is time for. Prints what is resident in the server as it goes, the requests of each kind with their
// statuses, and how much it grew from the first quarter on. Hashes are cheap, tokens live a minute, so that what has a
// right to grow (the list of revoked tokens, say) stops growing early.

import fs from "node:fs";
import http from "node:http";
import { isPostgres } from "../tests/e2e/database.mjs";
import { start } from "../tests/e2e/harness.mjs";

const [requests, seconds] = [Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 3600)];
const [CLIENTS, SAMPLES, PEOPLE] = [24, 40, 64];
const PASSWORD = "a phrase of some length";

const server = await start({
  DOORWARD_ARGON2_MEMORY: "64KiB", DOORWARD_ARGON2_TIME: "1", DOORWARD_ACCESS_TTL: "60s", DOORWARD_SESSIONS_MAX: "10",
  DOORWARD_LOG_LEVEL: "warning", DOORWARD_HASH_QUEUE: "1024", DOORWARD_PUBLIC_URL: "http://127.0.0.1",
});
const agent = new http.Agent({ keepAlive: true, maxSockets: CLIENTS });
const seen = new Map();

function ask(kind, method, path, { token, cookie, key, json, form, csrf } = {}) {
  const headers = {};
  let body;
  if (json) [body, headers["content-type"]] = [JSON.stringify(json), "application/json"];
  if (form) [body, headers["content-type"]] = [new URLSearchParams(form).toString(), "application/x-www-form-urlencoded"];
  if (body) headers["content-length"] = Buffer.byteLength(body);
  if (token) headers.authorization = `Bearer ${token}`;
  if (cookie) headers.cookie = cookie;
  if (csrf) headers["x-csrf-token"] = csrf;
  if (key) headers["x-api-key"] = key;
  return new Promise((resolve, reject) => {
    const request = http.request({ host: "127.0.0.1", port: server.port, agent, method, path, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (some) => (text += some)).on("end", () => {
        const name = `${kind} ${answer.statusCode}`;
        seen.set(name, (seen.get(name) ?? 0) + 1);
        done += 1;
        resolve({ status: answer.statusCode, headers: answer.headers, json: /json/.test(answer.headers["content-type"]) && text ? JSON.parse(text) : {} });
      });
    });
    request.on("error", reject).end(body);
  });
}

let done = 0, serial = 0;
const signIn = async (person) => {
  const { json } = await ask("sign in", "POST", "/token", { form: { grant_type: "password", username: person.username, password: PASSWORD } });
  [person.token, person.refresh] = [json.access_token, json.refresh_token];
};
const newcomer = async () => {
  serial += 1;
  const person = { username: `person${serial}`, email: `person${serial}@example.com` };
  await ask("register", "POST", "/register", { json: { ...person, password: PASSWORD } });
  return person;
};

/** What people do, and how often of a hundred times. */
const KINDS = [
  [40, (p) => ask("me", "GET", "/users/me", { token: p.token })],
  [14, async (p) => {
    const answer = await ask("refresh", "POST", "/token/refresh", { json: { refresh_token: p.refresh } });
    if (answer.status === 200) [p.token, p.refresh] = [answer.json.access_token, answer.json.refresh_token];
    else await signIn(p);
  }],
  [8, signIn],
  [3, newcomer],
  [4, (p) => ask("wrong password", "POST", "/token", { form: { grant_type: "password", username: `nobody${done}`, password: "not the phrase" } })],
  [6, (p) => ask("wrong token", "GET", "/users/me", { token: `${p.token.slice(0, -6)}${String(done % 1000000).padStart(6, "A")}` })],
  [5, (p) => ask("by key", "GET", "/users/me", { key: p.key })],
  [5, (p) => ask("by cookie", "GET", "/users/me", { cookie: p.cookie })],
  [2, async (p) => {
    const answer = await ask("log in", "POST", "/login", { json: { username: p.username, password: PASSWORD } });
    p.cookie = (answer.headers["set-cookie"] ?? []).map((one) => one.split(";")[0]).join("; ");
  }],
  [2, async (p) => {
    await ask("sign out", "POST", "/logout", { token: p.token });
    await signIn(p);
  }],
  [2, (p) => ask("my sign-ins", "GET", "/users/me/sessions", { token: p.token })],
  [3, () => ask("keys", "GET", "/.well-known/jwks.json")],
  [2, () => ask("nothing there", "GET", `/no/such/${done}`)],
  [2, (p) => ask("bad body", "POST", "/register", { json: { username: "x", email: p.username } })],
  [2, (p) => ask("change", "PATCH", "/users/me", { token: p.token, json: { full_name: `Person ${done}` } })],
];
const CHOICE = KINDS.flatMap(([share, act]) => Array.from({ length: share }, () => act));

const enrol = async () => {
  const person = await newcomer();
  await signIn(person);
  const made = await ask("make a key", "POST", "/users/me/api-keys", { token: person.token, json: { name: "k" } });
  person.key = made.json.key ?? made.json.api_key;
  return person;
};
const people = [];
for (let i = 0; i < PEOPLE; i += 1) people.push(await enrol());

const memory = () => {
  const status = fs.readFileSync(`/proc/${server.child.pid}/status`, "utf8");
  const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)[1]);
  return { rss: kib("VmRSS"), anonymous: kib("RssAnon") };
};

const begun = performance.now();
const elapsed = () => (performance.now() - begun) / 1000;
const curve = [];
const goesOn = () => done < requests && elapsed() < seconds;
const progress = () => Math.max(done / requests, elapsed() / seconds);
const sample = () => {
  curve.push({ done, ...memory() });
  const { rss, anonymous } = curve.at(-1);
  console.log(`${String(done).padStart(9)} requests ${elapsed().toFixed(0).padStart(5)} s  resident ${rss} KiB, of its own ${anonymous} KiB`);
};
console.log(`on ${isPostgres ? "PostgreSQL" : "SQLite"}`);
await Promise.all(Array.from({ length: CLIENTS }, async (_, client) => {
  for (let i = client; goesOn(); i += 1) {
    await CHOICE[Math.floor(Math.random() * CHOICE.length)](people[(i * CLIENTS + client) % PEOPLE]);
    if (progress() * SAMPLES > curve.length) sample();
  }
}));
sample();
console.log([...seen].sort().map(([kind, n]) => `${kind}: ${n}`).join(", "));
const mean = (from, to) => {
  const part = curve.slice(Math.floor(curve.length * from), Math.ceil(curve.length * to));
  return part.reduce((sum, one) => sum + one.anonymous, 0) / part.length;
};
console.log(`of its own, on average: second quarter ${mean(0.25, 0.5).toFixed(0)} KiB, third ${mean(0.5, 0.75).toFixed(0)}, last ${mean(0.75, 1).toFixed(0)}`);
agent.destroy();
await server.stop();
