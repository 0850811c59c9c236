#!/usr/bin/env bash
# Fetches the custom resource definitions that the manifests are checked against, as .tools/schemas/NAME.yaml. They are
# files of the projects' own Go modules; nothing is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

# Name, module, files within it. Istio twice: the oldest and the newest API that the manifests are for.
wanted='istio-1.29 istio.io/api@v1.29.6 kubernetes/customresourcedefinitions.gen.yaml
istio-1.31 istio.io/api@v1.31.1 kubernetes/customresourcedefinitions.gen.yaml
external-secrets github.com/external-secrets/external-secrets@v1.3.2 config/crds/bases/external-secrets.io_externalsecrets.yaml config/crds/bases/generators.external-secrets.io_ecrauthorizationtokens.yaml
kyverno github.com/kyverno/kyverno@v1.19.1 config/crds/policies.kyverno.io/policies.kyverno.io_validatingpolicies.yaml
argo-cd github.com/argoproj/argo-cd/v3@v3.6.1 manifests/crds/application-crd.yaml'

home=.tools/schemas
[ "$(cat "$home/wanted" 2>/dev/null)" = "$wanted" ] && exit 0
go=$(tests/setup/go.sh 1.21)
say "definitions of custom resources: 90 MB of Go modules, of which a few files stay"
rm -rf "$home"
mkdir -p "$home"
trap 'rm -rf "$home/modules"' EXIT
export GOMODCACHE=$PWD/$home/modules GOFLAGS=-modcacherw GOTOOLCHAIN=local
while read -r name module files; do
    # Go says no to a module that asks for a newer Go, but has fetched it by then.
    found=$("$go" mod download -json "$module") || true
    zip=$(sed -n 's/^[[:space:]]*"Zip": "\(.*\)",$/\1/p' <<<"$found")
    [ -n "$zip" ] || die "Go could not fetch $module: check the way to the Go module proxy"
    for file in $files; do
        echo ---
        python3 -c 'import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]).decode())' "$zip" "$module/$file"
    done >"$home/$name.yaml"
done <<<"$wanted"
echo "$wanted" >"$home/wanted"
