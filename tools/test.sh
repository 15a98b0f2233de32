#!/bin/bash
# What `make test` runs. Each stage has its log in build/test-logs; the last line sums all cases up.
# A stage that ran nothing, or a tool that died without a failing case, counts as a failure: silence is not success.
set -uo pipefail
cd "$(dirname "$0")/.."

logs=$PWD/build/test-logs
passed=0
failed=0
skipped=0

# What the sanitized programs do when they find something: stop, loudly.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:print_stacktrace=1}

say() {
    printf '== %s (%ds)\n' "$*" "$SECONDS"
}

add() {
    local log=$1 name=$2 status=$3 p=0 f=0 s=0

    shift 3
    read -r p f s < <(tools/count_results.py "$@" "$name") || true
    if [ $((p + f + s)) -eq 0 ]; then
        echo "FAILED $name: ran nothing (see ${log#"$PWD"/})"
        tail -n 20 "$log"
        f=1
    elif [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
        echo "FAILED $name: ended with status $status (see ${log#"$PWD"/})"
        tail -n 20 "$log"
        f=1
    fi
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    echo "   $name: $p passed, $f failed, $s skipped"
}

# One case: the command succeeds or it does not.
single() {
    local name=$1 log

    shift
    log=$logs/${name// /-}.log
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        return 0
    fi
    failed=$((failed + 1))
    echo "FAILED $name: $*"
    tail -n 40 "$log" | sed 's/^/    /'
    return 1
}

# A command that prints TAP.
tap() {
    local name=$1 log=$logs/${1// /-}.tap status=0

    shift
    "$@" >"$log" 2>"$log.err" || status=$?
    [ -s "$log" ] || cp "$log.err" "$log"
    add "$log" "$name" "$status" tap "$log"
}

set_up() {
    local folder=$1

    shift
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" "$@"
    else
        meson setup "$folder" "$@"
    fi
}

build() {
    local folder=$1

    set_up "$@" && ninja -C "$folder" -k 0
}

unit() {
    local name=$1 folder=$2 log=$logs/${1// /-}.log status=0

    CMOCKA_MESSAGE_OUTPUT=TAP meson test -C "$folder" --no-rebuild --print-errorlogs --timeout-multiplier "${3:-1}" \
        >"$log" 2>&1 || status=$?
    if [ -f "$folder/meson-logs/testlog.json" ]; then
        cp "$folder/meson-logs/testlog.json" "$logs/${name// /-}.json"
    else
        : >"$logs/${name// /-}.json"
    fi
    add "$log" "$name" "$status" meson "$logs/${name// /-}.json"
}

# What the stories run beside: nothing, or a database server, or that and Redis.
beside=()

stories() {
    local name=$1 binary=$2 log=$logs/${1// /-}.tap status=0

    shift 2
    # Debian 12's Node 18 has WebCrypto behind a flag; newer ones no longer know it.
    node --experimental-global-webcrypto -e 0 2>/dev/null && export NODE_OPTIONS=--experimental-global-webcrypto
    DOORWARD_BIN=$PWD/$binary timeout --kill-after=10 2400 "${beside[@]}" node --test --test-reporter=tap \
        --test-reporter-destination="$log" "$@" >"$log.err" 2>&1 || status=$?
    add "$log" "$name" "$status" tap "$log"
}

mkdir -p "$logs"
rm -f "$logs"/*
say "setting up"
tools/setup.sh test || exit 1

say "checks"
single "layers" tools/check_layers.py
single "banned calls" tools/check_banned.py
single "style" tools/check_style.py
single "named tests" tools/check_asvs.py
single "reference" tools/check_reference.py
tap "headers" tools/check_headers.sh
tap "tools" tests/tools/test_tools.py
tap "simulation of a fleet" tests/tools/test_simulation.py

say "building with gcc"
# The second option for a build folder that was made before it was the default.
CC=gcc single "build with gcc" build build -Dtests=true -Dpkgconfig.relocatable=true
say "building with clang, warnings are errors"
CC=clang single "build with clang" build build-clang -Dwerror=true
say "building with sanitizers"
CC=gcc single "build with sanitizers" build build-asan -Db_sanitize=address,undefined -Db_lundef=false \
    -Dbuildtype=debugoptimized
single "exports" tools/check_exports.sh build/libdoorward.so
single "dockerfile" tools/check_dockerfile.py build/doorward

say "unit tests"
unit "unit tests" build 2
unit "unit tests with sanitizers" build-asan 6

say "fuzzers, a moment each"
FUZZ_SECONDS=${FUZZ_SECONDS:-2} tap "fuzzers" tools/fuzz.sh

say "stories over a real connection"
stories "stories" build/doorward tests/e2e/*.test.mjs
say "the same stories on PostgreSQL, and those of several nodes"
# Those that start a server: the others have no database.
mapfile -t with_database < <(grep -l 'await start(' tests/e2e/*.test.mjs)
beside=(tools/with_postgres.sh)
stories "stories on PostgreSQL" build/doorward "${with_database[@]}" tests/e2e/postgres/*.test.mjs
say "the same stories on PostgreSQL with Redis, and those of Redis in trouble"
beside=(tools/with_redis.sh tools/with_postgres.sh)
stories "stories on PostgreSQL with Redis" build/doorward "${with_database[@]}" tests/e2e/redis/*.test.mjs \
    tests/e2e/postgres/{keys,proxies}.test.mjs
beside=()
say "stories of bad input, with sanitizers"
stories "stories with sanitizers" build-asan/doorward tests/e2e/accounts.test.mjs tests/e2e/bad_input.test.mjs \
    tests/e2e/tokens.test.mjs tests/e2e/tls.test.mjs

say "done"
if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
