# shellcheck shell=bash
# What every script here starts with: where the project is, where caches go, how to become root and how to take turns.
#
# Sourced, never run. The caller has set `-euo pipefail`. Nothing is printed on standard output, because callers
# eval or capture it; what a person should read goes to standard error.

PROJECT_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# `.cache` is ignored by git and by the image build. Several clones can share one cache through XDG_CACHE_HOME.
CACHE_DIR=${XDG_CACHE_HOME:+$XDG_CACHE_HOME/executor-hub}
CACHE_DIR=${CACHE_DIR:-$PROJECT_ROOT/.cache}
mkdir -p "$CACHE_DIR"

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

fail() {
    say "$*"
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Runs a command as root: directly, or through sudo for everybody else. Asks for a password only on a terminal.
as_root() {
    need_root "for: $1"
    if [[ $EUID -eq 0 ]]; then "$@"; else sudo "$@"; fi
}

# need_root REASON: ends the script, saying what to do, when it cannot become root.
need_root() {
    [[ $EUID -eq 0 ]] && return
    have sudo && { [[ -t 0 ]] || sudo -n true 2>/dev/null; } && return
    fail "needs root $1 (run it as root, or as somebody who may use sudo)"
}

# Installs Debian packages that are missing; silent when all are there.
# Services are kept from starting: a script that wants one running starts its own.
install_packages() {
    local missing=() package
    have apt-get || fail "needs the packages: $* (no apt-get here: install them by hand)"
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    need_root "to install ${missing[*]}"
    say "installing ${missing[*]}"
    local log=$CACHE_DIR/apt.log
    # A second try after `update`: a fresh machine has no package lists, a long-lived one has outdated lists.
    apt_install "${missing[@]}" >"$log" 2>&1 && return 0
    apt_get update >>"$log" 2>&1 || true
    apt_install "${missing[@]}" >>"$log" 2>&1 || fail "apt-get could not install ${missing[*]}: $(tail -n 1 "$log") (all of it: $log)"
}

# Waits for another apt-get rather than failing beside it.
apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -qq "$@" </dev/null; }
apt_install() { apt_get install --no-install-recommends -y "$@"; }

# take_turns FILE: holds a lock on that file until this script ends. Children that outlive it must close descriptor 9.
# Opened for reading, because another user's file in a shared directory may not be opened for writing.
take_turns() {
    have flock || install_packages util-linux
    [[ -e $1 ]] || (: >"$1") 2>/dev/null || true
    [[ -r $1 ]] || fail "cannot make the lock file $1"
    exec 9<"$1"
    flock -w "${EXECUTOR_HUB_LOCK_SECONDS:-1800}" 9 || fail "another run holds $1"
}

# poll_until SECONDS COMMAND…: true as soon as the command is, false when the time is over.
poll_until() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}
