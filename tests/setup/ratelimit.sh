#!/usr/bin/env bash
# Builds Envoy's rate limit service (github.com/envoyproxy/ratelimit) from source, once, as .tools/ratelimit/service.
#
# The project publishes no binary but inside container images.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

version=v1.4.1-0.20260122083618-3fb702589d36
oldest_go=1.25.6

home=.tools/ratelimit
if [ -x "$home/service" ] && [ "$(cat "$home/version" 2>/dev/null)" = "$version" ]; then
    exit 0
fi

export GOTOOLCHAIN=local CGO_ENABLED=0
go=$(tests/setup/go.sh "$oldest_go")
say "rate limit service $version from source: a minute or two, and only once"
rm -rf "$home"
mkdir -p "$home"
GOBIN=$PWD/$home "$go" install -ldflags='-s -w' "github.com/envoyproxy/ratelimit/src/service_cmd@$version" ||
    die "Go could not build the rate limit service: see the lines above, and check the way to the Go module proxy"
mv "$home/service_cmd" "$home/service"
echo "$version" >"$home/version"
