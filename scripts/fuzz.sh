#!/usr/bin/env bash
# Searches for inputs that break the Hub: each target for some time, two at once.
#
#   scripts/fuzz.sh [SECONDS [TARGET…]]     default: FUZZ_SECONDS, or 60; all targets. 0 seconds: not at all
#
# Starts from the seeds in fuzz/seeds and from what earlier runs found worth keeping (in the cache folder). An input that
# breaks a promise is kept in target/fuzz and its text shown; add it to fuzz/make_seeds.py once it is understood.
# Ends with 77, "could not run here", where libFuzzer cannot be compiled; the tests search from the same seeds in any case.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"
cd "$PROJECT_ROOT"

readonly SKIPPED=77 AT_ONCE=2
seconds=${1:-${FUZZ_SECONDS:-60}}
shift $(($# > 0))
((seconds > 0)) || {
    echo "FUZZ_SECONDS is 0"
    exit $SKIPPED
}
targets=("$@")
if ((${#targets[@]} == 0)); then
    for folder in fuzz/seeds/*/; do targets+=("$(basename "$folder")"); done
fi

export SQLX_OFFLINE=true CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PROJECT_ROOT/target}
have c++ || install_packages g++ || {
    echo "no C++ compiler for libFuzzer"
    exit $SKIPPED
}
# The Hub's lock file rules, so that libraries are those of the tests and compiled once; cargo adds only libFuzzer's.
cp Cargo.lock fuzz/Cargo.lock
RUSTC_WRAPPER=$PROJECT_ROOT/scripts/fuzz-rustc.sh cargo build --quiet --manifest-path fuzz/Cargo.toml
echo "compiled in $SECONDS seconds; each target runs for $seconds"
program=$CARGO_TARGET_DIR/debug/executor-hub-fuzz
found=$CARGO_TARGET_DIR/fuzz
mkdir -p "$found"

run() {
    local target=$1 corpus=$CACHE_DIR/fuzz/$1
    mkdir -p "$corpus"
    FUZZ_TARGET=$target "$program" "$corpus" "fuzz/seeds/$target" -max_total_time="$seconds" -timeout=20 -max_len=8192 \
        -rss_limit_mb=3072 -print_final_stats=1 -artifact_prefix="$found/$target-" >"$found/$target.log" 2>&1
}

# Two at once: one takes the targets at even places, the other those at odd ones.
lane() {
    local at status=0
    for ((at = $1; at < ${#targets[@]}; at += AT_ONCE)); do run "${targets[at]}" || status=1; done
    return $status
}
lanes=()
for ((lane = 0; lane < AT_ONCE; lane++)); do
    lane "$lane" &
    lanes+=("$!")
done
status=0
for pid in "${lanes[@]}"; do wait "$pid" || status=1; done

printf '%-14s %12s %10s  %s\n' target inputs branches outcome
for target in "${targets[@]}"; do
    inputs=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$found/$target.log")
    branches=$(grep -oE 'cov: [0-9]+' "$found/$target.log" | tail -n 1 | cut -d' ' -f2 || true)
    outcome=ok
    if [[ -z $inputs ]] || grep -qE '^==[0-9]+== *ERROR|SUMMARY: ' "$found/$target.log"; then
        outcome=BROKEN
        status=1
        tail -n 40 "$found/$target.log" >&2
    fi
    printf '%-14s %12s %10s  %s\n' "$target" "${inputs:-0}" "${branches:-?}" "$outcome"
done
exit $status
