"""Refresh rotations a second, durable. On SQLite beside what a transaction each gives on the same disk: as the disk is, and
as if each sync took some milliseconds, which is what group commit is for. On PostgreSQL beside pgbench, which runs the same
statements through as many connections as the server has."""
import json
import os
import subprocess

from . import machine
from .postgres import Postgres
from .servers import Doorward
from .targets import Finding

CLIENTS = 64
USERS = 4
SECONDS = 5
ROUNDS = 3
ROWS = "1000"  # of storage_bench's look-ups, which are not of interest here
SLOW_US = 5000
CONNECTIONS = 9  # that one server has to PostgreSQL: its readers' and its writer's


def measure(programs, folder):
    os.makedirs(folder, exist_ok=True)
    figures, findings = {}, []
    slow = {"LD_PRELOAD": programs.path("slow_disk.so"), "SLOW_DISK_US": str(SLOW_US)}
    for key, environment in (("refresh", {}), ("refresh_slow", slow)):
        disk = {(line["bench"], line.get("threads")): line
                for line in programs.lines_of("storage_bench", folder, ROWS, environment=environment)}
        each = disk["transaction_each", CLIENTS]["writes_per_s"]
        sync = disk["append_and_fdatasync", None]["per_s"]
        many, alone = _rotations(programs, f"{folder}/doorward", environment)
        figures[key] = {"many": many, "one_client": alone, "transaction_each_per_s": each, "fdatasync_per_s": sync}
        findings.append(Finding(key, many["per_s"] / each, f"{_words(many)}; one client alone {alone['per_s']:,.0f}/s",
                                f"{each:,.0f}/s; {sync:,.0f} syncs/s"))
    return figures, findings


def _words(load):
    return f"{load['per_s']:,.0f}/s, p99 {load['p99_ms']:.0f} ms, {load['cpu_us']:.0f} µs of CPU each"


def _rotations(programs, folder, settings):
    """The load of many clients, and of one."""
    with Doorward(programs, folder, settings=settings) as doorward:
        for i in range(USERS):
            doorward.register(f"bench-{i}")
        return [rotate(programs, doorward, clients) for clients in (CLIENTS, 1)]


def rotate(programs, doorward, clients, seconds=SECONDS, users=USERS):
    """Clients that refresh as fast as they are answered: figures of refresh_load, and the server's CPU for each."""
    tokens = os.path.join(doorward.folder, "tokens")
    pairs = [doorward.sign_in(f"bench-{i % users}") for i in range(clients)]
    with open(tokens, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.writelines(pair["refresh_token"] + "\n" for pair in pairs)
    before = machine.cpu_s(doorward.pid)
    done = subprocess.run([programs.path("refresh_load"), str(doorward.port), str(seconds), tokens], text=True,
                          capture_output=True, timeout=seconds + 60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"refresh_load: {done.stderr[-500:]}")
    load = json.loads(done.stdout)
    return {**load, "cpu_us": (machine.cpu_s(doorward.pid) - before) * 1e6 / load["requests"]}


def measure_postgres(programs, folder):
    """In turn, so that what else the machine does meets both."""
    ours, theirs = [], []
    with Postgres() as postgres:
        settings = {"DOORWARD_DATABASE_URL": postgres.make("bench"), "DOORWARD_SECRET_KEY": os.urandom(32).hex()}
        with Doorward(programs, folder, settings=settings) as doorward:
            for i in range(USERS):
                doorward.register(f"bench-{i}")
            for _ in range(ROUNDS):
                ours.append(rotate(programs, doorward, CLIENTS))
                theirs.append(postgres.pgbench(programs, "bench", CONNECTIONS, SECONDS))
            crowd = postgres.pgbench(programs, "bench", CLIENTS, SECONDS)
    mine, other = sorted(ours, key=lambda load: load["per_s"])[ROUNDS // 2], sorted(theirs)[ROUNDS // 2]
    return {"doorward": ours, "pgbench_per_s": theirs, "pgbench_64_connections_per_s": crowd}, [
        Finding("refresh_postgres", mine["per_s"] / other, _words(mine),
                f"{other:,.0f}/s through {CONNECTIONS} connections, {crowd:,.0f}/s through {CLIENTS}")]
