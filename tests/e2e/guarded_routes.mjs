// The routes as /openapi.json says them, and requests to each that would be right but for who asks.

import assert from "node:assert/strict";
import { dumpOf } from "./database.mjs";

const METHODS = ["get", "post", "put", "patch", "delete"];

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

/** Every route with a lock, as { name, method, path, json }. */
export async function guardedRoutes(server) {
  const { paths } = (await server.get("/openapi.json")).json;
  const routes = [];
  for (const [route, methods] of Object.entries(paths)) {
    for (const method of METHODS.filter((candidate) => methods[candidate]?.security?.length)) {
      const name = `${method.toUpperCase()} ${route}`;
      const required = methods[method].requestBody?.required;
      assert.ok(!required || BODIES[name], `no right body is written here for the new route ${name}`);
      routes.push({ name, method: method.toUpperCase(), path: route, json: BODIES[name] });
    }
  }
  assert.ok(routes.length > 20);
  return routes;
}

export const changesState = (route) => route.method !== "GET";

/** Everything in the database but what refusals may leave, the log of them, and how far the mails of before have got. */
export function dump(server) {
  const text = dumpOf(server.folder, {
    leaveOut: (table) => table.startsWith("audit_"), columns: (table) => (table === "outbox" ? "id" : "*"),
  });
  assert.ok(text.includes("users {"));
  return text;
}
