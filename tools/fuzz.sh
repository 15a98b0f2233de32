#!/bin/bash
# Runs fuzzers under AddressSanitizer and UBSan, each for FUZZ_SECONDS (60): tools/fuzz.sh [NAME...]; prints TAP.
#
# Their seeds are in tests/fuzz/corpus/NAME, kept small and by hand; what they find worth keeping grows in
# build-fuzz/corpus, what breaks one is left in build-fuzz/crashes. FUZZ_JOBS run at the same time (one a core).
set -uo pipefail
cd "$(dirname "$0")/.."

seconds=${FUZZ_SECONDS:-60}
jobs=${FUZZ_JOBS:-$(nproc)}
folder=${FUZZ_BUILD:-build-fuzz}
options=(-Dfuzzers=true -Dtests=false -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
         "-Dc_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all")

fail() {
    echo "1..1"
    echo "not ok 1 - $1"
    sed 's/^/# /' "${2:-/dev/null}" | tail -n 40
    exit 1
}

# One fuzzer to its end; its result is in its log.
run_one() {
    local name=$1 seeds=tests/fuzz/corpus/$1

    mkdir -p "$folder/corpus/$name" "$folder/crashes"
    [ -d "$seeds" ] || seeds=
    "$folder/tests/fuzz/$name" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=1024 -print_final_stats=1 \
        -verbosity=0 -artifact_prefix="$folder/crashes/$name-" "$folder/corpus/$name" ${seeds:+"$seeds"} \
        >"$folder/$name.log" 2>&1
    echo $? >"$folder/$name.status"
}

if [ "${1:-}" = --one ]; then
    run_one "$2"
    exit
fi

mkdir -p "$folder"
if [ -f "$folder/build.ninja" ]; then
    meson configure "$folder" "${options[@]}" >"$folder/setup.log" 2>&1 || fail "configure the build" "$folder/setup.log"
else
    CC=clang meson setup "$folder" "${options[@]}" >"$folder/setup.log" 2>&1 || fail "set up the build" "$folder/setup.log"
fi
ninja -C "$folder" ${FUZZ_JOBS:+-j "$FUZZ_JOBS"} fuzzers >"$folder/build.log" 2>&1 ||
    fail "build the fuzzers" "$folder/build.log"

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    for source in tests/fuzz/fuzz_*.c; do
        names+=("$(basename "$source" .c)")
    done
fi
for name in "${names[@]}"; do
    [ -x "$folder/tests/fuzz/$name" ] || fail "$name is a fuzzer of tests/fuzz/meson.build"
    rm -f "$folder/$name.status"
done
printf '%s\n' "${names[@]}" | xargs -P "$jobs" -n 1 "$0" --one

echo "1..${#names[@]}"
number=0
failed=0
for name in "${names[@]}"; do
    number=$((number + 1))
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/$name.log")
    if [ "$(cat "$folder/$name.status" 2>/dev/null)" = 0 ] && [ "${inputs:-0}" -gt 0 ]; then
        echo "ok $number - $name: $inputs inputs in $seconds seconds"
        continue
    fi
    failed=1
    echo "not ok $number - $name: the input is in $folder/crashes"
    tail -n 40 "$folder/$name.log" | sed 's/^/# /'
done
exit $failed
