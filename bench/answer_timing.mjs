// Whether the time of an answer tells what the answer itself keeps to itself. A measurement, not a test.
//
//   DOORWARD_BIN=build/doorward node bench/answer_timing.mjs [forgot-password|sign-in|imported] [REQUESTS of each kind]
//
// Requests of all kinds, mixed at random, on one connection, one at a time. The last lines say how well one answer's
// time tells two kinds apart: the best threshold's share of right guesses; 50 % is a coin.

import { randomInt } from "node:crypto";
import http from "node:http";
import { run, start } from "../tests/e2e/harness.mjs";

const PASSWORD = "a phrase of some length";
const CHEAP = { DOORWARD_ARGON2_MEMORY: "64KiB", DOORWARD_ARGON2_TIME: "1" };
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const signIn = (username, password) => ({ path: "/token", status: 400, headers: FORM,
  body: new URLSearchParams({ grant_type: "password", username, password }).toString() });
const forgot = (email) => ({ path: "/forgot-password", status: 200, headers: { "content-type": "application/json" },
  body: JSON.stringify({ email }) });

// Names of one length; each account fails three times at the most, from another address each time, so that no wait holds.
const CASES = {
  "forgot-password": { env: CHEAP, requests: 2000, users: 200, kinds: {
    "an address with an account": (i) => forgot(`known${i % 200}@example.com`),
    "an address without one": (i) => forgot(`other${i % 200}@example.com`),
  } },
  "sign-in": { env: {}, requests: 300, users: 200, kinds: {
    "wrong password": (i) => signIn(`known${i % 100}`, "not the phrase at all"),
    "unknown name": (i) => signIn(`other${i % 100}`, "not the phrase at all"),
    "right password, disabled": (i) => signIn(`known${100 + (i % 100)}`, PASSWORD),
  } },
  // Half of the accounts have the hashes of another system, which take a time of their own.
  imported: { env: {}, requests: 200, users: 100, imported: 100, kinds: {
    "wrong password": (i) => signIn(`${i & 2 ? "known" : "moved"}${(i >> 2) * 2 + (i & 1)}`, "not the phrase at all"),
    "unknown name": (i) => signIn(`other${i % 200}`, "not the phrase at all"),
    "wrong password, own hash": (i) => signIn(`known${(i * 7 + 3) % 100}`, "not the phrase at all"),
    "wrong password, imported hash": (i) => signIn(`moved${(i * 7 + 3) % 100}`, "not the phrase at all"),
  } },
};

const name = process.argv[2] ?? "forgot-password";
const chosen = CASES[name];
const rounds = Number(process.argv[3] ?? chosen.requests);
const server = await start({ DOORWARD_LOG_LEVEL: "warning", DOORWARD_TRUSTED_PROXIES: "127.0.0.1", ...chosen.env });
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask({ path, headers, body, status }) {
  const address = [10, randomInt(256), randomInt(256), 1 + randomInt(254)].join(".");
  const began = process.hrtime.bigint();
  return new Promise((resolve, reject) => {
    const options = { method: "POST", agent,
      headers: { ...headers, "content-length": Buffer.byteLength(body), "x-forwarded-for": address } };
    const request = http.request(server.url + path, options, (answer) => {
      answer.resume().on("end", () => {
        if (answer.statusCode === status) resolve(Number(process.hrtime.bigint() - began) / 1000);
        else reject(new Error(`answered ${answer.statusCode}`));
      });
    });
    request.on("error", reject).end(body);
  });
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

/** The best guess by a threshold, from either side. */
function bestGuess(some, others) {
  const all = [...some.map((us) => [us, 1]), ...others.map((us) => [us, -1])].sort((a, b) => a[0] - b[0]);
  let sum = 0;
  let best = 0;
  for (const [, kind] of all) best = Math.max(best, Math.abs((sum += kind)));
  return 0.5 + best / all.length;
}

async function makeUsers() {
  const admin = await server.administrator();
  for (let i = 0; i < chosen.users; i += 1) {
    const json = { username: `known${i}`, email: `known${i}@example.com`, password: PASSWORD };
    const made = await server.post("/register", { json });
    if (made.status !== 201) throw new Error(made.text);
    if (name !== "sign-in" || i < 100) continue;
    const disabled = await server.ask("PATCH", `/users/${made.json.id}`,
      { json: { is_active: false }, token: admin.access });
    if (disabled.status !== 200) throw new Error(disabled.text);
  }
}

/** The command takes them; the server learns of their hashes when it starts. */
async function importUsers() {
  const { folder } = server;
  const hash = run(["password", "hash", "--scheme", "bcrypt"], { folder, input: PASSWORD }).out.trim();
  const lines = Array.from({ length: chosen.imported }, (_, i) =>
    JSON.stringify({ username: `moved${i}`, email: `moved${i}@example.com`, password_hash: hash }));
  const done = run(["user", "import", "-"], { folder, input: `${lines.join("\n")}\n` });
  if (done.code !== 0) throw new Error(done.err);
  await server.restart();
}

await makeUsers();
if (chosen.imported) await importUsers();
const kinds = Object.keys(chosen.kinds);
const times = Object.fromEntries(kinds.map((kind) => [kind, []]));
for (let i = 0; i < rounds; i += 1) {
  // In an order that dice give, so that what else the machine does falls on all alike.
  for (const kind of kinds.map((k) => [Math.random(), k]).sort((a, b) => a[0] - b[0]).map(([, k]) => k)) {
    times[kind].push(await ask(chosen.kinds[kind](i)));
  }
}
await server.stop();
agent.destroy();

console.log("| kind | median µs | p5 | p95 | p99 |\n|---|---|---|---|---|");
for (const kind of kinds) {
  const sorted = [...times[kind]].sort((a, b) => a - b);
  console.log(`| ${kind} | ${[0.5, 0.05, 0.95, 0.99].map((q) => quantile(sorted, q).toFixed(0)).join(" | ")} |`);
}
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const [first, ...others] = kinds;
const byChance = bestGuess(times[first].filter((_, i) => i % 2), times[first].filter((_, i) => i % 2 === 0));
console.log("");
for (const other of others) {
  console.log(`"${first}" or "${other}", by one answer's time: ${percent(bestGuess(times[first], times[other]))} right`);
}
console.log(`Two halves of the same kind, by chance alone: ${percent(byChance)}`);
