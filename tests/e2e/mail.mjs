// A mail server on this machine (npm's smtp-server), and mails taken apart.

import assert from "node:assert/strict";
import { SMTPServer } from "smtp-server";
import { freePort, until } from "./harness.mjs";

function decodeQuotedPrintable(text) {
  const joined = text.replace(/=\r\n/g, "");
  const bytes = joined.replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}

function splitHead(raw) {
  const end = raw.indexOf("\r\n\r\n");
  const lines = raw.slice(0, end).replace(/\r\n[ \t]/g, " ").split("\r\n");
  const headers = Object.fromEntries(lines.map((line) => [line.split(":")[0].toLowerCase(), line.replace(/^[^:]*: */, "")]));
  return { headers, body: raw.slice(end + 4) };
}

/** The headers and the two parts of one of our mails, and the token in it. */
export function readMail(raw) {
  const { headers, body } = splitHead(raw);
  const boundary = /^multipart\/alternative; boundary="([^"]+)"$/.exec(headers["content-type"])?.[1];
  assert.ok(boundary, headers["content-type"]);
  assert.ok(body.endsWith(`--${boundary}--\r\n`), "the mail is cut off");
  const parts = body.split(`--${boundary}\r\n`).slice(1).map((part) => splitHead(part.split(`\r\n--${boundary}--`)[0]));
  assert.deepEqual(parts.map((part) => part.headers["content-type"]),
    ["text/plain; charset=utf-8", "text/html; charset=utf-8"]);
  for (const line of raw.split("\r\n")) assert.ok(line.length <= 78 && !/[\r\n]/.test(line), `a line of a mail: ${line}`);
  const [text, html] = parts.map((part) => decodeQuotedPrintable(part.body).replace(/\r\n/g, "\n"));
  const link = /^https?:\/\/\S+#token=(\S+)$/m.exec(text);
  return { headers, raw, text, html, link: link?.[0], token: link?.[1] };
}

/** Receives mails; `down()` and `up()` as a mail server in trouble. */
export class MailServer {
  constructor(options = {}) {
    this.options = options;
    this.mails = [];
  }

  /** On a free port; one that the system takes from its own range may be somebody's connection when it is asked for again. */
  async up(port) {
    this.port = port ?? (await freePort());
    this.server = new SMTPServer({
      authOptional: true, logger: false, disableReverseLookup: true, closeTimeout: 100, ...this.options,
      onData: (stream, session, done) => {
        const chunks = [];
        stream.on("data", (chunk) => chunks.push(chunk));
        stream.on("end", () => {
          const { envelope, secure, user } = session;
          const raw = Buffer.concat(chunks).toString("utf8");
          try {
            this.mails.push({ ...readMail(raw), from: envelope.mailFrom.address, secure, user,
                              to: envelope.rcptTo.map((recipient) => recipient.address) });
          } catch (error) {
            this.unreadable = error; // told where a test waits for the mail
          }
          done();
        });
      },
    });
    this.server.on("error", () => {}); // a client that breaks off, as one whose check of a certificate fails
    await new Promise((resolve, reject) => {
      this.server.server.once("error", reject);
      this.server.listen(this.port, "127.0.0.1", resolve);
    });
    return this;
  }

  async down() {
    const { server } = this;
    this.server = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  get url() {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** The notices to an address (mails without a link), once there are `count`. */
  notices(address, count = 1, limitMs = 30_000) {
    return this.#wait(address, count, limitMs, (mail) => mail.link === undefined);
  }

  /** The mails with a link to an address, once there are `count`. */
  to(address, count = 1, limitMs = 30_000) {
    return this.#wait(address, count, limitMs, (mail) => mail.link !== undefined);
  }

  async #wait(address, count, limitMs, isMeant) {
    const ours = () => {
      if (this.unreadable) throw this.unreadable;
      return this.mails.filter((mail) => mail.to.includes(address) && isMeant(mail));
    };
    await until(() => ours().length >= count, `${count} mails came to ${address}`, limitMs);
    assert.equal(ours().length, count);
    return ours();
  }
}
