#!/usr/bin/env python3
"""What a machine without Docker can say of packaging/Dockerfile: tools/check_dockerfile.py [BINARY]

Every file that is copied from the tree is there, every package exists in Debian, no address stands in it, the instructions
that a safe image needs are there; and, with a built BINARY, each library that it is linked with is of a package of the last
stage or is copied there.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "packaging/Dockerfile"
NEEDED = {
    "USER": r"\d+:\d+", "VOLUME": r"/var/lib/doorward", "STOPSIGNAL": "SIGTERM", "HEALTHCHECK": r".*\"doorward\", \"ready\"",
    "ENTRYPOINT": r"\[\"doorward\"\]", "EXPOSE": "8080",
}


def instructions():
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.M)
    for line in text.replace("\\\n", " ").split("\n"):
        if line.strip():
            name, _, rest = line.strip().partition(" ")
            yield name, rest.strip()


def packages(found):
    for name, rest in found:
        for part in rest.split("&&") if name == "RUN" else []:
            match = re.search(r"apt-get install (.*)", part)
            for word in match.group(1).split() if match else []:
                if not word.startswith("-"):
                    yield word


def copy_faults(found):
    for name, rest in found:
        if name != "COPY" or rest.startswith("--from="):
            continue
        for source in rest.split()[:-1]:
            if not (ROOT / source).exists():
                yield f"COPY {source}: there is no such file"


def package_faults(found):
    for package in packages(found):
        shown = subprocess.run(["apt-cache", "show", package], capture_output=True, text=True, check=False)
        if shown.returncode != 0:
            yield f"{package}: no such package in Debian"


def libraries(binary):
    """Those that it is linked with, and those that it loads by name when they are needed."""
    listed = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
    yield from re.findall(r"^\s*(\S+) => (\S+)", listed, flags=re.M)
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    for source in sorted(ROOT.glob("src/**/*.c")):
        for library in re.findall(r'#define LIBRARY "(lib[^"]+)"$', source.read_text(encoding="utf-8"), flags=re.M):
            match = re.search(rf"^\s*{re.escape(library)} .* => (\S+)", known, flags=re.M)
            yield library, match.group(1) if match else "nowhere"


def library_faults(found, binary):
    kept = set(packages(found))
    copied = " ".join(rest for name, rest in found if name == "RUN")
    for library, path in libraries(binary):
        if library in copied or re.match(r"lib(c|m|pthread|dl|rt)\.so", library):
            continue
        real = str(pathlib.Path(path).resolve())
        owners = subprocess.run(["dpkg", "-S", "*" + pathlib.Path(real).name], capture_output=True, text=True, check=False).stdout
        names = {line.split(":")[0] for line in owners.splitlines() if line.endswith(real) or line.endswith(real.removeprefix("/usr"))}
        if not names & kept:
            yield f"{library} ({', '.join(sorted(names)) or 'of no package'}) is not in the last stage"


def main():
    found = list(instructions())
    faults = [*copy_faults(found), *package_faults(found)]
    given = dict(found)
    for name, pattern in NEEDED.items():
        if not re.fullmatch(pattern, given.get(name, "")) and not re.search(pattern, given.get(name, "")):
            faults.append(f"{name}: missing, or another than {pattern}")
    if re.search(r"https?://", DOCKERFILE.read_text(encoding="utf-8")):
        faults.append("an address stands in it")
    if len(sys.argv) > 1:
        faults += library_faults(found, sys.argv[1])
    print("\n".join(faults) if faults else f"check_dockerfile: {len(found)} instructions, {len(set(packages(found)))} packages")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
