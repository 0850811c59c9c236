#!/usr/bin/env bash
# Signs what `make push` has pushed, the image and its bill of materials, by cosign; the signatures become referrers.
#
# usage: sign.sh REGISTRY REPOSITORY. KEY=cosign.key signs by that key, and asks and tells nobody else (COSIGN_PASSWORD
# opens it). Without KEY cosign signs keyless, as whom the CI's identity token names. DRYRUN=1 only shows the steps.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PATH:$PWD/.tools/bin

registry=${1:?which registry? make sign REGISTRY=registry.example.com}
name=$registry/${2:?which repository?}

# What was built here, and not what somebody may have put under a tag since.
digest() {
    sed -n 's/.*"digest":"\(sha256:[0-9a-f]*\)".*/\1/p' "target/$1/index.json"
}

if [ -n "${KEY:-}" ]; then
    # The newer format of signatures can only be verified with Sigstore's root, which is on the internet.
    sign=(env COSIGN_EXPERIMENTAL=1 cosign sign --registry-referrers-mode oci-1-1 --new-bundle-format=false --tlog-upload=false --key "$KEY")
    verify=(env COSIGN_EXPERIMENTAL=1 cosign verify --experimental-oci11 --private-infrastructure --key "${KEY%.key}.pub")
else
    sign=(cosign sign --new-bundle-format)
    verify=(cosign verify --new-bundle-format --certificate-identity WORKFLOW --certificate-oidc-issuer ISSUER)
fi
for part in image sbom; do
    printf '+ %s\n' "${sign[*]} --yes $name@$(digest $part)"
    [ -n "${DRYRUN:-}" ] || "${sign[@]}" --yes "$name@$(digest $part)"
done
printf '\nTo verify:\n  %s\n' "${verify[*]} $name@$(digest image)"
