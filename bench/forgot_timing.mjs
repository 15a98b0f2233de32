// How long /forgot-password takes for addresses that have an account and for those that have none.
//
//   DOORWARD_BIN=build/doorward node bench/forgot_timing.mjs [REQUESTS] [USERS]
//
// Requests of both kinds, mixed at random, on one connection, one at a time. The last column says how well one answer's
// time tells its kind: the best threshold's share of right guesses; 50 % is a coin. A measurement, not a test.

import { randomInt } from "node:crypto";
import http from "node:http";
import { start } from "../tests/e2e/harness.mjs";

const REQUESTS = Number(process.argv[2] ?? 2000); // of each kind
const USERS = Number(process.argv[3] ?? 200);

const server = await start({ DOORWARD_ARGON2_MEMORY: "64KiB", DOORWARD_ARGON2_TIME: "1", DOORWARD_LOG_LEVEL: "warning" });
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function ask(email) {
  const body = JSON.stringify({ email });
  const began = process.hrtime.bigint();
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const request = http.request(`${server.url}/forgot-password`, { method: "POST", agent, headers }, (answer) => {
      answer.resume().on("end", () => resolve({ status: answer.statusCode,
                                                us: Number(process.hrtime.bigint() - began) / 1000 }));
    });
    request.on("error", reject).end(body);
  });
}

const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))];

/** The best guess by a threshold, from either side. */
function bestGuess(known, unknown) {
  const all = [...known.map((us) => [us, 1]), ...unknown.map((us) => [us, -1])].sort((a, b) => a[0] - b[0]);
  let sum = 0;
  let best = 0;
  for (const [, kind] of all) best = Math.max(best, Math.abs((sum += kind)));
  return 0.5 + best / all.length;
}

for (let i = 0; i < USERS; i += 1) {
  const json = { username: `known${i}`, email: `known${i}@example.com`, password: "a phrase of some length" };
  const answer = await server.post("/register", { json });
  if (answer.status !== 201) throw new Error(answer.text);
}
const times = { known: [], other: [] }; // names of one length
for (let i = 0; i < 100; i += 1) await ask(`warm${i}@example.com`);
// In pairs whose order is a coin's, so that what else the machine does falls on both alike.
for (let i = 0; i < REQUESTS; i += 1) {
  for (const kind of randomInt(2) === 0 ? ["known", "other"] : ["other", "known"]) {
    const { status, us } = await ask(`${kind}${i % USERS}@example.com`);
    if (status !== 200) throw new Error(`answered ${status}`);
    times[kind].push(us);
  }
}
await server.stop();
agent.destroy();

const guess = bestGuess(times.known, times.other);
const halves = bestGuess(times.known.filter((_, i) => i % 2), times.known.filter((_, i) => i % 2 === 0));
console.log("| address | median µs | p5 | p95 | p99 |\n|---|---|---|---|---|");
for (const [kind, list] of Object.entries(times)) {
  const sorted = [...list].sort((a, b) => a - b);
  console.log(`| ${kind} | ${[0.5, 0.05, 0.95, 0.99].map((q) => quantile(sorted, q).toFixed(0)).join(" | ")} |`);
}
console.log(`\nBest guess by one answer's time: ${(100 * guess).toFixed(1)} % right; between two halves of the same kind, by `
  + `chance alone: ${(100 * halves).toFixed(1)} %.`);
