#!/usr/bin/env bash
# Sets up everything that the tests need and runs all of them; arguments go to the test runner.
#
# The tests learn where things are from EXECUTOR_HUB_TEST_DOCKER_HOST, …_BASE_IMAGE, …_BUILD_ENVIRONMENT (JSON),
# …_CLIENTS (a folder of environments), …_SCHEMATHESIS (a Python that has it), …_S3_SERVER (a program), …_CHROMIUM (a browser,
# its driver beside it), …_AXE (axe-core's script) and …_OCI_TOOLS (the folder of skopeo and its kin). Without a Docker Engine
# the first three are not set and the tests that build images do not run; in CI that is a failure.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"
cd "$PROJECT_ROOT"

# Settings and addresses of whoever runs the tests must not reach them, nor what they are compiled from.
unset "${!HUB_@}" "${!JINA_@}" DATABASE_URL
export SQLX_OFFLINE=true

# Compiling keeps the processors busy, setting up mostly waits for the network: they go on at once.
scripts/build-tools.sh
if cargo nextest --version >/dev/null 2>&1; then
    runner=(cargo nextest run --locked)
    # Many tests wait for a process, an engine or a browser: half as many again as there are processors keep these busy.
    at_once=(--test-threads "$((($(nproc) * 3 + 1) / 2))")
else
    runner=(cargo test --locked --lib --bins --tests)
    at_once=()
fi
"${runner[@]}" --no-run &
compiling=$!
trap 'kill "$compiling" 2>/dev/null || true' EXIT

scripts/postgres-binaries.sh >/dev/null
EXECUTOR_HUB_TEST_CLIENTS=$(scripts/python-clients.sh)
EXECUTOR_HUB_TEST_SCHEMATHESIS=$(scripts/python-tool.sh schemathesis==4.32.5)/python
EXECUTOR_HUB_TEST_S3_SERVER=$(scripts/s3-server.sh)
EXECUTOR_HUB_TEST_CHROMIUM=$(scripts/chromium.sh)
EXECUTOR_HUB_TEST_AXE=$(scripts/axe-core.sh)
EXECUTOR_HUB_TEST_OCI_TOOLS=$(scripts/oci-tools.sh)
export EXECUTOR_HUB_TEST_CLIENTS EXECUTOR_HUB_TEST_SCHEMATHESIS EXECUTOR_HUB_TEST_S3_SERVER
export EXECUTOR_HUB_TEST_CHROMIUM EXECUTOR_HUB_TEST_AXE EXECUTOR_HUB_TEST_OCI_TOOLS

if engine=$(scripts/docker-engine.sh start); then
    eval "$engine"
    EXECUTOR_HUB_TEST_BASE_IMAGE=$(scripts/base-image.sh)
    EXECUTOR_HUB_TEST_BUILD_ENVIRONMENT=$(scripts/build-environment.sh)
    export EXECUTOR_HUB_TEST_DOCKER_HOST=$DOCKER_HOST EXECUTOR_HUB_TEST_BASE_IMAGE EXECUTOR_HUB_TEST_BUILD_ENVIRONMENT
elif [[ ${CI:-} == true ]]; then
    fail "CI runs every test, and those that build images need a Docker Engine"
else
    say "no Docker Engine: the tests that build images are left out"
fi

unset DOCKER_HOST
wait "$compiling"
trap - EXIT
"${runner[@]}" "${at_once[@]}" "$@"
