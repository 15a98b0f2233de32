#!/usr/bin/env python3
"""Measures Doorward's speed and size as ratios, in one run on this machine (docs/benchmarks.md).

    bench/run.py [--build FOLDER] [NAME]...

Every load runs on 127.0.0.1 and ends by itself. Prints a table, writes <build>/bench.json. Exit 0 when all could be
measured, however the table looks: a machine that is busy with other things misses targets.
"""
import argparse
import datetime
import json
import os
import shutil
import subprocess
import sys
import time

from measure import authenticated, footprint, growth, machine, population, refresh, sign_in, tokens
from measure.programs import Programs
from measure.targets import TARGETS

MEASUREMENTS = {
    "authenticated": authenticated.measure,
    "tokens": tokens.measure,
    "sign_in": sign_in.measure,
    "refresh": refresh.measure,
    "refresh_postgres": refresh.measure_postgres,
    "footprint": footprint.measure,
    "growth": growth.measure,
    "population": population.measure,
}
VERDICTS = {True: "met", False: "NOT MET", None: ""}


def said(text):
    print(text, file=sys.stderr, flush=True)


def run(programs, names):
    figures, findings = {}, {}
    folder = os.path.join(programs.folder, "data")
    for name in names:
        begun = time.monotonic()
        try:
            figures[name], found = MEASUREMENTS[name](programs, os.path.join(folder, name))
        except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
            said(f"bench: {name} could not be measured: {problem}")
            continue
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        findings.update({finding.key: finding for finding in found})
        said(f"bench: {name} took {time.monotonic() - begun:.0f} s")
    return figures, findings


def rows(findings):
    for target in TARGETS:
        finding = findings.get(target.key)
        if finding:
            yield {"key": target.key, "what": target.what, "value": finding.value, "unit": target.unit,
                   "sense": target.sense, "limit": target.limit, "met": target.is_met(finding.value),
                   "ours": finding.ours, "beside": finding.beside}


def table(measured):
    lines = [("what", "", "must be", "", "Doorward", "beside")]
    for row in measured:
        sense = {">=": "≥", "<=": "≤"}[row["sense"]]
        lines.append((row["what"], f"{row['value']:.2f} {row['unit']}",
                      "" if row["limit"] is None else f"{sense} {row['limit']:g}", VERDICTS[row["met"]], row["ours"],
                      row["beside"]))
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    lines.insert(1, tuple("-" * width for width in widths))
    return "\n".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |" for line in lines)


def main():
    parser = argparse.ArgumentParser(description="Speed and size of Doorward, as ratios.")
    parser.add_argument("--build", default="build", help="where Meson has built it [build]")
    parser.add_argument("names", nargs="*", metavar="NAME", help="measure these alone: " + ", ".join(MEASUREMENTS))
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in MEASUREMENTS]
    if unknown:
        parser.error(f"nothing is called {unknown[0]}; there are: {', '.join(MEASUREMENTS)}")
    programs = Programs(options.build)
    facts = machine.facts()
    if len(machine.cores()) < 2:
        said("bench: one core only: the load and the server share it, so the figures say little")
    if facts["load_before"] > 0.5:
        said(f"bench: this machine is busy (load {facts['load_before']:.1f}): expect noise")
    programs.compile_all()
    names = options.names or list(MEASUREMENTS)
    figures, findings = run(programs, names)
    measured = list(rows(findings))
    print(table(measured))
    if "footprint" in figures:
        size = figures["footprint"]["program"]
        print(f"\nThe program: {size['stripped_bytes'] / 2**20:.1f} MiB ({size['bytes'] / 2**20:.1f} with debug data).")
    result = {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": facts,
              "rows": measured, "figures": figures}
    with open(os.path.join(options.build, "bench.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1, ensure_ascii=False)
    return 0 if len(figures) == len(names) else 1


if __name__ == "__main__":
    sys.exit(main())
