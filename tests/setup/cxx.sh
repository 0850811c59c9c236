#!/usr/bin/env bash
# Makes sure that there is a C++ compiler, which builds libFuzzer.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"

command -v "${CXX:-c++}" >/dev/null || apt_install "no C++ compiler to build libFuzzer with" g++
