#!/usr/bin/env bash
# Makes sure that valgrind, which counts instructions, is here.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

command -v valgrind >/dev/null || apt_install "no valgrind to count instructions with" valgrind
