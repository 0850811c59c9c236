"""`make dearest`: what the dearest inputs that were found cost, and a search for dearer ones if SEARCH says for how many seconds.

CPU time is that of the thread, the least of five runs; how the work grows is counted in instructions by callgrind, which a busy
machine does not change.
"""

import os
import re
import subprocess
import sys

from fuzz import HERE, TARGET_DIR
from harness import ROOT, Problem

SMALL, LARGE = 3_277, 32_770  # bytes of a body
MOST = 12  # times the instructions for ten times the bytes
BINARY = TARGET_DIR / "cost" / "dearest"


def build():
    cargo = ["cargo", "build", "--locked", "--profile", "cost", "--quiet", "--bin", "dearest", "--target-dir", str(TARGET_DIR)]
    if subprocess.run(cargo, cwd=HERE).returncode != 0:
        raise Problem("tests/fuzz does not build: see above")


def instructions(name, size):
    """Of one warm inspection of so many bytes."""
    words = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=dearest::counted*", BINARY, "inspect", name, str(size)]
    run = subprocess.run(words, capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", run.stderr)
    if not (collected and int(collected[1])):
        raise Problem(f"callgrind counted nothing of {name}: {run.stderr[-800:]}")
    return int(collected[1])


def main(search):
    build()
    subprocess.run([BINARY, "kept"], check=True)
    print("\nThe dearest of some nine hundred bodies that never repeat themselves:\n", flush=True)
    subprocess.run([BINARY, "restless"], check=True)
    print(f"\n| input | instructions for {SMALL:,} bytes | for {LARGE:,} | growth | for each byte |\n| --- | ---: | ---: | ---: | ---: |")
    failed = 0
    names = sorted(file.stem for file in (ROOT / "tests" / "bench" / "dear").iterdir())
    for name in names:
        small, large = instructions(name, SMALL), instructions(name, LARGE)
        failed += large > MOST * small
        print(f"| {name} | {small:,} | {large:,} | x {large / small:.1f} | {large / LARGE:.0f} |", flush=True)
    print(f"\n{len(names) - failed} passed, {failed} failed")
    if search:
        print(f"\n{search} s of search for each content type, for what is dearest by the byte:", flush=True)
        subprocess.run([BINARY, "mixes", search], check=True)
        print("\nAnd for what takes longest although effort ends it, first of a VM and warm:\n", flush=True)
        print("| content type | first | warm | made of |\n| --- | ---: | ---: | --- |", flush=True)
        subprocess.run([BINARY, "longest", search], check=True)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(os.environ.get("SEARCH", "")))
    except Problem as problem:
        sys.exit(f"dearest: {problem}")
