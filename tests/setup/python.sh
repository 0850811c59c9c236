#!/usr/bin/env bash
# Makes .tools/python, the virtual environment that the harness and the end-to-end tests run in.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

wanted=tests/setup/requirements.txt
made=.tools/python/requirements.txt
if cmp -s "$wanted" "$made" && .tools/python/bin/python -c '' 2>/dev/null; then
    exit 0
fi
command -v python3 >/dev/null || die "no python3 on PATH: install Python 3.9 or newer and run this again"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || die "python3 is $(python3 -V): install Python 3.9 or newer and run this again"
python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install "python3 cannot make virtual environments" python3-venv
say "virtual environment in .tools/python"
rm -rf .tools/python
mkdir -p .tools
python3 -m venv .tools/python || die "python3 -m venv failed: on Debian install the package python3-venv"
.tools/python/bin/python -m pip install --quiet --disable-pip-version-check --requirement "$wanted" ||
    die "pip could not install $(paste -sd ' ' "$wanted"): check the way to the package index"
cp "$wanted" "$made"
