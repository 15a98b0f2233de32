"""Signing in and refreshing with a thousand and with a million users, each with a sign-in of hers, on both databases."""
import json
import os
import secrets
import sqlite3
import subprocess

from . import load
from .postgres import Postgres
from .servers import PASSWORD, Doorward
from .targets import Finding

SIZES = (1000, 1000000)
SAMPLE = 300  # of them refresh
SECONDS = 2
ROUNDS = 3
# The hash is not what is measured: the cheapest that is allowed, and every user has the same password.
CHEAP = {"DOORWARD_ARGON2_MEMORY": "64KiB", "DOORWARD_ARGON2_TIME": "1", "DOORWARD_PASSWORD_MIN": "8"}
MODEL = "bench-0"
SCATTER = 2654435761  # ids in no order
# What a copy of a row has of its own, by table, as long as it is in life; {n} is its number, {s} eleven digits of it.
UUID, HASH = "'0190aaaa-0000-7000-8000-0' || {s}", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' || {s}"
OWN = {
    "users": {"id": UUID, "username": "'bench-' || {n}", "username_key": "'bench-' || {n}",
              "email": "'bench-' || {n} || '@example.com'", "email_key": "'bench-' || {n} || '@example.com'"},
    "refresh_families": {"id": UUID, "user_id": UUID},
    "refresh_tokens": {"token_hash": HASH, "family_id": UUID},
}
MODEL_ROW = {
    "users": f"SELECT * FROM users WHERE username = '{MODEL}'",
    "refresh_families": f"SELECT f.* FROM refresh_families f JOIN users u ON u.id = f.user_id WHERE u.username = '{MODEL}'",
    "refresh_tokens": "SELECT t.* FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id"
                      f" JOIN users u ON u.id = f.user_id WHERE u.username = '{MODEL}'",
}


class Sqlite:
    name = "SQLite"

    def __init__(self, folder):
        self.path = os.path.join(folder, "doorward.db")
        self.settings = {}

    def columns(self, table):
        with sqlite3.connect(self.path) as db:
            return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]

    def tell(self, sql):
        db = sqlite3.connect(self.path, isolation_level=None)
        try:
            db.execute("PRAGMA cache_size = -262144")
            for statement in sql:
                db.execute(statement)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            db.close()

    numbers = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {users}) SELECT i FROM n) AS n"
    settle = ()


class OnPostgres:
    name = "PostgreSQL"

    def __init__(self, postgres, database):
        self.postgres, self.database = postgres, database
        self.settings = {"DOORWARD_DATABASE_URL": postgres.make(database)}

    def columns(self, table):
        return self.postgres.tell(self.database, "SELECT column_name FROM information_schema.columns"
                                  f" WHERE table_name = '{table}' AND table_schema = 'public'").split()

    def tell(self, sql):
        self.postgres.tell(self.database, ";\n".join(sql) + ";")

    numbers = "generate_series(1::bigint, {users} - 1) AS n(i)"
    settle = ("VACUUM ANALYZE", "CHECKPOINT")  # what its own processes do a while later

    def row_bytes(self, table):
        """Of a row in the table and in its indexes."""
        sizes = self.postgres.tell(self.database, f"SELECT pg_relation_size('{table}') / count(*), pg_indexes_size('{table}')"
                                                  f" / count(*) FROM {table}")
        return [int(size) for size in sizes.split("|")]


def measure(programs, folder):
    figures = {}
    with Postgres(memory="512MB") as postgres:
        for name in ("sqlite", "postgres"):
            servers = []
            try:
                for users in SIZES:
                    here = os.path.join(folder, f"{name}_{users}")
                    database = Sqlite(here) if name == "sqlite" else OnPostgres(postgres, f"users_{users}")
                    servers.append(_with_users(programs, here, database, users))
                for users, best in zip(SIZES, _in_turn(programs, servers)):
                    figures[f"{name}_{users}"] = best
            finally:
                for server in servers:
                    server.__exit__()
        figures["row_bytes"] = {table: database.row_bytes(table) for table in OWN}
    return figures, [finding for name in ("sqlite", "postgres") for finding in _findings(figures, name)]


def _in_turn(programs, servers):
    """The best p50 in milliseconds of some rounds, one request at a time, of sign-ins and of refreshes by users in no
    order: in turn, so that what else the machine does meets all of them."""
    best = [{} for _ in servers]
    for number in range(ROUNDS + 1):
        for users, server, kept in zip(SIZES, servers, best):
            for key, p50 in (("sign_in", _sign_in_ms(server, users)), ("refresh", _refresh_ms(programs, server, users))):
                if number > 0:  # the first one fetches what is asked for into memory
                    kept[key] = min(p50, kept.get(key, p50))
    return best


def _findings(figures, name):
    small, large = (figures[f"{name}_{users}"] for users in SIZES)
    for key in ("sign_in", "refresh"):
        yield Finding(f"population_{key}_{name}", large[key] / small[key], f"p50 {large[key] * 1000:,.0f} µs",
                      f"{small[key] * 1000:,.0f} µs")


def _copies(database, table, users):
    own = {column: text.format(n="n.i", s=f"(10000000000 + n.i * {SCATTER} % 4294967296)")
           for column, text in OWN[table].items()}
    columns = database.columns(table)
    values = ", ".join(own.get(column, f"m.{column}") for column in columns)
    return (f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values}"
            f" FROM {database.numbers.format(users=users)}, ({MODEL_ROW[table]} LIMIT 1) AS m")


def _with_users(programs, folder, database, users):
    """A server with so many of them."""
    settings = {**CHEAP, "DOORWARD_SECRET_KEY": secrets.token_hex(32), **database.settings}
    doorward = Doorward(programs, folder, settings=settings)
    doorward.start().wait_until_ready()
    try:
        doorward.register(MODEL)
        doorward.sign_in(MODEL)
    finally:
        doorward.stop()
    database.tell([*(_copies(database, table, users) for table in OWN), *database.settle])
    return doorward.start().wait_until_ready()


def _sign_in_ms(doorward, users):
    options = {"connections": 1, "script": "sign_in.lua", "arguments": (str(users), PASSWORD, "7919")}
    return load.wrk(doorward.url("/token"), SECONDS, **options).p50_ms


def _refresh_ms(programs, doorward, users):
    tokens = os.path.join(doorward.folder, "tokens")
    pairs = [doorward.sign_in(f"bench-{secrets.randbelow(users)}") for _ in range(SAMPLE)]
    with open(tokens, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.writelines(pair["refresh_token"] + "\n" for pair in pairs)
    done = subprocess.run([programs.path("refresh_load"), str(doorward.port), str(SECONDS), tokens, "1"], text=True,
                          capture_output=True, timeout=SECONDS + 60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"refresh_load: {done.stderr[-500:]}")
    return json.loads(done.stdout)["p50_ms"]
