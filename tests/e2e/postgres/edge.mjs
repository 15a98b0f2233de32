// A real proxy in front of nodes: the example of packaging/proxies/, with this machine's addresses put in, run in the
// foreground in a folder of its own.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import fs from "node:fs";
import https from "node:https";
import path from "node:path";
import { ROOT, Server, environment, freePort, temporaryFolder, until } from "../harness.mjs";

export const NAME = "id.example.com";
/** Shorter than in the examples, as are the nodes' delays. */
const KEEPALIVE = "1s";
export const STOP_DELAY = "2s";

/** A program, its example, and what else must be told to run here. */
export const PROXIES = {
  nginx: {
    example: "nginx.conf",
    adapt: (text, at) => text.replaceAll("/var/log/nginx/", `${at.folder}/`).replaceAll("/run/nginx.pid", `${at.folder}/pid`)
      .replace("http {", `http {\n${["client_body", "proxy", "fastcgi", "scgi", "uwsgi"]
        .map((kind) => `${kind}_temp_path ${at.folder}/${kind};`).join("\n")}`)
      .replace("listen 80;", `listen 127.0.0.1:${at.plain};`).replace("listen 443 ", `listen 127.0.0.1:${at.port} `),
    command: (file, at) => ["nginx", "-p", at.folder, "-e", "stderr", "-c", file, "-g", "daemon off;"],
    quit: "SIGQUIT",
  },
  haproxy: {
    example: "haproxy.cfg",
    adapt: (text, at) => text.replace("bind :80\n", `bind 127.0.0.1:${at.plain}\n`).replace("bind :443 ", `bind 127.0.0.1:${at.port} `)
      .replace("pool-purge-delay 4s", `pool-purge-delay ${KEEPALIVE}`),
    command: (file) => ["haproxy", "-db", "-f", file],
    quit: "SIGTERM",
  },
  caddy: {
    example: "Caddyfile",
    adapt: (text, at) => text.replace("admin off", `admin off\n\tauto_https off\n\thttps_port ${at.port}\n\tdefault_bind 127.0.0.1`)
      .replace(`\n${NAME} {`, `\n${NAME}:${at.port} {`),
    command: (file) => ["caddy", "run", "--adapter", "caddyfile", "--config", file],
    quit: "SIGTERM",
  },
};

function makeCertificate(folder) {
  const file = (end) => path.join(folder, `${NAME}.${end}`);
  const made = spawnSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
    "-subj", `/CN=${NAME}`, "-addext", `subjectAltName=DNS:${NAME}`, "-keyout", file("key"), "-out", file("crt")], { encoding: "utf8" });
  assert.equal(made.status, 0, made.stderr);
  fs.writeFileSync(file("pem"), fs.readFileSync(file("crt"), "utf8") + fs.readFileSync(file("key"), "utf8"));
  return fs.readFileSync(file("crt"));
}

/** Speaks as a Server does, but to the proxy, by TLS. */
export class Edge extends Server {
  constructor(kind, nodes) {
    super(temporaryFolder(), {});
    this.proxy = PROXIES[kind];
    this.nodes = nodes;
    this.admin = undefined;
  }

  #write() {
    const text = fs.readFileSync(path.join(ROOT, "packaging/proxies", this.proxy.example), "utf8");
    const file = path.join(this.folder, this.proxy.example);
    const common = this.nodes.reduce((soFar, node, i) => soFar.replaceAll(`10.0.0.1${i + 1}:8080`, `127.0.0.1:${node.port}`), text)
      .replaceAll("/etc/ssl/", `${this.folder}/`).replaceAll(/keepalive_timeout 4s|keepalive 4s/g, (word) => word.replace("4s", KEEPALIVE));
    fs.writeFileSync(file, this.proxy.adapt(common, this));
    return file;
  }

  async start() {
    [this.port, this.plain] = [await freePort(), await freePort()];
    this.ca = makeCertificate(this.folder);
    this.agent = new https.Agent({ keepAlive: true });
    const [program, ...args] = this.proxy.command(this.#write(), this);
    this.err = "";
    this.child = spawn(program, args, {
      cwd: this.folder, stdio: ["ignore", "pipe", "pipe"],
      env: environment({ HOME: this.folder, XDG_DATA_HOME: this.folder, XDG_CONFIG_HOME: this.folder }),
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.setEncoding("utf8").on("data", (some) => (this.err = (this.err + some).slice(-20_000)));
    this.exit = null;
    this.ended = new Promise((resolve) => this.child.on("close", (code, signal) => resolve((this.exit = { code, signal }))));
    process.once("exit", () => this.child.kill("SIGKILL"));
    await until(() => {
      assert.equal(this.exit, null, `${program} ended at its start: ${this.err}`);
      return this.get("/healthz").then((answer) => answer.status === 200, () => false);
    }, `${program} answers`);
    return this;
  }

  /** Not followed by anything: as the program's own init script would. */
  async stop() {
    this.agent.destroy();
    this.child.kill(this.proxy.quit);
    await this.ended;
    fs.rmSync(this.folder, { recursive: true, force: true });
  }

  ask(method, target, { json, form, token, headers = {}, from = "127.0.0.1" } = {}) {
    const sent = { host: NAME, ...headers };
    let body;
    if (token !== undefined) sent.authorization = `Bearer ${token}`;
    if (json !== undefined) [body, sent["content-type"]] = [JSON.stringify(json), "application/json"];
    if (form !== undefined) [body, sent["content-type"]] = [new URLSearchParams(form).toString(), "application/x-www-form-urlencoded"];
    if (body !== undefined) sent["content-length"] = Buffer.byteLength(body);
    return new Promise((resolve, reject) => {
      const request = https.request({
        host: "127.0.0.1", port: this.port, servername: NAME, ca: this.ca, agent: this.agent, localAddress: from,
        method, path: target, headers: sent,
      }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (some) => (text += some)).on("error", reject).on("end", () => {
          const isJson = /^application\/([\w.-]+\+)?json\b/.test(answer.headers["content-type"] ?? "");
          resolve({ status: answer.statusCode, headers: new Headers(flatten(answer.headers)), text,
            json: isJson && text ? JSON.parse(text) : undefined });
        });
      });
      request.on("error", reject).end(body);
    });
  }
}

const flatten = (headers) => Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
