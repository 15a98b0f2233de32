// Known answers: the RFCs' own examples always, and whole files of public vectors (Project Wycheproof, RFC 7520) from
// the folder that DOORWARD_VECTORS names; without it those are skipped. All go through `doorward vectors`.

import assert from "node:assert/strict";
import { createECDH, createPrivateKey, createPublicKey } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { run } from "./harness.mjs";

const FOLDER = process.env.DOORWARD_VECTORS;
const NO_FOLDER = FOLDER ? false : "DOORWARD_VECTORS is not set";
const SIGNATURE_ALGS = [
  "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
];
const JWE_ALGS = [
  "dir", "A128KW", "A192KW", "A256KW", "A128GCMKW", "A192GCMKW", "A256GCMKW", "RSA-OAEP", "RSA-OAEP-256",
  "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A192KW", "ECDH-ES+A256KW",
];
const JWE_ENCS = ["A128GCM", "A192GCM", "A256GCM", "A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"];
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

const hexBytes = (hex) => Buffer.from(hex, "hex").toString("base64url");
// An alg of a JWK may name a content encryption: then the key is for `dir`.
const jweAlgs = (key) => (!key.alg ? JWE_ALGS : JWE_ENCS.includes(key.alg) ? ["dir"] : [key.alg]);
const jwe = (group, { jwe: token, pt, flags }) => {
  // RSA1_5 and zip are not offered: see below.
  if (token === undefined || group.private.alg === "RSA1_5" || flags.includes("CompressedPlaintext")) return null;
  const plaintext = pt === undefined ? undefined : hexBytes(pt);
  return {
    op: "jwe.decrypt", in: { token: typeof token === "string" ? token : JSON.stringify(token), jwk: group.private, algs: jweAlgs(group.private), encs: JWE_ENCS },
    also: (answer) => !answer.ok || plaintext === undefined || answer.plaintext === plaintext,
  };
};
const aead = (alg) => (group, { key, iv, aad, ct, tag, msg }) =>
  // JOSE has one length of IV for GCM (RFC 7518 section 5.3).
  alg(group) && (group.ivSize === 96 || group.ivSize === 128) && !(group.ivSize === 128 && alg(group).endsWith("GCM"))
    ? { op: "aead.open", in: { alg: alg(group), key, iv, aad, ct, tag }, also: (a) => !a.ok || a.msg === msg } : null;
const keyWrap = (group, { key, ct, msg }) =>
  ({ op: "kw.unwrap", in: { alg: `A${group.keySize}KW`, key, ct }, also: (a) => !a.ok || a.key_out === msg });
const oaep = (alg) => (group, { ct, msg, label }) =>
  label === "" ? { op: "rsa.decrypt", in: { alg, jwk: group.privateKeyJwk, ct }, also: (a) => !a.ok || a.msg === msg } : null; // JOSE has no labels
const agreement = (group, { public: theirs, private: ours, shared }) =>
  ({ op: "ecdh.derive", in: { private: ours, public: theirs }, also: (a) => !a.ok || a.z === shared });
/** The same from bare numbers: our public point by node, theirs as its coordinates where it is an uncompressed one. */
const agreementOfPoints = (group, { public: theirs, private: number, shared }) => {
  if (!/^04[0-9a-f]{128}$/.test(theirs)) return null; // a JWK has no compressed points (RFC 7518 section 6.2.1)
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(number.slice(-64).padStart(64, "0"), "hex");
  const jwk = (point) => ({ kty: "EC", crv: "P-256", x: hexBytes(point.slice(2, 66)), y: hexBytes(point.slice(66)) });
  const ours = { ...jwk(ecdh.getPublicKey("hex")), d: hexBytes(number.slice(-64).padStart(64, "0")) };
  return { op: "ecdh.derive", in: { private: ours, public: jwk(theirs) }, also: (a) => !a.ok || a.z === shared };
};
const pbkdf2 = (hash) => (group, { password, salt, iterationCount: iterations, dkLen: dklen, dk }) => ({
  op: "kdf.pbkdf2", in: { hash, iterations, dklen, password: hexBytes(password), salt: hexBytes(salt) }, also: (a) => !a.ok || a.key === dk,
});

const FILES = [
  ["json_web_encryption", jwe],
  ["json_web_crypto", jwe],
  ["aes_gcm", aead(({ keySize }) => `A${keySize}GCM`)],
  ["a128cbc_hs256", aead(() => "A128CBC-HS256")],
  ["a192cbc_hs384", aead(() => "A192CBC-HS384")],
  ["a256cbc_hs512", aead(() => "A256CBC-HS512")],
  ["aes_wrap", keyWrap],
  ["rsa_oaep_2048_sha1_mgf1sha1", oaep("RSA-OAEP")],
  ["rsa_oaep_2048_sha256_mgf1sha256", oaep("RSA-OAEP-256")],
  ["ecdh_secp256r1_webcrypto", agreement],
  ["ecdh_secp256r1_ecpoint", agreementOfPoints],
  ["x25519_jwk", agreement],
  ["pbkdf2_hmacsha1", pbkdf2("SHA-1")],
  ["pbkdf2_hmacsha256", pbkdf2("SHA-256")],
  ["pbkdf2_hmacsha512", pbkdf2("SHA-512")],
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

  test("what is not offered at all says so", { skip: NO_FOLDER }, () => {
    const groups = read("wycheproof", "json_web_encryption_test.json").testGroups;
    const find = (wanted) => groups.flatMap((group) => group.tests.map((one) => ({ group, one }))).find(wanted);
    const rsa15 = find(({ group, one }) => group.private.alg === "RSA1_5" && one.result === "valid");
    const zip = find(({ one }) => one.flags.includes("CompressedPlaintext"));
    const pkcs1 = read("wycheproof", "rsa_pkcs1_2048_test.json").testGroups[0];
    const k256 = read("wycheproof", "ecdsa_secp256k1_sha256_p1363_test.json").testGroups[0];
    const chacha = read("wycheproof", "chacha20_poly1305_test.json").testGroups[0].tests[0];
    const decrypt = ({ group, one }, algs) => ({ op: "jwe.decrypt", in: { token: one.jwe, jwk: group.private, algs, encs: JWE_ENCS } });
    const given = answers([
      decrypt(rsa15, ["RSA1_5"]),
      decrypt(zip, ["A128KW"]),
      { op: "rsa.decrypt", in: { alg: "RSA1_5", jwk: pkcs1.privateKeyJwk, ct: pkcs1.tests[0].ct } },
      { op: "sig.verify", in: { alg: "ES256K", jwk: {}, msg: k256.tests[0].msg, sig: k256.tests[0].sig } },
      { op: "aead.open", in: { alg: "C20P", ...chacha } },
    ]);
    for (const answer of given) assert.equal(answer.unsupported, true, JSON.stringify(answer));
  });

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
  const JSON_FORMS = ["json", "json_flat"];
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

  // What the object holds: with one algorithm asked for, alg may stand unprotected (4.7, and the second of 4.8).
  for (const name of ["4_6.protecting_specific_header_fields.json", "4_7.protecting_content_only.json"]) {
    test(name, { skip: NO_FOLDER }, () => {
      const { input, output } = read("jose-cookbook", "jws", name);
      judge(JSON_FORMS.map((form) => ({
        name: form, op: "jws.verify_json", in: { jws: output[form], jwk: input.key, algs: [input.alg] }, expect: true,
        also: (a) => a.payload === b64u(input.payload),
      })));
    });
  }
  for (const [folder, name] of FIGURES) {
    test(`${name}, as JSON`, { skip: NO_FOLDER }, () => {
      const { input, output } = read("jose-cookbook", folder, name);
      judge(JSON_FORMS.map((form) => ({
        name: form, op: "jws.verify_json", in: { jws: output[form], jwk: input.key, algs: [input.alg] }, expect: true,
        also: (a) => a.payload === b64u(input.payload),
      })));
    });
  }

  test("4_5.signature_with_detached_content.json", { skip: NO_FOLDER }, () => {
    const { input, output } = read("jose-cookbook", "jws", "4_5.signature_with_detached_content.json");
    const shared = { jwk: input.key, algs: [input.alg], payload: b64u(input.payload) };
    const other = { ...shared, payload: b64u(`${input.payload} `) };
    judge([
      { name: "compact", op: "jws.verify_detached", in: { token: output.compact, ...shared }, expect: true },
      { name: "another payload", op: "jws.verify_detached", in: { token: output.compact, ...other }, expect: false },
      ...JSON_FORMS.map((form) => ({ name: form, op: "jws.verify_json", in: { jws: output[form], ...shared }, expect: true })),
      ...JSON_FORMS.map((form) => ({ name: form, op: "jws.verify_json", in: { jws: output[form], ...other }, expect: false })),
      { name: "no payload at all", op: "jws.verify_json", in: { jws: output.json, jwk: input.key, algs: [input.alg] }, expect: false },
    ]);
  });

  test("4_8.multiple_signatures.json", { skip: NO_FOLDER }, () => {
    const { input, output } = read("jose-cookbook", "jws", "4_8.multiple_signatures.json");
    judge(input.key.map((jwk, n) => ({
      name: input.alg[n], op: "jws.verify_json", in: { jws: output.json, jwk, algs: [input.alg[n]] }, expect: true,
      also: (a) => a.payload === b64u(input.payload),
    })));
  });

  test("RFC 7797: hmac-sha2_b64_false.json", { skip: NO_FOLDER }, () => {
    const { input, output } = read("jose-cookbook", "rfc7797", "hmac-sha2_b64_false.json");
    const { key: jwk, alg } = input;
    const [header, , signature] = output.compact.split(".");
    judge([
      ...JSON_FORMS.map((form) => ({ name: form, op: "jws.verify_json", in: { jws: output[form], jwk, algs: [alg] }, expect: true,
        also: (a) => a.payload === b64u(input.payload) })),
      { name: "apart", op: "jws.verify_detached", in: { token: `${header}..${signature}`, payload: b64u(input.payload), jwk, algs: [alg] }, expect: true },
      // A token is never unencoded (RFC 7797 section 7), and the compact form of one is not read.
      { name: "compact", op: "jws.verify", in: { token: output.compact, jwk, algs: [alg] }, expect: false },
    ]);
    // This one has b64 without crit, which RFC 7797 section 6 came to forbid: it is of a draft.
    const draft = read("jose-cookbook", "rfc7797", "4.2.hmac-sha2_b64_false.json");
    judge(JSON_FORMS.map((form) => ({ name: `draft, ${form}`, op: "jws.verify_json", in: { jws: draft.output[form], jwk: draft.input.key, algs: [alg] }, expect: false })));
  });

  const ENCRYPTIONS = [
    ["jwe", "5_2.key_encryption_using_rsa-oaep_with_aes-gcm.json"],
    ["jwe", "5_4.key_agreement_with_key_wrapping_using_ecdh-es_and_aes-keywrap_with_aes-gcm.json"],
    ["jwe", "5_5.key_agreement_using_ecdh-es_with_aes-cbc-hmac-sha2.json"],
    ["jwe", "5_6.direct_encryption_using_aes-gcm.json"],
    ["jwe", "5_7.key_wrap_using_aes-gcm_keywrap_with_aes-cbc-hmac-sha2.json"],
    ["jwe", "5_8.key_wrap_using_aes-keywrap_with_aes-gcm.json"],
    ["jwe", "5_10.including_additional_authentication_data.json"],
    ["jwe", "5_11.protecting_specific_header_fields.json"],
    ["jwe", "5_12.protecting_content_only.json"],
    ["curve25519", "ecdh-es.json"],
  ];
  for (const [folder, name] of ENCRYPTIONS) {
    test(name, { skip: NO_FOLDER }, () => {
      const { input, output } = read("jose-cookbook", folder, name);
      const plaintext = b64u(input.plaintext), { key: jwk, alg, enc } = input;
      const good = { expect: true, also: (a) => a.plaintext === plaintext };
      const questions = JSON_FORMS.map((form) => ({ name: form, op: "jwe.decrypt_json", in: { jwe: output[form], jwk, algs: [alg], encs: [enc] }, ...good }));
      if (output.compact) questions.push({ name: "compact", op: "jwe.decrypt", in: { token: output.compact, jwk, algs: [alg], encs: [enc] }, ...good });
      questions.push({ name: "round trip", op: "jwe.roundtrip", in: { plaintext, jwk, alg, enc }, expect: true });
      judge(questions);
    });
  }

  test("5_13.encrypting_to_multiple_recipients.json", { skip: NO_FOLDER }, () => {
    const { input, output } = read("jose-cookbook", "jwe", "5_13.encrypting_to_multiple_recipients.json");
    const plaintext = b64u(input.plaintext);
    const ask = (n, expect) => ({
      name: input.alg[n], op: "jwe.decrypt_json", expect, in: { jwe: output.json, jwk: input.key[n], algs: [input.alg[n]], encs: ["A128CBC-HS256"] },
      also: (a) => !a.ok || a.plaintext === plaintext,
    });
    judge([ask(0, false), ask(1, true), ask(2, true)]); // the first is RSA1_5, which is not offered
  });

  test("6.nesting_signatures_and_encryption.json", { skip: NO_FOLDER }, () => {
    const { sign, encrypt } = read("jose-cookbook", "6.nesting_signatures_and_encryption.json");
    const { input, output } = encrypt;
    const [outer] = answers([{ op: "jwe.decrypt", in: { token: output.compact, jwk: input.key, algs: [input.alg], encs: [input.enc] } }]);
    const token = Buffer.from(outer.plaintext, "base64url").toString();
    judge([{ name: "inside", op: "jws.verify", expect: true, in: { token, jwk: sign.input.key, algs: [sign.input.alg] },
      also: (a) => a.payload === b64u(sign.input.payload) }]);
  });

  for (const name of ["5_3.key_wrap_using_pbes2-aes-keywrap_with-aes-cbc-hmac-sha2.json", "5_9.compressed_content.json", "5_1.key_encryption_using_rsa_v15_and_aes-hmac-sha2.json"]) {
    test(`not offered: ${name}`, { skip: NO_FOLDER }, () => {
      const { input, output } = read("jose-cookbook", "jwe", name);
      const jwk = input.key ?? { kty: "oct", k: b64u(input.pwd) };
      const [answer] = answers([{ op: "jwe.decrypt", in: { token: output.compact, jwk, algs: [input.alg], encs: [input.enc] } }]);
      assert.equal(answer.unsupported, true, JSON.stringify(answer));
    });
  }

  for (const name of ["3_1.ec_public_key", "3_2.ec_private_key", "3_3.rsa_public_key", "3_4.rsa_private_key", "3_5.symmetric_key_mac_computation"]) {
    test(name, { skip: NO_FOLDER }, () => {
      judge([{ name, op: "jwk.import", in: { jwk: read("jose-cookbook", "jwk", `${name}.json`) }, expect: true }]);
    });
  }
});
