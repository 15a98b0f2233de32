// Durability: what a client was told has happened, has happened, whatever becomes of the machine.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { checkDatabase } from "./database.mjs";
import { expectStatus, somebody, start } from "./harness.mjs";

const ROUNDS = 20;
const REGISTRATIONS = 1000;

/** Registers on a connection of its own; resolves with what the client learned: a status, or null when cut off. */
function register(port, person) {
  return new Promise((resolve) => {
    const request = http.request({
      port, host: "127.0.0.1", method: "POST", path: "/register", agent: false, headers: { "content-type": "application/json" },
    });
    request.on("error", () => resolve(null));
    request.on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (more) => (text += more));
      answer.on("error", () => resolve(null));
      answer.on("close", () => resolve(answer.complete ? { status: answer.statusCode, text } : null));
    });
    request.end(JSON.stringify(person));
  });
}

describe("durability", () => {
  let server;
  before(async () => { server = await start({ DOORWARD_HASH_QUEUE: "1024" }); });
  after(() => server?.stop());

  test(`kill -9 amid ${REGISTRATIONS} parallel registrations, ${ROUNDS} times: every 201 that was seen is true`, {
    timeout: 600_000,
  }, async () => {
    const promised = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const people = Array.from({ length: REGISTRATIONS }, () => somebody());
      const killAfter = 1 + (round * 37) % 60; // answers seen before the crash: another moment in each round
      let seen = 0;
      let crash = null;
      const answers = await Promise.all(people.map(async (person) => {
        const answer = await register(server.port, person);
        if (answer?.status === 201) {
          promised.push({ person, id: JSON.parse(answer.text).id });
          seen += 1;
          if (seen === killAfter) crash = server.kill();
        }
        return answer;
      }));
      await crash;
      assert.ok(seen >= killAfter, `round ${round}: only ${seen} registrations were answered with 201`);
      assert.ok(answers.every((answer) => answer === null || [201, 503].includes(answer.status)));
      assert.ok(answers.includes(null), `round ${round}: the crash cut nobody off`);
      await server.start();
      await everyPromiseHolds(promised.slice(-seen));
    }
    await everyPromiseHolds(promised);
    const { person } = promised.at(-1);
    expectStatus(await server.signIn(person), 200);
  });

  async function everyPromiseHolds(promised) {
    const { access } = await server.administrator();
    for (const { person, id } of promised) {
      const user = expectStatus(await server.get(`/users/${id}`, { token: access }), 200).json;
      assert.equal(user.username, person.username);
    }
  }

  test("the database is sound after all that", () => {
    checkDatabase(server.folder);
  });

  test("a name whose registration was cut off is either taken or free, and a second try says which", async () => {
    const person = somebody();
    const cut = register(server.port, person);
    await server.kill();
    await cut;
    await server.start();
    const again = await server.post("/register", { json: person });
    assert.ok([201, 400].includes(again.status), again.text);
    expectStatus(await server.signIn(person), 200);
  });
});
