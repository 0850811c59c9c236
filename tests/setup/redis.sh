#!/usr/bin/env bash
# Makes sure that a Redis server, which holds the mesh-wide counts, is here.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

command -v redis-server >/dev/null || apt_install "no redis-server for the limits of a whole mesh" redis-server
