#!/usr/bin/env bash
# Makes sure that native Rust code can be built.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

command -v cargo >/dev/null || die "no cargo on PATH: install a Rust toolchain (https://rustup.rs) and run this again"
command -v cc >/dev/null || apt_install "no C compiler, which Rust links with" gcc libc6-dev
