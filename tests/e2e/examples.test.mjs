// The examples: installed library, public headers, one file each, over a real connection.

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { SignJWT, exportJWK, generateKeyPair } from "jose";
import { WebSocket } from "ws";
import { ROOT, freePort, headerOf, run, start, until } from "./harness.mjs";
import { Installed } from "./installed.mjs";

const installed = new Installed();
after(() => installed.remove());

const source = (name) => path.join(ROOT, "examples", `${name}.c`);
const compile = (name) => installed.compile(source(name));

/** Any of the examples' descriptions must pass the public validator; Swagger UI must be there. */
async function checkDocs(program) {
  const description = (await program.ask("GET", "/openapi.json")).json;
  const result = await new Validator().validate(description);
  assert.ok(result.valid, JSON.stringify(result.errors, null, 2));
  const page = await program.ask("GET", "/docs");
  assert.equal(page.status, 200);
  assert.match(page.text, /swagger/i);
  return description;
}

test("sizes: hello has 30 lines, tasks under 250", () => {
  const lines = (name) => fs.readFileSync(source(name), "utf8").trimEnd().split("\n").length;
  assert.ok(lines("hello") <= 30, `hello: ${lines("hello")}`);
  assert.ok(lines("tasks") < 250, `tasks: ${lines("tasks")}`);
});

test("README shows hello as it is", () => {
  const [, shown] = fs.readFileSync(path.join(ROOT, "README.md"), "utf8").match(/^```c\n(.*?)^```$/ms);
  assert.equal(shown, fs.readFileSync(source("hello"), "utf8"));
});

test("an example uses the public header, and nothing of ours besides", () => {
  for (const name of fs.readdirSync(path.join(ROOT, "examples")).filter((name) => name.endsWith(".c"))) {
    const text = fs.readFileSync(path.join(ROOT, "examples", name), "utf8");
    assert.deepEqual([...text.matchAll(/#include "(.*)"/g)].map((match) => match[1]), [], name);
    assert.match(text, /#include <doorward\.h>/, name);
  }
});

describe("tasks", () => {
  const PASSWORD = "a phrase that is long enough";
  let program, file, tasks;

  const argv = (address) => ["--listen", address, "--database", file, "--admin-password", "admin123"];
  const register = (username, more = {}) =>
    program.ask("POST", "/register", { json: { username, email: `${username}@example.com`, password: PASSWORD, ...more } });
  const signIn = async (username, password = PASSWORD) =>
    (await program.ask("POST", "/token", { form: { username, password } })).json.access_token;
  const add = (token, title, more = {}) => program.ask("POST", "/tasks", { token, json: { title, ...more } });
  const titles = async (token, target = "/tasks") => (await program.ask("GET", target, { token })).json.map((task) => task.title);

  before(async () => {
    tasks = compile("tasks");
    file = path.join(installed.folder, "tasks.jsonl");
    program = await installed.serve(tasks, argv);
  });
  after(() => program?.stop());

  test("the exercise: register, sign in, keep tasks, see one's own, delete them; an administrator sees all", async () => {
    const registered = await register("ann", { role: "admin", full_name: "Ann" });
    assert.equal(registered.status, 201);
    assert.deepEqual(registered.json, { username: "ann", email: "ann@example.com", full_name: "Ann", role: "user" });
    await register("bob");
    const [ann, bob, admin] = [await signIn("ann"), await signIn("bob"), await signIn("admin", "admin123")];

    const task = await add(ann, "Water the plants", { description: "All of them", id: 7, owner: "bob", completed: true });
    assert.equal(task.status, 201);
    assert.deepEqual({ ...task.json, id: 0 },
      { id: 0, title: "Water the plants", description: "All of them", owner: "ann", completed: false });
    const other = (await add(bob, "Feed the cat")).json;
    assert.deepEqual(await titles(ann), ["Water the plants"]);
    assert.deepEqual(await titles(bob), ["Feed the cat"]);
    assert.deepEqual(await titles(admin), []);
    assert.deepEqual(await titles(admin, "/admin/tasks"), ["Water the plants", "Feed the cat"]);
    assert.equal((await program.ask("GET", "/admin/tasks", { token: ann })).status, 403);

    assert.equal((await program.ask("DELETE", `/tasks/${other.id}`, { token: ann })).status, 403);
    assert.equal((await program.ask("DELETE", `/tasks/${other.id}`, { token: admin })).status, 204);
    assert.equal((await program.ask("DELETE", `/tasks/${task.json.id}`, { token: ann })).status, 204);
    assert.equal((await program.ask("DELETE", `/tasks/${task.json.id}`, { token: ann })).status, 404);
    assert.deepEqual(await titles(admin, "/admin/tasks"), []);
  });

  test("the same by hand: compiled outside the tree with pkg-config's flags alone, and called by curl", async () => {
    const script = `set -e
      cc $(pkg-config --cflags --libs doorward) "$SOURCE" -o tasks
      ./tasks --listen "$ADDRESS" --database by-hand.jsonl --admin-password "the administrator's own" &
      trap 'kill $!; wait $!' EXIT
      ask() { curl --silent --show-error --write-out ' %{http_code}\\n' "$@"; }
      token() { curl --silent --data "username=$1" --data-urlencode "password=$2" "$URL/token" | jq --raw-output .access_token; }
      curl --silent --retry 100 --retry-delay 0 --retry-connrefused --output /dev/null "$URL"
      ask "$URL/register" --json '{"username":"ada","email":"ada@example.com","password":"a phrase of hers","role":"admin"}'
      ADA="Authorization: Bearer $(token ada 'a phrase of hers')"
      ADMIN="Authorization: Bearer $(token admin "the administrator's own")"
      ask "$URL/tasks" --header "$ADA" --json '{"title":"By hand"}'
      ask "$URL/tasks" --header "$ADA"
      ask "$URL/tasks" --header "$ADMIN"
      ask "$URL/admin/tasks" --header "$ADA"
      ask "$URL/admin/tasks" --header "$ADMIN"
      ask --request DELETE "$URL/tasks/4" --header "$ADMIN"
      ask "$URL/tasks" --header "$ADA"
      ask "$URL/tasks"`;
    const folder = fs.mkdtempSync(path.join(installed.folder, "by-hand-"));
    const port = await freePort();
    const env = installed.environment({
      PKG_CONFIG_PATH: path.dirname(installed.pc), PKG_CONFIG_SYSROOT_DIR: installed.folder,
      SOURCE: source("tasks"), ADDRESS: `127.0.0.1:${port}`, URL: `http://127.0.0.1:${port}`,
    });
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script], { cwd: folder, env, encoding: "utf8", timeout: 120_000 });
    assert.equal(status, 0, stderr);
    const task = '{"id":4,"title":"By hand","description":null,"owner":"ada","completed":false}';
    assert.deepEqual(stdout.trim().split("\n"), [
      '{"username":"ada","email":"ada@example.com","full_name":null,"role":"user"} 201', `${task} 201`, `[${task}] 200`, "[] 200",
      '{"detail":"Not enough permissions"} 403', `[${task}] 200`, " 204", "[] 200", '{"detail":"Not authenticated"} 401',
    ]);
  });

  test("strangers and forgers are refused on every protected route", async () => {
    const forged = await new SignJWT({ sub: "admin", role: "admin", type: "access" }).setProtectedHeader({ alg: "HS256" })
      .setExpirationTime("1h").sign(new TextEncoder().encode("0".repeat(64)));
    for (const [method, target] of [["GET", "/tasks"], ["POST", "/tasks"], ["GET", "/admin/tasks"], ["DELETE", "/tasks/1"]]) {
      const stranger = await program.ask(method, target);
      assert.equal(stranger.status, 401, target);
      assert.equal(stranger.headers.get("www-authenticate"), "Bearer");
      assert.equal(stranger.json.detail, "Not authenticated");
      assert.equal((await program.ask(method, target, { token: forged })).status, 401, target);
    }
  });

  test("bad input is told: taken names and addresses, wrong passwords, missing members, no ids", async () => {
    await register("carol");
    assert.equal((await register("CAROL")).json.detail, "Username or email already registered");
    assert.equal((await register("carola", { email: "Carol@example.com" })).status, 400);
    assert.equal((await register("admin")).status, 400);
    assert.equal((await register("x y")).status, 422);
    assert.equal((await register("dave", { password: "short" })).status, 422);
    for (const [username, password] of [["carol", "wrong one here"], ["nobody", PASSWORD], ["", PASSWORD]]) {
      const answer = await program.ask("POST", "/token", { form: { username, password } });
      assert.ok([400, 422].includes(answer.status), `${username}: ${answer.status}`);
      assert.equal(answer.json.access_token, undefined);
    }
    const json = await program.ask("POST", "/token", { json: { username: "carol", password: PASSWORD } });
    assert.ok([400, 415, 422].includes(json.status), `${json.status}`);
    const carol = await signIn("carol");
    assert.equal((await program.ask("POST", "/tasks", { token: carol, json: {} })).status, 422);
    assert.equal((await program.ask("POST", "/tasks", { token: carol, json: { title: "" } })).status, 422);
    const admin = await signIn("admin", "admin123");
    for (const id of ["0", "-1", "x", "1x", "1", "2", "99999", "99999999999999999999"]) {
      assert.equal((await program.ask("DELETE", `/tasks/${id}`, { token: admin })).status, 404, id);
    }
  });

  test("what was answered is there after a power cut, sign-ins too; half a line is not", async () => {
    await register("erin");
    const erin = await signIn("erin");
    const [, second] = [await add(erin, "One"), await add(erin, "Two"), await add(erin, "Ümläut \"quoted\"\n")];
    await program.ask("DELETE", `/tasks/${second.json.id}`, { token: erin });
    await program.kill();
    fs.appendFileSync(file, '{"id":4711,"kind":"task","title":"never answ');
    program = await installed.serve(tasks, argv);
    assert.deepEqual(await titles(erin), ["One", "Ümläut \"quoted\"\n"]);
    await add(erin, "Three");
    await program.stop();
    program = await installed.serve(tasks, argv);
    assert.deepEqual(await titles(erin), ["One", "Ümläut \"quoted\"\n", "Three"]);
    assert.equal(fs.statSync(file).mode & 0o777, 0o600);
    assert.ok(!fs.readFileSync(file, "utf8").includes(PASSWORD));
  });

  test("many at once: every task that was answered is there, each with an id of its own", async () => {
    await register("frank");
    const frank = await signIn("frank");
    const answers = await Promise.all(Array.from({ length: 64 }, (_, i) => add(frank, `task ${i}`)));
    const ids = new Set(answers.map((answer) => answer.json.id));
    assert.equal(ids.size, 64);
    assert.equal((await titles(frank)).length, 64);
    const gone = await Promise.all(Array.from({ length: 8 }, () => program.ask("DELETE", `/tasks/${[...ids][0]}`, { token: frank })));
    assert.deepEqual(gone.map((answer) => answer.status).sort(), [204, ...Array(7).fill(404)]);
  });

  test("a second process on the same file, a broken file, a wrong option: it does not start, and says why", () => {
    const broken = path.join(installed.folder, "broken.jsonl");
    fs.writeFileSync(broken, "no JSON\n");
    for (const [args, words] of [[["--database", file], /another process/], [["--database", broken], /broken\.jsonl/],
      [["--databse", file], /--database FILE/], [["--listen", "nowhere", "--database", path.join(installed.folder, "n")], /nowhere/]]) {
      const { status, stderr } = spawnSync(tasks, args, { env: installed.environment(), encoding: "utf8", timeout: 60_000 });
      assert.equal(status, 1, args.join(" "));
      assert.match(stderr, words);
    }
  });

  test("its description is valid, and says who may what", async () => {
    const description = await checkDocs(program);
    assert.deepEqual(Object.keys(description.components.securitySchemes), ["OAuth2PasswordBearer"]);
    assert.equal(description.paths["/tasks"].get.responses["200"].content["application/json"].schema.type, "array");
    assert.ok(!JSON.stringify(description.components.schemas.User).includes("password"));
    assert.ok(description.paths["/tasks/{id}"].delete.responses["403"]);
  });
});

describe("schemes", () => {
  const KEY = "0123456789abcdef";
  const PASSWORD = "a phrase that is long enough";
  let program, issuer, ours, theirs;

  const basic = (text) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
  const bearer = (text) => ({ authorization: `Bearer ${text}` });

  before(async () => {
    issuer = await start();
    theirs = (await issuer.newcomer()).access;
    program = await installed.serve(compile("schemes"), (address) => [address, issuer.url],
      { SCHEMES_KEY: KEY, SCHEMES_PASSWORD: PASSWORD });
    ours = (await program.ask("POST", "/token", { form: { username: "ann", password: PASSWORD } })).json.access_token;
  });
  after(async () => {
    await program?.stop();
    await issuer?.stop();
  });

  test("each route takes its own credential, and no other", async () => {
    const rows = [
      ["/password", "ann", () => [bearer(ours)], () => [bearer(theirs)]],
      ["/bearer", "ann", () => [bearer(ours)], () => [bearer("rubbish")]],
      ["/code", undefined, () => [bearer(theirs)], () => [bearer(ours)]],
      ["/openid", undefined, () => [bearer(theirs)], () => [bearer(ours)]],
      ["/basic", "ann", () => [basic(`ann:${PASSWORD}`)], () => [basic("ann:wrong password")]],
      ["/basic", "ann", () => [basic(`ann:${PASSWORD}`)], () => [basic(`bob:${PASSWORD}`)]],
      ["/header", "a program", () => [{ "x-api-key": KEY }], () => [{ "x-api-key": `${KEY}0` }]],
      ["/cookie", "a program", () => [{ cookie: `key=${KEY}` }], () => [{ cookie: "key=x" }]],
      ["/query", "a program", () => [{}, `?key=${KEY}`], () => [{}, "?key=x"]],
      ["/either", "a program", () => [{ "x-api-key": KEY }], () => [{ ...bearer("rubbish"), "x-api-key": KEY }]],
      ["/either", "ann", () => [bearer(ours)], () => [{ "x-api-key": "x" }]],
    ];
    for (const [target, caller, good, bad] of rows) {
      const [[goodHeaders, goodQuery = ""], [badHeaders, badQuery = ""]] = [good(), bad()];
      const stranger = await program.ask("GET", target);
      assert.equal(stranger.status, 401, target);
      assert.ok(stranger.headers.get("www-authenticate"), target);
      const let_in = await program.ask("GET", target + goodQuery, { headers: goodHeaders });
      assert.equal(let_in.status, 200, `${target}: ${let_in.text}`);
      if (caller !== undefined) assert.equal(let_in.json.caller, caller);
      assert.equal((await program.ask("GET", target + badQuery, { headers: badHeaders })).status, 401, target);
    }
    const digest = await program.ask("GET", "/digest", { headers: { authorization: 'Digest username="ann"' } });
    assert.equal(digest.status, 401);
  });

  test("its description is valid and declares them all", async () => {
    const description = await checkDocs(program);
    const schemes = description.components.securitySchemes;
    for (const name of ["password", "code", "openid", "bearer", "basic", "digest", "header", "query", "cookie"]) {
      assert.ok(schemes[name], name);
      assert.ok(JSON.stringify(description.paths[`/${name}`].get.security).includes(`"${name}"`), name);
    }
    assert.equal(schemes.code.flows.authorizationCode.authorizationUrl, `${issuer.url}/authorize`);
    assert.equal(description.paths["/either"].get.security.length, 2);
  });
});

describe("verify", () => {
  let issuer, verify, byUrl, byFile, keys;

  const trust = (where) => (address) => ["--keys", where, "--issuer", issuer.url, "--audience", issuer.url, "--listen", address];
  const who = (program, token) => program.ask("GET", "/whoami", { token });
  const publish = async () => fs.writeFileSync(keys, (await issuer.get("/.well-known/jwks.json")).text);

  before(async () => {
    issuer = await start();
    verify = compile("verify");
    keys = path.join(installed.folder, "jwks.json");
    await publish();
    byUrl = await installed.serve(verify, trust(`${issuer.url}/.well-known/jwks.json`));
    byFile = await installed.serve(verify, trust(keys));
  });
  after(async () => {
    await byUrl?.stop();
    await byFile?.stop();
    await issuer?.stop();
  });

  test("tokens of the identity server are good here, and say who and what", async () => {
    const person = await issuer.newcomer();
    const admin = await issuer.administrator();
    for (const program of [byUrl, byFile]) {
      const answer = await who(program, person.access);
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.json.subject, person.id);
      assert.equal(answer.json.role, "user");
      assert.equal((await program.ask("GET", "/admin", { token: person.access })).status, 403);
      assert.equal((await program.ask("GET", "/admin", { token: admin.access })).status, 200);
      const narrow = await program.ask("GET", "/users", { token: person.access });
      assert.equal(narrow.status, 403);
      assert.match(narrow.headers.get("www-authenticate"), /scope="read:users"/);
      assert.equal((await program.ask("GET", "/users", { token: admin.access })).status, 200);
      assert.equal((await who(program)).status, 401);
      assert.equal((await who(program, person.refresh)).status, 401);
    }
  });

  test("tokens of other issuers, for others, with other keys are not", async () => {
    const { privateKey, publicKey } = await generateKeyPair("ES256");
    const known = JSON.parse(fs.readFileSync(keys, "utf8")).keys[0];
    const stranger = { ...(await exportJWK(publicKey)), kid: "strange", alg: "ES256", use: "sig" };
    const file = path.join(installed.folder, "two.json");
    fs.writeFileSync(file, JSON.stringify({ keys: [known, stranger] }));
    const program = await installed.serve(verify, trust(file));
    const sign = (claims, header = {}) => new SignJWT({ sub: "ann", iss: issuer.url, aud: issuer.url, ...claims })
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "strange", ...header }).setExpirationTime(claims.exp ?? "5m").sign(privateKey);
    assert.equal((await who(program, await sign({}))).status, 200);
    for (const [claims, header] of [[{ iss: "https://elsewhere.example" }], [{ aud: "another" }], [{ exp: 1_000_000_000 }],
      [{ type: "refresh" }], [{}, { kid: known.kid }], [{}, { kid: "unknown" }]]) {
      const answer = await who(program, await sign(claims, header));
      assert.equal(answer.status, 401, JSON.stringify([claims, header]));
    }
    await program.stop();
  });

  test("a new key is good as soon as its tokens come; a retired one ends all of its tokens here too", async () => {
    const before = await issuer.newcomer();
    assert.equal((await who(byFile, before.access)).status, 200);
    const { keys: old } = JSON.parse(fs.readFileSync(keys, "utf8"));
    assert.equal(run(["key", "rotate", "--now"], { folder: issuer.folder, env: issuer.env }).code, 0);
    await until(async () => (await issuer.get("/.well-known/jwks.json")).json.keys.length > old.length, "the new key is published");
    await publish();
    await until(async () => {
      const later = (await issuer.signIn(before)).json.access_token;
      return (await who(byFile, later)).status === 200;
    }, "tokens of the new key are good");
    assert.equal((await who(byFile, before.access)).status, 200);
    const { kid } = headerOf(before.access);
    assert.equal(run(["key", "retire", kid], { folder: issuer.folder, env: issuer.env }).code, 0);
    await until(async () => !(await issuer.get("/.well-known/jwks.json")).text.includes(kid), "the old key is gone");
    await publish();
    await until(async () => (await who(byFile, before.access)).status === 401, "tokens of the old key are refused");
  });

  test("its description is valid; without keys it does not start, and says why", async () => {
    await checkDocs(byUrl);
    for (const [args, words] of [[[], /no key/], [["--keys", "/nowhere.json"], /nowhere\.json/],
      [["--keys", "http://192.0.2.1/jwks.json"], /https/], [["--key", "x"], /usage/]]) {
      const { status, stderr } = spawnSync(verify, args, { env: installed.environment(), encoding: "utf8", timeout: 60_000 });
      assert.ok(status === 1 || status === 2, args.join(" "));
      assert.match(stderr, words);
    }
  });
});

describe("rooms", () => {
  const KEY = "0123456789abcdef0123456789abcdef";
  let program;

  const token = (name, permissions, expires = "5m") => new SignJWT({ permissions }).setProtectedHeader({ alg: "HS256" })
    .setSubject(name).setExpirationTime(expires).sign(new TextEncoder().encode(KEY));
  /** A visitor who remembers what she heard, and how it ended. */
  const visit = async (room, bearer) => {
    const socket = new WebSocket(`${program.url.replace("http", "ws")}/rooms/${room}`, bearer ? ["bearer", bearer] : []);
    const visitor = { socket, heard: [], code: undefined };
    socket.on("message", (data) => visitor.heard.push(JSON.parse(data)));
    socket.on("close", (code) => (visitor.code = code));
    visitor.say = (type, more = {}) => socket.send(JSON.stringify({ type, ...more }));
    visitor.hears = (type) => until(() => visitor.heard.find((message) => message.type === type), `she hears "${type}"`);
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    return visitor;
  };

  before(async () => {
    program = await installed.serve(compile("rooms"), (address) => [address], { ROOMS_KEY: KEY });
  });
  after(() => program?.stop());

  test("who may enter hears; who may speak is heard; what one may not is refused, and the connection stays", async () => {
    const ann = await visit("tea", await token("ann", ["tea:enter", "tea:speak"]));
    const bob = await visit("tea", await token("bob", ["tea:enter", "coffee:speak"]));
    assert.equal((await ann.hears("entered")).from, "ann");
    ann.say("say", { text: "Hello" });
    assert.deepEqual(await bob.hears("said"), { type: "said", from: "ann", text: "Hello" });
    bob.say("say", { text: "Hello yourself", id: 7 });
    const refusal = await bob.hears("error");
    assert.equal(refusal.id, 7);
    assert.equal(refusal.detail, "Not enough permissions");
    ann.say("topic", { text: "Biscuits" });
    await ann.hears("error");
    bob.say("count");
    assert.equal((await bob.hears("count")).people, 2);
    const people = await program.ask("GET", "/rooms/tea/people", { token: await token("eve", ["tea:enter"]) });
    assert.deepEqual(people.json, { people: 2 });
    bob.socket.terminate();
    assert.equal((await ann.hears("left")).from, "bob");
    ann.socket.close();
  });

  test("a moderator sets the topic, in her own room alone", async () => {
    const guest = await visit("red", await token("guest", ["red:enter"]));
    const moderator = await visit("red", await token("mia", ["red:enter", "red:moderate"]));
    moderator.say("topic", { text: "Roses" });
    assert.equal((await guest.hears("topic")).text, "Roses");
    const elsewhere = await visit("blue", await token("mia", ["blue:enter", "red:moderate"]));
    elsewhere.say("topic", { text: "Roses" });
    await elsewhere.hears("error");
    for (const visitor of [guest, moderator, elsewhere]) visitor.socket.close();
  });

  test("who may not enter is told by the code: 4401 without a good token, 4403 without the right, 4401 when it expires", async () => {
    const rows = [["tea", "rubbish", 4401], ["tea", await token("ann", ["coffee:enter"]), 4403],
      ["tea", await token("ann", ["tea:enter"], 1_000_000_000), 4401]];
    for (const [room, bearer, code] of rows) {
      const visitor = await visit(room, bearer);
      await until(() => visitor.code !== undefined, "it is closed");
      assert.equal(visitor.code, code);
      assert.deepEqual(visitor.heard.filter((message) => message.type !== "error"), []);
    }
    const brief = await visit("tea", await token("ann", ["tea:enter"], "5s"));
    await brief.hears("entered");
    await until(() => brief.code !== undefined, "the connection ends with its token");
    assert.equal(brief.code, 4401);
  });

  test("its description is valid", () => checkDocs(program));
});

test("they are built where the documentation says", () => {
  for (const name of ["hello", "rooms", "schemes", "tasks", "verify"]) {
    const built = path.join(path.dirname(path.resolve(ROOT, process.env.DOORWARD_BIN ?? "build/doorward")), "examples", name);
    execFileSync("test", ["-x", built]);
  }
});
