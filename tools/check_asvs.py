#!/usr/bin/env python3
"""docs/asvs.md against the tree: its table of counts, and every test that it and docs/accounts/README.md name:
tools/check_asvs.py [--write]

With --write the counts are made anew from the rows.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/asvs.md"
BESIDE = ROOT / "docs/accounts/README.md"
STATES = ["met", "partly", "not met", "n/a", "by a proxy"]
HEAD = "| chapter | " + " | ".join(STATES) + " |\n"
ROW = re.compile(r"^\| (\d+)\.\d+\.\d+ \| [123] \| [^|]+ \| \**([^|*]+?)\** \| (.*) \| (.*) \|$")


def chapters(text):
    """Chapter's heading → how many rows are in each state."""
    found = {}
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        rows = [ROW.match(line) for line in part.splitlines() if re.match(r"\| \d+\.\d+\.\d+ ", line)]
        if not rows:
            continue
        if None in rows:
            sys.exit(f"docs/asvs.md: a row of \"{part.splitlines()[0]}\" has not six columns")
        found[part.splitlines()[0]] = [sum(row[2] == state for row in rows) for state in STATES]
        if sum(found[part.splitlines()[0]]) != len(rows):
            sys.exit(f"docs/asvs.md: a row of \"{part.splitlines()[0]}\" has a state that is none of {STATES}")
    return found


def counts(found):
    lines = [HEAD, "|---|" + "---|" * len(STATES) + "\n"]
    total = [sum(column) for column in zip(*found.values())]
    for name, numbers in [*found.items(), ("together", total)]:
        lines.append(f"| {name} | " + " | ".join(map(str, numbers)) + " |\n")
    return "".join(lines)


def missing_tests(text):
    """Names of tests that the rows give and the tree does not have."""
    for file, name in sorted(set(re.findall(r"\b(test_\w+): `(\w+)`", text))):
        sources = list((ROOT / "tests/unit").glob(f"*/{file}.c"))
        if not any(re.search(rf"\b{name}\b", source.read_text(encoding="utf-8")) for source in sources):
            yield f"{file}: {name}"
    for file, title in sorted(set(re.findall(r"\be2e (\w+): “([^”]+)”", text))):
        story = ROOT / f"tests/e2e/{file}.test.mjs"
        pattern = ".*".join(re.escape(part.strip()) for part in title.split("…"))
        if not story.exists() or not re.search(pattern, story.read_text(encoding="utf-8")):
            yield f"e2e {file}: {title}"


def main():
    text = PAGE.read_text(encoding="utf-8")
    begin = text.index(HEAD)
    end = text.index("\n\n", begin) + 1
    wanted = counts(chapters(text))
    if sys.argv[1:] == ["--write"]:
        text = text[:begin] + wanted + text[end:]
        PAGE.write_text(text, encoding="utf-8")
        begin, end = text.index(HEAD), text.index("\n\n", begin) + 1
    problems = [f"{page.relative_to(ROOT)}: no such test: {name}"
                for page in (PAGE, BESIDE) for name in missing_tests(page.read_text(encoding="utf-8"))]
    if text[begin:end] != wanted:
        problems.append("docs/asvs.md: the counts are not those of the rows: tools/check_asvs.py --write")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
