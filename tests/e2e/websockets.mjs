// The program of tests/programs/websockets.c, and a client of npm's ws that can be asked what came.

import fs from "node:fs";
import path from "node:path";
import { WebSocket } from "ws";
import { ROOT, until } from "./harness.mjs";
import { Installed } from "./installed.mjs";

export class Rooms {
  async start() {
    this.installed = new Installed();
    const program = this.installed.compile(path.join(ROOT, "tests/programs/websockets.c"));
    this.served = await this.installed.serve(program, (address) => [address]);
    this.url = this.served.url;
    return this;
  }

  async stop() {
    await this.served?.stop();
    this.installed?.remove();
  }

  async token(name, more = {}) {
    const answer = await this.served.ask("POST", "/tokens", { json: { name, ...more } });
    return answer.json.token;
  }

  async revoke(token) {
    await this.served.ask("POST", "/revoke", { json: { token } });
  }

  async facts() {
    return (await this.served.ask("GET", "/facts")).json;
  }

  /** A client that has connected, or been refused; `token` goes into Authorization. */
  async connect(target, { token, protocols = [], headers = {}, ...more } = {}) {
    const sent = token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` };
    const client = new Client(new WebSocket(this.url.replace("http", "ws") + target, protocols, { headers: sent, ...more }));
    await client.settled;
    return client;
  }

  /** Resident memory in bytes. */
  memory() {
    const status = fs.readFileSync(`/proc/${this.served.child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
  }
}

export class Client {
  constructor(socket) {
    this.socket = socket;
    this.messages = [];
    this.closed = null; // { code, reason, atMs }
    this.refusal = null; // status of a handshake that was refused
    this.settled = new Promise((resolve) => {
      socket.on("open", resolve);
      socket.on("close", resolve);
      socket.on("error", resolve);
      socket.on("unexpected-response", (request, response) => {
        this.refusal = { status: response.statusCode, headers: response.headers };
        response.resume();
        request.destroy();
        resolve();
      });
    });
    socket.on("message", (data, isBinary) => this.messages.push(isBinary ? data : data.toString()));
    socket.on("close", (code, reason) => (this.closed = { code, reason: reason.toString(), atMs: Date.now() }));
  }

  say(message) {
    this.socket.send(JSON.stringify(message));
  }

  /** The next message that has come, parsed. */
  async hear() {
    await until(() => this.messages.length > 0 || this.closed, "a message comes");
    if (this.messages.length === 0) throw new Error(`closed: ${JSON.stringify(this.closed)}`);
    return JSON.parse(this.messages.shift());
  }

  async ask(message) {
    this.say(message);
    return this.hear();
  }

  async end() {
    return until(() => this.closed, "the connection is closed");
  }

  /** Says goodbye and waits until that is answered. */
  async leave(code = 1000) {
    this.socket.close(code);
    return this.end();
  }
}
