#!/usr/bin/env bash
# Records anew what the real clients and the Hub say to each other: tests/wire/<client>/<flow>.http.
#
#   scripts/record-wire.sh [CLIENT…]     CLIENT: a name of scripts/python-clients.sh; none means all, those of
#                                        `--list-recorded-only` included
#
# For each flow the tests start a Hub with a scripted engine, tests/sdk/record.py stands as a proxy between it and the
# client, and tests/sdk/flows.py says what the client does. What was recorded is replayed at once on a second Hub. Whoever
# changes what the Hub answers records anew and reads the difference in git: these clients cannot be mended.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"
cd "$PROJECT_ROOT"

clients=("$@")
if ((${#clients[@]} == 0)); then
    mapfile -t clients < <(scripts/python-clients.sh --list && scripts/python-clients.sh --list-recorded-only)
fi
scripts/build-tools.sh
scripts/postgres-binaries.sh >/dev/null
EXECUTOR_HUB_TEST_CLIENTS=$(scripts/python-clients.sh "${clients[@]}")
# Some flows of others are prepared by the newest SDK.
scripts/python-clients.sh sdk-0.39.0 >/dev/null
export EXECUTOR_HUB_TEST_CLIENTS EXECUTOR_HUB_RECORD_WIRE="${clients[*]}"

# Settings and addresses of whoever records must not reach what is recorded.
unset "${!HUB_@}" "${!JINA_@}" DATABASE_URL DOCKER_HOST
export SQLX_OFFLINE=true
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --locked -E 'test(/^wire::clients::/)'
else
    cargo test --locked --test it wire::clients::
fi
