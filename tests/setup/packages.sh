# Sourced by the other scripts: how set-up speaks, stops, and asks Debian for what is missing.

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
