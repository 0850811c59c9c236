#!/usr/bin/env bash
# Builds cosign, which signs images, into .tools/bin unless it is on PATH. Takes a quarter of an hour, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

version=v2.6.5
if command -v cosign >/dev/null || [ -x .tools/bin/cosign ]; then
    exit 0
fi
go=$(tests/setup/go.sh 1.25)
say "cosign $version by go install, into .tools/bin: a quarter of an hour, once"
mkdir -p .tools/bin
GOBIN=$PWD/.tools/bin CGO_ENABLED=0 nice "$go" install -trimpath -ldflags='-s -w' "github.com/sigstore/cosign/v2/cmd/cosign@$version" ||
    die "go could not build cosign: see the lines above"
