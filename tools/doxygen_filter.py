#!/usr/bin/env python3
"""Doxygen's input filter for the public headers: tools/doxygen_filter.py HEADER

The headers are written for people who read headers: plain comments, no commands, no tags. Doxygen wants its own
openings, and takes some characters for commands. This turns one into the other and keeps every line where it is: the
first comment documents the file, one that begins a line what follows it, one behind a declaration what stands before
it. Rulers between sections are dropped. A comment above several functions, without a blank line between them, is that
of all of them.
"""

import pathlib
import re
import sys

# Doxygen would take these for commands, links, tags and entities.
SPECIAL = re.compile(r'([\\@#<>%&"])')
# " *     code": so many blanks behind the star make a line code, which is left as it is.
CODE = re.compile(r"^\s*\* {5,}\S")
RULER = re.compile(r"^/\* --- .* -+ \*/$")
FUNCTION = re.compile(r"^(?:DW_API|static inline) [^(]*?\b(dw_\w+)\(")


def translated(comment, opening):
    lines = comment[2:-2].split("\n")
    return opening + "\n".join(line if CODE.match(line) else SPECIAL.sub(r"\\\1", line) for line in lines) + "*/"


def opening_of(path, is_first, before):
    """How the comment begins; None when it is left alone. `before`: what stands before it in its line."""
    if is_first:
        return f"/** @file {path.name} "
    if before.lstrip().startswith("#"):
        return None  # among the rows of a table that a macro is
    return "/**<" if before.strip() else "/**"


def shared(text):
    """Gives the functions of a group, below one comment, the documentation of the first."""
    lines = text.split("\n")
    group = None
    for number, line in enumerate(lines):
        function = FUNCTION.match(line)
        is_documented = number > 0 and lines[number - 1].endswith("*/")
        if not line.strip():
            group = None
        elif function and is_documented:
            group = function[1]
        elif function and group:
            lines[number] = f"/** @copydoc {group} */ {line}"
    return "\n".join(lines)


def filtered(path):
    source = path.read_text(encoding="utf-8")
    out, at = [], 0
    for match in re.finditer(r"/\*.*?\*/", source, re.S):
        before = source[source.rfind("\n", 0, match.start()) + 1 : match.start()]
        opening = opening_of(path, at == 0, before)
        out.append(source[at : match.start()])
        if not RULER.match(match[0]):
            out.append(match[0] if opening is None else translated(match[0], opening))
        at = match.end()
    return shared("".join(out) + source[at:])


if __name__ == "__main__":
    sys.stdout.write(filtered(pathlib.Path(sys.argv[1])))
