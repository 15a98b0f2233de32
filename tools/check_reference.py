#!/usr/bin/env python3
"""The reference of the library's headers: tools/check_reference.py

Makes it (build/doxygen/html/index.html) and fails on any warning of Doxygen's, and for a public function without a
comment.
"""

import pathlib
import subprocess
import sys
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = ROOT / "build/doxygen"


def make():
    OUT.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["doxygen", "docs/Doxyfile"], cwd=ROOT, capture_output=True, text=True)
    return [line for line in done.stderr.splitlines() if line] + (
        [f"doxygen ended with {done.returncode}"] if done.returncode else [])


def functions():
    for path in sorted((OUT / "xml").glob("*_8h.xml")):
        for member in xml.etree.ElementTree.parse(path).iter("memberdef"):
            if member.get("kind") == "function":
                yield member


def is_documented(member):
    parts = (member.find("briefdescription"), member.find("detaileddescription"))
    return any("".join(part.itertext()).strip() for part in parts)


def main():
    faults = make()
    found = list(functions())
    for member in found:
        if not is_documented(member):
            place = member.find("location")
            faults.append(f"{place.get('file')}:{place.get('line')}: {member.findtext('name')} has no comment")
    print("\n".join(faults) if faults else f"check_reference: {len(found)} functions")
    sys.exit(1 if faults or not found else 0)


if __name__ == "__main__":
    main()
