#!/usr/bin/env bash
# Measures the queue beside pgbench and the followers of builds beside nginx's nchan, each pair in one run, and prints ratios.
# Exit status 1 when a goal is missed.
#
#   scripts/bench-builds.sh              both
#   scripts/bench-builds.sh queue        claiming and completing tasks, 8 and 32 workers
#   scripts/bench-builds.sh followers    1,000 followers of one build
#
# Everything runs on loopback, in a folder of its own below /var/tmp that is removed in the end.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"
cd "$PROJECT_ROOT"

scripts/build-tools.sh
postgres=$(scripts/postgres-binaries.sh)
have python3 || install_packages python3
have pgbench || install_packages postgresql-contrib
nchan=${NCHAN_MODULE:-/usr/lib/nginx/modules/ngx_nchan_module.so}
[[ -x /usr/sbin/nginx ]] || install_packages nginx-light
[[ -e $nchan ]] || install_packages libnginx-mod-nchan

SQLX_OFFLINE=true cargo build --release --locked --bin executor-hub --example bench_queue --example bench_followers
unset "${!HUB_@}" DATABASE_URL DOCKER_HOST
export HUB_DATABASE__POSTGRES_BIN=$postgres
# A thousand followers are a thousand connections on either side.
ulimit -n 8192
release=${CARGO_TARGET_DIR:-target}/release
status=0
what=${1:-queue followers}
if [[ $what == *queue* ]]; then
    python3 benches/queue.py --hub "$release/executor-hub" --load "$release/examples/bench_queue" || status=1
fi
if [[ $what == *followers* ]]; then
    python3 benches/followers.py --hub "$release/executor-hub" --load "$release/examples/bench_followers" \
        --nchan "$nchan" || status=1
fi
exit "$status"
