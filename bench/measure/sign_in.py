"""Sign-ins a second beside what the machine can hash, and how others fare meanwhile. Nothing is pinned here: hashing
takes every core, and so the engine, wrk and the sampler share them with it."""
import statistics

from . import load, machine
from .servers import PASSWORD, Doorward
from .targets import Finding

ROUNDS = 3
ROUND_S = 4
CONNECTIONS = 16
USERS = 8
ARGON2 = ("19456", "2")  # KiB, passes: the server's defaults


def measure(programs, folder):
    raw, ours, p99 = [], [], []
    with Doorward(programs, f"{folder}/doorward") as doorward:
        for i in range(USERS):
            doorward.register(f"bench-{i}")
        for _ in range(ROUNDS):
            raw.append(programs.lines_of("argon2_raw", str(len(machine.cores())), *ARGON2, str(ROUND_S))[0])
            rates, sampled = _round(doorward)
            ours.append(rates)
            p99.append(sampled.p99_ms)
    figures = {"raw": raw, "sign_ins": ours, "healthz_p99_ms": p99}
    rate, ceiling, slow = _median(ours), _median(raw), statistics.median(p99)
    words = "{per_s:.1f}/s, {per_cpu_s:.1f} per CPU-second".format
    return figures, [
        Finding("sign_in", rate["per_s"] / ceiling["per_s"], words(**rate), words(**ceiling)),
        Finding("sign_in_p99", slow, f"{slow:.2f} ms"),
    ]


def _median(rounds):
    return {key: statistics.median(r[key] for r in rounds) for key in ("per_s", "per_cpu_s")}


def _round(doorward):
    before = machine.cpu_s(doorward.pid)
    sampler = load.Wrk(doorward.url("/healthz"), ROUND_S, connections=1, script="paced.lua")
    done = load.wrk(doorward.url("/token"), ROUND_S, connections=CONNECTIONS, script="sign_in.lua",
                    arguments=(str(USERS), PASSWORD))
    used = machine.cpu_s(doorward.pid) - before
    return {"per_s": done.per_s, "per_cpu_s": done.requests / used}, sampler.finish()
