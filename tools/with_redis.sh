#!/bin/bash
# Runs a command beside a Redis server of its own: tools/with_redis.sh COMMAND [ARGUMENT]...
#
# The server lives in a temporary folder, listens on a socket there and on no network, keeps nothing on disk, and is gone
# with the command. TEST_REDIS tells the command its URL. With TEST_REDIS set already, that server is used. It goes
# together with tools/with_postgres.sh, one behind the other.
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: tools/with_redis.sh COMMAND [ARGUMENT]..." >&2; exit 2; }
[ -z "${TEST_REDIS:-}" ] || exec "$@"

# Debian's redis-server is redis-check-rdb by another name, and redis-tools has that one without a service.
program=
for candidate in redis-server valkey-server redis-check-rdb; do
    program=$(command -v "$candidate") && break
done
[ -n "$program" ] || { echo "with_redis: Redis is not installed: tools/setup.sh test" >&2; exit 1; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/dw-redis-XXXXXX")
pid=

stop() {
    if [ -n "$pid" ]; then
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap stop EXIT

(exec -a redis-server "$program" --port 0 --unixsocket "$folder/socket" --dir "$folder" --save '' --appendonly no \
    --logfile "$folder/log") &
pid=$!
until redis-cli -s "$folder/socket" ping >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
    sleep 0.02
done
export TEST_REDIS="unix:$folder/socket"
"$@"
