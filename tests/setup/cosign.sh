#!/usr/bin/env bash
# Builds cosign, which signs images, into .tools/bin unless it is on PATH. Takes a quarter of an hour, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

go_install cosign github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5 'a quarter of an hour'
