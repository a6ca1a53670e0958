#!/usr/bin/env bash
# Makes a virtual environment with schemathesis, which asks a running Hub whatever its OpenAPI document allows, and more.
#
# Prints the Python that has it. Made whole or not at all, and kept until the version here changes.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

VERSION=4.32.5
ENVIRONMENT=$CACHE_DIR/schemathesis-$VERSION

is_there() { "$ENVIRONMENT/bin/python" -c 'import schemathesis' 2>/dev/null; }

if ! is_there; then
    take_turns "$CACHE_DIR/schemathesis.lock"
fi
if ! is_there; then
    have python3 || install_packages python3
    say "installing schemathesis $VERSION"
    made=$ENVIRONMENT.partial
    rm -rf "$made" "$ENVIRONMENT"
    if ! python3 -m venv "$made" >/dev/null 2>&1; then
        install_packages python3-venv
        rm -rf "$made"
        python3 -m venv "$made" >/dev/null || fail "python3 cannot make virtual environments"
    fi
    "$made/bin/python" -m pip install --quiet --disable-pip-version-check "schemathesis==$VERSION" ||
        fail "pip could not install schemathesis $VERSION"
    mv "$made" "$ENVIRONMENT"
fi
echo "$ENVIRONMENT/bin/python"
