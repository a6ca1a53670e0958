#!/usr/bin/env bash
# Makes sure that this machine has Chromium with its driver, and prints the path of the browser; the driver lies beside it as
# `chromedriver`. For the tests of the pages only: the Hub itself needs no browser.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

found() {
    local browser
    for browser in /usr/bin/chromium /usr/bin/google-chrome; do
        if [[ -x $browser && -x ${browser%/*}/chromedriver ]]; then
            echo "$browser"
            return
        fi
    done
    return 1
}

if ! browser=$(found); then
    take_turns "$CACHE_DIR/chromium.lock"
    if ! browser=$(found); then
        install_packages chromium chromium-driver fonts-dejavu-core
        browser=$(found) || fail "chromium is installed, but it or chromedriver is nowhere to be found"
    fi
fi
echo "$browser"
