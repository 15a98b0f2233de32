#!/bin/bash
# What `make lint` runs: the repository's own checks, then clang-tidy over every file that clang builds.
set -euo pipefail
cd "$(dirname "$0")/.."

tools/check_layers.py
tools/check_banned.py
tools/check_style.py

[ -f build-clang/build.ninja ] || CC=clang meson setup build-clang >/dev/null
ninja -C build-clang --quiet
mapfile -t files < <(git ls-files 'src/*.c')
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p build-clang
echo "lint: ${#files[@]} files, nothing found"
