#!/usr/bin/env bash
# Signs what `make push` has pushed, and its bill of materials, by cosign; both become referrers of the image.
#
# usage: sign.sh REGISTRY REPOSITORY. KEY=cosign.key signs by that key and tells nobody (COSIGN_PASSWORD opens it);
# without KEY cosign signs keyless, as whom the CI's identity token names. DRYRUN=1 shows every step and does none.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
PATH=$PATH:$PWD/.tools/bin

registry=${1:?which registry? make sign REGISTRY=registry.example.com}
name=$registry/${2:?which repository?}
digest=$(sed -n 's/.*"digest":"\(sha256:[0-9a-f]*\)".*/\1/p' target/image/index.json)
options=(--new-bundle-format --yes)
proof=(--certificate-identity '<address of the workflow>' --certificate-oidc-issuer '<address of the issuer>')
if [ -n "${KEY:-}" ]; then
    options+=(--key "$KEY" --tlog-upload=false --use-signing-config=false)
    proof=(--key "${KEY%.key}.pub" --private-infrastructure)
fi

step() {
    printf '+ %s\n' "$*"
    [ -n "${DRYRUN:-}" ] || "$@"
}

step cosign sign "${options[@]}" "$name@$digest"
step cosign attest "${options[@]}" --type cyclonedx --predicate target/backstop.cdx.json "$name@$digest"
printf '\nTo verify: cosign verify --new-bundle-format'
printf ' %q' "${proof[@]}" "$name@$digest"
echo
