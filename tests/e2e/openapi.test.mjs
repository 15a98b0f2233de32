// The description of the API: valid by a public validator, complete, and true.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expectStatus, start } from "./harness.mjs";

const METHODS = ["get", "put", "post", "delete", "patch", "head", "options"];
// What api.md promises, and whether a bearer token is needed.
const ROUTES = [
  ["post", "/register", false], ["post", "/token", false], ["post", "/token/refresh", false],
  ["post", "/logout", true], ["post", "/logout/all", true],
  ["get", "/users/me", true], ["patch", "/users/me", true], ["delete", "/users/me", true], ["post", "/users/me/password", true],
  ["get", "/users", true], ["get", "/users/{id}", true], ["patch", "/users/{id}", true], ["delete", "/users/{id}", true],
  ["put", "/users/{id}/role", true], ["post", "/users/{id}/logout", true],
  ["get", "/.well-known/jwks.json", false], ["get", "/.well-known/oauth-authorization-server", false],
  ["get", "/healthz", false], ["get", "/readyz", false],
];

describe("openapi", () => {
  let server, description, operations;
  before(async () => {
    server = await start();
    description = expectStatus(await server.get("/openapi.json"), 200).json;
    operations = Object.entries(description.paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method]).map((method) => ({ method, path, ...item[method] })));
  });
  after(() => server?.stop());

  test("a public validator accepts it as OpenAPI 3.1", async () => {
    const validator = new Validator();
    const result = await validator.validate(description);
    assert.ok(result.valid, JSON.stringify(result.errors, null, 2));
    assert.equal(validator.version, "3.1");
  });

  test("every reference leads somewhere, and every component is used", () => {
    const text = JSON.stringify(description);
    const references = new Set([...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1]));
    for (const reference of references) {
      const target = reference.replace(/^#\//, "").split("/")
        .reduce((at, key) => at?.[key.replaceAll("~1", "/").replaceAll("~0", "~")], description);
      assert.ok(target, reference);
    }
    for (const name of Object.keys(description.components.schemas ?? {})) {
      assert.ok(references.has(`#/components/schemas/${name}`), `${name} is used nowhere`);
    }
  });

  for (const [method, path, isProtected] of ROUTES) {
    test(`${method.toUpperCase()} ${path} is described, ${isProtected ? "protected" : "public"}`, () => {
      const operation = description.paths[path]?.[method];
      assert.ok(operation, "missing");
      const security = operation.security ?? description.security ?? [];
      assert.equal(security.length > 0, isProtected, JSON.stringify(security));
      assert.ok(Object.keys(operation.responses).some((status) => status.startsWith("2")));
      if (isProtected) assert.ok(operation.responses["401"], "no 401 is described");
    });
  }

  test("what it calls protected refuses strangers, and what it calls public does not ask", async () => {
    for (const { method, path, security } of operations) {
      const target = path.replaceAll(/\{[^}]+\}/g, "01890a5d-ac96-774b-bcce-b302099a8057");
      const { status } = await server.ask(method.toUpperCase(), target);
      assert.equal(status === 401, (security ?? description.security ?? []).length > 0, `${method} ${path} answered ${status}`);
    }
  });

  test("operations have names of their own", () => {
    const names = operations.map((operation) => operation.operationId).filter(Boolean);
    assert.equal(new Set(names).size, names.length);
  });

  test("the password flow is declared, with the address of /token", () => {
    const schemes = Object.values(description.components.securitySchemes);
    const flow = schemes.find((scheme) => scheme.type === "oauth2")?.flows.password;
    assert.ok(flow, JSON.stringify(schemes));
    assert.equal(new URL(flow.tokenUrl, server.url).pathname, "/token");
    assert.equal(typeof flow.scopes, "object");
  });

  test("a password is described as one, and no answer has one", () => {
    const { properties } = resolve(description.paths["/register"].post.requestBody.content["application/json"].schema);
    assert.equal(properties.password.format, "password");
    const user = resolve(description.paths["/users/me"].get.responses["200"].content["application/json"].schema);
    assert.ok(!Object.keys(user.properties).some((name) => /password|hash/.test(name)));
  });

  test("an answer has the members that its description declares", async () => {
    const { access } = await server.newcomer();
    const user = resolve(description.paths["/users/me"].get.responses["200"].content["application/json"].schema);
    const answer = expectStatus(await server.me(access), 200).json;
    assert.deepEqual(Object.keys(answer).sort(), Object.keys(user.properties).sort());
  });

  function resolve(schema) {
    return schema.$ref ? description.components.schemas[schema.$ref.split("/").at(-1)] : schema;
  }
});
