#!/usr/bin/env bash
# Puts Prometheus and promtool into .tools/prometheus unless they are on PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

if { command -v prometheus && command -v promtool; } >/dev/null || [ -x .tools/prometheus/usr/bin/promtool ]; then
    exit 0
fi
apt_unpack prometheus .tools/prometheus usr/bin/promtool
