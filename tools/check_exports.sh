#!/bin/bash
# What the library exports is a list in the tree, and what the headers declare: tools/check_exports.sh [libdoorward.so]
# src/libdoorward.exports, the prototypes and objects with DW_API in include/, and the built library must name the same,
# each with the prefix; so nothing becomes public, or ceases to be, unseen. `--write` makes the list from the headers.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C

list=src/libdoorward.exports
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# gcc prints the declarations with the macros expanded; those of the C library fall away by their prefix.
for header in include/doorward/*.h; do echo "#include <doorward/${header##*/}>"; done |
    gcc -std=c17 -E -P -Iinclude -x c - | tr '\n' ' ' | tr ';{}' '\n\n\n' |
    grep -v -E '^ *(typedef|static)' | grep -E 'visibility *\( *"default"' |
    grep -oE '\b(dw|DW)_[A-Za-z0-9_]+ *(\(|\[|$)' | grep -oE '^(dw|DW)_[A-Za-z0-9_]+' | sort -u >"$work/declared"
[ -s "$work/declared" ] || { echo "the headers declare nothing"; exit 1; }

if [ "${1:-}" = --write ]; then
    cp "$work/declared" "$list"
    exit 0
fi

library=${1:-build/libdoorward.so}
nm -D --defined-only --format=posix "$library" | cut -d ' ' -f 1 | sort -u >"$work/exported"
sort -u "$list" >"$work/listed"

status=0
# differ FILE FILE TEXT: what stands in the first alone.
differ() {
    local found

    found=$(comm -23 "$work/$1" "$work/$2")
    [ -n "$found" ] || return 0
    while IFS= read -r symbol; do echo "$3: $symbol"; done <<<"$found"
    status=1
}
cmp -s "$list" "$work/listed" || { echo "$list is not in order"; status=1; }
differ declared listed "declared, but not in $list (tools/check_exports.sh --write)"
differ listed declared "in $list, but not declared (tools/check_exports.sh --write)"
differ listed exported "in $list, but not exported by $library"
differ exported listed "exported by $library, but not in $list"
[ "$status" -ne 0 ] || echo "check_exports: $(wc -l <"$list") symbols"
exit "$status"
