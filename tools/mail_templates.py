#!/usr/bin/env python3
"""Puts the mail templates into a C source: tools/mail_templates.py OUT.c FILE.txt FILE.html [FILE.txt FILE.html]...

A template is a pair of files of one name. The table is in the order given, and depends on the files' bytes alone.
"""

import pathlib
import sys


def literal(text):
    lines = []
    for line in text.splitlines(keepends=True):
        escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        lines.append('"' + "".join(c if c.isascii() else "".join(f"\\{b:03o}" for b in c.encode()) for c in escaped) + '"')
    return "\n      ".join(lines)


def row(text_file, html_file):
    if text_file.stem != html_file.stem or (text_file.suffix, html_file.suffix) != (".txt", ".html"):
        raise SystemExit(f"mail_templates.py: {text_file} and {html_file} are no pair")
    text, html = (literal(file.read_text(encoding="utf-8")) for file in (text_file, html_file))
    return f'    {{ "{text_file.stem}",\n      {text},\n      {html} }},\n'


def main():
    output, *files = [pathlib.Path(name) for name in sys.argv[1:]]
    if not files or len(files) % 2:
        raise SystemExit(__doc__.splitlines()[0])
    rows = "".join(row(*pair) for pair in zip(files[::2], files[1::2]))
    output.write_text(
        '/* Made by tools/mail_templates.py. */\n#include "mail/template.h"\n\n'
        f"const struct mail_template_source MAIL_TEMPLATES[] = {{\n{rows}    {{ 0 }},\n}};\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
