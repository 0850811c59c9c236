"""`make load`: the opening of a sale by k6, against an Envoy with the filter, and what backstop counted.

PEAK is how many fans come in a second, DURATION how many seconds it lasts.
"""

import hashlib
import os
import shutil
import subprocess
import sys

from harness import HOST, MODULE, ROOT, Problem
from harness.binaries import one_to_run
from harness.bootstrap import Listener
from harness.envoy import Envoy, require_module

SCRIPT = ROOT / "tests" / "load" / "opening.js"
SECRET = "secret-of-the-edge"
CONFIG = {
    "origin": {"sha256": [hashlib.sha256(SECRET.encode()).hexdigest()]},
    "client": {"from": [{"forwardedFor": {"trustedHops": 1}}, "peer"]},
    "limits": [
        {"name": "per-client", "key": ["client"], "rate": "20/s", "burst": 40},
        {"name": "holds", "paths": [{"prefix": "/holds"}], "key": ["client"], "rate": "2/s", "burst": 4},
        {"name": "whole-proxy", "key": [], "rate": "20000/s", "burst": 40000},
    ],
}


def main():
    require_module(MODULE)
    k6 = shutil.which("k6") or shutil.which("k6", path=ROOT / ".tools" / "bin")
    if not k6:
        raise Problem("there is no k6: run tests/setup/k6.sh first")
    peak, seconds = os.environ.get("PEAK", "20"), os.environ.get("DURATION", "60")
    binary = one_to_run()
    with Envoy(binary, {"main": Listener(None, answer="ok")}, 9, concurrency=1) as application:
        with Envoy(binary, {"main": Listener(CONFIG)}, application.ports["main"], concurrency=2) as envoy:
            print(f"{binary.label}, two workers; {peak} fans a second at the peak, {seconds} s", flush=True)
            words = [k6, "run", "--quiet", "--no-usage-report", str(SCRIPT)]
            for name, value in {"TARGET": f"http://{HOST}:{envoy.ports['main']}", "SECRET": SECRET, "PEAK": peak, "DURATION": seconds}.items():
                words += ["--env", f"{name}={value}"]
            run = subprocess.run(words)
            stats = envoy.stats("wasmcustom.backstop_")
    counts = {name.split("backstop_", 1)[1]: value for name, value in stats.items()}
    print(f"backstop: {counts['requests_passed']} passed, {counts['requests_denied']} denied "
          f"({counts['limited_holds']} over holds, {counts['limited_per_client']} over per-client), {counts['failures']} failures, "
          f"VM memory {counts['memory_bytes'] / 2**20:.1f} MiB")  # fmt: skip
    return run.returncode or (1 if counts["failures"] else 0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(f"load: {problem}")
