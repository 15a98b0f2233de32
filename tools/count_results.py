#!/usr/bin/env python3
"""Counts the cases of a test log: tools/count_results.py tap|meson LOG LABEL

Prints "PASSED FAILED SKIPPED" on standard output and the name of each failing case, with what it said, on standard
error. `tap` reads TAP with nested subtests (node --test, our own checks); `meson` reads meson's testlog.json, whose
tests are cmocka programs that speak TAP.
"""

import json
import re
import sys

RESULT = re.compile(r"^(?P<indent> *)(?P<not>not )?ok\b(?: (?P<number>\d+))?(?: -)? ?(?P<name>.*)$")
SKIP = re.compile(r"#\s*SKIP\b", re.I)
DETAIL_LINES = 25


class Count:
    def __init__(self, label):
        self.label = label
        self.passed = self.failed = self.skipped = 0

    def fail(self, name, detail=()):
        self.failed += 1
        print(f"FAILED {self.label}: {name}", file=sys.stderr)
        for line in list(detail)[:DETAIL_LINES]:
            print(f"    {line.rstrip()}", file=sys.stderr)


def detail_after(lines, at):
    """The comment and YAML lines that belong to a result."""
    for line in lines[at + 1 :]:
        if RESULT.match(line) or re.match(r"^ *(# Subtest:|1\.\.\d+$)", line):
            return
        yield line


def count_tap(lines, count):
    """Counts leaves; a parent that failed counts only when none of its children did."""
    pending = {}  # indent -> failures seen among the results deeper than it, since its last result
    for at, line in enumerate(lines):
        match = RESULT.match(line)
        if not match or (match["number"] is None and "not ok - " in line):
            continue  # cmocka's closing line of a group has no number
        indent = len(match["indent"])
        deeper = [pending.pop(key) for key in sorted(pending) if key > indent]
        bad = bool(match["not"])
        if SKIP.search(match["name"]):
            count.skipped += 1
            bad = False
        elif bad and not sum(deeper):
            count.fail(match["name"], detail_after(lines, at))
        elif not bad and not deeper:
            count.passed += 1
        pending[indent] = pending.get(indent, 0) + (1 if bad else 0)


def count_meson(path, count):
    with open(path, encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            before = (count.failed, count.passed + count.failed + count.skipped)
            output = test.get("stdout", "").splitlines()
            count_tap(output, count)
            said_nothing = count.passed + count.failed + count.skipped == before[1]
            if test["result"] not in ("OK", "EXPECTEDFAIL", "SKIP") and count.failed == before[0]:
                tail = (output + test.get("stderr", "").splitlines())[-DETAIL_LINES:]
                count.fail(f"{test['name']} ({test['result']})", tail)
            elif said_nothing and test["result"] == "SKIP":
                count.skipped += 1
            elif said_nothing and test["result"] == "OK":
                count.passed += 1


def main():
    kind, path, label = sys.argv[1:4]
    count = Count(label)
    if kind == "meson":
        count_meson(path, count)
    else:
        with open(path, encoding="utf-8", errors="replace") as log:
            count_tap(log.read().splitlines(), count)
    print(count.passed, count.failed, count.skipped)


if __name__ == "__main__":
    main()
