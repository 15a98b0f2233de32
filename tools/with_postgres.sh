#!/bin/bash
# Runs a command beside a PostgreSQL server of its own: tools/with_postgres.sh COMMAND [ARGUMENT]...
#
# The server lives in a temporary folder, listens on a socket there and on no network, and is gone with the command.
# TEST_POSTGRES tells the command its URL (database "postgres", a superuser), TEST_POSTGRES_FOLDER the
# folder. With TEST_POSTGRES set already, that server is used. WITH_POSTGRES_MEMORY: its shared_buffers [32MB].
set -euo pipefail

[ $# -gt 0 ] || { echo "usage: tools/with_postgres.sh COMMAND [ARGUMENT]..." >&2; exit 2; }
[ -z "${TEST_POSTGRES:-}" ] || exec "$@"

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || { echo "with_postgres: PostgreSQL is not installed: tools/setup.sh test" >&2; exit 1; }
folder=$(mktemp -d "${TMPDIR:-/tmp}/dw-postgres-XXXXXX")
# PostgreSQL refuses to run as root.
as=()
if [ "$(id -u)" -eq 0 ]; then
    chown postgres "$folder"
    as=(runuser -u postgres --)
fi

stop() {
    if [ -f "$folder/data/postmaster.pid" ]; then
        "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate -w stop >/dev/null 2>&1 || true
    fi
    rm -rf "$folder"
}
trap stop EXIT

here=$PWD
cd "$folder"
"${as[@]}" "$bin/initdb" -D "$folder/data" -U doorward -A trust -E UTF8 --locale=C --no-sync >"$folder/initdb.log" 2>&1 ||
    { cat "$folder/initdb.log" >&2; exit 1; }
"${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/data/log" -o "-k $folder -c listen_addresses='' \
-c max_connections=200 -c shared_buffers=${WITH_POSTGRES_MEMORY:-32MB} -c log_min_messages=fatal -c log_min_error_statement=panic" start >/dev/null ||
    { cat "$folder/data/log" >&2; exit 1; }
export TEST_POSTGRES="postgresql:///postgres?host=$folder&user=doorward" TEST_POSTGRES_FOLDER=$folder
cd "$here"
"$@"
