#!/usr/bin/env bash
# Makes a virtual environment with moto, whose server speaks S3: what the Hub keeps its bytes in when several replicas share them.
#
# Prints the server's program. Made whole or not at all, and kept until the version here changes.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

VERSION=5.2.5
ENVIRONMENT=$CACHE_DIR/s3-server-$VERSION

is_there() { "$ENVIRONMENT/bin/python" -c 'import moto.server, flask' 2>/dev/null; }

if ! is_there; then
    take_turns "$CACHE_DIR/s3-server.lock"
fi
if ! is_there; then
    have python3 || install_packages python3
    say "installing moto $VERSION"
    made=$ENVIRONMENT.partial
    rm -rf "$made" "$ENVIRONMENT"
    if ! python3 -m venv "$made" >/dev/null 2>&1; then
        install_packages python3-venv
        rm -rf "$made"
        python3 -m venv "$made" >/dev/null || fail "python3 cannot make virtual environments"
    fi
    "$made/bin/python" -m pip install --quiet --disable-pip-version-check "moto[s3,server]==$VERSION" ||
        fail "pip could not install moto $VERSION"
    mv "$made" "$ENVIRONMENT"
fi
# By its module: a program of the environment names the folder that it was made in.
program=$ENVIRONMENT/serve-s3
if [[ ! -x $program ]]; then
    printf '#!/bin/sh\nexec "%s/bin/python" -m moto.server "$@"\n' "$ENVIRONMENT" >"$program.new"
    chmod +x "$program.new"
    mv "$program.new" "$program"
fi
echo "$program"
