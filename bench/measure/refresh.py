"""Refresh rotations a second, durable, beside what a transaction each gives on the same disk: as the disk is, and as if
each sync took some milliseconds, which is what group commit is for."""
import os

from . import load
from .servers import Doorward
from .targets import Finding

CLIENTS = 64
USERS = 4
SECONDS = 5
ROWS = "1000"  # of storage_bench's look-ups, which are not of interest here
SLOW_US = 5000


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
        figures[key] = {"rotations_per_s": many.per_s, "p99_ms": many.p99_ms, "one_client_per_s": alone.per_s,
                        "transaction_each_per_s": each, "fdatasync_per_s": sync}
        findings.append(Finding(key, many.per_s / each, f"{many.per_s:,.0f}/s, p99 {many.p99_ms:.0f} ms",
                                f"{each:,.0f}/s; one client alone {alone.per_s:,.0f}/s; {sync:,.0f} syncs/s"))
    return figures, findings


def _rotations(programs, folder, environment):
    """The load of many clients, and of one."""
    with Doorward(programs, folder, settings=environment) as doorward:
        for i in range(USERS):
            doorward.register(f"bench-{i}")
        return [_load(doorward, clients) for clients in (CLIENTS, 1)]


def _load(doorward, clients):
    tokens = os.path.join(doorward.folder, "tokens")
    pairs = [doorward.sign_in(f"bench-{i % USERS}") for i in range(clients)]
    with open(tokens, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.writelines(pair["refresh_token"] + "\n" for pair in pairs)
    return load.wrk(doorward.url("/token/refresh"), SECONDS, threads=clients, connections=clients, script="refresh.lua",
                    environment={"TOKENS": tokens})
