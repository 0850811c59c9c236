#!/usr/bin/env bash
# Pushes target/image and its bill of materials to a registry, and prints what goes into the overlays.
#
# usage: push.sh REGISTRY REPOSITORY TAG; DRYRUN=1 shows every step and does none. Credentials are those of
# `docker login` or `crane auth login`; for a private ECR the first step gets them from the AWS command line.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PATH:$PWD/.tools/bin

registry=${1:?which registry? make push REGISTRY=registry.example.com}
repository=${2:?which repository?}
tag=${3:?which tag?}
name=$registry/$repository

step() {
    printf '+ %s\n' "$*"
    [ -n "${DRYRUN:-}" ] || "$@"
}

log_in_to_ecr() {
    aws ecr get-login-password --region "$2" | crane auth login --username AWS --password-stdin "$1"
}

# digest LAYOUT: that of its one manifest
digest() {
    sed -n 's/.*"digest":"\(sha256:[0-9a-f]*\)".*/\1/p' "$1/index.json"
}

image=$(digest target/image)
if [[ $registry =~ ^[0-9]+\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$ ]]; then
    region=${BASH_REMATCH[1]}
    printf '+ aws ecr get-login-password --region %s | crane auth login --username AWS --password-stdin %s\n' "$region" "$registry"
    [ -n "${DRYRUN:-}" ] || log_in_to_ecr "$registry" "$region"
fi
step crane push target/image "$name:$tag"
step crane push target/sbom "$name@$(digest target/sbom)"

if [ -z "${DRYRUN:-}" ]; then
    # A registry that rewrites what it is given would make every pinned proxy refuse it.
    found=$(crane digest "$name:$tag")
    [ "$found" = "$image" ] || {
        echo "push: $name:$tag is $found there and $image here: the registry or somebody else has changed it" >&2
        exit 1
    }
fi
cat <<END

digest: $image

For spec of the WasmPlugin in istio/overlays/prod/plugin.yaml:
  url: oci://$name:$tag
  sha256: "${image#sha256:}"
END
