// The command line: what an operator types (api.md "Command line"). Exit 0 done, 1 refused, 2 wrong usage.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import * as jose from "jose";
import { databaseSettings, isPostgres } from "./database.mjs";
import { BINARY, Server, claimsOf, environment, expectDetail, expectStatus, run, temporaryFolder } from "./harness.mjs";

const ADMINISTRATOR = /^Administrator: admin {2}one-time password: (\S{12,})$/m;
const PASSWORD = "seven blue kettles";

/** A folder whose commands are run in it. */
function workshop() {
  const folder = temporaryFolder();
  const dw = (args, input = "", env = {}) => run(Array.isArray(args) ? args : args.split(" "), { folder, input, env });
  const done = (...more) => {
    const result = dw(...more);
    assert.equal(result.code, 0, `${more[0]}: ${result.err}`);
    return result;
  };
  const refused = (...more) => {
    const result = dw(...more);
    assert.equal(result.code, 1, `${more[0]} ended with ${result.code}: ${result.out}${result.err}`);
    assert.match(result.err, /\S/);
    return result;
  };
  const json = (...more) => JSON.parse(done(`${more[0]} --json`, ...more.slice(1)).out);
  return { folder, dw, done, refused, json, remove: () => fs.rmSync(folder, { recursive: true, force: true }) };
}

const items = (list) => list.items ?? list;

describe("help and usage", () => {
  const COMMANDS = [
    "serve", "init", "migrate", "user create", "user list", "user show", "user set-role", "user disable", "user enable",
    "user delete", "user set-password", "key list", "key rotate", "key retire", "settings",
    "jwt sign", "jwt verify", "jwt decode", "jwk generate", "jwk public", "jwk thumbprint", "password hash", "password verify",
  ];

  test("the help lists every command, and vectors is not in it", () => {
    const { code, out } = run(["--help"]);
    assert.equal(code, 0);
    for (const command of COMMANDS) assert.match(out, new RegExp(`\\b${command.replace(" ", "\\b[^\\n]*\\b")}`), command);
    assert.doesNotMatch(out, /\bvectors\b/);
  });

  for (const command of [...COMMANDS, "vectors"]) {
    test(`${command} --help explains itself`, () => {
      const { code, out } = run([...command.split(" "), "--help"]);
      assert.equal(code, 0);
      assert.match(out, new RegExp(command.split(" ").at(-1)));
    });
  }

  for (const args of [["no-such-command"], ["user"], ["user", "no-such"], ["serve", "--no-such-option"], ["jwt", "verify"], ["user", "show"]]) {
    test(`wrong usage ends with 2: doorward ${args.join(" ")}`, () => {
      const { code, out, err } = run(args);
      assert.equal(code, 2, err);
      assert.equal(out, "");
      assert.match(err, /\S/);
    });
  }

  test("the version is told", () => {
    const { code, out } = run(["--version"]);
    assert.equal(code, 0);
    assert.match(out, /\d+\.\d+\.\d+/);
  });
});

describe("a new installation", () => {
  let shop;
  before(() => { shop = workshop(); });
  after(() => shop.remove());

  test("init makes the secret and the database for its owner alone, and prints the password once", () => {
    const first = shop.done("init");
    assert.match(first.out, ADMINISTRATOR);
    assert.doesNotMatch(first.err, new RegExp(ADMINISTRATOR.exec(first.out)[1]));

    const made = fs.readdirSync(shop.folder);
    assert.ok(made.includes(isPostgres ? "doorward.secret" : "doorward.db"), made.join(" "));
    for (const name of made) {
      const { mode } = fs.statSync(path.join(shop.folder, name));
      assert.equal(mode & 0o077, 0, `${name} has mode ${(mode & 0o777).toString(8)}`);
    }
    assert.doesNotMatch(shop.dw("init").out, ADMINISTRATOR);
  });

  test("migrate has nothing left to do, and says so", () => {
    shop.done("migrate");
    assert.match(shop.done("migrate --status").out, /\d/);
  });

  test("a server that starts afterwards knows the administrator", async () => {
    const other = workshop();
    const [, password] = ADMINISTRATOR.exec(other.done("init").out);
    const server = await new Server(other.folder, {}).start();
    const answer = expectStatus(await server.signIn({ username: "admin", password }), 200);
    assert.equal(claimsOf(answer.json.access_token).role, "admin");
    assert.doesNotMatch(server.out, /one-time/);
    await server.stop();
  });

  test("a wrong setting stops the start, by its name and with what is allowed", () => {
    const WRONG = [
      ["DOORWARD_ACCESS_TTL", "soon"], ["DOORWARD_JWT_ALGORITHM", "none"], ["DOORWARD_LISTEN", "nowhere"],
      ["DOORWARD_HASH_WORKERS", "0"], ["DOORWARD_PASSWORD_SCHEME", "md5"], ["DOORWARD_LOG_FORMAT", "xml"],
      ["DOORWARD_SECRET_KEY", "short"], ["DOORWARD_REFRESH_GRACE", "-1"],
    ];
    for (const [name, value] of WRONG) {
      const { code, err } = shop.dw("serve", "", { [name]: value });
      assert.ok([1, 2].includes(code), `${name}=${value} ended with ${code}`);
      assert.match(err, new RegExp(name));
    }
  });

  test("what is not to be read, or not to be written to, is told in words of its own", () => {
    const { folder } = shop;
    fs.symlinkSync("not-mounted/.env", path.join(folder, ".env"));
    for (const command of ["settings", "user list", "serve"])
      assert.match(shop.refused(command).err, /^doorward: \.env: /m, command);
    fs.rmSync(path.join(folder, ".env"));
    assert.match(shop.refused("user import .").err, /can't read \.: Is a directory/);
    assert.match(shop.refused("user import missing.jsonl").err, /can't read missing\.jsonl: No such file/);
    for (const command of [["settings"], ["user", "list"], ["doctor"]]) {
      const full = fs.openSync("/dev/full", "w");
      const { status, stderr } = spawnSync(BINARY, [...command, "--json"], { cwd: folder, encoding: "utf8", timeout: 60_000,
        env: environment(databaseSettings(folder)), stdio: ["ignore", full, "pipe"] });
      fs.closeSync(full);
      assert.equal(status, 1, command[0]);
      assert.match(JSON.parse(stderr.trim().split("\n").at(-1)).detail, /could not be written: No space left/, command[0]);
    }
    const empty = workshop();
    fs.symlinkSync("not-mounted/secret", path.join(empty.folder, "doorward.secret"));
    assert.match(empty.refused("init").err, /doorward\.secret is a link that leads nowhere/);
    assert.match(empty.refused("init", "", { DOORWARD_DATABASE_URL: "sqlite::memory:" }).err, /DOORWARD_DATABASE_URL names no database/);
    empty.remove();
  });

  test("settings tells each value and where it is from, and no secret", () => {
    fs.writeFileSync(path.join(shop.folder, ".env"), "DOORWARD_REFRESH_TTL=3d\n", { mode: 0o600 });
    const secret = "0123456789abcdef0123456789abcdef-not-to-be-shown";
    const { out } = shop.done("settings", "", { DOORWARD_ACCESS_TTL: "5m", DOORWARD_SECRET_KEY: secret });
    for (const name of ["DOORWARD_LISTEN", "DOORWARD_ACCESS_TTL", "DOORWARD_REFRESH_TTL", "DOORWARD_SECRET_KEY"]) {
      assert.ok(out.includes(name), name);
    }
    assert.match(out, /\b5m\b/);
    assert.match(out, /\b3d\b/);
    assert.ok(!out.includes(secret));
    fs.rmSync(path.join(shop.folder, ".env"));
  });
});

describe("users", () => {
  let shop;
  before(() => {
    shop = workshop();
    shop.done("init");
  });
  after(() => shop.remove());

  const create = (name, more = "") => shop.done(`user create ${name} --email ${name}@example.com ${more}`.trim(), `${PASSWORD}\n`);
  const show = (name) => shop.json(`user show ${name}`);

  test("an operator makes a user, who can then sign in", async () => {
    create("ann", "--role moderator");
    const user = show("ann");
    assert.equal(user.email, "ann@example.com");
    assert.equal(user.role, "moderator");
    assert.equal(user.is_active, true);
    assert.doesNotMatch(JSON.stringify(user), /hash|argon2|\$/);

    const server = await new Server(shop.folder, {}).start();
    expectStatus(await server.signIn({ username: "ann", password: PASSWORD }), 200);
    await server.stop({ keep: true });
  });

  test("a taken name and a weak password are refused", () => {
    create("taken");
    shop.refused("user create taken --email other@example.com", `${PASSWORD}\n`);
    shop.refused("user create weak --email weak@example.com", "password123\n");
    shop.refused("user create other --email not-an-address", `${PASSWORD}\n`);
  });

  test("they are listed, and found by name or address", () => {
    create("listed");
    const names = items(shop.json("user list")).map((user) => user.username);
    assert.ok(names.includes("admin") && names.includes("listed"));
    assert.equal(show("listed@example.com").username, "listed");
    shop.refused("user show nobody");
  });

  test("a role is set, but not one that does not exist, and not away from the last administrator", () => {
    create("rising");
    shop.done("user set-role rising admin");
    assert.equal(show("rising").role, "admin");
    shop.refused("user set-role rising emperor");
    shop.done("user set-role rising user");
    shop.refused("user set-role admin user");
    shop.refused("user disable admin");
    shop.refused("user delete admin --yes");
  });

  test("disabled, a user stays out until enabled; deleted, for good; a new password replaces the old", async () => {
    create("sleeper");
    create("leaver");
    create("forgetful");
    shop.done("user disable sleeper");
    assert.equal(show("sleeper").is_active, false);
    shop.done("user delete leaver --yes");
    shop.refused("user show leaver");
    shop.done("user set-password forgetful", "nine green teapots\n");

    const server = await new Server(shop.folder, {}).start();
    expectDetail(await server.signIn({ username: "sleeper", password: PASSWORD }), 400, "Inactive user");
    expectDetail(await server.signIn({ username: "leaver", password: PASSWORD }), 400, "Incorrect username or password");
    expectDetail(await server.signIn({ username: "forgetful", password: PASSWORD }), 400, "Incorrect username or password");
    expectStatus(await server.signIn({ username: "forgetful", password: "nine green teapots" }), 200);
    await server.stop({ keep: true });
    shop.done("user enable sleeper");
    assert.equal(show("sleeper").is_active, true);
  });
});

describe("signing keys", () => {
  test("the next key is published before it signs, old tokens stay good, and a retired key's do not", async () => {
    const shop = workshop();
    shop.done("init");
    const before = items(shop.json("key list"));
    assert.deepEqual(before.map((key) => key.state), ["active", "next"]);
    assert.ok(!JSON.stringify(before).includes('"d"'));

    const server = await new Server(shop.folder, {}).start();
    const person = await server.newcomer();
    const { kid } = jose.decodeProtectedHeader(person.access);
    await server.stop({ keep: true });

    shop.done("key rotate --now");
    const after = items(shop.json("key list"));
    assert.deepEqual(after.map((key) => key.state), ["active", "next", "retiring"]);
    assert.equal(after[0].kid, before[1].kid);
    await server.start();
    expectStatus(await server.me(person.access), 200);
    const published = (await server.get("/.well-known/jwks.json")).json.keys.map((key) => key.kid);
    for (const key of after) assert.ok(published.includes(key.kid), key.kid);
    await server.stop({ keep: true });

    shop.done(`key retire ${kid}`);
    await server.start();
    expectStatus(await server.me(person.access), 401);
    const again = expectStatus(await server.signIn(person), 200).json;
    assert.notEqual(jose.decodeProtectedHeader(again.access_token).kid, kid);
    await server.stop();
  });
});

describe("tools", () => {
  let shop;
  before(() => { shop = workshop(); });
  after(() => shop.remove());

  const write = (name, text) => {
    fs.writeFileSync(path.join(shop.folder, name), text, { mode: 0o600 });
    return name;
  };

  for (const alg of ["ES256", "ES512", "EdDSA", "RS256", "PS384", "HS256"]) {
    test(`jwk and jwt with ${alg}: made here, understood by jose, and the other way round`, async () => {
      const jwk = JSON.parse(shop.done(`jwk generate --alg ${alg}`).out);
      const file = write(`${alg}.json`, JSON.stringify(jwk));
      const now = Math.floor(Date.now() / 1000);
      const claims = { iss: "me", aud: "you", sub: "somebody", iat: now, exp: now + 600 };

      const token = shop.done(`jwt sign --alg ${alg} --key ${file}`, JSON.stringify(claims)).out.trim();
      const key = await jose.importJWK(jwk, alg);
      const open = alg.startsWith("HS") ? jwk : JSON.parse(shop.done(`jwk public --key ${file}`).out);
      const { payload } = await jose.jwtVerify(token, await jose.importJWK(open, alg), { issuer: "me", audience: "you", algorithms: [alg] });
      assert.equal(payload.sub, "somebody");
      assert.equal(shop.done(`jwk thumbprint --key ${file}`).out.trim(), await jose.calculateJwkThumbprint(jwk, "sha256"));

      const foreign = await new jose.SignJWT(claims).setProtectedHeader({ alg }).sign(key);
      const verify = `jwt verify --alg ${alg} --key ${file} --iss me --aud you`;
      assert.equal(JSON.parse(shop.done(verify, foreign).out).sub, "somebody");
      shop.refused(verify, `${foreign.slice(0, -8)}AAAAAAAA`);
      shop.refused(`${verify} --now ${now + 601}`, foreign);
      shop.done(`${verify} --now ${now + 601} --leeway 30`, foreign);
      shop.refused(verify.replace("--iss me", "--iss other"), foreign);
      shop.refused(verify.replace("--aud you", "--aud other"), foreign);
    });
  }

  test("verification takes a public key, a set of keys, and PEM", async () => {
    const { publicKey, privateKey } = await jose.generateKeyPair("ES256", { extractable: true });
    const token = await new jose.SignJWT({ sub: "x" }).setProtectedHeader({ alg: "ES256" }).setExpirationTime("5m").sign(privateKey);
    const jwk = await jose.exportJWK(publicKey);
    const files = [
      ["--key", write("public.json", JSON.stringify(jwk))],
      ["--key", write("set.json", JSON.stringify({ keys: [jwk] }))],
      ["--jwks", write("set2.json", JSON.stringify({ keys: [jwk] }))],
      ["--key", write("public.pem", await jose.exportSPKI(publicKey))],
    ];
    for (const [option, file] of files) {
      assert.equal(JSON.parse(shop.done(`jwt verify --alg ES256 ${option} ${file}`, token).out).sub, "x");
    }
    shop.refused(`jwt verify --alg ES384 --key public.json`, token);
  });

  test("the public half of a key has no private part", () => {
    const file = write("private.json", shop.done("jwk generate --alg EdDSA").out);
    const jwk = JSON.parse(shop.done(`jwk public --key ${file}`).out);
    assert.equal(jwk.kty, "OKP");
    assert.equal(jwk.d, undefined);
  });

  test("a token can be looked into without a key, which is said plainly", () => {
    const token = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"sub":"x"}').toString("base64url")}.`;
    const { out, err } = shop.dw("jwt decode", token);
    assert.match(out, /"sub"/);
    assert.match(out + err, /nothing was verified/i);
  });

  for (const scheme of ["argon2id", "bcrypt", "scrypt"]) {
    test(`a password is hashed with ${scheme} and verified`, () => {
      const encoded = shop.done(`password hash --scheme ${scheme}`, "correct horse battery\n").out.trim();
      assert.match(encoded, { argon2id: /^\$argon2id\$v=19\$/, bcrypt: /^\$2b\$/, scrypt: /^\$scrypt\$/ }[scheme]);
      shop.done(["password", "verify", encoded], "correct horse battery\n");
      shop.refused(["password", "verify", encoded], "Correct horse battery\n");
    });
  }

  test("bcrypt does not cut a long password in silence", () => {
    shop.refused("password hash --scheme bcrypt", `${"x".repeat(73)}\n`);
  });
});
