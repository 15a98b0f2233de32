"""A PostgreSQL server of the run's own, on the same disk, with its defaults where durability is concerned; and pgbench,
which runs the statements of a rotation as Doorward has them: they are read out of the program."""
import os
import re
import shutil
import subprocess
import tempfile

from .programs import BENCH

WITH_POSTGRES = os.path.join(os.path.dirname(BENCH), "tools", "with_postgres.sh")
PGBENCH_LIMIT_S = 60

# A statement of the program by how it begins, and what pgbench puts in the places of $1, $2 …
OLD, NEW = "lpad(CAST(:old AS TEXT), 43, '0')", "lpad(CAST(:new AS TEXT), 43, '0')"
FAMILY, NOW = "'bench-' || :client_id", "CAST(:now AS BIGINT)"
ROTATION = (
    ("SELECT u.id, u.tenant_id, t.slug, ", "f.client_id", (FAMILY,)),
    ("UPDATE refresh_tokens SET spent_at", "", (NOW, OLD, FAMILY, "'bench'", "0")),
    ("INSERT INTO refresh_tokens (token_hash, family_id, issued_at, expires_at) SELECT", "",
     (NEW, OLD, NOW, "CAST(:now AS BIGINT) + 604800", "CAST(:now AS BIGINT) + 604800", FAMILY)),
    ("UPDATE refresh_families SET last_used_at", "n.issued_at", (FAMILY, NEW, NOW)),
)
# Families of some user, a token each, under the names that the script gives them.
FAMILIES = """
INSERT INTO refresh_families (id, user_id, client_id, created_at, last_used_at, expires_at)
  SELECT 'bench-' || n, (SELECT min(id) FROM users), 'bench', 1, 1, 9999999999 FROM generate_series(0, 999) n
  ON CONFLICT DO NOTHING;
DELETE FROM refresh_tokens WHERE family_id LIKE 'bench-%';
INSERT INTO refresh_tokens (token_hash, family_id, issued_at, expires_at)
  SELECT lpad(CAST(n * 1000000000::bigint AS TEXT), 43, '0'), 'bench-' || n, 1, 9999999999 FROM generate_series(0, 999) n;
"""


class Postgres:
    """While it is entered, `url(database)` leads to a server in a temporary folder."""

    def __init__(self, memory="32MB"):
        self.memory = memory
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            [WITH_POSTGRES, "sh", "-c", 'echo "$TEST_POSTGRES"; cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "WITH_POSTGRES_MEMORY": self.memory, "TEST_POSTGRES": ""})
        self.base = self.process.stdout.readline().strip()
        if not self.base:
            raise RuntimeError("PostgreSQL did not start")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def url(self, database):
        return self.base.replace("/postgres?", f"/{database}?")

    def tell(self, database, sql):
        """Runs SQL; what it prints, without headings."""
        done = subprocess.run([_tool("psql"), self.url(database), "-qtAX", "-v", "ON_ERROR_STOP=1"], input=sql, text=True,
                              capture_output=True, timeout=600, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr[-2000:]}")
        return done.stdout

    def make(self, database):
        self.tell("postgres", f"CREATE DATABASE {database} TEMPLATE template0")
        return self.url(database)

    def pgbench(self, programs, database, clients, seconds):
        """Rotations a second: the program's own statements, prepared, in a transaction each."""
        self.tell(database, FAMILIES)
        with tempfile.NamedTemporaryFile("w", suffix=".pgbench", delete=False) as file:
            file.write(_script(programs.doorward))
        try:
            done = subprocess.run(
                [_tool("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds), "-D", "n=0",
                 "-D", "now=1800000000", "-f", file.name, self.url(database)], capture_output=True, text=True,
                timeout=PGBENCH_LIMIT_S, check=False)
        finally:
            os.unlink(file.name)
        rate = re.search(r"tps = ([\d.]+)", done.stdout)
        if done.returncode != 0 or not rate:
            raise RuntimeError(f"pgbench: {done.stderr[-2000:]}")
        spent = int(self.tell(database, "SELECT count(*) FROM refresh_tokens WHERE family_id LIKE 'bench-%'"
                                        " AND spent_at IS NOT NULL"))
        if spent < float(rate[1]) * seconds * 0.8:
            raise RuntimeError("pgbench's transactions did not rotate")
        return float(rate[1])


def _tool(name):
    if shutil.which(name):
        return name
    done = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=False)
    return os.path.join(done.stdout.strip(), name)


def _script(program):
    with open(program, "rb") as file:
        texts = [text.decode("ascii", "replace") for text in re.findall(rb"[\x20-\x7e]{40,}", file.read())]
    lines = ["\\set old :client_id * 1000000000 + :n", "\\set n :n + 1", "\\set new :old + 1", "BEGIN;"]
    for start, within, places in ROTATION:
        found = [text for text in texts if text.startswith(start) and within in text]
        if len(found) != 1:
            raise RuntimeError(f"the program has {len(found)} statements that begin with {start}")
        lines.append(re.sub(r"\$(\d)", lambda place, by=places: f"({by[int(place[1]) - 1]})", found[0]) + ";")
    return "\n".join(lines + ["COMMIT;"]) + "\n"
