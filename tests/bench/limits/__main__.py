"""Runs the parts and writes tests/bench/results/limits.md; with the names of parts, only those, and writes nothing."""

import datetime
import os
import sys

from bench.limits import accuracy, crowd, mesh
from harness import MODULE, ROOT, Problem
from harness.binaries import one_to_run
from harness.envoy import StartFailed, require_module

RESULTS = ROOT / "tests" / "bench" / "results" / "limits.md"
PARTS = {
    "accuracy": ("Accuracy and cost", accuracy.measure),
    "crowd": ("A crowd of clients", crowd.measure),
    "mesh": ("One budget for two proxies", mesh.measure),
}


def say(text):
    print(f"  {text}", flush=True)


def main(names):
    if unknown := [name for name in names if name not in PARTS]:
        raise Problem(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    require_module(MODULE)
    seconds = int(os.environ.get("DURATION") or 30)
    binary = one_to_run()
    print(f"{binary.label}; {seconds} s a run, some twenty runs and two crowds", flush=True)
    busy_before = os.getloadavg()[1]
    sections = []
    for name in names or PARTS:
        title, measure = PARTS[name]
        sections += [f"## {title}", "", *measure(binary, seconds, say), ""]
    head = [
        "# Limits, measured",
        "",
        f"Written by `make bench-limits` on {datetime.date.today()}: {binary.label}, {os.cpu_count()} processors, {seconds} s a run.",
        f"Processes that wanted a processor, on average: {busy_before:.1f} when it began, {os.getloadavg()[1]:.1f} when it ended. Where that",
        "is more than there are processors, times are those of a busy machine; compare costs by their ratio.",
        "",
    ]
    text = "\n".join([*head, *sections]).rstrip() + "\n"
    print("\n" + text)
    if not names:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(text)
        print(f"written to {RESULTS.relative_to(ROOT)}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (Problem, StartFailed) as problem:
        sys.exit(f"bench-limits: {problem}")
