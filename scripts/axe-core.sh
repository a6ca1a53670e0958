#!/usr/bin/env bash
# Makes sure that axe-core, which looks for barriers in pages, is in the cache, and prints the path of its script.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

VERSION=4.14.1
script=$CACHE_DIR/axe-core/$VERSION/axe.min.js
if [[ ! -s $script ]]; then
    take_turns "$CACHE_DIR/axe-core.lock"
    if [[ ! -s $script ]]; then
        have npm || install_packages npm
        folder=$(mktemp -d "$CACHE_DIR/axe-core.XXXXXX")
        trap 'rm -rf "$folder"' EXIT
        (cd "$folder" && npm pack --silent "axe-core@$VERSION" >/dev/null) || fail "npm could not fetch axe-core@$VERSION"
        tar -xzf "$folder/axe-core-$VERSION.tgz" -C "$folder" package/axe.min.js
        mkdir -p "${script%/*}"
        mv "$folder/package/axe.min.js" "$script"
    fi
fi
echo "$script"
