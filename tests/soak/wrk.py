"""wrk in the background: requests of one kind, and how many were answered, refused and lost."""

import dataclasses
import re
import signal
import subprocess

from bench import load
from harness import HOST, Problem
from harness.envoy import end_with_parent

# Requests of a file in turn, each from another client.
SCRIPT = (
    load.READ
    + """\
local who = %d
function request()
  at = at %% #requests + 1
  who = (who * 1103515245 + 12345) %% 2147483648
  local n = math.floor(who / 8) %% %d
  local address = "%d." .. math.floor(n / 65536) .. "." .. math.floor(n / 256) %% 256 .. "." .. n %% 256
  return (requests[at]:gsub("X%%-Forwarded%%-For: [%%d.]+", "X-Forwarded-For: " .. address, 1))
end
"""
)
ERRORS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")


@dataclasses.dataclass
class Outcome:
    """What became of the requests of one run."""

    answered: int
    refused: int  # answers other than 2xx and 3xx
    lost: int  # errors of sockets, and time-outs


class Wrk:
    """`with Wrk("name", port, requests, seconds) as wrk:` ... `wrk.outcome()`. Where a request has an X-Forwarded-For,
    it gets another address each time, one of `addresses` that begin with `network`, a number below 256."""

    def __init__(self, name, port, requests, seconds, *, connections=4, addresses=1_000_000, network=10):
        data = load.write_requests(name, requests)
        script = data.with_suffix(".lua")
        script.write_text(SCRIPT % (data, network, addresses, network))
        self._words = [
            "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(script), f"http://{HOST}:{port}/",
        ]  # fmt: skip
        self.connections, self._process = connections, None

    def __enter__(self):
        out = subprocess.PIPE
        self._process = subprocess.Popen(self._words, stdout=out, stderr=out, text=True, preexec_fn=end_with_parent)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def outcome(self, now=False):
        """Waits for the end of the run, or ends it `now`."""
        if now:
            self._process.send_signal(signal.SIGINT)
        told, complaint = self._process.communicate(timeout=None)
        requests = re.search(r"(\d+) requests in", told)
        if not requests:
            raise Problem(f"wrk did not run as it should: {told} {complaint}")
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
        errors = ERRORS.search(told)
        lost = sum(map(int, errors.groups())) if errors else 0
        return Outcome(int(requests[1]), int(refused[1]) if refused else 0, lost)
