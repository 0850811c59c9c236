#!/usr/bin/env bash
# Builds k6, which makes the load of a ticket opening, into .tools/bin unless it is on PATH. Takes some minutes, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

version=v1.8.1
if command -v k6 >/dev/null || [ -x .tools/bin/k6 ]; then
    exit 0
fi
go=$(tests/setup/go.sh 1.25)
say "k6 $version by go install, into .tools/bin: some minutes, once"
mkdir -p .tools/bin
GOBIN=$PWD/.tools/bin CGO_ENABLED=0 nice "$go" install -trimpath -ldflags='-s -w' "go.k6.io/k6@$version" ||
    die "go could not build k6: see the lines above"
