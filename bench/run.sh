#!/bin/sh
# `make bench`: speed and size as ratios, on this machine (docs/benchmarks.md). What it needs is there after
# `tools/setup.sh bench` and `make`.
cd "$(dirname "$0")/.." && exec python3 bench/run.py "$@"
