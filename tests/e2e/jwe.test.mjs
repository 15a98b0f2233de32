// Encryption by hand, `doorward jwe`, and with somebody else's library at the other end: npm's jose.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import * as jose from "jose";
import { run, temporaryFolder } from "./harness.mjs";

const TEXT = "what must not be readable – é";
const ALGS = ["A128KW", "A192KW", "A256KW", "A128GCMKW", "A256GCMKW", "RSA-OAEP", "RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"];
const ENCS = ["A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"];
const CURVES = ["P-256", "P-384", "P-521", "X25519"];

let folder;
before(() => { folder = temporaryFolder(); });
after(() => fs.rmSync(folder, { recursive: true, force: true }));

const dw = (args, input = "") => run(args, { folder, input });
const done = (args, input) => {
  const result = dw(args, input);
  assert.equal(result.code, 0, `${args.join(" ")}: ${result.err}`);
  return result.out;
};
const refused = (args, input, code = 1) => {
  const result = dw(args, input);
  assert.equal(result.code, code, `${args.join(" ")} ended with ${result.code}: ${result.out}${result.err}`);
  assert.equal(result.out, "");
  assert.match(result.err, /\S/);
  return result.err;
};
const write = (name, text) => fs.writeFileSync(path.join(folder, name), text);
const publicOf = ({ d, p, q, dp, dq, qi, ...rest }) => rest;
/** A new key in NAME.json, and its public half in NAME.pub.json where it has one. */
function newKey(name, ...options) {
  const json = done(["jwk", "generate", ...options]);
  write(`${name}.json`, json);
  const { kty } = JSON.parse(json);
  write(`${name}.pub.json`, kty === "oct" ? json : done(["jwk", "public", "--key", `${name}.json`]));
  return JSON.parse(json);
}

describe("with npm's jose", () => {
  const CASES = [
    ...ALGS.map((alg, n) => ({ alg, enc: ENCS[n % ENCS.length], options: ["--alg", alg] })),
    ...CURVES.map((crv) => ({ alg: "ECDH-ES", enc: "A256GCM", options: ["--alg", "ECDH-ES", "--crv", crv] })),
    ...ENCS.map((enc) => ({ alg: "dir", enc, options: ["--alg", enc] })),
  ];
  for (const { alg, enc, options } of CASES) {
    test(`${options.slice(1).join(" ")} with ${enc}: each reads what the other wrote`, async () => {
      const key = newKey("key", ...options);
      assert.equal(key.use, "enc");
      const imported = await jose.importJWK(key, alg);
      const token = done(["jwe", "encrypt", "--key", "key.pub.json", "--alg", alg, "--enc", enc], TEXT).trim();
      const { plaintext, protectedHeader } = await jose.compactDecrypt(token, imported, { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: [enc] });
      assert.equal(new TextDecoder().decode(plaintext), TEXT);
      assert.equal(protectedHeader.kid, key.kid);

      const theirs = await new jose.CompactEncrypt(new TextEncoder().encode(TEXT)).setProtectedHeader({ alg, enc })
        .encrypt(key.kty === "oct" ? imported : await jose.importJWK(publicOf(key), alg));
      assert.equal(done(["jwe", "decrypt", "--key", "key.json", "--alg", alg, "--enc", enc], theirs), TEXT);
    });
  }

  test("a JSON object for several recipients, with additional data", async () => {
    const keys = [newKey("one", "--alg", "RSA-OAEP-256"), newKey("two", "--alg", "ECDH-ES+A256KW"), newKey("three", "--alg", "A128KW")];
    const message = new jose.GeneralEncrypt(new TextEncoder().encode(TEXT)).setProtectedHeader({ enc: "A256GCM" })
      .setAdditionalAuthenticatedData(new TextEncoder().encode("the envelope"));
    for (const key of keys) message.addRecipient(await jose.importJWK(publicOf(key), key.alg)).setUnprotectedHeader({ alg: key.alg, kid: key.kid });
    const json = await message.encrypt();
    for (const name of ["one", "two", "three"]) {
      assert.equal(done(["jwe", "decrypt", "--key", `${name}.json`], JSON.stringify(json)), TEXT);
      assert.match(refused(["jwe", "decrypt", "--key", `${name}.json`], JSON.stringify({ ...json, aad: "AAAA" })), /jose_decryption/);
    }
    newKey("four", "--alg", "A128KW");
    refused(["jwe", "decrypt", "--key", "four.json"], JSON.stringify(json));
  });

  test("a signed token, encrypted", async () => {
    const sign = JSON.parse(done(["jwk", "generate", "--alg", "ES256"]));
    write("sign.json", JSON.stringify(sign));
    newKey("key", "--alg", "ECDH-ES");
    const nested = done(["jwe", "encrypt", "--key", "key.pub.json", "--cty", "JWT"], done(["jwt", "sign", "--key", "sign.json"], '{"sub":"ann"}'));
    const inner = done(["jwe", "decrypt", "--key", "key.json"], nested);
    assert.equal((await jose.jwtVerify(inner, await jose.importJWK(publicOf(sign), "ES256"))).payload.sub, "ann");
    assert.match(done(["jwt", "verify", "--key", "sign.json", "--alg", "ES256"], inner), /"ann"/);
  });

  test("PEM keys", async () => {
    const { publicKey, privateKey } = await jose.generateKeyPair("RSA-OAEP-256", { extractable: true });
    write("public.pem", await jose.exportSPKI(publicKey));
    write("private.pem", await jose.exportPKCS8(privateKey));
    const token = done(["jwe", "encrypt", "--key", "public.pem", "--alg", "RSA-OAEP-256"], TEXT);
    assert.equal(done(["jwe", "decrypt", "--key", "private.pem", "--alg", "RSA-OAEP-256"], token), TEXT);
    refused(["jwe", "encrypt", "--key", "public.pem"], TEXT, 2); // PEM does not say what it is for
  });
});

describe("what is refused", () => {
  let token;
  before(() => {
    newKey("kw", "--alg", "A256KW");
    newKey("other", "--alg", "A256KW");
    newKey("es", "--alg", "ECDH-ES");
    write("sign.json", done(["jwk", "generate", "--alg", "ES256"]));
    token = done(["jwe", "encrypt", "--key", "kw.json"], TEXT).trim();
  });

  test("another key, another algorithm, another encryption, a changed token", () => {
    assert.match(refused(["jwe", "decrypt", "--key", "other.json"], token), /jose_no_key/);
    const { kid: _, ...unnamed } = JSON.parse(fs.readFileSync(path.join(folder, "other.json"), "utf8"));
    write("unnamed.json", JSON.stringify(unnamed));
    assert.match(refused(["jwe", "decrypt", "--key", "unnamed.json"], token), /jose_decryption/);
    assert.match(refused(["jwe", "decrypt", "--key", "es.json"], token), /jose_algorithm/);
    assert.match(refused(["jwe", "decrypt", "--key", "kw.json", "--enc", "A128CBC-HS256"], token), /jose_algorithm/);
    assert.match(refused(["jwe", "decrypt", "--key", "kw.json"], `${token.slice(0, -1)}${token.at(-1) === "A" ? "Q" : "A"}`), /jose_decryption/);
    assert.match(refused(["jwe", "decrypt", "--key", "kw.json"], "not a token"), /jose_malformed/);
    refused(["jwe", "decrypt", "--key", "kw.json"], "");
  });

  test("a key that signs does not encrypt, and one that encrypts does not sign", () => {
    assert.match(refused(["jwe", "encrypt", "--key", "sign.json"], TEXT), /key_use/);
    refused(["jwt", "sign", "--key", "es.json"], "{}");
  });

  test("a public key does not decrypt", () => {
    const sealed = done(["jwe", "encrypt", "--key", "es.pub.json"], TEXT);
    assert.match(refused(["jwe", "decrypt", "--key", "es.pub.json"], sealed), /key_use/);
  });

  test("wrong usage ends with 2", () => {
    refused(["jwe", "encrypt"], "", 2);
    refused(["jwe", "encrypt", "--key", "kw.json", "--alg", "RSA1_5"], "", 2);
    refused(["jwe", "encrypt", "--key", "kw.json", "--enc", "none"], "", 2);
    refused(["jwk", "generate", "--alg", "dir"], "", 2);
    refused(["jwk", "generate", "--alg", "A256KW", "--crv", "P-256"], "", 2);
    refused(["jwk", "generate", "--alg", "ECDH-ES", "--crv", "secp256k1"], "", 2);
    refused(["jwe", "decrypt", "--key", "no-such-file"], "");
  });

  test("more than a token may hold", () => {
    refused(["jwe", "encrypt", "--key", "kw.json"], "x".repeat(1 << 20));
    refused(["jwe", "encrypt", "--key", "kw.json"], "x".repeat((1 << 20) + 1));
    refused(["jwe", "decrypt", "--key", "kw.json"], "x".repeat((1 << 20) + 2));
  });
});
