#!/usr/bin/env bash
# Makes sure that wrk, which makes the load of the measurements, is here.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

command -v wrk >/dev/null || apt_install "no wrk to make load with" wrk
