#!/usr/bin/env bash
# Makes sure that the project can be compiled: a Rust toolchain of the version in Cargo.toml, and a C compiler, which
# links and which the cryptography needs. Rust itself is yours to install; Debian's is too old.
set -euo pipefail
# shellcheck source=scripts/prelude.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/prelude.sh"

have cargo || fail "needs Rust: install rustup, then come back"
wanted=$(sed -nE 's/^rust-version = "(.*)"/\1/p' "$PROJECT_ROOT/Cargo.toml")
found=$(rustc --version | cut -d' ' -f2)
[[ $(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1) == "$wanted" ]] || fail "needs Rust $wanted, found $found: rustup update"
have cc || install_packages gcc libc6-dev
