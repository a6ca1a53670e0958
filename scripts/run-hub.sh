#!/usr/bin/env bash
# Sets up what is missing and runs the Hub in the foreground; arguments go to `executor-hub serve`.
#
# Whatever is configured already stays as it is: DATABASE_URL or HUB_DATABASE__URL (then no PostgreSQL is installed),
# DOCKER_HOST, HUB_BUILDS__BASE_IMAGE, HUB_BUILDS__ENVIRONMENT, HUB_BUILDS__MODE=off (then no engine is started). A
# machine that cannot have an engine still gets a Hub: it takes and serves packages, and images follow when one appears.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"
cd "$PROJECT_ROOT"

scripts/build-tools.sh
if [[ -z ${DATABASE_URL:-}${HUB_DATABASE__URL:-} ]]; then scripts/postgres-binaries.sh >/dev/null; fi

if [[ ${HUB_BUILDS__MODE:-auto} != off ]]; then
    if engine=$(scripts/docker-engine.sh start); then
        eval "$engine"
        if [[ -z ${HUB_BUILDS__BASE_IMAGE:-} ]]; then
            HUB_BUILDS__BASE_IMAGE=$(scripts/base-image.sh)
            export HUB_BUILDS__BASE_IMAGE
        fi
        if [[ -z ${HUB_BUILDS__ENVIRONMENT:-} ]]; then
            HUB_BUILDS__ENVIRONMENT=$(scripts/build-environment.sh)
            export HUB_BUILDS__ENVIRONMENT
        fi
    else
        say "goes on without a Docker Engine: packages are taken and served, images are not built"
    fi
fi

# The queries were checked against a database when they were written; building must not look for one.
export SQLX_OFFLINE=true
exec cargo run --release --locked --bin executor-hub -- serve "$@"
