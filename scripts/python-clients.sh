#!/usr/bin/env bash
# Makes virtual environments that hold the real, unmodified clients of the Hub, each with the libraries of its day.
#
#   scripts/python-clients.sh [NAME…]     NAME: sdk-<version> of jina-hubble-sdk, jina-<version> of jina; none means all,
#                                         which is what the tests need
#   scripts/python-clients.sh --list      the names known here
#   scripts/python-clients.sh --list-recorded-only
#                                         more names, of clients that are only needed to record their exchanges anew
#
# Prints the folder that holds the environments. They are cached by name and recipe, and made whole or not at all.
# `uv` resolves as of a date, so that an SDK of 2022 does not meet the aiohttp of today. The old jina releases name
# libraries that have no wheels for Python 3.11, the only Python of Debian 12; their hub commands need few of them, so
# jina itself comes without dependencies and next to it comes what `jina.hubble` imports, in the first versions that
# have such wheels.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

CLIENTS=$CACHE_DIR/clients
UV_ENVIRONMENT=$CACHE_DIR/uv

# What `jina.hubble` of any version imports from other projects, apart from jina's own.
OLD_JINA_LIBRARIES=(rich requests filelock 'cryptography<39' docker pathspec aiohttp importlib-metadata 'setuptools<66')
OLD_JINA_CORE=(numpy==1.24.1 protobuf==3.20.3 grpcio==1.51.1 grpcio-reflection==1.48.2 grpcio-health-checking==1.48.2
    pyyaml==6.0 packaging==22.0)

# Dates are those of the release, or the first ones at which its libraries had wheels for Python 3.11.
# recipe NAME: one `uv pip install` a line: the date up to which packages count, then its arguments.
recipe() {
    case $1 in
    sdk-0.39.0) echo 2023-07-20 jina-hubble-sdk==0.39.0 setuptools ;;
    sdk-0.26.12) echo 2022-12-20 jina-hubble-sdk==0.26.12 setuptools ;;
    sdk-0.22.5) echo 2022-12-20 jina-hubble-sdk==0.22.5 setuptools ;;
    sdk-0.19.3) echo 2022-12-20 jina-hubble-sdk==0.19.3 setuptools ;;
    jina-3.34.0) echo 2025-03-26 jina==3.34.0 setuptools ;;
    jina-3.9.2) old_jina 2022-09-26 jina==3.9.2 docarray jina-hubble-sdk jcloud ;;
    jina-3.7.14) old_jina 2022-09-10 jina==3.7.14 docarray==0.14.9 jina-hubble-sdk==0.16.1 jcloud==0.0.34 ;;
    jina-3.0.0) old_jina 2022-02-20 jina==3.0.0 docarray ;;
    jina-2.6.4) old_jina 2022-11-01 jina==2.6.4 pyzmq==24.0.1 tornado==6.2 ;;
    jina-2.7.0) old_jina 2022-11-01 jina==2.7.0 docarray==0.1.3 pyzmq==24.0.1 tornado==6.2 ;; # recorded only
    jina-3.1.0) old_jina 2022-04-01 jina==3.1.0 docarray ;;                                   # recorded only
    jina-3.3.25) old_jina 2022-05-10 jina==3.3.25 docarray ;;                                 # recorded only
    jina-3.6.0) old_jina 2022-07-01 jina==3.6.0 docarray jina-hubble-sdk jcloud ;;            # recorded only
    sdk-0.26.11) echo 2022-12-20 jina-hubble-sdk==0.26.11 setuptools ;;                       # recorded only
    *) return 1 ;;
    esac
}

old_jina() {
    echo "2023-01-31 --no-deps ${OLD_JINA_CORE[*]}"
    echo "2022-12-31 ${OLD_JINA_LIBRARIES[*]}"
    echo "$1 --no-deps ${*:2}"
}

# Those that the tests drive; and those of which the tests only replay what scripts/record-wire.sh recorded.
known() { sed -nE '/# recorded only$/d; s/^    ((sdk|jina)-[0-9.]+)\).*/\1/p' "${BASH_SOURCE[0]}"; }
recorded_only() { sed -nE 's/^    ((sdk|jina)-[0-9.]+)\).*# recorded only$/\1/p' "${BASH_SOURCE[0]}"; }

# The last Python for which libraries of 2022 have wheels. Never downloaded: uv's own downloads are not in any registry.
find_python() {
    local candidate
    for candidate in python3.11 python3.10 python3.9 python3.8 python3; do
        if have "$candidate" && "$candidate" -c 'import sys; sys.exit(not (3, 8) <= sys.version_info < (3, 12))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

ensure_uv() {
    [[ -x $UV_ENVIRONMENT/bin/uv ]] && return
    rm -rf "$UV_ENVIRONMENT"
    if ! "$python" -m venv "$UV_ENVIRONMENT" >/dev/null 2>&1; then
        install_packages python3-venv
        rm -rf "$UV_ENVIRONMENT"
        "$python" -m venv "$UV_ENVIRONMENT" >/dev/null || fail "$python cannot make virtual environments"
    fi
    "$UV_ENVIRONMENT/bin/pip" install --quiet --disable-pip-version-check uv || fail "pip could not install uv"
}

# uv does not read pip's configuration, so it is told what pip would do on this machine. Nothing is compiled, even where
# a compiler happens to be: a recipe works everywhere or nowhere. Byte code makes every later start three times as fast.
pip_setting() { "$UV_ENVIRONMENT/bin/pip" config list | sed -nE "s/^[^=]*[.]$1='(.*)'$/\1/p" | tail -n 1; }

uv() {
    UV_INDEX_URL=${UV_INDEX_URL:-$(pip_setting index-url)} UV_EXTRA_INDEX_URL=${UV_EXTRA_INDEX_URL:-$(pip_setting extra-index-url)} \
        SSL_CERT_FILE=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt} \
        UV_HTTP_TIMEOUT=${UV_HTTP_TIMEOUT:-180} UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 CC=false CXX=false UV_CACHE_DIR=$CACHE_DIR/uv-cache \
        "$UV_ENVIRONMENT/bin/uv" --quiet --no-progress "$@"
}

make_client() {
    local name=$1 made=$CLIENTS/.$1.partial line
    rm -rf "$made"
    # Relocatable, because it is made under another name; scripts then find their Python relative to themselves.
    uv venv --relocatable --python "$python" "$made"
    while IFS= read -r line; do
        # shellcheck disable=SC2086 # a line is a list of arguments
        uv pip install --python "$made/bin/python" --exclude-newer ${line%% *} ${line#* } ||
            fail "uv could not install $name"
    done < <(recipe "$name")
    recipe "$name" >"$made/recipe"
    rm -rf "${CLIENTS:?}/$name"
    mv "$made" "$CLIENTS/$name"
}

up_to_date() { "$CLIENTS/$1/bin/python" -c '' 2>/dev/null && [[ $(cat "$CLIENTS/$1/recipe" 2>/dev/null) == "$(recipe "$1")" ]]; }
all_up_to_date() {
    local name
    for name in "${names[@]}"; do up_to_date "$name" || return 1; done
}

case ${1:-} in
--list)
    known
    exit
    ;;
--list-recorded-only)
    recorded_only
    exit
    ;;
esac
names=("$@")
if ((${#names[@]} == 0)); then mapfile -t names < <(known); fi
for name in "${names[@]}"; do
    recipe "$name" >/dev/null || fail "unknown client $name; known are: $( (known && recorded_only) | tr '\n' ' ')"
done

if ! all_up_to_date; then
    mkdir -p "$CLIENTS"
    take_turns "$CLIENTS/.lock"
    if ! python=$(find_python); then
        install_packages python3 python3-venv
        python=$(find_python) || fail "the old clients need a Python of 3.8 to 3.11 (Debian 12 has 3.11)"
    fi
    ensure_uv
    for name in "${names[@]}"; do
        up_to_date "$name" && continue
        say "installing the client $name"
        make_client "$name"
    done
fi
echo "$CLIENTS"
