"""What a crowd of clients does to the memory of the process, and to each other, since a limit has 16,384 slots."""

import contextlib
import pathlib
import re
import subprocess
import time

from bench.limits.accuracy import FAMILIES
from harness import HOST, ROOT, Problem
from harness.bootstrap import Listener
from harness.envoy import Envoy

STAGES = (1_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000)
SHOWN = (10_000, 100_000, 1_000_000)
SCRIPT = ROOT / "target" / "bench" / "crowd.lua"
LIMITS = [("1/h", 1), ("1/h", 20), ("1/h", 100), ("10/m", 5), ("50/s", 100)]
SPARE = 1_000  # wrk loses a few

# wrk cannot stop after so many requests; when all clients have asked, it goes on with a path that is exempt.
LUA = """
local client, last = 0, 0
function init(args) last = tonumber(args[1]) end
function request()
  if client >= last then return "GET /exempt HTTP/1.1\\r\\nHost: shop.example\\r\\n\\r\\n" end
  client = client + 1
  return string.format("GET / HTTP/1.1\\r\\nHost: shop.example\\r\\nX-Forwarded-For: 10.%d.%d.%d\\r\\n\\r\\n",
    math.floor(client / 65536), math.floor(client / 256) % 256, client % 256)
end
"""


def measure(binary, seconds, say):
    """The section of the report, as lines; `seconds` shorten it: below 30 the crowd is a tenth."""
    part = 1 if seconds >= 30 else 10
    limits = [
        {"name": f"limit-{i}", "key": ["client"], "rate": rate, "burst": burst, "mode": "detect"}
        for i, (rate, burst) in enumerate(LIMITS)
    ]
    config = {
        "client": {"from": [{"forwardedFor": {"trustedHops": 1}}]},
        "limits": limits,
        "exempt": [{"exact": "/exempt"}],
        "rules": {"families": {name: "off" for name in FAMILIES}},  # they remember nothing
        "telemetry": {"log": {"perSecond": 0}},
    }
    memory, shares = [], []
    with Envoy(binary, {"main": Listener(config, answer="ok")}, 9) as envoy:
        memory.append(f"| 0 | {resident_mb(envoy):.1f} MB | 0 s |")
        with crowd(envoy.ports["main"], STAGES[-1] // part + SPARE):
            began = time.monotonic()
            for stage in STAGES:
                clients, limited = wait_for(envoy, stage // part)
                took = time.monotonic() - began
                memory.append(f"| {clients:,} | {resident_mb(envoy):.1f} MB | {took:.0f} s |")
                if stage in SHOWN:
                    shares.append((clients, [count / clients for count in limited]))
                say(f"crowd: {memory[-1]}")
    rows = [
        f"| {rate}, burst {burst} | " + " | ".join(f"{each[i]:.3%}" for _, each in shares) + " |"
        for i, (rate, burst) in enumerate(LIMITS)
    ]
    return [
        f"{clients:,} clients ask once each, {clients / took:,.0f} a second; {len(LIMITS)} limits by client count them all.",
        "Resident memory is that of the Envoy process, with two workers:",
        "",
        "| clients so far | resident | after |",
        "| --- | --- | --- |",
        *memory,
        "",
        "Share of clients that are limited wrongly, because others use their slots; any is, since each asks once. A limit of 1/h gives",
        "back next to nothing meanwhile, so the first rows show what a table holds, 16,384 slots x burst; the others are such as",
        "people set.",
        "",
        "| limit | " + " | ".join(f"{clients:,} clients" for clients, _ in shares) + " |",
        "| --- |" + " --- |" * len(shares),
        *rows,
    ]


@contextlib.contextmanager
def crowd(port, clients):
    """Sends one request from each of so many clients, as fast as may be."""
    SCRIPT.parent.mkdir(parents=True, exist_ok=True)
    SCRIPT.write_text(LUA)
    words = ["wrk", "-t1", "-c32", "-d3600s", "-s", str(SCRIPT), f"http://{HOST}:{port}/", "--", str(clients)]
    load = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        load.kill()
        load.wait()


def wait_for(envoy, clients):
    """How many clients have asked, once that is `clients` or more, and how many of them each limit would have refused."""
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        stats = envoy.stats("wasmcustom.backstop_")
        if (count := stats.get("wasmcustom.backstop_requests_passed", 0)) >= clients:
            return count, [stats.get(f"wasmcustom.backstop_limited_limit_{i}", 0) for i in range(len(LIMITS))]
        time.sleep(0.1)
    raise Problem(f"{clients:,} clients were not served within half an hour")


def resident_mb(envoy):
    """Resident memory of the process, which the kernel counts in KiB."""
    return int(re.search(r"VmRSS:\s+(\d+) kB", pathlib.Path(f"/proc/{envoy.pid()}/status").read_text())[1]) * 1024 / 1e6
