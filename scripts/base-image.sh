#!/usr/bin/env bash
# Makes the small Python base image that builds start from, out of Debian packages alone, and loads it into the engine.
#
#   scripts/base-image.sh [NAME] [--with 'PIP REQUIREMENT']… [--check]
#
# NAME is executor-hub-base:bookworm unless told. Debian bookworm brings Python 3.11 with pip; this machine's trusted
# certificates come along, its pip and proxy settings do not (scripts/build-environment.sh has those). Nothing of Jina is
# inside: an Executor that wants the framework names it in its requirements.txt, or --with bakes a list of packages in.
# The root file system is cached as a tarball, the image carries a label with the recipe's hash, and nothing is done
# when the engine already has the image of this recipe. --check runs a pip install in a container and in a build.
# Prints the image's name. DOCKER_HOST says which engine.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

SUITE=bookworm
PACKAGES=ca-certificates,python3,python3-pip,python3-venv
LABEL=executor-hub.base-image.recipe
BUNDLE=/etc/ssl/certs/ca-certificates.crt

name=executor-hub-base:$SUITE
check=false
with=()
while (($#)); do
    case $1 in
    --with)
        with+=("${2:?--with needs a pip requirement}")
        shift 2
        ;;
    --check)
        check=true
        shift
        ;;
    -*) fail "usage: base-image.sh [NAME] [--with 'PIP REQUIREMENT']… [--check]" ;;
    *)
        name=$1
        shift
        ;;
    esac
done

have docker || fail "no docker client: run scripts/docker-engine.sh start first"
docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || fail "no Docker Engine answers: eval \"\$(scripts/docker-engine.sh start)\" first"

# Every certificate that this machine's programs are told to trust, once.
trusted_certificates() {
    local file pip_cert
    pip_cert=$(python3 -m pip config list 2>/dev/null | sed -nE "s/^[^=]*cert='(.*)'$/\1/p" | tail -n 1 || true)
    for file in "$BUNDLE" "${SSL_CERT_FILE:-}" "${PIP_CERT:-}" "$pip_cert" "${REQUESTS_CA_BUNDLE:-}" "${CURL_CA_BUNDLE:-}"; do
        if [[ -n $file && -r $file ]]; then realpath "$file"; fi
    done | sort -u | xargs -r -d '\n' cat
}

recipe=$({
    cat "${BASH_SOURCE[0]}"
    trusted_certificates
} | sha256sum | cut -c1-16)
image_recipe=$recipe
if ((${#with[@]})); then image_recipe+=-$(printf '%s\n' "${with[@]}" | sha256sum | cut -c1-8); fi

in_engine() { [[ $(docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$name" 2>/dev/null) == "$1" ]]; }

# Debian's own mirror unless this machine is set up with another one.
mirror() {
    # shellcheck disable=SC2016 # apt's own placeholder
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $SUITE" 2>/dev/null | head -n 1
}

# Fills a directory with the file system and packs it. Only whole tarballs get the final name.
make_tarball() {
    need_root "to make the base image"
    install_packages debootstrap
    local root
    root=$(mktemp -d "${TMPDIR:-/var/tmp}/executor-hub-base.XXXXXX")
    # shellcheck disable=SC2064 # the directory of now, not of then
    trap "as_root rm -rf --one-file-system '$root'" EXIT
    say "making the base image from Debian packages (about a minute, once)"
    local log=$CACHE_DIR/debootstrap.log
    local from
    from=$(mirror)
    as_root env PATH="$PATH:/usr/sbin:/sbin" debootstrap --variant=minbase --include="$PACKAGES" "$SUITE" "$root" ${from:+"$from"} >"$log" 2>&1 ||
        fail "debootstrap failed: $(tail -n 1 "$log") (all of it: $log)"
    # mktemp's 0700 would become the mode of `/`, and no other user than root could work in the image.
    as_root chmod 0755 "$root"
    # Installed the way Debian means it, so that an upgrade of ca-certificates in a build keeps them.
    trusted_certificates | as_root tee "$root/usr/local/share/ca-certificates/host.crt" >/dev/null
    as_root chroot "$root" /usr/sbin/update-ca-certificates >>"$log" 2>&1 || fail "update-ca-certificates failed, see $log"
    as_root rm -rf "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* \
        "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/var/log/*.log
    # The tarballs of earlier recipes will not be asked for again.
    rm -f "$CACHE_DIR"/base-"$SUITE"-*.tar
    as_root tar --numeric-owner --one-file-system -C "$root" -cf - . >"$1.partial"
    mv "$1.partial" "$1"
    as_root rm -rf --one-file-system "$root"
    trap - EXIT
}

load_tarball() {
    docker import \
        --change "LABEL $LABEL=$2" \
        --change 'ENV LANG=C.UTF-8 PYTHONUNBUFFERED=1 PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1' \
        --change 'CMD ["python3"]' \
        "$1" "$name" >/dev/null
}

# Docker wants one flag for each variable; values pass through the environment, so that no password shows in `ps`.
environment_flags() {
    "$PROJECT_ROOT/scripts/build-environment.sh" |
        docker run --rm -i --network none "$name" python3 -c 'import json, sys
for key, value in json.load(sys.stdin).items(): print(f"{key}={value}")'
}

add_requirements() {
    local container environment
    environment=$(mktemp)
    environment_flags >"$environment"
    say "adding ${with[*]}"
    container=$(docker create --env-file "$environment" "$name" pip install --quiet "${with[@]}")
    rm -f "$environment"
    if ! docker start --attach "$container" >&2; then
        docker rm -f "$container" >/dev/null
        fail "pip could not install ${with[*]} into the base image"
    fi
    # A commit would keep this machine's settings in the image's configuration; an export does not.
    docker export "$container" >"$1.partial"
    mv "$1.partial" "$1"
    docker rm -f "$container" >/dev/null
}

prove_pip_works() {
    local environment folder
    folder=$(mktemp -d)
    environment=$folder/environment
    environment_flags >"$environment"
    docker run --rm --env-file "$environment" "$name" sh -c 'pip install --quiet six && python3 -c "import six"' ||
        fail "a container of $name cannot pip install"
    docker run --rm --network none --user 65534:65534 "$name" python3 -c '' || fail "only root can run programs in $name"
    mkdir "$folder/context"
    # Arguments end in the history of this throw-away image alone; the Hub passes them as secrets.
    {
        printf 'FROM %s\n' "$name"
        sed -nE 's/^([A-Za-z_]+)=.*/ARG \1/p' "$environment"
        printf 'RUN pip install --quiet six && python3 -c "import six"\n'
    } >"$folder/context/Dockerfile"
    local arguments=()
    while IFS= read -r line; do arguments+=(--build-arg "$line"); done <"$environment"
    DOCKER_BUILDKIT=0 docker build --quiet --no-cache --force-rm --tag executor-hub-base-check "${arguments[@]}" "$folder/context" >/dev/null 2>"$folder/log" ||
        fail "a build from $name cannot pip install: $(tail -n 1 "$folder/log")"
    docker image rm executor-hub-base-check >/dev/null
    rm -rf "$folder"
    say "pip install works in a container and in a build of $name"
}

if ! in_engine "$image_recipe"; then
    take_turns "$CACHE_DIR/base-image.lock"
    if ! in_engine "$image_recipe"; then
        tarball=$CACHE_DIR/base-$SUITE-$recipe.tar
        if [[ ! -s $tarball ]]; then make_tarball "$tarball"; fi
        if ((${#with[@]})); then
            wanted=$CACHE_DIR/base-$SUITE-$image_recipe.tar
            if [[ ! -s $wanted ]]; then
                load_tarball "$tarball" "$recipe"
                add_requirements "$wanted"
            fi
            tarball=$wanted
        fi
        load_tarball "$tarball" "$image_recipe"
    fi
fi
if $check; then prove_pip_works; fi
echo "$name"
