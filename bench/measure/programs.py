"""Builds the measuring programs against the libraries of a finished build, with that build's own flags."""
import json
import os
import shlex
import subprocess

# name: (sources, further arguments)
PROGRAMS = {
    "bare_engine": (["bare_engine.c"], []),
    "principal_bench": (["principal_bench.c", "accounts.c"], []),
    "lookup_bench": (["lookup_bench.c", "accounts.c"], []),
    "storage_bench": (["storage_bench.c"], []),
    "refresh_load": (["refresh_load.c"], []),
    "argon2_raw": (["argon2_raw.c"], []),
    "jose_bench": (["jose_bench.c"], ["-DHAVE_LIBJWT", "-DHAVE_CJOSE", "-ljwt", "-lcjose"]),
    "slow_disk.so": (["slow_disk.c"], ["-shared", "-fPIC"]),
}
BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Programs:
    """Paths of what is measured and of what measures, by name."""

    def __init__(self, build):
        self.build = os.path.abspath(build)
        self.folder = os.path.join(self.build, "bench")
        self.doorward = os.path.join(self.build, "doorward")
        os.makedirs(self.folder, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def compile_all(self):
        compiling, linking = self._commands()
        for name, (sources, further) in PROGRAMS.items():
            files = [os.path.join(BENCH, source) for source in sources]
            command = compiling + files + ["-I", BENCH, "-o", self.path(name)] + further + linking + further
            subprocess.run(command, cwd=self.build, check=True)

    def lines_of(self, name, *arguments, environment=None):
        """Runs one that prints a JSON object a line."""
        done = subprocess.run([self.path(name), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=300, check=False, env={**os.environ, **(environment or {})})
        if done.returncode != 0:
            raise RuntimeError(f"{name} {' '.join(arguments)}: {done.stderr[-2000:]}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _commands(self):
        """How the build compiles and links the server, without its own files: so the two can't drift apart."""
        said = subprocess.run(["ninja", "-C", self.build, "-t", "commands", "doorward"], capture_output=True, text=True,
                              check=True).stdout.splitlines()
        compiling = next(line for line in said if line.endswith("/cli/main.c"))
        linking = next(line for line in said if " -o doorward " in line)
        flags = shlex.split(compiling)
        flags = flags[: flags.index("-MD")]
        return flags, shlex.split(linking.partition("main.c.o")[2])
