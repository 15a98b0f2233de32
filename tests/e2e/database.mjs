// The database under a server's folder, looked at and tampered with from outside: SQLite by default, a database of its
// own in the PostgreSQL server that TEST_POSTGRES names (tools/with_postgres.sh) when there is one.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const SERVER = process.env.TEST_POSTGRES;
export const isPostgres = Boolean(SERVER);

const LIMIT_MS = 120_000;
const made = new Map();

function tool(command, args, input) {
  const done = spawnSync(command, args, { input, encoding: "utf8", maxBuffer: 256 << 20, timeout: LIMIT_MS });
  if (done.error) throw done.error;
  assert.equal(done.status, 0, `${command}: ${done.stderr}`);
  return done.stdout;
}

const psql = (url, sql) => tool("psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", "-"], sql);

/** The URL of a folder's database, which is made when it is asked for the first time. */
function urlOf(folder) {
  if (!made.has(folder)) {
    const name = `t${process.pid}_${made.size}_${path.basename(folder).toLowerCase().replaceAll(/[^a-z0-9]/g, "")}`.slice(0, 60);
    psql(SERVER, `CREATE DATABASE ${name} TEMPLATE template0;`);
    const url = new URL(SERVER);
    url.pathname = `/${name}`;
    made.set(folder, url.href);
  }
  return made.get(folder);
}

/** What a program that runs in this folder needs to find its database. */
export function databaseSettings(folder) {
  return isPostgres ? { DOORWARD_DATABASE_URL: urlOf(folder) } : {};
}

export function dropDatabase(folder) {
  if (!made.has(folder)) return;
  const { pathname } = new URL(made.get(folder));
  made.delete(folder);
  psql(SERVER, `DROP DATABASE ${pathname.slice(1)} WITH (FORCE);`);
}

const fileOf = (folder) => path.join(folder, "doorward.db");

/** Rows of a query, as objects. */
export function query(folder, sql) {
  if (isPostgres) {
    return psql(urlOf(folder), `SELECT row_to_json(t) FROM (${sql}) AS t;`).split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }
  const said = tool("sqlite3", ["-json", "-cmd", ".timeout 30000", fileOf(folder), sql]);
  return said.trim() === "" ? [] : JSON.parse(said);
}

/** As somebody who may write to the database, but has no secret. */
export function execute(folder, sql) {
  if (isPostgres) psql(urlOf(folder), `BEGIN; ${sql}; COMMIT;`);
  else tool("sqlite3", ["-bail", "-cmd", ".timeout 30000", fileOf(folder)], `BEGIN IMMEDIATE; ${sql}; COMMIT;`);
}

export function tables(folder) {
  const sql = isPostgres ? "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
                         : "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name";
  return query(folder, sql).map((row) => row.name);
}

/** Every row of every table, one a line, in an order that does not depend on when it was written. */
export function dumpOf(folder, { leaveOut = () => false, columns = () => "*" } = {}) {
  const selects = tables(folder).filter((table) => !leaveOut(table))
    .map((table) => `SELECT '${table}' AS in_table, ${columns(table)} FROM ${table}`);
  const said = isPostgres
    ? psql(urlOf(folder), selects.map((select) => `SELECT row_to_json(t) FROM (${select}) AS t;`).join("\n"))
    : tool("sqlite3", ["-json", "-cmd", ".timeout 30000", fileOf(folder)], `${selects.join(";\n")};`);
  // SQLite's shell writes an array a statement, a row a line.
  return said.split("\n").map((line) => line.replace(/^\[/, "").replace(/[\],]$/, "")).filter(Boolean)
    .map((line) => line.replace(/^\{"in_table":"(\w+)",/, "$1 {")).sort().join("\n");
}

/** All that the database keeps, as bytes where they lie in files, to search for what must not be there. */
export function storedIn(folder) {
  const rows = dumpOf(folder);
  const files = fs.readdirSync(folder).filter((name) => name.startsWith("doorward.db"))
    .map((name) => fs.readFileSync(path.join(folder, name), "latin1"));
  return [rows, ...files].join("\n");
}

/** Throws when the database itself is not sound. */
export function checkDatabase(folder) {
  if (isPostgres) {
    psql(urlOf(folder), "CREATE EXTENSION IF NOT EXISTS amcheck;" +
      "SELECT bt_index_check(c.oid, true) FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.relkind = 'i' AND a.amname = 'btree';");
    return;
  }
  const said = tool("sqlite3", ["-cmd", ".timeout 30000", fileOf(folder), "pragma integrity_check; pragma foreign_key_check;"]);
  assert.equal(said.trim(), "ok");
}
