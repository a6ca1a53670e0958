#!/usr/bin/env bash
# Runs every command of README.md and docs/ (tests/docs/run.py says how): scripts/try-docs.sh [PROGRAM [FILE…]]
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"
cd "$PROJECT_ROOT"

program=${1:-${CARGO_TARGET_DIR:-target}/debug/executor-hub}
[[ -x $program ]] || fail "no program at $program: cargo build first"
shift || true
scripts/postgres-binaries.sh >/dev/null
client=$(scripts/python-clients.sh sdk-0.39.0)/sdk-0.39.0/bin
have curl || install_packages curl
unset "${!HUB_@}" "${!JINA_@}" DATABASE_URL
if engine=$(scripts/docker-engine.sh start); then
    eval "$engine"
    HUB_BUILDS__BASE_IMAGE=$(scripts/base-image.sh)
    HUB_BUILDS__ENVIRONMENT=$(scripts/build-environment.sh)
    export HUB_BUILDS__BASE_IMAGE HUB_BUILDS__ENVIRONMENT HUB_BUILDS__IMAGE_PREFIX=hub-docs-$$
    remove_images() { docker image ls --quiet --filter "reference=$HUB_BUILDS__IMAGE_PREFIX/*" | sort -u | xargs -r docker image rm --force >/dev/null 2>&1 || true; }
    trap remove_images EXIT
else
    echo "no Docker Engine"
    exit 77
fi
checker=$(scripts/python-tool.sh PyYAML==6.0.3)/python
"$checker" tests/docs/run.py "$program" "$client" "$@"
