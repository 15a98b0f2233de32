// Certificates made for a test, and a Server that is spoken to over TLS.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import https from "node:https";
import path from "node:path";
import tls from "node:tls";
import { Server, temporaryFolder, until } from "./harness.mjs";

const KEYS = {
  ec: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
  ec384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
  rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
  weak: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
  ed25519: ["-algorithm", "ED25519"],
};

function openssl(folder, args) {
  return execFileSync("openssl", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function date(at) {
  return new Date(at).toISOString().replace(/[-:T]|\.\d+/g, "");
}

/** NAME.key and NAME.crt for localhost, or `names`, signed by itself. `from` and `to`: how far away they are, in ms. */
export function certificate(folder, name, { kind = "ec", from = -3_600_000, to = 30 * 86_400_000, names = "DNS:localhost,IP:127.0.0.1" } = {}) {
  const files = { key: path.join(folder, `${name}.key`), cert: path.join(folder, `${name}.crt`) };
  const work = fs.mkdtempSync(path.join(folder, "ca-"));
  openssl(folder, ["genpkey", ...KEYS[kind], "-out", files.key]);
  fs.chmodSync(files.key, 0o600);
  // `openssl ca` alone takes both dates.
  fs.writeFileSync(path.join(work, "index.txt"), "");
  fs.writeFileSync(path.join(work, "ca.cnf"), [
    "[ca]", "default_ca = own", "[own]", `database = ${work}/index.txt`, `new_certs_dir = ${work}`, "rand_serial = yes",
    `default_md = ${kind === "ed25519" ? "null" : "sha256"}`, "policy = any", "x509_extensions = names", "[any]", "commonName = supplied",
    "[names]", `subjectAltName = ${names}`, "basicConstraints = critical,CA:TRUE",
    "[req]", "distinguished_name = dn", "[dn]", "",
  ].join("\n"));
  const config = ["-config", path.join(work, "ca.cnf")];
  openssl(folder, ["req", "-new", ...config, "-key", files.key, "-subj", `/CN=${name}`, "-out", path.join(work, "csr")]);
  openssl(folder, ["ca", "-batch", "-selfsign", ...config, "-keyfile", files.key, "-in", path.join(work, "csr"), "-notext",
    "-startdate", date(Date.now() + from), "-enddate", date(Date.now() + to), "-out", files.cert]);
  fs.rmSync(work, { recursive: true });
  return files;
}

export function fingerprint(file) {
  return openssl(path.dirname(file), ["x509", "-in", file, "-noout", "-fingerprint", "-sha256"]).trim().split("=")[1];
}

/** One request over TLS on a connection of its own, or the one of `agent`; `json`, `form`, `token` as in the harness. */
export function request(url, { method = "GET", json, form, body, token, headers = {}, ...more } = {}) {
  const sent = { ...headers };
  if (token !== undefined) sent.authorization = `Bearer ${token}`;
  if (json !== undefined) [body, sent["content-type"]] = [JSON.stringify(json), "application/json"];
  if (form !== undefined) [body, sent["content-type"]] = [new URLSearchParams(form).toString(), "application/x-www-form-urlencoded"];
  if (body !== undefined) sent["content-length"] = Buffer.byteLength(body);
  return new Promise((resolve, reject) => {
    const asked = https.request(url, { method, headers: sent, agent: false, ...more });
    asked.on("error", reject);
    asked.on("response", (answer) => {
      const pieces = [];
      const peer = answer.socket.getPeerCertificate?.().fingerprint256;
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("error", reject);
      answer.on("end", () => {
        const text = Buffer.concat(pieces).toString();
        const isJson = /^application\/([\w.-]+\+)?json\b/.test(answer.headers["content-type"] ?? "");
        const headersOf = new Headers(Object.entries(answer.headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one])));
        resolve({ status: answer.statusCode, headers: headersOf, text, json: isJson && text ? JSON.parse(text) : undefined, peer });
      });
    });
    asked.end(body);
  });
}

export class SecureServer extends Server {
  /** Its certificate is made; `kind` as in certificate(). */
  static async start({ kind, ...env } = {}) {
    const folder = temporaryFolder();
    const { key, cert } = certificate(folder, "first", { kind });
    const server = new SecureServer(folder, { DOORWARD_TLS_CERT: cert, DOORWARD_TLS_KEY: key, ...env });
    server.ca = [fs.readFileSync(cert)];
    return server.start();
  }

  async answers() {
    if (this.exit) assert.fail(`the server ended at its start: ${JSON.stringify(this.exit)}\n${this.err}`);
    return request(`${this.url}/healthz`, { ca: this.ca }).then((answer) => answer.status === 200, () => false);
  }

  ask(method, target, { ...more } = {}) {
    return request(this.url + target, { method, ca: this.ca, ...more });
  }

  /** A connection whose handshake is over, and what came on it. */
  secure(options = {}) {
    return new Promise((resolve, reject) => {
      const socket = tls.connect({ port: this.port, host: "127.0.0.1", servername: "localhost", ca: this.ca, ...options });
      const line = { socket, received: "", closed: false, ended: false, error: null, session: null };
      socket.setEncoding("latin1").on("data", (text) => (line.received += text));
      socket.on("session", (session) => (line.session = session));
      socket.on("end", () => (line.ended = true));
      socket.on("close", () => (line.closed = true));
      socket.on("error", (error) => {
        line.error = error;
        reject(error);
      });
      socket.on("secureConnect", () => resolve(line));
    });
  }

  hangUp() {
    this.child.kill("SIGHUP");
  }

  /** What the log has told since, a line an event. */
  events(name) {
    return this.err.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line)).filter((e) => e.event === name);
  }

  /** Resident memory in bytes. */
  memory() {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(fs.readFileSync(`/proc/${this.child.pid}/status`, "utf8"))[1]) * 1024;
  }

  async reload() {
    const before = this.events("reloaded").length;
    this.hangUp();
    await until(() => this.events("reloaded").length > before, "the server has reloaded");
  }
}
