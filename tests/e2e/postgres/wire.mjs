// A network between a node and PostgreSQL that can be cut, slowed down, or made to swallow everything.

import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";

export class Wire {
  constructor(socketPath) {
    this.socketPath = socketPath;
    this.pairs = new Set();
    this.mode = "through";
    this.delayMs = 0;
  }

  async start() {
    this.server = net.createServer((near) => this.#join(near)).listen(0, "127.0.0.1");
    this.server.unref();
    while (!this.server.listening) await pause(1);
    this.port = this.server.address().port;
    return this;
  }

  #join(near) {
    near.on("error", () => {});
    if (this.mode === "cut") return near.destroy();
    const far = net.connect(this.socketPath).on("error", () => near.destroy());
    const pair = { near, far };
    this.pairs.add(pair);
    const carry = (from, to) => {
      let last = Promise.resolve(); // bytes never overtake each other
      from.on("data", (bytes) => {
        const due = performance.now() + this.delayMs;
        last = last.then(async () => {
          const left = due - performance.now();
          if (left > 0) await pause(left);
          // Swallowed without a word: TCP itself is well.
          if (this.mode !== "swallow" && !to.destroyed) to.write(bytes);
        });
      });
      from.on("close", () => {
        // Half-open: whoever is gone, the other is not told.
        if (this.mode === "through") to.destroy();
        this.pairs.delete(pair);
      });
    };
    carry(near, far);
    carry(far, near);
    return undefined;
  }

  /** "through"; "cut": no connection lives, none is made; "swallow": what is sent goes nowhere. */
  set(mode, delayMs = 0) {
    const old = this.mode;
    [this.mode, this.delayMs] = [mode, delayMs];
    if (mode === "cut") for (const { near, far } of this.pairs) [near, far].forEach((end) => end.destroy());
    // Bytes are missing from what went through: those connections are of no use any more.
    if (old === "swallow") for (const { near, far } of this.pairs) [near, far].forEach((end) => end.destroy());
  }

  /** The server's half is closed, and the node's is not told. */
  halfOpen() {
    for (const { far, near } of this.pairs) {
      near.removeAllListeners("close");
      far.removeAllListeners("close");
      far.destroy();
    }
    this.pairs.clear();
  }

  stop() {
    this.set("cut");
    this.server.close();
  }
}
