#!/bin/bash
# Each public header must compile alone, as strict ISO C17 and as C++20: tools/check_headers.sh
# Prints TAP, one case for each header and language.
set -uo pipefail
cd "$(dirname "$0")/.."

number=0
failed=0

check() {
    local name=$1 compiler=$2 how="$2 $5" output

    shift 2
    number=$((number + 1))
    if output=$("$compiler" "$@" -Iinclude -fsyntax-only - 2>&1 <<<"#include <$name>"); then
        echo "ok $number - $name, $how"
    else
        echo "not ok $number - $name, $how"
        while IFS= read -r line; do echo "# $line"; done <<<"$output"
        failed=1
    fi
}

strict=(-Wall -Wextra -Wpedantic -Werror)
for path in include/*.h include/doorward/*.h; do
    [ -e "$path" ] || continue
    name=${path#include/}
    check "$name" gcc -x c -std=c17 "${strict[@]}"
    check "$name" clang -x c -std=c17 "${strict[@]}"
    check "$name" g++ -x c++ -std=c++20 "${strict[@]}"
done
echo "1..$number"
[ "$number" -gt 0 ] && [ "$failed" -eq 0 ]
