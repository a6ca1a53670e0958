#!/usr/bin/env bash
# Remakes .sqlx, the description of every query that lets the project be built without a database.
#
#   scripts/sqlx-prepare.sh            writes .sqlx
#   scripts/sqlx-prepare.sh --check    fails when .sqlx is not what the code and the migrations say
#
# A throw-away PostgreSQL gets every migration in order, and then the query macros, which see a live database and
# SQLX_OFFLINE_DIR, write their files themselves while the code is checked: no other tool is needed.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"
cd "$PROJECT_ROOT"

case ${1:-} in
--check) check=true ;;
'') check=false ;;
*) fail "usage: sqlx-prepare.sh [--check]" ;;
esac

binaries=$(scripts/postgres-binaries.sh)
have psql || [[ -x $binaries/psql ]] || install_packages postgresql-client
# Below /tmp, because a socket's path may have 107 bytes and the postgres user must reach it.
scratch=$(mktemp -d /tmp/sqlx-prepare.XXXXXX)
chmod 0755 "$scratch"

# PostgreSQL refuses to run as root.
as_server() {
    if [[ $EUID -eq 0 ]]; then
        (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@")
    else
        "$@"
    fi
}

clean_up() {
    # Not `fast` but `immediate`: nothing in there is worth a checkpoint.
    as_server "$binaries/pg_ctl" -D "$scratch/server/data" -m immediate -w stop >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap clean_up EXIT

mkdir "$scratch/server" "$scratch/queries"
if [[ $EUID -eq 0 ]]; then chown postgres: "$scratch/server"; fi
as_server "$binaries/initdb" -D "$scratch/server/data" --username=postgres --encoding=UTF8 --locale=C.UTF-8 \
    --auth=trust --no-sync >"$scratch/initdb.log" 2>&1 || fail "initdb failed: $(tail -n 1 "$scratch/initdb.log")"
as_server "$binaries/pg_ctl" -D "$scratch/server/data" -l "$scratch/server/log" -w -s \
    -o "-F -k $scratch/server -c listen_addresses=''" start || fail "postgres did not start: $(tail -n 1 "$scratch/server/log")"

export PGHOST=$scratch/server PGUSER=postgres PGDATABASE=postgres
for migration in migrations/*.sql; do
    [[ -e $migration && $migration != *.down.sql ]] || continue
    # As sqlx does it: in one transaction, unless the first line asks for none.
    transaction=--single-transaction
    if head -n 1 "$migration" | grep -q '^-- no-transaction'; then transaction=; fi
    PATH=$binaries:$PATH psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 ${transaction:+"$transaction"} --file "$migration" >/dev/null ||
        fail "$migration does not apply"
done

# Cargo does not know that the macros depend on these variables: a touched library makes it expand them all again,
# those of the binary and the tests included, because they depend on the library.
touch src/lib.rs
DATABASE_URL="postgres://postgres@localhost/postgres?host=$scratch/server" SQLX_OFFLINE=false \
    SQLX_OFFLINE_DIR="$scratch/queries" cargo check --quiet --locked --all-targets ||
    fail "the code does not compile against the migrations"

if $check; then
    mkdir -p "$scratch/none"
    [[ -d .sqlx ]] && known=.sqlx || known=$scratch/none
    diff -rq "$known" "$scratch/queries" >&2 || fail ".sqlx is stale: run scripts/sqlx-prepare.sh and commit what it changes"
else
    rm -rf .sqlx
    if compgen -G "$scratch/queries/*.json" >/dev/null; then cp -r "$scratch/queries" .sqlx; fi
fi
