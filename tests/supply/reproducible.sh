#!/usr/bin/env bash
# Builds the module once more from a copy of this tree in another folder, with another cargo home and an empty target folder, and
# compares it with target/backstop.wasm byte by byte.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
copy="$scratch/another folder"
mkdir "$copy"
tar -c --exclude=./target --exclude=./.tools --exclude=./.git . | tar -x -C "$copy"
if [ -e .tools/wasm-toolchain ]; then
    mkdir "$copy/.tools"
    cp .tools/wasm-toolchain "$copy/.tools/"
fi

say "builds the module again in $copy"
CARGO_HOME="$scratch/another home" "$copy/tests/setup/wasm.sh" . target/backstop.wasm
sha256sum target/backstop.wasm "$copy/target/backstop.wasm"
cmp target/backstop.wasm "$copy/target/backstop.wasm" || die "two builds of the same source differ"
for place in "$copy" "$scratch/another home" "$PWD" "${CARGO_HOME:-$HOME/.cargo}"; do
    if grep -qaF "$place" target/backstop.wasm "$copy/target/backstop.wasm"; then
        die "the module holds the path $place of the machine that built it"
    fi
done
echo "two builds in two folders: the same $(stat --format %s target/backstop.wasm) bytes"
