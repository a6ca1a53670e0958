#!/usr/bin/env bash
# Builds the Debian package: program, manual page, systemd units, a configuration to start from.
#
#   scripts/debian-package.sh [--program FILE] [FOLDER]
#
# Without --program the release program is compiled first. Writes FOLDER/executor-hub_VERSION_ARCHITECTURE.deb (target/debian
# unless told) and prints its path. It runs wherever glibc is as new as what the program asks for; the package says which.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

MAINTAINER='Executor Hub authors <executor-hub@users.noreply.github.com>'

program='' folder=''
while (($#)); do
    case $1 in
    --program)
        program=${2:?--program needs a file}
        shift 2
        ;;
    -*) fail "usage: debian-package.sh [--program FILE] [FOLDER]" ;;
    *)
        folder=$1
        shift
        ;;
    esac
done
folder=$(realpath -m -- "${folder:-$PROJECT_ROOT/target/debian}")
if [[ -n $program ]]; then program=$(realpath -- "$program"); fi

cd "$PROJECT_ROOT"
if [[ -z $program ]]; then
    scripts/build-tools.sh
    SQLX_OFFLINE=true cargo build --release --locked --bin executor-hub >&2
    program=${CARGO_TARGET_DIR:-target}/release/executor-hub
fi
[[ -x $program ]] || fail "$program is not a program"
install_packages binutils help2man

version=$(sed -nE '0,/^version/s/^version = "(.*)"/\1/p' Cargo.toml)
architecture=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"
# The same input gives the same package, byte for byte.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH
# Files of a package are everybody's to read, whatever the umask of whoever builds it.
umask 022

install -D -m 0755 "$program" "$root/usr/bin/executor-hub"
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/executor-hub"
for unit in executor-hub executor-hub-worker; do
    install -D -m 0644 "packaging/systemd/$unit.service" "$root/lib/systemd/system/$unit.service"
done
install -D -m 0644 packaging/systemd/executor-hub.sysusers "$root/usr/lib/sysusers.d/executor-hub.conf"
install -D -m 0644 packaging/systemd/executor-hub.tmpfiles "$root/usr/lib/tmpfiles.d/executor-hub.conf"
# Closed from the first moment; tmpfiles then lets the Hub's group read.
install -d -m 0750 "$root/etc/executor-hub"
install -m 0640 packaging/hub.toml packaging/environment "$root/etc/executor-hub/"

install -D -m 0644 -t "$root/usr/share/executor-hub" config/grafana-dashboard.json config/prometheus-rules.yml
documents=$root/usr/share/doc/executor-hub
install -D -m 0644 packaging/debian/copyright "$documents/copyright"
install -m 0644 README.md CHANGELOG.md docker-compose.yml "$documents/"
install -D -m 0644 -t "$documents/docs" docs/*.md
{
    printf 'executor-hub (%s) unstable; urgency=medium\n\n  * See CHANGELOG.md beside this file.\n\n' "$version"
    printf ' -- %s  %s\n' "$MAINTAINER" "$(date --utc --rfc-email --date "@$SOURCE_DATE_EPOCH")"
} | gzip -9 --no-name >"$documents/changelog.gz"
install -D -m 0644 packaging/debian/lintian-overrides "$root/usr/share/lintian/overrides/executor-hub"
mkdir -p "$root/usr/share/man/man1"
# Options that hold for every command, then each command's own page of help.
help2man --no-info --no-discard-stderr --name "the server behind jina hub push, for a team to run itself" "$root/usr/bin/executor-hub" |
    gzip -9 --no-name >"$root/usr/share/man/man1/executor-hub.1.gz"

glibc=$(objdump -T "$root/usr/bin/executor-hub" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<CONTROL
Package: executor-hub
Version: $version
Architecture: $architecture
Maintainer: $MAINTAINER
Section: net
Priority: optional
Installed-Size: $(du -sk --apparent-size "$root" | cut -f1)
Depends: libc6 (>= ${glibc#GLIBC_}), libgcc-s1 (>= 4.2), systemd | systemd-standalone-sysusers, systemd | systemd-standalone-tmpfiles
Recommends: ca-certificates, postgresql
Suggests: docker.io
Homepage: https://github.com/executor-hub/executor-hub
Description: self-hosted registry for Jina Executors
 The server behind "jina hub push", for a team to run itself: clients of every
 generation push folders of Python, the Hub checks them, builds their images
 through a Docker Engine, and serves source and image.
 .
 Records are kept in PostgreSQL, its own or a given one; bytes in a folder or an
 S3-compatible bucket.
CONTROL
printf '/etc/executor-hub/%s\n' environment hub.toml >"$root/DEBIAN/conffiles"
for script in postinst prerm postrm; do install -m 0755 "packaging/debian/$script" "$root/DEBIAN/$script"; done
(cd "$root" && find usr lib -type f -print0 | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"

mkdir -p "$folder"
package=$folder/executor-hub_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
echo "$package"
