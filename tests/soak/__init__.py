"""Long runs in a real Envoy: config updates and module upgrades under load, and a soak of mixed requests."""

import pathlib
import time

from harness import ROOT

HERE = pathlib.Path(__file__).parent
SCRATCH = ROOT / "target" / "soak"
MIB = 1 << 20


def sayer(every_s):
    """A function that prints the lines it is given, but at most one in so many seconds."""
    last = time.monotonic()

    def say(line):
        nonlocal last
        if time.monotonic() - last > every_s:
            last = time.monotonic()
            print("  " + line, flush=True)

    return say
