#!/usr/bin/env bash
# Measures the Hub beside nginx and Debian's docker-registry in one run and prints ratios; docs/PERFORMANCE.md explains
# them. Exit status 1 when a goal is missed.
#
#   scripts/bench.sh                     every metric
#   scripts/bench.sh --quick             shorter rounds, fewer of them
#   scripts/bench.sh --only resolve      one metric (may be given several times; --list names them)
#
# Everything runs on loopback, in a folder of its own below /var/tmp (BENCH_DIR names another place) that is removed in
# the end. Nothing that is installed or running already is touched.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"
cd "$PROJECT_ROOT"

scripts/build-tools.sh
postgres=$(scripts/postgres-binaries.sh)
# The servers are packages that start a service when they are installed; the ones measured here are started by hand.
have python3 || install_packages python3
have wrk || install_packages wrk
[[ -x /usr/sbin/nginx ]] || install_packages nginx-light
have docker-registry || install_packages docker-registry

# The queries were checked against a database when they were written; building must not look for one.
SQLX_OFFLINE=true cargo build --release --locked --bin executor-hub --example bench_bare
# Settings of whoever runs this must not reach the servers.
unset "${!HUB_@}" DATABASE_URL DOCKER_HOST
exec env HUB_DATABASE__POSTGRES_BIN="$postgres" \
    python3 benches/run.py --hub "${CARGO_TARGET_DIR:-target}/release/executor-hub" \
    --bare "${CARGO_TARGET_DIR:-target}/release/examples/bench_bare" "$@"
