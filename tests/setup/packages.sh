# Sourced by the other scripts: how set-up speaks, stops, and asks Debian and Go for what is missing.

say() { printf 'setup: %s\n' "$*"; }

die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# apt_install REASON PACKAGE... installs by apt as root, or says in one sentence what to do.
apt_install() {
    local reason=$1
    shift
    command -v apt-get >/dev/null || die "$reason, and there is no apt here: install what Debian calls $* and run this again"
    [ "$(id -u)" = 0 ] || die "$reason: run 'sudo apt-get install $*' and then this again"
    say "$reason: apt-get install $*"
    local log
    log=$(mktemp)
    if ! {
        apt-get -qq -o DPkg::Lock::Timeout=300 update &&
            DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
    } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "apt could not install $*: see the lines above"
    fi
    rm -f "$log"
}

# apt_unpack PACKAGE FOLDER PROGRAM unpacks Debian's package into FOLDER, without installing it, since that would start a
# service; PROGRAM is what must be in there.
apt_unpack() {
    command -v apt-get >/dev/null || die "no ${3##*/} on PATH, and no apt here: install what Debian calls $1 and run this again"
    say "${3##*/} from Debian's package $1, into $2"
    local folder
    folder=$(mktemp -d)
    chmod 755 "$folder" # apt downloads as a user of its own
    if ! (cd "$folder" && apt-get -qq download "$1") >"$folder/log" 2>&1; then
        [ "$(id -u)" = 0 ] || die "apt knows no package $1: run 'sudo apt-get update' and then this again"
        apt-get -qq -o DPkg::Lock::Timeout=300 update >>"$folder/log" 2>&1 || true
        if ! (cd "$folder" && apt-get -qq download "$1") >>"$folder/log" 2>&1; then
            tail -n 20 "$folder/log" >&2
            die "apt could not download $1: see the lines above"
        fi
    fi
    rm -rf "$2"
    mkdir -p "$2"
    dpkg-deb --extract "$folder/$1"_*.deb "$2"
    rm -rf "$folder"
    [ -x "$2/$3" ] || die "Debian's package $1 holds no $3: install it yourself and put it on PATH"
}

# go_install PROGRAM MODULE@VERSION DURATION builds a program of Go's into .tools/bin unless it is there or on PATH;
# DURATION is what to say of the time it takes.
go_install() {
    if command -v "$1" >/dev/null || [ -x ".tools/bin/$1" ]; then
        return 0
    fi
    local go
    go=$(tests/setup/go.sh 1.25)
    say "$1 ${2##*@} by go install, into .tools/bin: $3, once"
    mkdir -p .tools/bin
    GOBIN=$PWD/.tools/bin CGO_ENABLED=0 nice "$go" install -trimpath -ldflags='-s -w' "$2" ||
        die "go could not build $1: see the lines above"
}
