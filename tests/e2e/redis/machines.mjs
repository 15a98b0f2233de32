// What lies between a fleet and its Redis: cables with a switch in them, and somebody who listens.

import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import { temporaryFolder, until } from "../harness.mjs";

/** A socket in front of another, whose bytes can be held back each way, and whose ends can be cut. */
export class Cable {
  constructor(name, target) {
    this.folder = temporaryFolder();
    this.socket = path.join(this.folder, name);
    this.target = target;
    this.pairs = new Set();
    this.isCut = false;
    this.held = { there: false, back: false };
  }

  async lay() {
    this.server = net.createServer((near) => this.#join(near));
    this.server.unref();
    await new Promise((resolve) => this.server.listen(this.socket, resolve));
    return this;
  }

  #join(near) {
    if (this.isCut) return near.destroy();
    const far = net.connect(this.target);
    const pair = { near, far };
    this.pairs.add(pair);
    for (const end of [near, far]) {
      end.on("error", () => {});
      end.on("close", () => {
        near.destroy();
        far.destroy();
        this.pairs.delete(pair);
      });
    }
    return this.#hold(pair);
  }

  #hold({ near, far }) {
    near.unpipe(far).pause();
    far.unpipe(near).pause();
    if (!this.held.there) near.pipe(far);
    if (!this.held.back) far.pipe(near);
  }

  /** Nothing gets through, and nobody is told: { there: true } from the node, { back: true } to it. */
  hold(held) {
    this.held = { there: false, back: false, ...held };
    for (const pair of this.pairs) this.#hold(pair);
  }

  cut() {
    this.isCut = true;
    for (const { near } of this.pairs) near.destroy();
  }

  mend() {
    this.isCut = false;
    this.hold({});
  }

  remove() {
    this.cut();
    this.server.close();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Somebody who can reach Redis, and knows no secret. */
export class Eavesdropper {
  constructor(socket) {
    this.socket = socket;
    this.messages = [];
  }

  /** Hears every message of every installation. */
  async listen() {
    let rest = Buffer.alloc(0);
    this.line = net.connect(this.socket);
    this.line.unref();
    this.line.on("data", (bytes) => {
      rest = Buffer.concat([rest, bytes]);
      for (let taken = this.#take(rest); taken > 0; taken = this.#take(rest)) rest = rest.subarray(taken);
    });
    this.line.write("PSUBSCRIBE doorward:*:changes\r\n");
    await until(() => this.messages.length > 0, "a message is heard");
    return this;
  }

  /** One array of the Redis protocol at the start of the bytes; how long it is, or 0 when it is not all there. */
  #take(bytes) {
    const parts = [];
    let at = bytes.indexOf("\r\n") + 2;
    const n = Number(bytes.subarray(1, at - 2));
    if (at < 2) return 0;
    for (let i = 0; i < n; i += 1) {
      const end = bytes.indexOf("\r\n", at);
      if (end < 0) return 0;
      const size = bytes[at] === 0x24 ? Number(bytes.subarray(at + 1, end)) : -2; // "$"; else a number, which is its own line
      if (bytes.length < end + 2 + size + 2) return 0;
      parts.push(bytes.subarray(end + 2, Math.max(end + 2 + size, end + 2)));
      at = end + 2 + size + 2;
    }
    if (parts[0].toString() === "pmessage") this.messages.push({ channel: parts[2].toString(), bytes: Buffer.from(parts[3]) });
    return at;
  }

  say(bytes, { channel } = this.messages[0]) {
    const word = (part) => Buffer.concat([Buffer.from(`$${part.length}\r\n`), part, Buffer.from("\r\n")]);
    const line = net.connect(this.socket);
    return new Promise((resolve) => {
      line.once("data", () => resolve(line.destroy()));
      line.write(Buffer.concat([Buffer.from("*3\r\n"), word(Buffer.from("PUBLISH")), word(Buffer.from(channel)), word(bytes)]));
    });
  }
}
