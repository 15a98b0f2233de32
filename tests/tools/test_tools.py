#!/usr/bin/env python3
"""The checks find what they are for: each case is a small tree or log, and what the tool must say. Prints TAP."""

import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# name, tool, files of the tree, text that the tool must print (None: it must find nothing)
TREES = [
    ("a room may include what stands below", "check_layers.py",
     {"src/app/a.c": '#include "http/message.h"\n#include <doorward/base.h>\n'}, None),
    ("a room may not include what stands above", "check_layers.py",
     {"src/jose/a.c": '#include "app/router.h"\n'}, "jose (floor 2) includes app"),
    ("rooms on one floor do not meet", "check_layers.py",
     {"src/jose/a.c": "#include <doorward/password.h>\n"}, "jose (floor 2) includes password"),
    ("identity knows no HTTP", "check_layers.py",
     {"src/identity/a.c": "#include <doorward/http.h>\n"}, "identity must know nothing of http"),
    ("a driver is named in cli alone", "check_layers.py",
     {"src/identity/a.c": '#include "storage/sqlite/sqlite.h"\n'}, "is a driver"),
    ("cli may name a driver", "check_layers.py",
     {"src/cli/a.c": '#include "storage/sqlite/sqlite.h"\n'}, None),
    ("a library belongs to its room", "check_layers.py",
     {"src/identity/a.c": "#include <sqlite3.h>\n"}, "belongs to storage alone"),
    ("a public header includes public headers alone", "check_layers.py",
     {"src/base/a.c": "", "include/doorward/app.h": '#include "base/arena.h"\n'}, "a public header includes"),
    ("an example uses the public headers alone", "check_layers.py",
     {"src/base/a.c": "", "examples/a.c": '#include "app/router.h"\n'}, "an example uses include/ alone"),
    ("a banned call is found", "check_banned.py", {"src/base/a.c": "void f(void) { strcpy(a, b); }\n"}, "strcpy"),
    ("a banned name in a comment or a string is not a call", "check_banned.py",
     {"src/base/a.c": '/* strcpy(a, b) */ const char *s = "strcpy(a, b)";\n'}, None),
    ("a function of our own is not a banned one", "check_banned.py",
     {"src/base/a.c": "void f(void) { dw_random(a, 1); x->random(); }\n"}, None),
    ("a secret compared with memcmp is found", "check_banned.py",
     {"src/base/a.c": "int f(void) { return memcmp(mac, expected, 32); }\n"}, "dw_mem_eq"),
    ("an exception says why", "check_banned.py",
     {"src/base/a.c": "int f(void) { return memcmp(mac, x, 32); } /* allowed: both are public test data */\n"}, None),
]

# name, kind, log, the three counts
LOGS = [
    ("leaves are counted, parents are not", "tap",
     "    ok 1 - a\n    not ok 2 - b\n    1..2\nnot ok 1 - parent\nok 2 - c\n1..2\n", "2 1 0"),
    ("a parent that failed alone is a failure", "tap", "    ok 1 - a\n    1..1\nnot ok 1 - parent\n1..1\n", "1 1 0"),
    ("skipped is neither", "tap", "ok 1 - a # SKIP no data\nnot ok 2 # SKIP b\nok 3 - c\n1..3\n", "1 0 2"),
    ("cmocka's programs are counted case by case", "meson",
     json.dumps({"name": "t", "result": "FAIL", "stdout": "1..2\nok 1 - a\nnot ok 2 - b\n# x\n# not ok - g\n"}), "1 1 0"),
    ("a program that died is a failure", "meson",
     json.dumps({"name": "t", "result": "ERROR", "stdout": "1..2\nok 1 - a\n"}), "1 1 0"),
]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def tree_is_judged(tool, files, expected):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        done = run(sys.executable, str(ROOT / "tools" / tool), folder)
    return done.returncode == (1 if expected else 0) and (not expected or expected in done.stdout), done.stdout


def log_is_counted(kind, text, expected):
    with tempfile.NamedTemporaryFile("w", suffix=".log") as log:
        log.write(text)
        log.flush()
        done = run(sys.executable, str(ROOT / "tools" / "count_results.py"), kind, log.name, "t")
    return done.stdout.strip() == expected, done.stdout + done.stderr


def main():
    cases = [(name, tree_is_judged(*rest)) for name, *rest in TREES]
    cases += [(name, log_is_counted(*rest)) for name, *rest in LOGS]
    for number, (name, (good, said)) in enumerate(cases, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        if not good:
            print("\n".join(f"# {line}" for line in said.splitlines()))
    print(f"1..{len(cases)}")
    sys.exit(0 if all(good for _, (good, _) in cases) else 1)


if __name__ == "__main__":
    main()
