#!/usr/bin/env bash
# Makes sure that this machine has PostgreSQL's programs, and prints the folder that holds initdb and postgres.
#
# Only the programs: the Hub and the tests run clusters of their own, so Debian's default cluster is not created and no
# service is left running. HUB_DATABASE__POSTGRES_BIN wins when it is set; otherwise the newest installed version is taken.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

usable() { [[ -x $1/initdb && -x $1/postgres ]]; }

newest_installed() {
    local folder
    while IFS= read -r folder; do
        if usable "$folder"; then
            echo "$folder"
            return
        fi
    done < <(
        printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV
        if have initdb; then dirname "$(realpath "$(command -v initdb)")"; fi
    )
    return 1
}

if [[ -n ${HUB_DATABASE__POSTGRES_BIN:-} ]]; then
    usable "$HUB_DATABASE__POSTGRES_BIN" || fail "HUB_DATABASE__POSTGRES_BIN=$HUB_DATABASE__POSTGRES_BIN does not hold initdb and postgres"
    echo "$HUB_DATABASE__POSTGRES_BIN"
    exit
fi

if ! folder=$(newest_installed); then
    take_turns "$CACHE_DIR/postgres.lock"
    if ! folder=$(newest_installed); then
        # The package would otherwise create a cluster of 39 MB and start it at every boot.
        install_packages postgresql-common
        as_root sed -ri 's/^#?(create_main_cluster) .*/\1 = false/' /etc/postgresql-common/createcluster.conf
        install_packages postgresql
        folder=$(newest_installed) || fail "postgresql is installed, but initdb and postgres are nowhere to be found"
    fi
fi
echo "$folder"
