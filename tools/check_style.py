#!/usr/bin/env python3
"""The measurable part of the house style: tools/check_style.py

Lines of at most 120 columns, no tabs, no blanks at a line's end, functions of at most 60 lines (the aim is 40), files
of at most 500. A table is as long as its facts: rows between the braces of an array do not count as a function.
"""

import pathlib
import re
import subprocess
import sys

MAX_COLUMNS = 120
MAX_FUNCTION_LINES = 60
MAX_FILE_LINES = 500
NOT_A_FUNCTION = re.compile(r"^(struct|enum|union|typedef)\b[^(]*$|=\s*$|^extern \"C\"|=\s*\{")


def tracked():
    listed = subprocess.run(["git", "ls-files", "*.c", "*.h"], check=True, capture_output=True, text=True).stdout
    return [pathlib.Path(name) for name in listed.splitlines() if pathlib.Path(name).exists()]


def long_functions(lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{" and number > 1 and not NOT_A_FUNCTION.search(lines[number - 2]):
            start = number
        elif line.startswith("}") and start:
            if number - start - 1 > MAX_FUNCTION_LINES:
                yield start, f"a function of {number - start - 1} lines (at most {MAX_FUNCTION_LINES})"
            start = None


def faults(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    if lines and lines[-1]:
        yield len(lines), "no newline at the end of the file"
    if len(lines) - 1 > MAX_FILE_LINES:
        yield 1, f"a file of {len(lines) - 1} lines (at most {MAX_FILE_LINES})"
    for number, line in enumerate(lines, 1):
        columns = len(line.removesuffix("\\").rstrip())
        if columns > MAX_COLUMNS:
            yield number, f"{columns} columns (at most {MAX_COLUMNS})"
        if "\t" in line:
            yield number, "a tab"
        if line != line.rstrip():
            yield number, "blanks at the end of the line"
    yield from long_functions(lines)


def main():
    files = tracked()
    found = [f"{path}:{number}: {text}" for path in files for number, text in faults(path)]
    print("\n".join(found) if found else f"check_style: {len(files)} files")
    sys.exit(1 if found or not files else 0)


if __name__ == "__main__":
    main()
