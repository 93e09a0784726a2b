#!/bin/sh
# Renews fixtures/real/sample.pgdump: a small database, dumped by the real pg_dump of PostgreSQL.
# The other fixture there, dr-drill.cdx.json, is made by `cargo cyclonedx --format json`.
# Needs PostgreSQL's own programs; the server listens on a socket in a temporary directory only.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
out=$(cd "$(dirname "$0")/.." && pwd)/fixtures/real/sample.pgdump
dir=$(mktemp -d)
chmod 755 "$dir"
run() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; else "$@"; fi; }
[ "$(id -u)" = 0 ] && chown nobody "$dir"
run "$bin/initdb" -D "$dir/data" -U postgres -A trust -N --locale=C -E UTF8 >/dev/null
run "$bin/postgres" -D "$dir/data" -c listen_addresses= -c unix_socket_directories="$dir" >"$dir/log" 2>&1 &
# Ended by the server's own process id: that of the job is that of the shell around it.
trap 'kill -INT "$(head -n 1 "$dir/data/postmaster.pid")"; wait; rm -rf "$dir"' EXIT
for _ in $(seq 100); do run "$bin/pg_isready" -q -h "$dir" -U postgres && break; sleep 0.1; done
run "$bin/psql" -q -h "$dir" -U postgres <<'SQL'
CREATE TYPE mood AS ENUM ('calm', 'wild');
CREATE TABLE ship (id serial PRIMARY KEY, name text NOT NULL UNIQUE, mood mood, seen timestamptz, extra jsonb);
CREATE TABLE port (id int PRIMARY KEY, ship_id int REFERENCES ship, note text);
INSERT INTO ship (name, mood, extra) SELECT 'Ærø ' || n, 'calm', json_build_object('n', n) FROM generate_series(1, 500) n;
INSERT INTO port SELECT n, n, repeat('x', n) FROM generate_series(1, 200) n;
CREATE VIEW calm AS SELECT * FROM ship WHERE mood = 'calm';
SELECT lo_from_bytea(0, '\xdeadbeef');
SQL
run "$bin/pg_dump" -h "$dir" -U postgres -Fc postgres > "$out"
ls -l "$out"
