#!/usr/bin/env python3
"""Calls that this tree does not make: tools/check_banned.py [FOLDER]

A line that must differ says why in a comment on the same line: /* allowed: the reason */.
"""

import pathlib
import re
import sys

BANNED = {
    "strcpy": "no bound: use a buffer or memcpy with a checked length",
    "stpcpy": "no bound",
    "strcat": "no bound: use a buffer",
    "strncpy": "may leave no NUL: use memcpy with a checked length",
    "strncat": "its bound is not the buffer's: use a buffer",
    "sprintf": "no bound: snprintf or a buffer",
    "vsprintf": "no bound: vsnprintf or a buffer",
    "gets": "no bound",
    "scanf": "unbounded and silent about overflow",
    "sscanf": "silent about overflow: parse with a cursor",
    "fscanf": "silent about overflow",
    "strtok": "hidden state: cut slices",
    "strtok_r": "writes into its input: cut slices",
    "atoi": "silent about errors and overflow",
    "atol": "silent about errors and overflow",
    "atoll": "silent about errors and overflow",
    "atof": "silent about errors",
    "rand": "predictable: dw_random",
    "srand": "predictable: dw_random",
    "random": "predictable: dw_random",
    "srandom": "predictable: dw_random",
    "drand48": "predictable: dw_random",
    "tmpnam": "races: mkstemp",
    "tempnam": "races: mkstemp",
    "mktemp": "races: mkstemp",
    "localtime": "shared buffer and local zone: gmtime_r",
    "gmtime": "shared buffer: gmtime_r",
    "asctime": "shared buffer",
    "ctime": "shared buffer",
    "alloca": "no bound on the stack",
    "system": "a shell",
    "popen": "a shell",
    "setenv": "not thread-safe",
    "putenv": "not thread-safe",
    "memset_s": "not in glibc: dw_wipe",
    "bzero": "may be left out by the compiler: dw_wipe",
    "inet_ntoa": "shared buffer: inet_ntop",
    "gethostbyname": "shared buffer: getaddrinfo",
}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")

# Comparing secrets must take the same time whatever they hold.
COMPARISON = re.compile(r"(?<!\w)(?:memcmp|strcmp|strncmp|strcasecmp|strncasecmp|bcmp|dw_str_eq)\s*\(([^;]*)")
SECRET = re.compile(r"(?:^|_|\b)(?:secret|passw\w*|mac|hmac|signature|otp|csrf|refresh_token|api_key|digest)(?:_|\b)")

# A wiped secret must stay wiped: memset before a free or a return is removed by the optimiser.
WIPE = re.compile(r"\bmemset\s*\(([^,;]*)")

ALLOWED = re.compile(r"/\*\s*allowed:\s*\S")
COMMENT_OR_LITERAL = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)


def bare(text):
    """The text without comments and literals, its line numbers unchanged."""
    return COMMENT_OR_LITERAL.sub(lambda m: '""' if m.group(0)[0] == '"' else "\n" * m.group(0).count("\n"), text)


def faults(path):
    text = path.read_text(encoding="utf-8")
    excused = {number for number, line in enumerate(text.split("\n"), 1) if ALLOWED.search(line)}
    for number, line in enumerate(bare(text).split("\n"), 1):
        if number in excused:
            continue
        for match in CALL.finditer(line):
            yield number, f"{match.group(1)}: {BANNED[match.group(1)]}"
        for match in COMPARISON.finditer(line):
            if SECRET.search(match.group(1)):
                yield number, "a secret compared in varying time: dw_mem_eq or dw_secret_eq"
        for match in WIPE.finditer(line):
            if SECRET.search(match.group(1)):
                yield number, "memset of a secret can be optimised away: dw_wipe"


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    files = sorted(path for folder in ("include", "src", "examples") for path in (root / folder).rglob("*.[ch]"))
    found = [f"{path.relative_to(root)}:{number}: {text}" for path in files for number, text in faults(path)]
    print("\n".join(found) if found else f"check_banned: {len(files)} files")
    sys.exit(1 if found or not files else 0)


if __name__ == "__main__":
    main()
