// People at work, for stories in which something fails meanwhile.

import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { expectStatus, somebody } from "../harness.mjs";

const WORKERS = 8;

/** People who register, sign in, ask, refresh and sign out on whichever node, until told to stop. */
export class Load {
  constructor(nodes) {
    this.nodes = nodes;
    this.statuses = new Map();
    this.registered = [];
    this.ended = [];
    this.accepted = [];
    this.goesOn = true;
    this.slowest = 0; // request, in milliseconds
  }

  node() {
    return this.nodes[Math.floor(Math.random() * this.nodes.length)];
  }

  async ask(what, question) {
    const begun = performance.now();
    const answer = await question().catch(() => null); // a node that was killed answers nothing
    this.slowest = Math.max(this.slowest, performance.now() - begun);
    const key = `${what} ${answer?.status}`;
    this.statuses.set(key, (this.statuses.get(key) ?? 0) + 1);
    return answer;
  }

  async one() {
    const person = somebody();
    const made = await this.ask("register", () => this.node().post("/register", { json: person }));
    if (made?.status !== 201) return;
    this.registered.push({ ...person, id: made.json.id });
    const signed = await this.ask("sign in", () => this.node().signIn(person));
    if (signed?.status !== 200) return;
    const { access_token: access, refresh_token: refresh } = signed.json;
    await this.ask("me", () => this.node().me(access));
    await this.ask("refresh", () => this.node().refresh(refresh));
    const out = await this.ask("sign out", () => this.node().post("/logout", { token: access }));
    if (out?.status !== 200) return;
    const at = performance.now();
    this.ended.push({ access, at });
  }

  /** Asks with tokens that were signed out a second ago or more. */
  async revoked() {
    const old = this.ended.filter(({ at }) => performance.now() - at > 1000);
    if (old.length === 0) return pause(10);
    const { access } = old[Math.floor(Math.random() * old.length)];
    const answer = await this.ask("me, signed out", () => this.node().me(access));
    if (answer?.status === 200) this.accepted.push(access);
  }

  start() {
    const repeat = async (work) => {
      while (this.goesOn) await work();
    };
    this.work = Promise.all([...Array.from({ length: WORKERS }, () => repeat(() => this.one())),
      repeat(() => this.revoked())]);
    return this;
  }

  /** What did not get an answer, or one of 500 and more, with how often: { "me 503": 2 }. */
  failures() {
    return Object.fromEntries([...this.statuses].filter(([key]) => !/ [1-4]\d\d$/.test(key)));
  }

  end() {
    this.goesOn = false;
    return this.work;
  }

  async stop() {
    await this.end();
    const seen = [...this.statuses].map(([key, n]) => `${key}: ${n}`).join(", ");
    assert.deepEqual(this.accepted, [], "a token was accepted after its acknowledged revocation");
    for (const key of this.statuses.keys()) assert.doesNotMatch(key, / 500$/, seen);
    return seen;
  }

  /** Every acknowledged registration and every acknowledged end is there, on every node. */
  async check() {
    for (const person of this.registered.slice(-200)) expectStatus(await this.node().signIn(person), 200);
    for (const { access } of this.ended.slice(-200)) assert.notEqual((await this.node().me(access)).status, 200);
  }
}
