#!/usr/bin/env bash
# Builds the Debian package, lets lintian read it, and lives with it in a container whose first process is systemd: install,
# start, use, upgrade, stop, purge.
#
#   tests/packaging/debian.sh [PROGRAM]
#
# PROGRAM is the executor-hub to package, that of target/ unless told. Ends with 77 where there can be no Docker Engine.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/prelude.sh
. scripts/prelude.sh

program=${1:-${CARGO_TARGET_DIR:-target}/debug/executor-hub}
[[ -x $program ]] || fail "no program at $program: cargo build first"
engine=$(scripts/docker-engine.sh start) || {
    echo "no Docker Engine"
    exit 77
}
eval "$engine"
base=$(scripts/base-image.sh)
install_packages lintian

name=hub-debian-try-$$
folder=$(mktemp -d)
clean_up() {
    docker rm --force --volumes "$name" >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap clean_up EXIT
chmod 0755 "$folder"

export DPKG_DEB_COMPRESSOR_TYPE=gzip # soon done
package=$(scripts/debian-package.sh --program "$program" "$folder/first")
again=$(scripts/debian-package.sh --program "$program" "$folder/second")
cmp "$package" "$again" || fail "the same input gave two packages"
# lintian itself ends with 0 whatever it warns of.
found=$(lintian --allow-root --profile debian "$package")
[[ -z $found ]] || fail "lintian: $found"

docker build --quiet --tag executor-hub-systemd-try - >/dev/null 2>"$folder/log" <<DOCKERFILE || fail "no image with systemd: $(tail -n 3 "$folder/log")"
FROM $base
RUN apt-get update && apt-get install --yes --no-install-recommends systemd systemd-sysv dbus postgresql-common \\
    && sed -ri 's/^#?(create_main_cluster) .*/\\1 = false/' /etc/postgresql-common/createcluster.conf \\
    && apt-get install --yes --no-install-recommends postgresql-15 \\
    && groupadd --system docker \\
    && systemctl mask systemd-udevd.service systemd-logind.service
DOCKERFILE
# What a service manager needs to give services namespaces of their own; nothing of this machine is shared but the package.
docker run --detach --name "$name" --network none --cap-add SYS_ADMIN --security-opt seccomp=unconfined --cap-add SYS_PTRACE \
    --cap-add DAC_READ_SEARCH --cgroupns private --tmpfs /run --tmpfs /tmp --volume "$folder/first:/package:ro" \
    executor-hub-systemd-try /lib/systemd/systemd >/dev/null
inside() { docker exec "$name" "$@"; }
is_up() { inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; }
poll_until 60 is_up || fail "systemd does not start in a container here"

must_be() {
    local wanted=$1 found
    shift
    found=$(inside "$@" 2>&1) || true
    [[ $found == "$wanted" ]] || fail "$* gives '$found' instead of '$wanted'"
}

inside dpkg --install "/package/${package##*/}" >"$folder/log" 2>&1 || fail "dpkg: $(tail -n 3 "$folder/log")"
must_be 'root:executor-hub 640' stat -c '%U:%G %a' /etc/executor-hub/environment
must_be inactive systemctl is-active executor-hub
inside executor-hub --config /etc/executor-hub/hub.toml config check >/dev/null
inside systemctl enable --quiet --now executor-hub
must_be notify systemctl show --property Type --value executor-hub
inside systemctl reload executor-hub
answers() { inside executor-hub ping >/dev/null 2>&1; }
poll_until 60 answers || fail "the service does not answer: $(inside journalctl --unit executor-hub --no-pager --lines 5)"
must_be executor-hub stat -c %U /var/lib/executor-hub/postgres
inside executor-hub user create alice >/dev/null
inside executor-hub token create alice | grep -q '^ehub_' || fail "no token from the command line"

# What the note says of the units' exposure, so that it cannot grow unseen.
for unit in executor-hub:1.2 executor-hub-worker:2.4; do
    exposure=$(inside systemd-analyze security --no-pager "${unit%:*}" | sed -nE 's/.*exposure level.*: ([0-9.]+) .*/\1/p')
    awk -v is="$exposure" -v may="${unit#*:}" 'BEGIN { exit !(is != "" && is <= may) }' || fail "${unit%:*} is exposed by $exposure"
    say "${unit%:*}: exposure $exposure"
done

# An upgrade starts the service anew and keeps what is in it; a configuration that was changed stays.
before=$(inside systemctl show --property MainPID --value executor-hub)
inside sh -c 'echo "# mine" >>/etc/executor-hub/hub.toml'
inside dpkg --install "/package/${package##*/}" >"$folder/log" 2>&1 || fail "dpkg: $(tail -n 3 "$folder/log")"
poll_until 60 answers || fail "the service does not come back after an upgrade"
[[ $(inside systemctl show --property MainPID --value executor-hub) != "$before" ]] || fail "an upgrade left the old program running"
inside grep -q '^# mine' /etc/executor-hub/hub.toml
if inside executor-hub user create alice >/dev/null 2>&1; then fail "alice is gone after an upgrade"; fi

inside systemctl stop executor-hub
must_be success systemctl show --property Result --value executor-hub
# The worker's unit starts the program, and says in a line what it is missing.
inside systemctl start executor-hub-worker || true
needs() { inside journalctl --unit executor-hub-worker --no-pager | grep -q 'a worker needs the database of its Hub'; }
poll_until 20 needs || fail "the worker did not start: $(inside journalctl --unit executor-hub-worker --no-pager --lines 5)"

inside dpkg --purge executor-hub >"$folder/log" 2>&1 || fail "dpkg: $(tail -n 3 "$folder/log")"
inside test ! -e /etc/executor-hub -a -d /var/lib/executor-hub/blobs || fail "a purge leaves settings, or takes what people pushed"
echo "the package installs, serves, upgrades and goes"
