#!/usr/bin/env bash
# Builds k6, which makes the load of a ticket opening, into .tools/bin unless it is on PATH. Takes some minutes, once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

go_install k6 go.k6.io/k6@v1.8.1 'some minutes'
