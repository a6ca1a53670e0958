#!/usr/bin/env bash
# Gives the caller a Docker Engine: one that already answers, else one of our own.
#
#   eval "$(scripts/docker-engine.sh start)"   prints `export DOCKER_HOST=…`; exits 1 with one line when there can be no engine
#   eval "$(scripts/docker-engine.sh env)"     the same for an engine that answers now; never starts one
#   scripts/docker-engine.sh status            one word: ours, other or none
#   scripts/docker-engine.sh stop              stops ours, and only ours
#
# An engine "answers" when DOCKER_HOST, the current docker context or our own socket accepts `docker version`.
# Ours keeps everything below EXECUTOR_HUB_DOCKER_DIR (default /var/tmp/executor-hub-docker), has its own network
# bridge so that it can live beside a system engine, and is usable by root and by the group of whoever started it.
# Whoever may use that socket is as good as root on this machine, as with every Docker Engine.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

STATE=${EXECUTOR_HUB_DOCKER_DIR:-/var/tmp/executor-hub-docker}
SOCKET=$STATE/docker.sock
# Written by the launcher just before it becomes dockerd; dockerd refuses to start over a pid file that it did not write.
PIDFILE=$STATE/launched.pid
LOG=$STATE/dockerd.log
BRIDGE=exhub0

answers() { have docker && DOCKER_HOST=$1 timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
ours_answers() { [[ -S $SOCKET ]] && answers "unix://$SOCKET"; }

# Prints the address of an engine that answers. Ours is asked last: the system's is what a person expects to be used.
find_engine() {
    have docker || return 1
    local host=${DOCKER_HOST:-}
    if [[ -z $host ]]; then
        host=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || echo unix:///var/run/docker.sock)
    fi
    if answers "$host"; then
        echo "$host"
    elif ours_answers; then
        echo "unix://$SOCKET"
    else
        return 1
    fi
}

print_env() { printf 'export DOCKER_HOST=%q\n' "$1"; }

# runs_on PID PATH: is that a live process with PATH on its command line? False for one that ends while we look.
runs_on() { { tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF -- "$2 "; } 2>/dev/null; }

# Our daemon's pid, if the one in the pid file really is a dockerd that works on our directory: pids get used again.
our_pid() {
    local pid
    pid=$(cat "$PIDFILE" 2>/dev/null) && [[ $pid =~ ^[0-9]+$ ]] || return 1
    runs_on "$pid" "$STATE/data" || return 1
    # A killed daemon that nobody reaped still has a /proc entry.
    ! grep -q '^State:.Z' "/proc/$pid/status" && echo "$pid"
}

# `kill` is part of the shell; the program of that name is not on every machine, and sudo runs programs.
# shellcheck disable=SC2016 # expanded by the inner shell
signal() { as_root bash -c 'kill -s "$1" "$2"' signal "$1" "$2"; }

# What a daemon that was killed leaves: pid files, sockets, and a containerd that would keep the new one waiting.
clear_leftovers() {
    local containerd=$STATE/exec/containerd pid
    pid=$(as_root cat "$containerd/containerd.pid" 2>/dev/null || true)
    if [[ $pid =~ ^[0-9]+$ ]] && runs_on "$pid" "$containerd/containerd.toml"; then
        signal KILL "$pid" 2>/dev/null || true
    fi
    as_root rm -f "$PIDFILE" "$STATE/docker.pid" "$SOCKET" "$containerd"/containerd{.pid,.sock,.sock.ttrpc,-debug.sock}
}

# A bridge of our own: two engines on `docker0` would give the same addresses to different containers.
make_bridge() {
    ip link show "$BRIDGE" >/dev/null 2>&1 || as_root ip link add "$BRIDGE" type bridge
    if [[ -z $(ip -4 -o address show dev "$BRIDGE") ]]; then
        local subnet
        subnet=$(free_subnet)
        as_root ip address add "$subnet" dev "$BRIDGE"
    fi
    as_root ip link set "$BRIDGE" up
}

# The first of a few private networks that no route of this machine touches.
free_subnet() {
    local prefix
    for prefix in 172.30.213 172.27.213 10.213.77 192.168.213; do
        if [[ -z $(ip -4 route show root "$prefix.0/24"; ip -4 route show match "$prefix.0/24" | grep -v '^default' || true) ]]; then
            echo "$prefix.1/24"
            return
        fi
    done
    fail "no free private network for the engine's bridge"
}

# Containers must not send larger packets than the way out takes (VPNs and clouds often have less than 1500).
outer_mtu() {
    local device
    device=$(ip -4 route show default | sed -nE 's/.* dev ([^ ]+).*/\1/p' | head -n 1)
    local mtu=1500
    [[ -n $device ]] && mtu=$(<"/sys/class/net/$device/mtu")
    echo $((mtu < 1500 ? mtu : 1500))
}

install_engine() {
    have dockerd && have docker && have iptables && have ip && return
    local packages=(docker.io iptables iproute2 ca-certificates)
    # Debian 13 split the client off.
    if apt-cache show docker-cli >/dev/null 2>&1; then packages+=(docker-cli); fi
    install_packages "${packages[@]}"
}

# Runs as root: a dockerd with nothing of the caller's terminal, lock or environment. BUILDKIT_* keep long logs whole.
launch() {
    as_root mkdir -p "$STATE/data" "$STATE/exec"
    as_root chmod 0755 "$STATE"
    # shellcheck disable=SC2016 # expanded by the inner shell
    as_root env -i PATH="$PATH:/usr/sbin:/sbin" HOME="$STATE" LANG=C.UTF-8 \
        BUILDKIT_STEP_LOG_MAX_SPEED=1073741824 BUILDKIT_STEP_LOG_MAX_SIZE=1073741824 \
        HTTP_PROXY="${HTTP_PROXY:-${http_proxy:-}}" HTTPS_PROXY="${HTTPS_PROXY:-${https_proxy:-}}" \
        NO_PROXY="${NO_PROXY:-${no_proxy:-}}" \
        setsid --fork bash -c '
            exec 9<&- </dev/null >"$1" 2>&1
            echo $$ >"$2"
            shift 2
            ulimit -n 1048576 2>/dev/null || true
            exec "$@"' \
        launch "$LOG" "$PIDFILE" dockerd --data-root "$STATE/data" --exec-root "$STATE/exec" --pidfile "$STATE/docker.pid" \
        --host "unix://$SOCKET" --group "$(id -g)" --bridge "$BRIDGE" --mtu "$(outer_mtu)"
}

died() { [[ -s $PIDFILE ]] && ! our_pid >/dev/null; }
why_it_died() { grep -E 'failed to start|fatal|root privileges' "$LOG" | tail -n 1; }
settled() { ours_answers || died; }

start() {
    local host
    if host=$(find_engine); then
        print_env "$host"
        return
    fi
    need_root "to start a Docker Engine"
    take_turns "$STATE.lock"
    install_engine
    # Installing may have started the system's engine, and another run may have started ours while we waited.
    if host=$(find_engine); then
        print_env "$host"
        return
    fi
    if [[ -n ${DOCKER_HOST:-} && $DOCKER_HOST != "unix://$SOCKET" ]]; then
        say "DOCKER_HOST=$DOCKER_HOST does not answer; using an engine of our own"
    fi
    local pid
    if pid=$(our_pid); then
        # It runs but does not answer us: still starting, or started by somebody whose group we are not in.
        poll_until 30 ours_answers || fail "the engine of pid $pid does not let $(id -un) in: $SOCKET belongs to group $(stat -c %G "$SOCKET" 2>/dev/null)"
    else
        clear_leftovers
        make_bridge
        launch
        poll_until 60 settled || fail "dockerd did not answer within a minute: see $LOG"
        ours_answers || fail "dockerd could not start: $(why_it_died) (all of it: $LOG)"
        say "started a Docker Engine of our own below $STATE"
    fi
    print_env "unix://$SOCKET"
}

stop() {
    [[ -d $STATE ]] || return 0
    need_root "to stop the Docker Engine below $STATE"
    take_turns "$STATE.lock"
    local pid
    if pid=$(our_pid); then
        signal TERM "$pid"
        if ! poll_until 30 gone; then
            signal KILL "$pid" 2>/dev/null || true
        fi
    fi
    clear_leftovers
    if have ip && ip link show "$BRIDGE" >/dev/null 2>&1; then as_root ip link delete "$BRIDGE"; fi
}
gone() { ! our_pid >/dev/null; }

case ${1:-} in
start) start ;;
stop) stop ;;
env)
    host=$(find_engine) || fail "no Docker Engine answers (scripts/docker-engine.sh start gives you one)"
    print_env "$host"
    ;;
status)
    if host=$(find_engine); then
        [[ $host == "unix://$SOCKET" ]] && echo ours || echo other
    else
        echo none
    fi
    ;;
*)
    fail "usage: docker-engine.sh start | env | status | stop"
    ;;
esac
