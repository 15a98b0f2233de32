#!/bin/bash
# What the library exports is what the headers declare: tools/check_exports.sh [libdoorward.so]
# Each exported symbol begins with dw_ and stands in include/; each function declared there is exported.
set -euo pipefail
cd "$(dirname "$0")/.."

library=${1:-build/libdoorward.so}
exported=$(nm -D --defined-only --format=posix "$library" | cut -d ' ' -f 1 | sort -u)
# gcc prints the declarations with the macros expanded; those of the C library fall away by their prefix.
declared=$(for header in include/doorward/*.h; do echo "#include <doorward/${header##*/}>"; done |
    gcc -std=c17 -E -P -Iinclude -x c - | tr '\n' ' ' | tr ';{}' '\n\n\n' |
    grep -v -E '^ *(typedef|static)' | grep -E 'visibility *\( *"default"' |
    grep -oE '\bdw_[a-z0-9_]+ *(\(|\[|$)' | grep -oE '^dw_[a-z0-9_]+' | sort -u)

status=0
[ -n "$exported" ] || { echo "$library exports nothing"; exit 1; }
if foreign=$(grep -vE '^dw_|^DW_' <<<"$exported"); then
    echo "exported without the prefix:" $foreign
    status=1
fi
header_text=$(cat include/doorward/*.h)
while IFS= read -r symbol; do
    grep -qw -- "$symbol" <<<"$header_text" || { echo "exported, but in no header: $symbol"; status=1; }
done <<<"$exported"
while IFS= read -r symbol; do
    grep -qx -- "$symbol" <<<"$exported" || { echo "declared, but not exported: $symbol"; status=1; }
done <<<"$declared"
[ "$status" -ne 0 ] || echo "check_exports: $(wc -l <<<"$exported") symbols"
exit "$status"
