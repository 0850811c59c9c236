#!/usr/bin/env bash
# Builds what a real Istio on one machine is made of, into .tools/bin: kube-apiserver, istiod (pilot-discovery), Istio's
# agent (pilot-agent) and istioctl. etcd is Debian's. A quarter of an hour on two cores, and 7 GB of Go's caches, once.
#
# mesh.sh istioctl builds that one only.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

# Istio 1.31: the module proxy refuses the tags of 1.28 and 1.29. The other modules are what this commit was made with, and
# Kubernetes is the release whose libraries it uses, so that much is compiled for both.
istio=v0.0.0-20260827124520-eed52ebb66ad
kubernetes=v1.36.1
others='istio.io/api@v1.31.1 istio.io/client-go@v1.31.1 github.com/envoyproxy/go-control-plane/envoy@v1.39.0
github.com/envoyproxy/go-control-plane/contrib@v1.36.1-0.20260729145720-a2d8c7492908'
oldest_go=1.26

bin=$PWD/.tools/bin
home=$PWD/.tools/mesh
versions="Istio 1.31 ($istio), Kubernetes $kubernetes"
export GOTOOLCHAIN=local CGO_ENABLED=0

# fetched MODULE@VERSION FIELD: what `go mod download` says of it, for example its folder
fetched() {
    local said
    said=$("$go" mod download -json "$1") || die "Go could not fetch $1: check the way to the Go module proxy"
    sed -n "s/^[[:space:]]*\"$2\": \"\(.*\)\",\$/\1/p" <<<"$said"
}

# begin makes the module that all of them are built in.
begin() {
    local source description library
    say "$versions: a quarter of an hour on two cores, and 7 GB of Go's caches, once"
    source=$(fetched "istio.io/istio@$istio" Dir)
    description=$(fetched "k8s.io/kubernetes@$kubernetes" GoMod)
    mkdir -p "$bin"
    rm -rf "$home/build"
    mkdir -p "$home/build"
    # What an installation gives the API server and the agent, as files.
    install -m 644 "$source/manifests/charts/base/files/crd-all.gen.yaml" "$home/crds.yaml"
    install -m 644 "$source/tools/packaging/common/envoy_bootstrap.json" "$home/envoy_bootstrap.json"
    cd "$home/build"
    "$go" mod init example.invalid/mesh 2>/dev/null
    # Kubernetes takes its own libraries from folders of its repository; outside of it they are modules of the same release.
    for library in $(sed -n 's,^[[:space:]]*\(k8s.io/[a-z-]*\) => \./staging/.*,\1,p' "$description"); do
        "$go" mod edit -replace "$library=$library@v0.${kubernetes#v1.}"
    done
    # shellcheck disable=SC2086 # several modules
    "$go" get "istio.io/istio@$istio" "k8s.io/kubernetes@$kubernetes" $others 2>"$home/log" || failed "fetch Istio and Kubernetes"
}

# build PROGRAM PACKAGE@VERSION, in that module
build() {
    local begun=$SECONDS
    [ ! -x "$bin/$1" ] || return 0
    say "$1 from source"
    "$go" get "$2" 2>"$home/log" || failed "fetch what $1 needs"
    nice "$go" build -trimpath -ldflags='-s -w' -o "$bin/$1" "${2%@*}" 2>"$home/log" || failed "build $1"
    say "$1 took $((SECONDS - begun)) s"
}

failed() {
    tail -n 20 "$home/log" >&2
    die "Go could not $1: see the lines above, and check the way to the Go module proxy"
}

if [ "$(cat "$home/versions" 2>/dev/null)" != "$versions" ]; then
    rm -f "$bin"/{pilot-discovery,pilot-agent,kube-apiserver,istioctl}
fi
go=$(tests/setup/go.sh "$oldest_go")
if [ "${1:-}" != istioctl ]; then
    tests/setup/registry.sh
    tests/setup/crane.sh
    command -v etcd >/dev/null || [ -x "$home/etcd/usr/bin/etcd" ] || apt_unpack etcd-server "$home/etcd" usr/bin/etcd
    command -v iptables >/dev/null || apt_install "no iptables, which leads what a sidecar's pod gets to the sidecar" iptables
    command -v openssl >/dev/null || apt_install "no openssl, for the key that the API server signs by" openssl
fi
[ "$(cat "$home/versions" 2>/dev/null)" = "$versions" ] || (begin)
echo "$versions" >"$home/versions"
cd "$home/build"
if [ "${1:-}" != istioctl ]; then
    build pilot-discovery "istio.io/istio/pilot/cmd/pilot-discovery@$istio"
    build pilot-agent "istio.io/istio/pilot/cmd/pilot-agent@$istio"
    build kube-apiserver "k8s.io/kubernetes/cmd/kube-apiserver@$kubernetes"
fi
build istioctl "istio.io/istio/istioctl/cmd/istioctl@$istio"
