#!/bin/bash
# What `make fuzz` runs: each tests/fuzz/fuzz_*.c for FUZZ_SECONDS (60) under AddressSanitizer and UBSan.
# The corpus that grows is kept in build-fuzz/corpus; what crashes a fuzzer is left in build-fuzz/crashes.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-60}
sanitizers=address,undefined
folder=build-fuzz

mkdir -p "$folder"
if [ ! -f "$folder/build.ninja" ]; then
    CC=clang meson setup "$folder" -Dtests=false -Db_sanitize="$sanitizers" -Db_lundef=false -Dbuildtype=debugoptimized \
        -Dc_args=-fsanitize=fuzzer-no-link >"$folder/setup.log" || { cat "$folder/setup.log"; exit 1; }
fi
ninja -C "$folder" --quiet libdoorward_core.a
read -ra libraries < <(pkg-config --libs libuv libllhttp yyjson libcrypto libargon2 libpcre2-8 libidn2)

for source in tests/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    mkdir -p "$folder/corpus/$name" "$folder/crashes"
    clang -std=gnu17 -D_GNU_SOURCE -g -O1 -fsanitize=fuzzer,"$sanitizers" -fno-sanitize-recover=all -Iinclude -Isrc "$source" \
        "$folder/libdoorward_core.a" "${libraries[@]}" -lunistring -lcrypt -lpthread -o "$folder/$name"
    echo "fuzz: $name for $seconds seconds"
    if ! "$folder/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$folder/crashes/$name-" "$folder/corpus/$name" >"$folder/$name.log" 2>&1; then
        tail -n 40 "$folder/$name.log"
        echo "fuzz: $name failed; its input is in $folder/crashes"
        exit 1
    fi
    grep -E 'number_of_executed_units|new_units_added' "$folder/$name.log"
done
