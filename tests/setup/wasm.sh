#!/usr/bin/env bash
# wasm.sh CRATE MODULE builds the library in the folder CRATE for wasm32-wasip1 and puts it at MODULE.
# wasm.sh --clippy CRATE lints it for that target instead.
#
# The toolchain is the one on PATH if it has the target or rustup can add it, else Debian's rustc-web, which builds
# the standard library from source. BACKSTOP_WASM_TOOLCHAIN=rustup or =debian forces one of them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. tests/setup/packages.sh
tests/setup/rust.sh

target=wasm32-wasip1
remembered=.tools/wasm-toolchain

has_target() {
    local lib
    lib=$(rustc --print target-libdir --target "$target" 2>/dev/null) && compgen -G "$lib/libstd-*.rlib" >/dev/null
}

add_target() {
    command -v rustup >/dev/null || return 1
    say "rustup target add $target"
    timeout --kill-after=5 120 rustup target add "$target" >/dev/null 2>&1 && has_target
}

choose() {
    local asked=${BACKSTOP_WASM_TOOLCHAIN:-}
    case $asked in
    debian) echo debian ;;
    rustup | '')
        if has_target; then
            echo rustup
        elif [ -z "$asked" ] && [ "$(cat "$remembered" 2>/dev/null)" = debian ]; then
            echo debian # rustup was tried before and could not: do not wait for it on every build
        elif add_target >&2; then
            echo rustup
        elif [ -n "$asked" ]; then
            die "rustup cannot add the target $target: check its network, or leave BACKSTOP_WASM_TOOLCHAIN unset"
        else
            echo debian
        fi
        ;;
    *) die "BACKSTOP_WASM_TOOLCHAIN is '$asked': say rustup or debian, or leave it unset" ;;
    esac
}

has_debian() {
    [ -x /usr/bin/rustc ] && [ -x /usr/bin/cargo ] && command -v wasm-ld >/dev/null && [ -e /usr/lib/wasm32-wasi/libc.a ] &&
        [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library" ]
}

use_debian() {
    has_debian || apt_install "the toolchain on PATH has no $target" rustc-web cargo-web rust-web-src lld wasi-libc
    has_debian || die "Debian's rustc-web, cargo-web, rust-web-src, lld and wasi-libc do not fit together here: try 'rustup target add $target'"
    mkdir -p .tools
    echo debian >"$remembered"
    say "$target by Debian's $(/usr/bin/rustc --version)"
    export RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_WASIP1_LINKER=wasm-ld
    flags+=(-L /usr/lib/wasm32-wasi -C link-self-contained=no)
    cargo=/usr/bin/cargo
    options=(-Z "build-std=std,panic_abort" --target-dir "$root/target/debian")
}

root=$PWD
cargo=cargo
options=(--target-dir "$root/target")
toolchain=$(choose)

if [ "${1:-}" = --clippy ]; then
    if [ "$toolchain" = debian ]; then
        say "clippy for $target left out: Debian's toolchain has none that fits"
        exit 0
    fi
    cd "$2"
    set -x
    exec cargo clippy --locked --lib --target "$target" "${options[@]}" -- -D warnings
fi

crate=$1 module=$2
# The same bytes wherever it is built, and nothing in them about the machine that did it.
flags=(--remap-path-prefix "$root=/backstop" --remap-path-prefix "${CARGO_HOME:-$HOME/.cargo}=/cargo")
[ "$toolchain" = rustup ] || use_debian
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && printf '%s' "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
(cd "$crate" && "$cargo" build --locked --release --lib --quiet --target "$target" "${options[@]}")
name=$(sed -n '/^\[package\]/,/^\[/s/^name = "\(.*\)"/\1/p' "$crate/Cargo.toml")
built=${options[-1]}/$target/release/${name//-/_}.wasm
[ -s "$built" ] || die "cargo built no $built: is the library of $crate a cdylib?"
mkdir -p "$(dirname "$module")"
cp "$built" "$module.new"
mv "$module.new" "$module"
