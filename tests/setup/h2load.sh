#!/usr/bin/env bash
# Makes sure that h2load, which makes load at a steady rate, is here.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

command -v h2load >/dev/null || apt_install "no h2load to make load at a steady rate with" nghttp2-client
