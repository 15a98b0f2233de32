"""Time to the first answer, memory, size of the program."""
import os
import resource
import shutil
import socket
import statistics
import subprocess
import time

from . import load, machine
from .servers import PASSWORD, Doorward
from .targets import Finding

STARTS = 10
HASH_MIB = 19  # of one worker: the server's default
CONNECTIONS = 10000
SPARE_DESCRIPTORS = 200
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
START_LIMIT_S = 10


def measure(programs, folder):
    figures, findings = {}, []
    _make_data(programs, f"{folder}/doorward")
    for part in (_starts, _memory):
        got, found = part(programs, f"{folder}/doorward")
        figures.update(got)
        findings += found
    shutil.rmtree(folder, ignore_errors=True)
    figures["program"] = _size(programs)
    return figures, findings


def _make_data(programs, folder):
    server = Doorward(programs, folder).start().wait_until_ready()
    try:
        server.register("bench-0")
    finally:
        server.stop()


# --- start ------------------------------------------------------------------------------------------------------------


def _starts(programs, folder):
    times = [_one_start(programs, folder) for _ in range(STARTS)]
    median = statistics.median(times)
    return {"start_ms": times}, [Finding("start", median, f"{median:.1f} ms (slowest {max(times):.1f})")]


def _one_start(programs, folder):
    server = Doorward(programs, folder)
    begun = time.monotonic()
    server.start()
    try:
        while time.monotonic() - begun < START_LIMIT_S:
            if _answers(server.port):
                return (time.monotonic() - begun) * 1000
            time.sleep(0.0002)
    finally:
        server.stop()
    raise RuntimeError("doorward did not answer")


def _answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
            s.sendall(REQUEST)
            return s.recv(4096).startswith(b"HTTP/1.1 200")
    except ConnectionRefusedError:
        return False


# --- memory -----------------------------------------------------------------------------------------------------------


def _memory(programs, folder):
    server = Doorward(programs, folder).start().wait_until_ready()
    try:
        load.call(server.port, "GET", "/healthz")
        idle = machine.resident_mib(server.pid)
        hashing = machine.resident_in_large_mappings_mib(server.pid, HASH_MIB)
        load.wrk(server.url("/token"), 2, connections=8, script="sign_in.lua", arguments=("1", PASSWORD))
        after = machine.resident_mib(server.pid)
        hashing_after = machine.resident_in_large_mappings_mib(server.pid, HASH_MIB)
        added, n = _connections(server)
    finally:
        server.stop()
    figures = {"idle_mib": idle, "idle_hash_mib": hashing, "after_sign_ins_mib": after,
               "after_sign_ins_hash_mib": hashing_after, "connections": n, "connections_mib": added}
    return figures, [
        Finding("idle", idle - hashing, f"{idle:.1f} MiB, of them {hashing:.1f} for hashes; "
                f"after sign-ins {after:.1f} and {hashing_after:.1f}"),
        Finding("connections", added * CONNECTIONS / n, f"{added:.1f} MiB for {n:,}"),
    ]


def _connections(server):
    """What so many connections hold that have each had one answer and wait for the next request."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    n = CONNECTIONS if hard == resource.RLIM_INFINITY else min(CONNECTIONS, hard - SPARE_DESCRIPTORS)
    before = machine.resident_mib(server.pid)
    kept = []
    try:
        for _ in range(n):
            s = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            kept.append(s)
            s.sendall(REQUEST)
        for s in kept:
            if not s.recv(4096).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("a connection of many was refused")
        return machine.resident_mib(server.pid) - before, n
    finally:
        for s in kept:
            s.close()


def _size(programs):
    stripped = os.path.join(programs.folder, "doorward-stripped")
    subprocess.run(["strip", "-o", stripped, programs.doorward], check=True)
    sizes = {"bytes": os.path.getsize(programs.doorward), "stripped_bytes": os.path.getsize(stripped)}
    os.unlink(stripped)
    return sizes
