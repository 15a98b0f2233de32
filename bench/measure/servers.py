"""The servers under measurement. Each is a context manager; it is stopped by its own process id and nothing else."""
import os
import shutil
import socket
import subprocess
import sys
import time

from . import load, machine
from .programs import BENCH

PASSWORD = "correct-horse-battery"
READY_LIMIT_S = 20
DEBIAN_PYTHON = "/usr/bin/python3"  # the one that Debian's packages belong to


class Server:
    """A process that listens. `folder`: its working directory, where its output goes too."""

    def __init__(self, folder, core=None):
        self.port = machine.free_port()
        self.folder = folder
        self.core = core
        self.process = None
        os.makedirs(folder, exist_ok=True)

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.port}{path}"

    def start(self):
        pinned = ["taskset", "-c", str(self.core)] if self.core is not None else []
        own = {"PATH": os.environ["PATH"], **self.environment()}
        with open(os.path.join(self.folder, "out"), "wb") as out, open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(pinned + self.command(), cwd=self.folder, env=own, stdout=out, stderr=log,
                                            stdin=subprocess.DEVNULL)
        return self

    def wait_until_ready(self):
        deadline = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.01)
        self.stop()
        with open(os.path.join(self.folder, "log")) as log:
            sys.stderr.write(log.read()[-2000:])
        raise RuntimeError(f"{self.command()[0]} did not start")

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        return self.start().wait_until_ready()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # What both services offer.

    def register(self, username):
        body = {"username": username, "email": f"{username}@example.com", "password": PASSWORD}
        return load.call(self.port, "POST", "/register", body=body)

    def sign_in(self, username):
        form = {"grant_type": "password", "username": username, "password": PASSWORD}
        return load.call(self.port, "POST", "/token", form=form)


class Doorward(Server):
    def __init__(self, programs, folder, core=None, settings=None):
        super().__init__(folder, core)
        self.program = programs.doorward
        self.settings = settings or {}

    def command(self):
        return [self.program, "serve"]

    def environment(self):
        # All load comes from one address: its sign-ins would be refused long before the server is busy.
        fixed = {"DOORWARD_LISTEN": f"127.0.0.1:{self.port}", "DOORWARD_PUBLIC_URL": self.url(""),
                 "DOORWARD_RATE_LIMIT_LOGIN": "none", "DOORWARD_RATE_LIMIT_REGISTER": "none"}
        return {**fixed, **self.settings}


class BareEngine(Server):
    def __init__(self, programs, folder, answer, core=None):
        super().__init__(folder, core)
        self.program = programs.path("bare_engine")
        with open(os.path.join(folder, "answer"), "wb") as file:
            file.write(answer)

    def command(self):
        return [self.program, str(self.port), "answer"]


class FastApi(Server):
    def command(self):
        return [DEBIAN_PYTHON, "-m", "uvicorn", "fastapi_service.main:app", "--app-dir", BENCH, "--port",
                str(self.port), "--workers", "1", "--no-access-log", "--log-level", "warning"]

    def environment(self):
        return {"DATABASE_URL": "sqlite:///./service.db", "SECRET_KEY": os.urandom(32).hex(),
                "PYTHONDONTWRITEBYTECODE": "1"}
