#!/usr/bin/env bash
# Builds crane, which pushes images to registries, into .tools/bin unless it is on PATH. Takes half a minute, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

go_install crane github.com/google/go-containerregistry/cmd/crane@v0.22.1 'half a minute'
