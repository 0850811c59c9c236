"""`make soak MINUTES=30`: mixed requests of a million clients, and what is left of them in the filter afterwards."""

import sys

from harness import MODULE, Problem
from harness.binaries import one_to_run
from harness.envoy import StartFailed, require_module
from soak import MIB, sayer
from soak.mixture import Wrong, require, run


def main(words):
    require_module(MODULE)
    minutes, binary = float(words[0]) if words else 30.0, one_to_run()
    print(f"{binary.label}, two workers: {minutes:g} minutes", flush=True)
    report = run(binary, minutes * 60, say=sayer(15))
    print(report.text())
    report.memory.require_flat(require, linear=0, resident=8 * MIB)
    print("flat: yes")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Problem, StartFailed, Wrong) as problem:
        sys.exit(f"soak: {problem}")
