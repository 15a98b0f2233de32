"""An authenticated request, beside the engine that answers the same bytes without looking, and beside FastAPI."""
import statistics

from . import load, machine
from .servers import BareEngine, Doorward, FastApi
from .targets import Finding

ROUNDS = 5
ROUND_S = 2
CONNECTIONS = 64
PATH = "/users/me"


def measure(programs, folder):
    server_core, load_core = machine.cores()[0], machine.cores()[-1]
    with Doorward(programs, f"{folder}/doorward", server_core, {"DOORWARD_WORKERS": "1"}) as doorward:
        ours_headers = _prepare(doorward)
        answer = load.whole_answer(doorward.port, PATH, ours_headers)
        with BareEngine(programs, f"{folder}/bare", answer, server_core) as bare, \
                FastApi(f"{folder}/fastapi", server_core) as fastapi:
            their_headers = _prepare(fastapi)
            ours, theirs, python = [], [], []
            for _ in range(ROUNDS):
                theirs.append(_round(bare, ours_headers, load_core))
                ours.append(_round(doorward, ours_headers, load_core))
                python.append(_round(fastapi, their_headers, load_core))
    return _findings(_median(ours), _median(theirs), _median(python), len(answer))


def _prepare(server):
    server.register("bench")
    return [f"Authorization: Bearer {server.sign_in('bench')['access_token']}"]


def _round(server, headers, core):
    before = machine.cpu_s(server.pid)
    done = load.wrk(server.url(PATH), ROUND_S, connections=CONNECTIONS, core=core, headers=headers)
    used = machine.cpu_s(server.pid) - before
    return {"per_cpu_s": done.requests / used, "per_s": done.per_s, "p99_ms": done.p99_ms}


def _median(rounds):
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def _findings(ours, bare, fastapi, answer_bytes):
    words = "{per_cpu_s:,.0f} per CPU-second ({per_s:,.0f}/s)".format
    figures = {"doorward": ours, "bare_engine": bare, "fastapi": fastapi, "answer_bytes": answer_bytes}
    return figures, [
        Finding("me_bare", ours["per_cpu_s"] / bare["per_cpu_s"], words(**ours), words(**bare)),
        Finding("me_fastapi", ours["per_cpu_s"] / fastapi["per_cpu_s"], words(**ours), words(**fastapi)),
    ]
