#!/usr/bin/env python3
"""What systemd does for a service, for tests that can't have systemd.

supervise.py notify NAME
    Receives what is sent to the datagram socket NAME (a path, or @name in the abstract namespace); each one is a line of
    JSON on standard output.
supervise.py listen PORT [--type=unix|udp] -- COMMAND...
    Opens the socket, starts COMMAND with it as descriptor 3, and starts it again whenever it ends, until SIGTERM. Prints
    the process id of each.
supervise.py confine CALL,CALL... -- COMMAND...
    Runs COMMAND under a seccomp filter: any other system call kills it, and so does memory that is made executable.
"""

import ctypes
import json
import os
import platform
import re
import signal
import socket
import struct
import subprocess
import sys

KILL, ALLOW = 0x80000000, 0x7FFF0000  # SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ALLOW
LOAD, JEQ, JSET, AND, RET = 0x20, 0x15, 0x45, 0x54, 0x06  # BPF
PROT_WRITE, PROT_EXEC = 2, 4
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def address(name):
    return "\0" + name[1:] if name.startswith("@") else name


def notify(name):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address(name))
        print(json.dumps("listening"), flush=True)
        while True:
            print(json.dumps(receiver.recv(4096).decode()), flush=True)


def passed_socket(port, kind):
    if kind == "unix":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.bind("\0doorward-test-%s" % port)
        made.listen()
    elif kind == "udp":
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", port))
    else:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(("127.0.0.1", port))
        made.listen(4096)
    return made


def start_with(made, command):
    child = os.fork()
    if child == 0:
        os.dup2(made.fileno(), 3)
        os.set_inheritable(3, True)
        env = dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="doorward.socket")
        os.execvpe(command[0], command, env)
    print(child, flush=True)
    return child


def listen(port, kind, command):
    made = passed_socket(port, kind)
    state = {"child": 0, "over": False}

    def stop(*_):
        state["over"] = True
        if state["child"]:
            os.kill(state["child"], signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    while not state["over"]:
        state["child"] = start_with(made, command)
        status = os.waitpid(state["child"], 0)[1]
        if status != 0:
            sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)


def call_numbers():
    lines = subprocess.run(["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"], check=True,
                           capture_output=True, text=True).stdout
    return {name: int(number) for name, number in re.findall(r"#define __NR_(\w+) (\d+)", lines)}


def program(allowed):
    """The filter: an instruction is (code, jump if true, jump if false, constant)."""
    numbers = call_numbers()
    code = [(LOAD, 0, 0, 4), (JEQ, 1, 0, ARCHITECTURES[platform.machine()]), (RET, 0, 0, KILL), (LOAD, 0, 0, 0)]
    # seccomp_data.args[2], low half, is what mmap and mprotect are asked for.
    code += [(JEQ, 0, 5, numbers["mmap"]), (LOAD, 0, 0, 32), (AND, 0, 0, PROT_WRITE | PROT_EXEC),
             (JEQ, 0, 1, PROT_WRITE | PROT_EXEC), (RET, 0, 0, KILL), (RET, 0, 0, ALLOW)]
    code += [(JEQ, 0, 4, numbers["mprotect"]), (LOAD, 0, 0, 32), (JSET, 0, 1, PROT_EXEC), (RET, 0, 0, KILL),
             (RET, 0, 0, ALLOW)]
    for name in allowed:
        if name in numbers:
            code += [(JEQ, 0, 1, numbers[name]), (RET, 0, 0, ALLOW)]
    return code + [(RET, 0, 0, KILL)]


def confine(allowed, command):
    filters = b"".join(struct.pack("=HBBI", *instruction) for instruction in program(allowed + ["execve"]))
    buffer = ctypes.create_string_buffer(filters, len(filters))
    fprog = struct.pack("=HxxxxxxQ", len(filters) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.c_char_p(fprog), 0, 0) != 0:
        sys.exit("supervise.py: no seccomp here: " + os.strerror(ctypes.get_errno()))
    os.execvp(command[0], command)


def main(arguments):
    split = arguments.index("--") if "--" in arguments else len(arguments)
    (mode, what, *more), command = arguments[:split], arguments[split + 1:]
    if mode == "notify":
        notify(what)
    elif mode == "listen":
        kinds = [option.split("=")[1] for option in more]
        listen(int(what), kinds[0] if kinds else "tcp", command)
    elif mode == "confine":
        confine(what.split(","), command)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
