"""`make bench-quick`: what the filter costs beside a bare Envoy and an empty filter, measured in turns in one run.

CPU time is that of the Envoy process alone (user and system), with one worker, over the requests that it served. The
upstream is an Envoy of its own that answers by itself, and is not counted.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

from harness import HOST, MODULE, ROOT, Problem
from harness.binaries import one_to_run
from harness.bootstrap import Listener
from harness.envoy import Envoy, StartFailed, require_module

EMPTY = ROOT / "target" / "empty.wasm"
FOLDER = ROOT / "target" / "bench"
ROUNDS, SECONDS, STARTS = 5, 2, 5

SECRET = "secret-of-the-edge"
CONFIG = {
    "origin": {"sha256": [hashlib.sha256(SECRET.encode()).hexdigest()]},
    "client": {"from": [{"forwardedFor": {"trustedHops": 1}}, "peer"]},
    "limits": [
        {"name": "per-client", "key": ["client"], "rate": "1000000/s", "burst": 1000000},
        {"name": "tickets", "paths": [{"prefix": "/tickets"}], "key": ["client"], "rate": "1000000/s", "burst": 1000000},
        {"name": "whole-proxy", "key": [], "rate": "1000000/s", "burst": 1000000},
    ],
}
HEADERS = {
    "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7,nl;q=0.3",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://shop.example/artists/the-quiet-ones?tab=dates",
    "Cookie": "theme=dark; _ga=GA1.2.1234567890.1700000000; session=7f3c9a51e2b84d06a1c5; cart=eyJpdGVtcyI6WzEyLDE3XX0",
    "X-Forwarded-For": "203.0.113.17",
    "X-Origin-Verify": SECRET,
}  # fmt: skip
TARGET = "/tickets/search?artist=the+quiet+ones&city=Rotterdam&from=2026-11-22&seats=2&sort=-price&page=3"


def order():
    """A JSON document of 2.4 KB, of the kind that a shop's page sends."""
    seats = [
        {"id": 4711 + i, "row": chr(65 + i), "seat": i * 3 + 1, "price": 49.5 + i, "note": "aisle if possible, please", "held": i % 2 == 0}
        for i in range(24)
    ]
    return json.dumps({"customer": {"name": "Anna O'Brien", "mail": "anna@shop.example"}, "seats": seats, "total": 1464.0})


WORKLOADS = {"browser-like GET": ("GET", None), "JSON POST": ("POST", order())}


def main():
    require_module(MODULE)
    binary = one_to_run()
    FOLDER.mkdir(parents=True, exist_ok=True)
    scripts = {name: write_script(name, *how) for name, how in WORKLOADS.items()}
    print(f"{binary.label}, one worker, {os.cpu_count()} processors; {ROUNDS} rounds of {SECONDS} s in turns, medians\n")
    with contextlib.ExitStack() as stack:
        answer = stack.enter_context(Envoy(binary, {"main": Listener(None, answer="ok")}, 9, concurrency=1))
        variants = {
            "bare Envoy": Listener(None),
            "empty filter": Listener(module=EMPTY),
            "backstop": Listener(CONFIG),
        }
        starts = {name: [] for name in variants}
        for _ in range(STARTS):
            for name, listener in variants.items():
                with Envoy(binary, {"main": listener}, answer.ports["main"], concurrency=1) as envoy:
                    starts[name].append(envoy.ready_ms)
        running = {
            name: stack.enter_context(Envoy(binary, {"main": listener}, answer.ports["main"], concurrency=1))
            for name, listener in variants.items()
        }
        for workload, script in scripts.items():
            costs = {name: [] for name in variants}
            for _ in range(ROUNDS):
                for name, envoy in running.items():
                    costs[name].append(cpu_us_per_request(envoy, script))
            show_costs(workload, costs)
        show_starts(starts)
    for module in (EMPTY, MODULE):
        print(f"{module.name}: {module.stat().st_size:,} bytes")


def write_script(name, method, body):
    """A wrk script for a workload."""
    quoted = json.dumps  # JSON's string syntax is also Lua's, for the characters used here
    lines = [f"wrk.method = {quoted(method)}", f"wrk.path = {quoted(TARGET)}"]
    lines += [f"wrk.headers[{quoted(key)}] = {quoted(value)}" for key, value in HEADERS.items()]
    if body:
        lines += [f"wrk.body = {quoted(body)}", 'wrk.headers["Content-Type"] = "application/json"']
    script = FOLDER / (re.sub(r"\W+", "-", name.lower()) + ".lua")
    script.write_text("\n".join(lines) + "\n")
    return script


def cpu_us_per_request(envoy, script):
    before = cpu_seconds(envoy.pid())
    url = f"http://{HOST}:{envoy.ports['main']}/"
    run = subprocess.run(["wrk", "-t1", "-c8", f"-d{SECONDS}s", "-s", script, url], capture_output=True, text=True)
    spent = cpu_seconds(envoy.pid()) - before
    requests = re.search(r"(\d+) requests in", run.stdout)
    if not requests or "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        raise Problem(f"the load did not run as it should: {run.stdout} {run.stderr}")
    return spent / int(requests[1]) * 1e6


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def show_costs(workload, costs):
    bare = statistics.median(costs["bare Envoy"])
    empty = statistics.median(costs["empty filter"])
    print(f"{workload}: CPU of Envoy per request")
    for name, values in costs.items():
        median = statistics.median(values)
        spread = f"({min(values):.1f} to {max(values):.1f})"
        print(f"  {name:<14}{median:>8.1f} us {spread:<20} adds {median - bare:>6.1f} us = {median / bare - 1:>5.2f} x bare", end="")
        print(f", {median - empty:.1f} us over the empty filter" if name == "backstop" else "")
    print()


def show_starts(starts):
    print(f"from start to ready, median of {STARTS}")
    for name, values in starts.items():
        print(f"  {name:<14}{statistics.median(values):>8.0f} ms ({min(values):.0f} to {max(values):.0f})")
    print()


if __name__ == "__main__":
    try:
        main()
    except StartFailed as failure:
        sys.exit(f"bench: {failure}")
    except Problem as problem:
        sys.exit(f"bench: {problem}")
