#!/usr/bin/env bash
# Builds crane, which pushes images to registries, into .tools/bin unless it is on PATH. Takes half a minute, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

version=v0.22.1
if command -v crane >/dev/null || [ -x .tools/bin/crane ]; then
    exit 0
fi
go=$(tests/setup/go.sh 1.25)
say "crane $version by go install, into .tools/bin: half a minute, once"
mkdir -p .tools/bin
GOBIN=$PWD/.tools/bin CGO_ENABLED=0 nice "$go" install -trimpath -ldflags='-s -w' "github.com/google/go-containerregistry/cmd/crane@$version" ||
    die "go could not build crane: see the lines above"
