"""`make bench`: what backstop costs beside a bare Envoy, an empty filter, a Lua filter and Envoy's own limit, in turns.

CPU time is that of the Envoy process alone, with one worker, over the requests that it served. Upstream, load and
contestants share the machine's cores; the upstream is an Envoy of its own that answers by itself, and is not counted.
"""

import argparse
import collections
import contextlib
import datetime
import itertools
import json
import os
import statistics
import subprocess
import sys
import time

from bench import RESULTS, SCRATCH, commit, load, machine, memory, report
from bench.chart import chart
from bench.contestants import CONTESTANTS, UPSTREAM
from bench.scenarios import LONG_RUN, SCENARIOS
from harness import MODULE, ROOT, Problem
from harness.binaries import one_to_run
from harness.envoy import Envoy, StartFailed, require_module

ROUNDS, SECONDS, STARTS, WARM_UP_S = 3, 4, 5, 1
MEMORY = "memory"  # named like a scenario, but it is a long run of one contestant
LONG_RUN_REQUESTS, LONG_RUN_PARTS = 1_000_000, 10


def main(words):
    asked = parse(words)
    require_module(MODULE)
    binary = one_to_run()
    results = {
        "date": datetime.date.today().isoformat(),
        "machine": machine(),
        "busy": round(os.getloadavg()[0], 1),
        "envoy": binary.label,
        "rustc": subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip(),
        "commit": commit(),
        "runs": asked.runs,
        "rounds": asked.rounds,
        "seconds": asked.seconds,
        "modules": {name: CONTESTANTS[name].module.stat().st_size for name in asked.contestants if CONTESTANTS[name].module},
    }
    print(f"{binary.label}, one worker; {results['machine']}; {asked.runs} x {asked.rounds} rounds of {asked.seconds} s in turns, medians")
    print(f"about {expected_minutes(asked):.0f} minutes\n", flush=True)
    with Envoy(binary, {"main": UPSTREAM}, 9, concurrency=1) as upstream:
        start = lambda name: Envoy(binary, {"main": CONTESTANTS[name].listener}, upstream.ports["main"], concurrency=1)
        results["starts"] = measure_starts(start, asked.contestants)
        results["samples"] = {name: collections.defaultdict(list) for name in asked.scenarios if name != MEMORY}
        for run in range(asked.runs):
            print(f"run {run + 1} of {asked.runs}", flush=True)
            with contextlib.ExitStack() as stack:
                running = {name: stack.enter_context(start(name)) for name in asked.contestants}
                for name, all_runs in results["samples"].items():
                    for who, samples in measure(name, running, asked).items():
                        all_runs[who] += samples
                results["resident"] = {name: memory.resident_bytes(envoy.pid()) for name, envoy in running.items()}
        if MEMORY in asked.scenarios:
            with start("backstop") as envoy:
                results["linear"] = measure_memory(envoy, asked.requests)
    is_complete = set(asked.scenarios) == {*SCENARIOS, MEMORY} and set(asked.contestants) == set(CONTESTANTS)
    is_long = asked.rounds >= ROUNDS and asked.requests >= LONG_RUN_REQUESTS
    write(results, publish=is_complete and is_long)


def parse(words):
    """The command line; what is empty is the default, as the Makefile passes it."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=lambda w: int(w or 1), default=1)
    parser.add_argument("--rounds", type=lambda w: int(w or ROUNDS), default=ROUNDS)
    parser.add_argument("--seconds", type=lambda w: int(w or SECONDS), default=SECONDS)
    parser.add_argument("--requests", type=lambda w: int(w or LONG_RUN_REQUESTS), default=LONG_RUN_REQUESTS)
    parser.add_argument("--scenarios", type=str.split, default=[])
    parser.add_argument("--contestants", type=str.split, default=[])
    asked = parser.parse_args(words)
    asked.scenarios = chosen("scenario", asked.scenarios, [*SCENARIOS, MEMORY])
    asked.contestants = chosen("contestant", asked.contestants, list(CONTESTANTS))
    return asked


def chosen(kind, names, known):
    if unknown := [name for name in names if name not in known]:
        raise Problem(f"no {kind} is called {', '.join(unknown)}; there are {', '.join(known)}")
    return [name for name in known if not names or name in names]


def expected_minutes(asked):
    contestants = sum(not CONTESTANTS[name].for_reading for name in asked.contestants)
    runs = sum(name != MEMORY for name in asked.scenarios) * contestants * asked.runs
    long_run_s = asked.requests / 6_000 if MEMORY in asked.scenarios else 0
    return (runs * (asked.rounds * asked.seconds + WARM_UP_S) + contestants * STARTS + long_run_s) / 60


def measure_starts(start, names):
    """How long each takes to get ready, and the CPU that it uses up to then."""
    starts = {name: {"ready_ms": [], "cpu_ms": []} for name in names if not CONTESTANTS[name].for_reading}
    for _ in range(STARTS):
        for name, taken in starts.items():
            with start(name) as envoy:
                taken["ready_ms"].append(round(envoy.ready_ms, 1))
                taken["cpu_ms"].append(round(load.cpu_seconds(envoy.pid()) * 1000, 1))
    for name, taken in starts.items():
        print(f"  {CONTESTANTS[name].label:<20} ready after {statistics.median(taken['ready_ms']):>5.0f} ms", flush=True)
    print()
    return starts


def measure(name, running, asked):
    """Samples of all contestants in a scenario, one round after the other."""
    scenario = SCENARIOS[name]
    print(scenario.label, flush=True)
    script = load.write_script(name, scenario.requests)
    running = {who: envoy for who, envoy in running.items() if scenario.reads or not CONTESTANTS[who].for_reading}
    samples = {who: [] for who in running}
    for envoy in running.values():
        load.run(envoy, script, WARM_UP_S)
    for turn in range(asked.rounds):
        for who, envoy in running.items():
            sample = load.run(envoy, script, asked.seconds)
            require_right_answers(name, who, scenario, sample)
            samples[who].append(sample)
        row = "  ".join(f"{who} {taken[-1].cpu_us:.1f}" for who, taken in samples.items())
        print(f"  round {turn + 1} of {asked.rounds}, us: {row}", flush=True)
    return {who: [vars(sample) for sample in taken] for who, taken in samples.items()}


def require_right_answers(name, who, scenario, sample):
    """A figure counts only if the contestant did its work."""
    if who == "lua":
        is_right = sample.refused == scenario.refused or name == "mix"
    else:
        expected = scenario.refused if who == "backstop" else 0.0
        is_right = abs(sample.refused - expected) < (0.02 if 0 < expected < 1 else 1e-9)
    if not is_right:
        raise Problem(f"{name}: {who} refused {sample.refused:.1%} of the requests, which it should not: its figures say nothing")


def measure_memory(envoy, requests):
    """Linear memory of the VM before a long run of mixed requests, and after each part of it."""
    print(f"{LONG_RUN.label}: linear memory", flush=True)
    script = load.write_script(MEMORY, LONG_RUN.requests)
    seen, taken = 0, [[0, memory.linear_bytes(envoy.pid())]]
    if not taken[0][1]:
        raise Problem("no linear memory can be seen in the address space of this Envoy: leave 'memory' out of SCENARIOS")
    for part in itertools.count(1):
        while seen < requests * part / LONG_RUN_PARTS:
            seen += load.run(envoy, script, 2).requests
        taken.append([seen, memory.linear_bytes(envoy.pid())])
        print(f"  after {seen:>9,} requests: {taken[-1][1] / 1e6:.2f} MB", flush=True)
        if seen >= requests:
            print()
            return taken


def write(results, publish):
    """Leaves page, figures and chart; published, with the budgets in the project's README, are only those of a whole run."""
    folder = RESULTS if publish else SCRATCH
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "raw.json").write_text(json.dumps(results, indent=1) + "\n")
    page = report.page(results)
    (folder / "README.md").write_text(page)
    if results["samples"]:
        (folder / "cost.svg").write_text(chart(results))
    if publish:
        readme = ROOT / "README.md"
        readme.write_text(report.with_budgets(readme.read_text(), results))
    print(page)
    print(f"written to {folder.relative_to(ROOT)}" + ("" if publish else "; tests/bench/results keeps whole runs only"))


if __name__ == "__main__":
    began = time.monotonic()
    try:
        main(sys.argv[1:])
    except (Problem, StartFailed) as problem:
        sys.exit(f"bench: {problem}")
    print(f"{time.monotonic() - began:.0f} s")
