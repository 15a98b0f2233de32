#!/usr/bin/env python3
"""Makes the list of common passwords: tools/common_passwords.py LIST.json OUT.c

LIST.json is an array of strings, the most frequent first (npm's @zxcvbn-ts/language-common). Kept are those that the
shortest allowed password length would let through, lower-cased, since a new password is compared in lower case.
"""

import json
import pathlib
import sys

MIN_CHARACTERS = 8  # the least that DOORWARD_PASSWORD_MIN may be set to
LEAST_EXPECTED = 10_000  # a package that changed its form must not give an empty list


def chosen(words):
    kept = {word.lower() for word in words if len(word) >= MIN_CHARACTERS}
    # The order of the bytes, which is strcmp's.
    return sorted((word.encode() for word in kept), key=bytes)


def literal(word):
    # A question mark may start a trigraph; whatever is not plain goes in as three octal digits.
    plain = lambda byte: 0x20 <= byte < 0x7F and chr(byte) not in '"\\?'
    return '"' + "".join(chr(byte) if plain(byte) else f"\\{byte:03o}" for byte in word) + '"'


def main():
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    words = chosen(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
    if len(words) < LEAST_EXPECTED:
        raise SystemExit(f"common_passwords.py: only {len(words)} passwords in {sys.argv[1]}")
    rows = "\n".join(f"    {literal(word)}," for word in words)
    pathlib.Path(sys.argv[2]).write_text(
        '/* Made by tools/common_passwords.py. */\n#include "password/common.h"\n\n'
        f"const char *const PASSWORD_COMMON[] = {{\n{rows}\n}};\n\n"
        f"const size_t PASSWORD_COMMON_COUNT = {len(words)};\n"
    )


if __name__ == "__main__":
    main()
