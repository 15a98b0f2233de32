#!/usr/bin/env python3
"""Turns files into a C source: tools/embed.py --output OUT.c --header HEADER --symbol NAME PATH=FILE...

Each file becomes a row of `struct asset`: gzip bytes, the SHA-256 as its ETag, and its content type. The output
depends on the files' bytes alone, so that two builds of one commit are equal.
"""

import argparse
import gzip
import hashlib
import pathlib

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
}
PLAIN_MAX_BYTES = 16 * 1024
BYTES_A_LINE = 24


def byte_array(name, data):
    lines = [f"static const unsigned char {name}[] = {{"]
    for at in range(0, len(data), BYTES_A_LINE):
        lines.append("    " + ",".join(str(byte) for byte in data[at : at + BYTES_A_LINE]) + ",")
    lines.append("};")
    return "\n".join(lines)


def row(index, path, file):
    data = file.read_bytes()
    if not data:
        raise SystemExit(f"embed.py: {file} is empty")
    packed = gzip.compress(data, compresslevel=9, mtime=0)
    arrays = [byte_array(f"GZIP_{index}", packed)]
    plain = "NULL"
    if len(data) <= PLAIN_MAX_BYTES:
        plain = f"PLAIN_{index}"
        arrays.append(byte_array(plain, data))
    content_type = CONTENT_TYPES[file.suffix]
    etag = hashlib.sha256(data).hexdigest()[:32]
    fields = f'    {{ "{path}", "{content_type}", "\\"{etag}\\"", GZIP_{index}, {len(packed)}, {plain}, {len(data)} }},'
    return "\n\n".join(arrays), fields


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--header", required=True)
    parser.add_argument("--symbol", required=True)
    parser.add_argument("files", nargs="+", metavar="PATH=FILE")
    options = parser.parse_args()

    rows = []
    for index, pair in enumerate(options.files):
        path, _, file = pair.partition("=")
        rows.append(row(index, path, pathlib.Path(file)))
    table = "\n".join(fields for _, fields in rows)
    options.output.write_text(
        f'/* Made by tools/embed.py. */\n#include "{options.header}"\n\n'
        + "\n\n".join(arrays for arrays, _ in rows)
        + f"\n\nconst struct asset {options.symbol}[] = {{\n{table}\n}};\n"
        + f"\nconst size_t {options.symbol}_COUNT = {len(rows)};\n"
    )


if __name__ == "__main__":
    main()
