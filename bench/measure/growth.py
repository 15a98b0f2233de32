"""What a look-up of a user costs with a thousand and with a million of them: alone, and as an administrator's request."""
import os
import re
import secrets

from . import load, machine
from .servers import Doorward
from .targets import Finding

SMALL, LARGE = 1000, 1000000
ROUND_S = 3
CONNECTIONS = 16


def measure(programs, folder):
    small, large = _with_users(programs, f"{folder}/small", SMALL), _with_users(programs, f"{folder}/large", LARGE)
    lookups = [name for name in small if name != "request"]
    worst = max(lookups, key=lambda name: large[name] / small[name])
    return {"us_small": small, "us_large": large}, [
        Finding("growth", large["request"] / small["request"], f"{large['request']:.0f} µs of CPU",
                f"{small['request']:.0f} µs"),
        Finding("growth_raw", large[worst] / small[worst], f"{large[worst]:.1f} µs {worst}", f"{small[worst]:.1f} µs"),
    ]


def _with_users(programs, folder, users):
    """Microseconds of CPU, by the kind of look-up. The server makes the database and, later, serves what was added."""
    secret = secrets.token_hex(32)
    doorward = Doorward(programs, folder, machine.cores()[0], {"DOORWARD_SECRET_KEY": secret, "DOORWARD_WORKERS": "1"})
    doorward.start().wait_until_ready().stop()
    with open(os.path.join(folder, "out")) as file:
        password = re.search(r"one-time password: (\S+)", file.read())[1]
    us = {line["name"]: line["us"]
          for line in programs.lines_of("lookup_bench", os.path.join(folder, "doorward.db"), secret, str(users))}
    with doorward:
        us["request"] = _request_us(doorward, password, users)
    return us


def _request_us(doorward, password, users):
    form = {"grant_type": "password", "username": "admin", "password": password}
    token = load.call(doorward.port, "POST", "/token", form=form)["access_token"]
    options = {"connections": CONNECTIONS, "core": machine.cores()[-1], "script": "users.lua",
               "arguments": (str(users),), "headers": (f"Authorization: Bearer {token}",)}
    load.wrk(doorward.url("/"), 1, **options)
    before = machine.cpu_s(doorward.pid)
    done = load.wrk(doorward.url("/"), ROUND_S, **options)
    return (machine.cpu_s(doorward.pid) - before) * 1e6 / done.requests
