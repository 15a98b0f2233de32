// The server's routes as its own table says them, and requests to each that would be right but for who asks.

import assert from "node:assert/strict";
import { dumpOf } from "./database.mjs";
import { run } from "./harness.mjs";

/** Bodies that are right, for rows that need one: a refusal must be the credential's, not the body's. */
const BODIES = {
  "PATCH /users/me": { full_name: "x" },
  "DELETE /users/me": { password: "whatever it is" },
  "POST /users/me/password": { current_password: "whatever it is", new_password: "another phrase 123" },
  "POST /users/me/api-keys": { name: "x" },
  "PATCH /users/{id}": { full_name: "x" },
  "PUT /users/{id}/role": { role: "user" },
  "PUT /users/{id}/permissions": { permissions: [] },
  "POST /roles": { name: "made-by-the-matrix", permissions: [] },
  "PUT /roles/{name}": { permissions: [] },
  "POST /tenants": { slug: "made-by-the-matrix", name: "x" },
  "PATCH /tenants/{id}": { name: "x" },
  "POST /2fa/enable": { code: "123456" },
  "POST /2fa/verify": { code: "123456" },
  "POST /2fa/disable": { password: "whatever it is", code: "123456" },
  "POST /2fa/recovery-codes": { password: "whatever it is", code: "123456" },
};

/**
 * Rows without a lock that change something: what they ask for instead of a credential, and how they answer when that
 * is wrong; or why anyone may. A new one does not pass the matrix until it stands here.
 */
const PUBLIC = {
  "POST /register": { anyone: "to have an account is what it is for; the password is the newcomer's own" },
  "POST /forgot-password": { anyone: "the proof is to get the mail; an address that nobody has changes nothing" },
  "POST /token": {
    request: (n) => ({ form: { grant_type: "password", username: `nobody${n}`, password: "wrong 4711" } }), expected: 400 },
  "POST /login": { request: (n) => ({ json: { username: `none${n}`, password: "wrong 4711" } }), expected: 401 },
  "POST /token/refresh": { request: () => ({ json: { refresh_token: "made up" } }), expected: 401 },
  "POST /reset-password": {
    request: () => ({ json: { token: "made-up", new_password: "another phrase 123" } }), expected: 400 },
  "POST /verify-email": { request: () => ({ json: { token: "made-up" } }), expected: 400 },
};

/** Every row of the server's table, documented or not: { name, method, path, needs, json?, proof? }. */
export async function allRoutes(server) {
  const { paths } = (await server.get("/openapi.json")).json;
  const table = run(["reference", "routes"]);
  assert.equal(table.code, 0, table.err);
  const routes = table.out.trim().split("\n").map((line) => JSON.parse(line)).map((row) => {
    const name = `${row.method} ${row.path}`;
    const operation = paths[row.path]?.[row.method.toLowerCase()];
    const isPublic = row.needs.length === 0;
    assert.ok(isPublic || operation?.security?.length, `the documentation shows no lock at ${name}`);
    assert.ok(isPublic || !operation.requestBody?.required || BODIES[name], `no right body is written here for the new ${name}`);
    assert.ok(!isPublic || row.method === "GET" || PUBLIC[name], `nothing is written here about the new public ${name}`);
    return { ...row, name, json: BODIES[name], proof: isPublic ? PUBLIC[name] : undefined };
  });
  assert.ok(routes.length > 40);
  return routes;
}

export const changesState = (route) => route.method !== "GET";
export const isGuarded = (route) => route.needs.length > 0;

/**
 * Everything in the database but what refusals may leave, the log of them, how far the mails of before have got, and when
 * something was used last, which is written down a minute later.
 */
export function dump(server) {
  const text = dumpOf(server.folder, {
    leaveOut: (table) => table.startsWith("audit_"),
    columns: (table) => (table === "outbox" ? "id, kind, user_id, address" : "*"),
  });
  assert.ok(text.includes("users {"));
  return text.replaceAll(/"(last_used_at|idle_expires_at)":(\d+|null)/g, '"$1":0');
}
