#!/usr/bin/env bash
# Starts docker-compose.yml as it is shipped, out of images made here, and pushes an Executor through it with a real client.
#
#   tests/packaging/compose.sh [PROGRAM]
#
# PROGRAM is the executor-hub to put into the images, that of target/ unless told. One thing differs from what people run: no
# registry can be reached, so PostgreSQL comes from the Hub's own `whole` image instead of the official one. Ends with 77
# where there can be no Docker Engine.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."
# shellcheck source=scripts/prelude.sh
. scripts/prelude.sh

target=${CARGO_TARGET_DIR:-target}
program=${1:-$target/debug/executor-hub}
[[ -x $program ]] || fail "no program at $program: cargo build first"
engine=$(scripts/docker-engine.sh start) || {
    echo "no Docker Engine"
    exit 77
}
eval "$engine"
[[ $DOCKER_HOST == unix://* ]] || {
    echo "the engine has no socket here"
    exit 77
}
compose_program=$(scripts/compose.sh)
client=$(scripts/python-clients.sh sdk-0.39.0)/sdk-0.39.0/bin/python
base=$(scripts/base-image.sh)

project=hub-try-$$
folder=$(mktemp -d)
export COMPOSE_PROJECT_NAME=$project LISTEN EXTERNAL_URL ENGINE_SOCKET=${DOCKER_HOST#unix://} ENGINE_GROUP HUB_BUILDS__BASE_IMAGE=$base
ENGINE_GROUP=$(stat -c %g "$ENGINE_SOCKET")
# A port that was free a moment ago; links that the Hub gives out need to know it before it starts.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
LISTEN=127.0.0.1:$port
EXTERNAL_URL=http://127.0.0.1:$port
compose() { "$compose_program" --project-directory "$folder" --file docker-compose.yml --file "$folder/here.yml" "$@"; }

clean_up() {
    local status=$?
    if ((status)); then compose logs --tail 40 >&2 || true; fi
    compose down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1 || true
    docker image ls --quiet --filter "reference=$project-built/*" | sort -u | xargs -r docker image rm --force >/dev/null 2>&1 || true
    docker image rm "executor-hub:$project" "executor-hub:$project-whole" >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap clean_up EXIT

chmod 0755 "$folder"
mkdir "$folder/secrets" "$folder/home"
openssl rand -hex 32 >"$folder/secrets/master_key"
openssl rand -hex 32 >"$folder/secrets/database_password"
echo "postgres://hub:$(cat "$folder/secrets/database_password")@postgres:5432/hub" >"$folder/secrets/database_url"
cat >"$folder/here.yml" <<YAML
services:
  hub:
    image: executor-hub:$project
  worker:
    image: executor-hub:$project
    environment: { HUB_BUILDS__IMAGE_PREFIX: $project-built }
  postgres:
    image: executor-hub:$project-whole
    user: "65532"
    tmpfs: !override [/tmp, "/var/run/postgresql:mode=0775,uid=65532,gid=65532"]
    volumes: !override ["records:/data"]
    healthcheck:
      test: [CMD, /usr/lib/postgresql/15/bin/pg_isready, --username=hub, --dbname=hub]
    entrypoint:
      - bash
      - -euc
      - |
        PATH=/usr/lib/postgresql/15/bin:\$\$PATH
        # shellcheck disable=SC2086
        initdb -D /data/records --username="\$\$POSTGRES_USER" --pwfile="\$\$POSTGRES_PASSWORD_FILE" --auth-local=trust \$\$POSTGRES_INITDB_ARGS
        echo 'host all all all scram-sha-256' >>/data/records/pg_hba.conf
        echo "CREATE DATABASE hub" | postgres --single -D /data/records postgres
        exec postgres -D /data/records -c listen_addresses='*'
    command: []
YAML

compose config --quiet
scripts/container-image.sh --program "$program" --tag "executor-hub:$project" >/dev/null
scripts/container-image.sh --program "$program" --tag "executor-hub:$project-whole" --whole >/dev/null

# --wait: until every service's own health check is content.
compose up --detach --no-build --pull never --wait --wait-timeout 180 >"$folder/up" 2>&1 || fail "the services did not get healthy: $(tail -n 5 "$folder/up")"
curl --silent --show-error --fail --max-time 10 "$EXTERNAL_URL/readyz" >"$folder/ready"
grep -q '"builds":"ok"' "$folder/ready" || fail "the worker has no engine: $(cat "$folder/ready")"

# What the file promises of every container, asked of the engine.
for service in hub worker postgres; do
    id=$(compose ps --quiet "$service")
    docker inspect "$id" >"$folder/inspected"
    python3 - "$service" "$folder/inspected" <<'PYTHON'
import json, sys
service, path = sys.argv[1:]
container = json.load(open(path))[0]
host = container['HostConfig']
assert host['ReadonlyRootfs'], f'{service} may write to its root'
assert host['CapDrop'] == ['ALL'] and not host['CapAdd'], f'{service} has capabilities'
assert host['SecurityOpt'] == ['no-new-privileges:true'], f'{service} may gain privileges'
assert container['Config']['User'] not in ('', 'root', '0'), f'{service} runs as root'
sockets = [mount['Source'] for mount in container['Mounts'] if mount['Source'].endswith('.sock')]
assert bool(sockets) == (service == 'worker'), f'{service}: {sockets}'
PYTHON
done

compose exec -T hub executor-hub user create alice >/dev/null
token=$(compose exec -T hub executor-hub token create alice)
speak() { env -u DOCKER_HOST HOME="$folder/home" JINA_HUBBLE_REGISTRY="$EXTERNAL_URL" JINA_AUTH_TOKEN="$token" "$client" tests/sdk/drive.py "$@"; }
cp -r examples/hello "$folder/hello"
speak push "$folder/hello" >"$folder/said" 2>&1 || fail "the push failed: $(tail -n 20 "$folder/said")"
speak pull jinaai://alice/Hello >"$folder/said" 2>&1 || fail "the pull failed: $(tail -n 20 "$folder/said")"
image=${EXTERNAL_URL#http://}/alice/hello:latest
docker pull "$image" >"$folder/said" 2>&1 || fail "the Hub serves no image: $(tail -n 5 "$folder/said")"
docker image rm --force "$image" >/dev/null

# Everything is kept across a new container, and a stop is a clean one.
compose stop --timeout 30 >/dev/null 2>&1
for service in hub worker; do
    code=$(docker inspect --format '{{.State.ExitCode}}' "$(compose ps --all --quiet "$service")")
    [[ $code == 0 ]] || fail "$service ended with $code when it was stopped"
done
echo "the composed Hub took, built and served an Executor"
