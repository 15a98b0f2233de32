#!/usr/bin/env python3
"""The floors of the house: tools/check_layers.py [FOLDER]

Reads every #include of include/, src/ and examples/ and fails where a room includes what does not stand below it.
FOLDER is the tree to read; the repository itself when left out (the tool's own test hands in small ones).
"""

import pathlib
import re
import sys

# From the ground up. Rooms on one floor never include each other.
FLOORS = [
    ["base"],
    ["crypto"],
    ["jose", "password", "otp"],
    ["http"],
    ["app"],
    ["storage", "shared", "mail"],
    ["identity"],
    ["protocol"],
    ["cli"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}

# What stands below, but is none of a room's business.
NEVER = {
    "storage": {"http", "app"},
    "shared": {"http", "app"},
    "mail": {"crypto", "jose", "password", "otp", "http", "app"},
    "identity": {"http", "app"},
}

# Which room a public header belongs to; one that is not named here belongs to the room of its own name.
PUBLIC = {"error": "base", "jwe": "jose", "jws_json": "jose", "tls": "crypto", "auth": "app", "docs": "app", "middleware": "app", "model": "app", "policy": "app", "rate_limit": "app",
          "metrics": "base", "websocket": "app"}

# A driver is known to itself and to cli/, which wires everything.
DRIVER = re.compile(r"^(storage/(?:sqlite|postgres)|shared/(?:memory|redis))/")

# Libraries that only one room talks to, so that the rest can't come to depend on them.
LIBRARIES = {
    r"openssl/": {"crypto", "password"},  # password: for scrypt alone
    r"argon2\.h": {"password"},
    r"crypt\.h": {"password"},
    r"(png|qrencode)\.h": {"otp"},
    r"uv\.h": {"http"},
    r"llhttp\.h": {"http"},
    r"wslay/": {"http"},
    r"sqlite3\.h": {"storage"},
    r"libpq-fe\.h": {"storage"},
    r"hiredis/": {"shared"},
    r"curl/": {"base"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)


def room_of_public(name):
    stem = name.removeprefix("doorward/").removesuffix(".h")
    return PUBLIC.get(stem, stem)


def target_room(quoted, angled, room):
    """The room that an include leads to; None for the system's headers and a room's own."""
    if angled is not None:
        return room_of_public(angled) if angled.startswith("doorward/") else None
    first = quoted.split("/")[0]
    return first if "/" in quoted and first in FLOOR else room


def library_fault(room, angled):
    for pattern, rooms in LIBRARIES.items():
        if angled and re.match(pattern, angled) and room not in rooms:
            return f"<{angled}> belongs to {', '.join(sorted(rooms))} alone"
    return None


def driver_fault(folder, room, quoted):
    match = DRIVER.match(quoted or "")
    if match and room != "cli" and not folder.startswith(match.group(1)):
        return f'"{quoted}" is a driver: cli/ alone names it'
    return None


def room_fault(room, target):
    if target is None or target == room:
        return None
    if target not in FLOOR:
        return f"{target}: no such room in tools/check_layers.py"
    if FLOOR[target] >= FLOOR[room]:
        return f"{room} (floor {FLOOR[room]}) includes {target} (floor {FLOOR[target]})"
    if target in NEVER.get(room, ()):
        return f"{room} must know nothing of {target}"
    return None


def check_source(root, path):
    relative = path.relative_to(root / "src")
    room = relative.parts[0]
    for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
        quoted, angled = match.groups()
        if angled == "doorward.h" or quoted == "doorward.h":
            yield "doorward.h is for programs outside: include the rooms' headers"
        for fault in (
            room_fault(room, target_room(quoted, angled, room)),
            driver_fault(str(relative.parent), room, quoted),
            library_fault(room, angled),
        ):
            if fault:
                yield fault


def check_public(path):
    room = room_of_public(path.name)
    for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
        quoted, angled = match.groups()
        if quoted is not None:
            yield f'"{quoted}": a public header includes <doorward/…> and the C library alone'
        fault = room_fault(room, target_room(None, angled, room)) if angled else None
        if fault:
            yield fault


def check_example(path):
    for match in INCLUDE.finditer(path.read_text(encoding="utf-8")):
        quoted = match.group(1)
        if quoted is not None and not (path.parent / quoted).exists():
            yield f'"{quoted}": an example uses include/ alone'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    sources = sorted(path for path in (root / "src").rglob("*.[ch]"))
    public = sorted((root / "include" / "doorward").glob("*.h"))
    examples = sorted((root / "examples").rglob("*.[ch]"))
    faults = [f"{path.relative_to(root)}: {text}" for path in sources for text in check_source(root, path)]
    faults += [f"{path.relative_to(root)}: {text}" for path in public for text in check_public(path)]
    faults += [f"{path.relative_to(root)}: {text}" for path in examples for text in check_example(path)]
    print("\n".join(faults) if faults else f"check_layers: {len(sources) + len(public) + len(examples)} files")
    sys.exit(1 if faults or not sources else 0)


if __name__ == "__main__":
    main()
