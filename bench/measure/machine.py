"""Facts about this machine and its processes, from /proc."""
import os
import platform
import re
import socket
import subprocess

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
KIB_PER_MIB = 1024


def cores():
    """The cores that this process may use: the server gets the first, the load the last."""
    return sorted(os.sched_getaffinity(0))


def cpu_s(pid):
    """CPU seconds that a process has used, all threads, user and system."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read()).group(1)) / KIB_PER_MIB


def resident_in_large_mappings_mib(pid, least_mib):
    """What is resident in anonymous mappings of at least that size."""
    total, size, is_anonymous = 0, 0, False
    with open(f"/proc/{pid}/smaps") as file:
        for line in file:
            mapping = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ (\d+)\s*(.*)", line)
            if mapping:
                size = (int(mapping[2], 16) - int(mapping[1], 16)) / KIB_PER_MIB / 1024
                is_anonymous = mapping[3] == "0" and mapping[4] != "[heap]"
            elif line.startswith("Rss:") and is_anonymous and size >= least_mib:
                total += int(line.split()[1])
    return total / KIB_PER_MIB


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _first(pattern, text, default="unknown"):
    match = re.search(pattern, text, re.MULTILINE)
    return match.group(1).strip() if match else default


def _said(*command):
    """What a program says of itself, whatever its status."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return ""
    return done.stdout + done.stderr


def _debian_version(package):
    return _said("dpkg-query", "-W", "-f", "${Version}", package).strip() or "unknown"


def facts():
    with open("/proc/cpuinfo") as file:
        cpu = _first(r"^model name\s*:\s*(.*)$", file.read())
    with open("/proc/meminfo") as file:
        memory_kib = int(_first(r"^MemTotal:\s*(\d+)", file.read(), "0"))
    packages = ("libssl3", "libuv1", "libsqlite3-0", "libargon2-1", "libjwt0", "libcjose0", "wrk", "python3-fastapi",
                "python3-jose", "python3-sqlalchemy", "uvicorn", "python3-uvloop", "python3-httptools")
    return {
        "cpu": cpu,
        "cores": len(cores()),
        "memory_mib": memory_kib // KIB_PER_MIB,
        "kernel": platform.release(),
        "compiler": _said("cc", "--version").split("\n")[0],
        "load_before": os.getloadavg()[0],
        "versions": {package: _debian_version(package) for package in packages},
    }
