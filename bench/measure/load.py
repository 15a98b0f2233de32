"""Loads: wrk with its figures read back, and single requests over a socket."""
import http.client
import json
import os
import re
import socket
import subprocess
import urllib.parse
from dataclasses import dataclass

SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "wrk")
UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    per_s: float
    p50_ms: float
    p99_ms: float


class Wrk:
    """A running wrk. Any answer but 2xx or 3xx, and any broken connection, makes finish() fail."""

    def __init__(self, url, seconds, connections=64, threads=1, core=None, script=None, arguments=(), headers=(),
                 environment=None):
        command = ["wrk", "--latency", "--timeout", "10s", f"-t{threads}", f"-c{connections}", f"-d{seconds}s"]
        if core is not None:
            command = ["taskset", "-c", str(core)] + command
        if script:
            command += ["-s", os.path.join(SCRIPTS, script)]
        for header in headers:
            command += ["-H", header]
        command += [url, *(["--", *arguments] if arguments else [])]
        self.limit_s = seconds + 30
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env={**os.environ, **(environment or {})})

    def finish(self):
        try:
            said, _ = self.process.communicate(timeout=self.limit_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        done = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)", said)
        p50, p99 = (re.search(rf"{part}%\s+([\d.]+)(us|ms|s|m)\b", said) for part in (50, 99))
        if self.process.returncode != 0 or not done or not p50 or not p99 or "Non-2xx" in said or "Socket errors" in said:
            raise RuntimeError(f"wrk: {said}")
        seconds = float(done[2]) * UNITS_MS[done[3]] / 1000
        return Load(int(done[1]), seconds, int(done[1]) / seconds, _ms(p50), _ms(p99))


def _ms(match):
    return float(match[1]) * UNITS_MS[match[2]]


def wrk(url, seconds, **options):
    return Wrk(url, seconds, **options).finish()


def whole_answer(port, path, headers):
    """The bytes of one answer, head and body, as they come over the wire of a kept connection."""
    request = "".join([f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n", *(f"{h}\r\n" for h in headers), "\r\n"])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        s.sendall(request.encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += _some(s)
        head, _, _ = answer.partition(b"\r\n\r\n")
        size = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while len(answer) < len(head) + 4 + size:
            answer += _some(s)
    return answer


def _some(s):
    received = s.recv(65536)
    if not received:
        raise RuntimeError("the server closed the connection")
    return received


def call(port, method, path, body=None, form=None, headers=None):
    """One request; the JSON of a 2xx answer."""
    headers = dict(headers or {})
    if form is not None:
        data, headers["Content-Type"] = urllib.parse.urlencode(form), "application/x-www-form-urlencoded"
    else:
        data, headers["Content-Type"] = json.dumps(body) if body is not None else None, "application/json"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        said = answer.read()
    finally:
        connection.close()
    if answer.status // 100 != 2:
        raise RuntimeError(f"{method} {path}: {answer.status} {said[:500]!r}")
    return json.loads(said) if said else None
