#!/usr/bin/env bash
# Stands before rustc while the fuzzers are built (RUSTC_WRAPPER): gives the Hub's own code the counters by which libFuzzer
# sees where an input leads. All flags are of stable Rust. Libraries stay as they are, so they are compiled once for the
# tests and the fuzzers.
set -euo pipefail

flags=()
previous=
for argument in "$@"; do
    if [[ $previous == --crate-name && $argument =~ ^(executor_hub|executor_hub_fuzz)$ ]]; then
        flags=(
            --cfg fuzzing
            -Cpasses=sancov-module
            -Cllvm-args=-sanitizer-coverage-level=4
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
            -Cllvm-args=-sanitizer-coverage-pc-table
            -Cllvm-args=-sanitizer-coverage-trace-compares
        )
    fi
    previous=$argument
done
exec "$@" "${flags[@]}"
