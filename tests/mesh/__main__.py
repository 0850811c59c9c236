"""`make mesh`: a real Istio in a network of its own on this machine, the prod overlay in it, and what happens on each failure.

Needs root, for namespaces and iptables; nothing outside of them is touched. `python -m mesh NAME...` runs the cases that
are named (functions of cases.py) after the first one; without names all, and the result goes into results.md.
"""

import datetime
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import time
import tomllib

from harness import MODULE, ROOT, Problem
from harness.binaries import OLDEST, given, wheel
from harness.envoy import eventually, require_module
from mesh.cases import CASES
from mesh.control import HOME
from mesh.scene import Scene

RESULTS = pathlib.Path(__file__).parent / "results.md"
INSIDE = "BACKSTOP_MESH_INSIDE"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def main(names):
    require_module(MODULE)
    unknown = set(names) - {case.__name__ for case in CASES}
    if unknown:
        raise Problem(f"no case {', '.join(sorted(unknown))}: there are {', '.join(case.__name__ for case in CASES)}")
    if INSIDE not in os.environ:
        return outside()
    loopback_up()
    binary, begun, lines = envoy(), time.monotonic(), []
    tour = [case for case in CASES if not names or case.__name__ in names or case is CASES[0]]
    print(f"{versions(binary)}: in a network of its own", flush=True)
    with Scene(binary) as scene:
        print(f"  all of it runs after {time.monotonic() - begun:.0f} s\n", flush=True)
        for case in tour:
            title = case.__doc__.splitlines()[0].rstrip(".")
            print(title, flush=True)
            lines.append((title, []))
            case(scene, watcher(lines[-1][1]))
    steps = [step for _, found in lines for step in found]
    different = [step for step in steps if not step["as_expected"]]
    report = table(lines, binary)
    if not names and not different:
        RESULTS.write_text(report)
    print("\n" + report + f"\n{len(steps) - len(different)} as expected, {len(different)} different, {time.monotonic() - begun:.0f} s")
    return 1 if different or not steps else 0


def outside():
    """Runs this program in namespaces of its own, which end with it and take every process along."""
    if os.geteuid() != 0:
        raise Problem("this needs namespaces and iptables: run it as root")
    missing = [name for name in ("unshare", "setpriv", "mount", "iptables") if not shutil.which(name)]
    if missing:
        raise Problem(f"there is no {' and no '.join(missing)} here: install util-linux, mount and iptables")
    envoy()  # fetched while there is a network
    words = ["unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]
    again = [sys.executable, "-m", "mesh", *sys.argv[1:]]
    done = subprocess.run([*words, *again], env={**os.environ, INSIDE: "1"}, check=False)
    return done.returncode


def envoy():
    """The Envoy that Istio 1.29 is made of, unless ENVOY_PATH or PATH has one."""
    return given() or wheel(OLDEST)


def loopback_up():
    """A new network has a loopback that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        flags = struct.unpack_from("h", fcntl.ioctl(link, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0)), 16)[0]
        fcntl.ioctl(link, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def watcher(steps):
    """`see(what, expected, ask)`: asks until the answer is the expected one, and whether it stays so."""

    def see(what, expected, ask, *, seconds=20, steady_s=0.5, holds=lambda seen, wanted: seen == wanted):
        begun = time.monotonic()
        eventually(lambda: holds(ask(), expected), seconds, 0.1)
        took = time.monotonic() - begun
        time.sleep(steady_s)
        seen = ask()
        as_expected = holds(seen, expected)
        steps.append({"what": what, "expected": expected, "seen": seen, "took": took, "as_expected": as_expected})
        print(f"  {'ok  ' if as_expected else 'DIFF'} {what}: {seen}" + ("" if as_expected else f"; expected: {expected}"), flush=True)

    return see


def versions(binary):
    """What takes part."""
    return f"{(HOME / 'versions').read_text().strip()}, {binary.label}"


def table(lines, binary):
    """The report, as Markdown."""
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]["version"]
    text = [
        "# What happens when, in a real mesh",
        "",
        f"Written by `make mesh` on {datetime.date.today()}: {versions(binary)}, backstop {version}.",
        "Seconds are those from the change to the answer; what goes on unchanged was watched for up to 5 s.",
    ]
    for title, steps in lines:
        text += ["", f"## {title}", "", "| case | seen | after | |", "| --- | --- | --- | --- |"]
        for step in steps:
            mark = "as expected" if step["as_expected"] else f"**expected {step['expected']}**"
            text.append(f"| {step['what']} | {step['seen']} | {step['took']:.1f} s | {mark} |")
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Problem as problem:
        sys.exit(f"mesh: {problem}")
