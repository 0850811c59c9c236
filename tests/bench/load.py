"""Load by wrk, and what it costs the process that serves it."""

import dataclasses
import re
import struct
import subprocess
import time

from bench import SCRATCH
from harness import HOST, Problem

CONNECTIONS = 8
# Lua that reads the requests of a file, %s.
READ = """\
local file = assert(io.open("%s", "rb"))
local requests, at = {}, 0
while true do
  local length = file:read(4)
  if not length then break end
  local a, b, c, d = string.byte(length, 1, 4)
  requests[#requests + 1] = file:read(((a * 256 + b) * 256 + c) * 256 + d)
end
file:close()
"""
SCRIPT = (
    READ
    + """\
function request()
  at = at %% #requests + 1
  return requests[at]
end
"""
)
UNITS = {"us": 1, "ms": 1_000, "s": 1_000_000}


@dataclasses.dataclass
class Sample:
    """What one run of wrk showed."""

    cpu_us: float  # CPU of the Envoy process, user and system, for each request
    p50_us: float
    p99_us: float
    requests: int
    refused: float  # the share that got an answer other than 2xx or 3xx


def write_requests(name, requests):
    """A file of requests, each after its length in four bytes."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    file = SCRATCH / f"{name}.requests"
    file.write_bytes(b"".join(struct.pack(">I", len(each)) + each for each in requests))
    return file


def write_script(name, requests):
    """A wrk script that sends the requests in turn."""
    data = write_requests(name, requests)
    script = data.with_suffix(".lua")
    script.write_text(SCRIPT % data)
    return script


def run(envoy, script, seconds):
    """Sends requests for so long, as many at once as there are connections."""
    before = cpu_seconds(envoy.pid())
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script, f"http://{HOST}:{envoy.ports['main']}/"]
    wrk = subprocess.run(words, capture_output=True, text=True)
    spent = cpu_seconds(envoy.pid()) - before
    requests = re.search(r"(\d+) requests in", wrk.stdout)
    if not requests or not int(requests[1]) or "Socket errors" in wrk.stdout:
        raise Problem(f"the load did not run as it should: {wrk.stdout} {wrk.stderr}")
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", wrk.stdout)
    count = int(requests[1])
    return Sample(spent / count * 1e6, _percentile(wrk.stdout, 50), _percentile(wrk.stdout, 99), count, int(refused[1]) / count if refused else 0.0)


def cpu_seconds(pid):
    """CPU that a process has used so far, to the nanosecond: Linux has a clock for each process."""
    return time.clock_gettime((~pid << 3) | 2)


def _percentile(text, percent):
    number, unit = re.search(rf"^\s*{percent}%\s+([\d.]+)(us|ms|s)$", text, re.M).groups()
    return float(number) * UNITS[unit]
