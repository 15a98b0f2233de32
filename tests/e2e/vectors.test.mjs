// Known answers: the RFCs' own examples always, and whole files of public vectors (Project Wycheproof, RFC 7520) from
// the folder that DOORWARD_VECTORS names; without it those are skipped. All go through `doorward vectors`.

import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { run } from "./harness.mjs";

const FOLDER = process.env.DOORWARD_VECTORS;
const NO_FOLDER = FOLDER ? false : "DOORWARD_VECTORS is not set";
const SIGNATURE_ALGS = [
  "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
];
const SHOWN = 20; // mismatches that a failing case lists

const b64u = (text) => Buffer.from(text).toString("base64url");
const read = (...names) => JSON.parse(fs.readFileSync(path.join(FOLDER, ...names), "utf8"));

/** Hands the questions to one process and gives back its answers, by position. */
function answers(questions) {
  const input = questions.map(({ op, in: given }, id) => JSON.stringify({ id: String(id), op, in: given }) + "\n").join("");
  const { code, out, err } = run(["vectors"], { input });
  assert.equal(code, 0, err);
  const lines = out.split("\n").filter(Boolean).map((line) => JSON.parse(line));
  assert.deepEqual(lines.map((line) => line.id), questions.map((_, id) => String(id)));
  return lines;
}

/** "Yes" is ok and, where the operation compares, equal; everything else is a refusal. */
const accepted = (answer) => answer.ok === true && answer.match !== false;

/** Each question says what it expects: true, false, or null where either will do. */
function judge(questions) {
  assert.ok(questions.length > 0, "no question was made");
  const given = answers(questions);
  const wrong = questions.flatMap((question, n) => {
    const { expect } = question;
    const good = expect === null || (accepted(given[n]) === expect && !(expect && given[n].unsupported));
    return good && (question.also?.(given[n]) ?? true) ? [] : [`${question.name}: expected ${expect}, got ${JSON.stringify(given[n])}`];
  });
  assert.equal(wrong.length, 0, `${wrong.length} of ${questions.length}:\n${wrong.slice(0, SHOWN).join("\n")}`);
}

// --- the RFCs' own examples ---------------------------------------------------------------------------------------------

const ED_KEY = { kty: "OKP", crv: "Ed25519", d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
const ED_TOKEN = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
  + "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
const A1_KEY = { kty: "oct", k: "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow" };
const CLAIMS = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
const A1_TOKEN = `eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.${CLAIMS}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk`;
const A3_KEY = { kty: "EC", crv: "P-256", x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0" };
const A3_TOKEN = `eyJhbGciOiJFUzI1NiJ9.${CLAIMS}.`
  + "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
const EXPIRY = 1300819380;

describe("the RFCs' own examples", () => {
  const verify = (token, jwk, algs, more = {}) => ({ op: "jws.verify", in: { token, jwk, algs }, ...more });
  const claims = (now, more = {}) => ({ op: "jwt.verify", in: { token: A1_TOKEN, jwk: A1_KEY, algs: ["HS256"], now, ...more } });
  const { d: _, ...ED_PUBLIC } = ED_KEY;

  const CASES = [
    { name: "RFC 7515 A.1, HS256", ...verify(A1_TOKEN, A1_KEY, ["HS256"]), expect: true, also: (a) => a.payload === CLAIMS },
    { name: "RFC 7515 A.3, ES256", ...verify(A3_TOKEN, A3_KEY, ["ES256"]), expect: true },
    { name: "RFC 8037 A.5, EdDSA", ...verify(ED_TOKEN, ED_PUBLIC, ["EdDSA"]), expect: true },
    { name: "the algorithm is not one that was asked for", ...verify(A1_TOKEN, A1_KEY, ["HS512"]), expect: false },
    { name: "an EC key under an HMAC header", ...verify(A1_TOKEN, A3_KEY, ["HS256", "ES256"]), expect: false },
    { name: "RFC 7515 A.5, unsecured", ...verify(`eyJhbGciOiJub25lIn0.${CLAIMS}.`, A1_KEY, ["HS256"]), expect: false },
    {
      name: "RFC 8037 A.4, the signature is made again",
      op: "jws.sign", in: { protected_b64u: b64u('{"alg":"EdDSA"}'), payload: b64u("Example of Ed25519 signing"), jwk: ED_KEY, alg: "EdDSA" },
      expect: true, also: (a) => a.token === ED_TOKEN,
    },
    { name: "RFC 8037 A.3, thumbprint", op: "jwk.thumbprint", in: { jwk: ED_PUBLIC, hash: "sha256" }, expect: true,
      also: (a) => a.thumbprint === "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" },
    { name: "RFC 7519 3.1, before its time is over", ...claims(EXPIRY - 1), expect: true, also: (a) => a.claims.iss === "joe" },
    { name: "RFC 7519 4.1.4, on or after exp", ...claims(EXPIRY), expect: false },
    { name: "within the leeway", ...claims(EXPIRY + 4, { leeway: 5 }), expect: true },
    { name: "past the leeway", ...claims(EXPIRY + 5, { leeway: 5 }), expect: false },
    { name: "the right issuer", ...claims(EXPIRY - 1, { iss: "joe" }), expect: true },
    { name: "another issuer", ...claims(EXPIRY - 1, { iss: "jim" }), expect: false },
    { name: "an audience that the token does not have", ...claims(EXPIRY - 1, { aud: "api" }), expect: false },
    {
      name: "RFC 4231 4.3, HMAC with a key that is too short for RFC 7518 3.2", op: "mac.verify", expect: null,
      in: { alg: "HS256", key: "4a656665", msg: "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
        tag: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
    },
    {
      name: "RFC 4231 4.7, HMAC with a long key", op: "mac.verify", expect: true,
      in: { alg: "HS256", key: "aa".repeat(131), msg: Buffer.from("Test Using Larger Than Block-Size Key - Hash Key First").toString("hex"),
        tag: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
    },
    { name: "base64url as RFC 7515 C", op: "base64url.decode", in: { text: "A-z_4ME" }, expect: true },
    { name: "base64url with padding", op: "base64url.decode", in: { text: "AA==" }, expect: false },
    { name: "base64url with spare bits", op: "base64url.decode", in: { text: "AB" }, expect: false },
    { name: "base64url of another alphabet", op: "base64url.decode", in: { text: "A+z/4ME" }, expect: false },
    { name: "base64url with a blank", op: "base64url.decode", in: { text: "A-z_ 4ME" }, expect: false },
    { name: "an ordinary address", op: "email.validate", in: { address: "ann@Example.COM", options: {} }, expect: true,
      also: (a) => a.normalized === "ann@example.com" },
    { name: "an address without a domain", op: "email.validate", in: { address: "ann@", options: {} }, expect: false },
  ];
  for (const question of CASES) test(question.name, () => judge([question]));

  for (const alg of ["RS256", "PS256", "PS512", "ES512", "EdDSA", "HS384"]) {
    test(`jws.sign_verify: ${alg} verifies its own signature`, async () => {
      const { generateKeyPair, exportJWK } = await import("jose");
      const jwk = alg.startsWith("HS") ? { kty: "oct", k: Buffer.alloc(64, 7).toString("base64url") }
        : await exportJWK((await generateKeyPair(alg, { extractable: true, ...(alg === "EdDSA" && { crv: "Ed25519" }) })).privateKey);
      judge([{ name: alg, op: "jws.sign_verify", expect: true, in: { protected_b64u: b64u(`{"alg":"${alg}"}`), payload: b64u("x"), jwk, alg } }]);
    });
  }

  test("passwords: hashed, verified, and a wrong one told apart", () => {
    for (const alg of ["argon2id", "bcrypt", "scrypt"]) {
      judge([{ name: alg, op: "password.roundtrip", expect: true, in: { alg, password: b64u("correct horse"), wrong: [b64u("Correct horse"), b64u("")] },
        also: (a) => a.match === true && a.wrong_match.every((match) => match === false) }]);
    }
  });

  test("a bad line gets an answer, and the next line too", () => {
    const lines = ["not json", "{}", '{"id":"1"}', '{"id":"2","op":"no.such.op","in":{}}', '{"id":"3","op":"jws.verify"}', "[1]",
      '{"id":"4","op":"base64url.decode","in":{"text":"AA"}}'];
    const { code, out } = run(["vectors"], { input: lines.join("\n") + "\n" });
    assert.equal(code, 0);
    const given = out.trim().split("\n").map((line) => JSON.parse(line));
    assert.equal(given.length, lines.length);
    assert.ok(given.slice(0, -1).every((answer) => answer.ok !== true));
    assert.equal(given[3].unsupported, true);
    assert.deepEqual([given.at(-1).id, given.at(-1).ok], ["4", true]);
  });
});

// --- Wycheproof ---------------------------------------------------------------------------------------------------------

const RESULT = { valid: true, invalid: false, acceptable: null };

function expectations(file) {
  const { overrides } = read("wycheproof", "OVERRIDES.json");
  const mine = new Map(overrides.filter((row) => row.file === file).map((row) => [row.tcId, row.expect]));
  return ({ tcId, result }) => {
    const override = mine.get(tcId);
    return override ? (override.any_of ? null : override.ok) : RESULT[result];
  };
}

const jwkOf = (group) => group.publicKeyJwk ?? createPublicKey(group.publicKeyPem).export({ format: "jwk" });

// How a file becomes questions: (group, test) → {op, in}, or null where the operation is not one of ours.
const jws = (group, { jws: token }) => {
  if (token === undefined) return null; // JWE
  const key = group.public ?? group.private;
  const keys = key.keys ?? [key];
  const algs = [...new Set(keys.flatMap((one) => (one.alg ? [one.alg] : SIGNATURE_ALGS)))];
  return { op: "jws.verify", in: { token, algs, ...(key.keys ? { jwks: key } : { jwk: key }) } };
};
const signature = (alg) => (group, { msg, sig }) => ({ op: "sig.verify", in: { alg, jwk: jwkOf(group), msg, sig } });
const mac = (alg, size) => (group, { key, msg, tag }) =>
  // JWA has no truncated tags (RFC 7518 section 3.2), and no keys shorter than the hash.
  group.tagSize === size && group.keySize >= size ? { op: "mac.verify", in: { alg, key, msg, tag } } : null;

const FILES = [
  ["json_web_signature", jws],
  ["json_web_key", jws],
  ["json_web_crypto", jws],
  ["hmac_sha256", mac("HS256", 256)],
  ["hmac_sha384", mac("HS384", 384)],
  ["hmac_sha512", mac("HS512", 512)],
  ["ecdsa_secp256r1_sha256_p1363", signature("ES256")],
  ["ecdsa_secp384r1_sha384_p1363", signature("ES384")],
  ["ecdsa_secp521r1_sha512_p1363", signature("ES512")],
  ["ed25519", signature("EdDSA")],
  ["rsa_signature_2048_sha256", signature("RS256")],
  ["rsa_signature_2048_sha384", signature("RS384")],
  ["rsa_signature_2048_sha512", signature("RS512")],
  ["rsa_pss_2048_sha256_mgf1_32", signature("PS256")],
  ["rsa_pss_2048_sha384_mgf1_48", signature("PS384")],
  ["rsa_pss_4096_sha512_mgf1_64", signature("PS512")],
];

describe("Wycheproof", () => {
  for (const [file, question] of FILES) {
    test(file, { skip: NO_FOLDER }, () => {
      const expected = expectations(`${file}_test`);
      const { testGroups } = read("wycheproof", `${file}_test.json`);
      judge(testGroups.flatMap((group) => group.tests.flatMap((one) => {
        const asked = question(group, one);
        return asked ? [{ ...asked, name: `${one.tcId} ${one.comment}`, expect: expected(one) }] : [];
      })));
    });
  }

  test("rsa_pkcs1_2048_sig_gen: the same signatures are made", { skip: NO_FOLDER }, () => {
    const algs = { "SHA-256": "RS256", "SHA-384": "RS384", "SHA-512": "RS512" };
    const { testGroups } = read("wycheproof", "rsa_pkcs1_2048_sig_gen_test.json");
    judge(testGroups.filter((group) => algs[group.sha]).flatMap((group) => {
      const jwk = createPrivateKey(group.privateKeyPem).export({ format: "jwk" });
      return group.tests.map((one) => ({
        name: `${one.tcId} ${group.sha}`, op: "sig.sign", in: { alg: algs[group.sha], jwk, msg: one.msg },
        expect: RESULT[one.result], also: (answer) => !answer.ok || answer.sig === one.sig,
      }));
    }));
  });
});

// --- RFC 7520 -----------------------------------------------------------------------------------------------------------

describe("RFC 7520", () => {
  const FIGURES = [
    ["jws", "4_1.rsa_v15_signature.json"], ["jws", "4_2.rsa-pss_signature.json"], ["jws", "4_3.ecdsa_signature.json"],
    ["jws", "4_4.hmac-sha2_integrity_protection.json"], ["curve25519", "jws.json"],
  ];
  for (const [folder, name] of FIGURES) {
    test(name, { skip: NO_FOLDER }, () => {
      const { input, signing, output, reproducible } = read("jose-cookbook", folder, name);
      const payload = b64u(input.payload);
      const questions = [
        { name: "verify", op: "jws.verify", in: { token: output.compact, jwk: input.key, algs: [input.alg] }, expect: true,
          also: (a) => a.payload === payload },
        { name: "sign and verify", op: "jws.sign_verify", expect: true,
          in: { protected_b64u: signing.protected_b64u, payload, jwk: input.key, alg: input.alg } },
      ];
      if (reproducible) {
        questions.push({ name: "sign", op: "jws.sign", expect: true, also: (a) => a.token === output.compact,
          in: { protected_b64u: signing.protected_b64u, payload, jwk: input.key, alg: input.alg } });
      }
      judge(questions);
    });
  }

  for (const name of ["3_1.ec_public_key", "3_2.ec_private_key", "3_3.rsa_public_key", "3_4.rsa_private_key", "3_5.symmetric_key_mac_computation"]) {
    test(name, { skip: NO_FOLDER }, () => {
      judge([{ name, op: "jwk.import", in: { jwk: read("jose-cookbook", "jwk", `${name}.json`) }, expect: true }]);
    });
  }
});
