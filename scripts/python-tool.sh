#!/usr/bin/env bash
# Makes a virtual environment with pinned Python packages that CI checks with, and prints the folder of its programs.
#
#   scripts/python-tool.sh PACKAGE==VERSION…
#
# Made whole or not at all, and kept.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

for package in "${@:-}"; do
    [[ $package == *==* ]] || fail "usage: python-tool.sh PACKAGE==VERSION…"
done
# Named by the first; what comes with it makes no other environment.
home=$CACHE_DIR/${1/==/-}
if [[ ! -x $home/bin/python ]]; then
    take_turns "$CACHE_DIR/python-tool.lock"
fi
if [[ ! -x $home/bin/python ]]; then
    have python3 || install_packages python3
    rm -rf "$home" "$home.partial"
    python3 -m venv "$home.partial" >/dev/null 2>&1 || {
        install_packages python3-venv
        python3 -m venv "$home.partial" >/dev/null || fail "python3 cannot make virtual environments"
    }
    say "installing $*"
    "$home.partial/bin/python" -m pip install --quiet --disable-pip-version-check "$@" || fail "pip could not install $*"
    mv "$home.partial" "$home"
fi
echo "$home/bin"
