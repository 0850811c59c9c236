#!/usr/bin/env bash
# What the drill and the dashboard's picture need beyond the harness: packages in .tools/python, and Prometheus.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

tests/setup/prometheus.sh
.tools/python/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/setup/monitoring.txt ||
    die "pip could not install $(paste -sd ' ' tests/setup/monitoring.txt): check the way to the package index"
