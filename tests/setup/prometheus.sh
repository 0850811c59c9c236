#!/usr/bin/env bash
# Puts Prometheus and promtool into .tools/prometheus unless they are on PATH. Debian's package is unpacked and not
# installed, since installing it would start a service.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

programs=.tools/prometheus/usr/bin
if { command -v prometheus && command -v promtool; } >/dev/null || [ -x "$programs/promtool" ]; then
    exit 0
fi
command -v apt-get >/dev/null || die "no prometheus on PATH, and no apt here: install Prometheus 2.42 or newer and run this again"
say "Prometheus from Debian's package, into .tools/prometheus"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder" # apt downloads as a user of its own
if ! (cd "$folder" && apt-get -qq download prometheus) >"$folder/log" 2>&1; then
    [ "$(id -u)" = 0 ] || die "apt knows no package prometheus: run 'sudo apt-get update' and then this again"
    apt-get -qq -o DPkg::Lock::Timeout=300 update >>"$folder/log" 2>&1 || true
    if ! (cd "$folder" && apt-get -qq download prometheus) >>"$folder/log" 2>&1; then
        tail -n 20 "$folder/log" >&2
        die "apt could not download prometheus: see the lines above"
    fi
fi
rm -rf .tools/prometheus
dpkg-deb --extract "$folder"/prometheus_*.deb .tools/prometheus
[ -x "$programs/promtool" ] || die "Debian's package prometheus holds no $programs/promtool: install Prometheus 2.42 or newer"
