#!/usr/bin/env bash
# Puts an image registry, distribution's, into .tools/registry unless docker-registry is on PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

if command -v docker-registry >/dev/null || [ -x .tools/registry/usr/bin/docker-registry ]; then
    exit 0
fi
apt_unpack docker-registry .tools/registry usr/bin/docker-registry
