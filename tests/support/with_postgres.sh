#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# with_postgres.sh COMMAND [ARG ...]: runs COMMAND against a private PostgreSQL on a free loopback port
# and ends both. The command finds ROWGATE_TEST_PG (the directory: sockets, ca.pem, other_ca.pem),
# ROWGATE_TEST_PG_PORT and ROWGATE_TEST_PG_PASSWORD (user postgres: SCRAM over TCP, trust on the socket;
# user tls: SCRAM over TLS only).
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)
dir=$(mktemp -d /tmp/rowgate-pg.XXXXXX)
as() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
finish() {
    as "$bin/pg_ctl" -D "$dir/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap finish EXIT
trap 'exit 143' INT TERM
[ "$(id -u)" != 0 ] || chown postgres "$dir"
chmod 755 "$dir"
cd "$dir"

authority() { # name
    as openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=rowgate test $1" \
        -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
authority ca
authority other_ca
as openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout server.key -out server.csr 2>/dev/null
as sh -c "printf 'subjectAltName=DNS:localhost\n' > san; openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key \
    -CAcreateserial -days 2 -extfile san -out server.pem 2>/dev/null"

export ROWGATE_TEST_PG=$dir ROWGATE_TEST_PG_PASSWORD=correct-horse
as sh -c "umask 077; printf %s $ROWGATE_TEST_PG_PASSWORD > pw"
as "$bin/initdb" -D "$dir/data" -U postgres -A scram-sha-256 --pwfile=pw -E UTF8 --no-sync >/dev/null
as sh -c "cat > data/pg_hba.conf <<EOF
local all all trust
hostssl all tls all scram-sha-256
host all postgres all scram-sha-256
EOF
cat >> data/postgresql.conf <<EOF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
ssl = on
ssl_cert_file = '$dir/server.pem'
ssl_key_file = '$dir/server.key'
ssl_ca_file = '$dir/ca.pem'
fsync = off
EOF"
for _ in 1 2 3 4 5; do
    export ROWGATE_TEST_PG_PORT=$((20000 + RANDOM % 20000))
    if as "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" -o "-p $ROWGATE_TEST_PG_PORT" start >/dev/null; then
        break
    fi
done
as "$bin/psql" -qX -h "$dir" -p "$ROWGATE_TEST_PG_PORT" -U postgres -d postgres \
    -c "CREATE ROLE tls LOGIN PASSWORD '$ROWGATE_TEST_PG_PASSWORD'"
cd - >/dev/null
"$@"
