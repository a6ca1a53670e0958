#!/usr/bin/env bash
# Builds the Hub's container images where no image registry can be reached: bases come from Debian packages.
#
#   scripts/container-image.sh [--program FILE] [--whole] [--tag NAME]
#
# Without --program the release program is compiled first. --whole builds the image that has PostgreSQL's programs too, on
# the base of scripts/base-image.sh; without it the small one, on a base that holds libc, libgcc, certificates and
# nothing else. NAME is executor-hub:VERSION, or executor-hub:VERSION-whole, unless told. Prints it. DOCKER_HOST says which engine.
# Where registries answer, `docker build .` needs none of this.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

RUNTIME=executor-hub-runtime:bookworm
RUNTIME_PACKAGES=(base-files netbase tzdata libc6 libgcc-s1 gcc-12-base ca-certificates)
LABEL=executor-hub.runtime.recipe

program='' tag='' target=hub
while (($#)); do
    case $1 in
    --program | --tag)
        [[ -n ${2:-} ]] || fail "$1 needs a value"
        if [[ $1 == --tag ]]; then tag=$2; else program=$2; fi
        shift 2
        ;;
    --whole)
        target=whole
        shift
        ;;
    *) fail "usage: container-image.sh [--program FILE] [--whole] [--tag NAME]" ;;
    esac
done

have docker || fail "no docker client: run scripts/docker-engine.sh start first"
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || fail "no Docker Engine answers: eval \"\$(scripts/docker-engine.sh start)\" first"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# The program runs on Debian 12, so its libraries are Debian 12's, also where this machine is a later Debian.
make_runtime() {
    local packages=$folder/packages root=$folder/root deb recipe
    mkdir -p "$packages" "$root"
    . /etc/os-release
    [[ ${VERSION_CODENAME:-} == bookworm ]] || fail "makes its base out of packages of Debian bookworm, and this is ${PRETTY_NAME:-another system}"
    recipe=$({
        cat "${BASH_SOURCE[0]}"
        apt-cache show --no-all-versions "${RUNTIME_PACKAGES[@]}" | grep ^SHA256
    } | sha256sum | cut -c1-16)
    [[ $(docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$RUNTIME" 2>/dev/null) != "$recipe" ]] || return 0
    say "making the runtime base out of ${RUNTIME_PACKAGES[*]}"
    (cd "$packages" && chmod 0777 . && apt-get download -qq "${RUNTIME_PACKAGES[@]}" >"$folder/log" 2>&1) ||
        { apt_get update && (cd "$packages" && apt-get download -qq "${RUNTIME_PACKAGES[@]}"); } >"$folder/log" 2>&1 ||
        fail "apt-get could not fetch ${RUNTIME_PACKAGES[*]}: $(tail -n 1 "$folder/log")"
    for deb in "$packages"/*.deb; do dpkg-deb --extract "$deb" "$root"; done
    # What the packages' own scripts would have made: the bundle, the users, a /tmp for everybody.
    find "$root/usr/share/ca-certificates" -name '*.crt' -exec cat {} + >"$root/etc/ssl/certs/ca-certificates.crt"
    printf '%s\n' 'root:x:0:0:root:/root:/sbin/nologin' 'nonroot:x:65532:65532:nonroot:/data:/sbin/nologin' >"$root/etc/passwd"
    printf '%s\n' 'root:x:0:' 'nonroot:x:65532:' >"$root/etc/group"
    chmod 1777 "$root/tmp"
    chmod 0755 "$root"
    rm -rf "$root"/usr/share/{doc,man,lintian,locale,ca-certificates} "$root"/usr/sbin "$root"/usr/lib/*/gconv "$root"/etc/update-motd.d
    tar --owner 0 --group 0 --numeric-owner -C "$root" -cf - . |
        docker import --change "LABEL $LABEL=$recipe" --change "ENV LANG=C.UTF-8" - "$RUNTIME" >/dev/null
}

cd "$PROJECT_ROOT"
compose=$(scripts/compose.sh)
version=$(sed -nE '0,/^version/s/^version = "(.*)"/\1/p' Cargo.toml)
if [[ -z $program ]]; then
    scripts/build-tools.sh
    SQLX_OFFLINE=true cargo build --release --locked --bin executor-hub >&2
    program=${CARGO_TARGET_DIR:-target}/release/executor-hub
fi
[[ -x $program ]] || fail "$program is not a program"
if [[ $target == whole ]]; then
    base=$(scripts/base-image.sh)
    bases="DEBIAN_IMAGE: \"$base\""
    tag=${tag:-executor-hub:$version-whole}
else
    make_runtime
    bases="RUNTIME_IMAGE: \"$RUNTIME\""
    tag=${tag:-executor-hub:$version}
fi

mkdir "$folder/context"
cp Dockerfile .dockerignore "$folder/context/"
# Debug information is worth its bytes on disk, not in every image; names of functions stay for backtraces.
have strip || install_packages binutils
strip --strip-debug -o "$folder/context/executor-hub" "$program"
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
# Compose brings a BuildKit client of its own; Docker's may be one that lacks it.
cat >"$folder/build.yml" <<YAML
name: executor-hub-image
services:
  image:
    image: $tag
    build:
      context: $folder/context
      target: $target
      args: { PROGRAM: given, $bases, VERSION: "$version", REVISION: "$revision" }
YAML
"$compose" --file "$folder/build.yml" build --quiet >"$folder/log" 2>&1 || fail "the image could not be built: $(tail -n 20 "$folder/log")"
echo "$tag"
