// WebSockets over TLS, in a program of its own: what the library promises holds for wss:// too.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { WebSocket } from "ws";
import { ROOT, until } from "./harness.mjs";
import { Installed } from "./installed.mjs";
import { certificate, request } from "./secure.mjs";
import { Client } from "./websockets.mjs";

describe("WebSockets over TLS", () => {
  let installed, served, files, url;
  before(async () => {
    installed = new Installed();
    files = certificate(installed.folder, "rooms");
    const program = installed.compile(path.join(ROOT, "tests/programs/websockets.c"));
    served = await installed.serve(program, (address) => [address, files.cert, files.key], {}, (at) => request(at.replace("http:", "https:"), { ca: fs.readFileSync(files.cert) }));
    url = served.url.replace("http:", "https:");
  });
  after(async () => {
    await served?.stop();
    installed?.remove();
  });

  const connect = async (target) => {
    const client = new Client(new WebSocket(url.replace("https", "wss") + target, { ca: fs.readFileSync(files.cert) }));
    await client.settled;
    return client;
  };

  test("messages of every size come back, and the end is a clean one", async () => {
    const client = await connect("/echo");
    assert.equal(client.refusal, null);
    for (const size of [0, 1, 125, 126, 4096, 16_384, 60_000]) {
      const text = "x".repeat(size);
      client.socket.send(text);
      await until(() => client.messages.length > 0 || client.closed, `${size} bytes come back`);
      assert.equal(client.closed, null);
      assert.equal(client.messages.shift(), text, `${size} bytes`);
    }
    assert.equal((await client.leave()).code, 1000);
  });

  test("many at once, each with its own words", async () => {
    const clients = await Promise.all(Array.from({ length: 50 }, () => connect("/echo")));
    clients.forEach((client, i) => { for (let n = 0; n < 20; n += 1) client.socket.send(`${i}:${n}`); });
    await until(() => clients.every((client) => client.messages.length === 20), "all have come back");
    clients.forEach((client, i) => assert.deepEqual(client.messages, Array.from({ length: 20 }, (_, n) => `${i}:${n}`)));
    await Promise.all(clients.map((client) => client.leave()));
  });
});
