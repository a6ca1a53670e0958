#!/usr/bin/env bash
# Makes sure that this machine has skopeo, podman, buildah and the docker command, and prints the folder of the first. For
# the tests of the image registry only: the Hub itself needs none of them.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

complete() {
    local tool
    for tool in skopeo podman buildah docker; do
        have "$tool" || return 1
    done
}

if ! complete; then
    take_turns "$CACHE_DIR/oci-tools.lock"
    if ! complete; then
        install_packages skopeo podman buildah docker.io uidmap
        complete || fail "skopeo, podman, buildah and docker are installed, but not all of them are found"
    fi
fi
dirname -- "$(command -v skopeo)"
