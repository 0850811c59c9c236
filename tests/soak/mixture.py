"""The soak: bulk from wrk and h2load, answered by Envoy itself behind the filter, and odd requests to an application.

Afterwards every context must be gone, and backstop's counters must add up to the requests that Envoy counted, and those to
what was sent.
"""

import contextlib
import dataclasses
import re
import subprocess
import time

from bench.scenarios import Visitors as Bulk
from harness import HOST, Problem
from harness.bootstrap import TYPE, Listener
from harness.envoy import Envoy, end_with_parent, eventually
from harness.upstream import Upstream
from soak import MIB, SCRATCH
from soak.memory import Memory
from soak.visitors import KINDS, Visitors
from soak.wrk import Wrk

LIMIT_BYTES = 8 * MIB
CONFIG = {
    "client": {"from": [{"forwardedFor": {"trustedHops": 1}}, "peer"]},
    "limits": [
        {"name": "per-client", "key": ["client"], "rate": "100000/s", "burst": 100000},
        {"name": "whole-proxy", "key": [], "rate": "1000000/s", "burst": 1000000},
    ],
    # Only counted: all of the odd requests come from one client.
    "penalty": {"denials": 5, "window": "60s", "for": "60s", "mode": "detect"},
    "handover": {"groups": [{"name": "tickets", "paths": [{"prefix": "/tickets"}]}]},
}
# Takes the whole body before Envoy answers, so that the filter before it sees all of it.
BUFFER = {"@type": TYPE + "envoy.extensions.filters.http.buffer.v3.Buffer", "max_request_bytes": 8 << 20}
# So many of each kind, sent again and again.
HARMLESS = {"get": 1_400, "json": 400, "form": 200, "large": 4, "picture": 1}
ATTACKS = {"attack": 500}
CONNECTIONS = {"harmless": 8, "attacks": 2, "h2load": 2}
STREAMS = 4  # at once on each connection of h2load
ENDS = ("passed", "denied", "exempt", "abandoned")


class Wrong(AssertionError):
    """Something happened that must not."""


def require(is_right, otherwise):
    if not is_right:
        raise Wrong(otherwise)


@dataclasses.dataclass
class Report:
    """What a run showed."""

    seconds: float
    sent: dict
    counted: dict  # by backstop
    requests: int  # by Envoy
    memory: Memory

    def text(self):
        """The figures in a few lines."""
        per_second = self.requests / self.seconds
        return (
            f"{self.requests:,} requests in {self.seconds:.0f} s ({per_second:,.0f}/s): {self.sent}\n"
            f"counted by backstop: {self.counted}, {sum(self.counted.values()):,} in all; no stream is left open\n{self.memory.text()}"
        )


class H2load:
    """h2load in the background: GETs over HTTP/2."""

    def __init__(self, port, seconds):
        SCRATCH.mkdir(parents=True, exist_ok=True)
        targets = SCRATCH / "targets"
        bulk = Bulk(8)
        targets.write_text("".join(f"http://{HOST}:{port}{bulk.target()}\n" for _ in range(2_000)))
        words = [
            "h2load", f"-D{seconds}", "-t1", f"-c{CONNECTIONS['h2load']}", f"-m{STREAMS}", "-i", str(targets), "-H", "x-forwarded-for: 198.51.100.7",
        ]  # fmt: skip
        self._words, self._process = words, None

    def __enter__(self):
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._words, stdout=pipe, stderr=pipe, text=True, preexec_fn=end_with_parent)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def answered(self):
        """Waits for its end; how many were answered, all of them with 2xx."""
        told, complaint = self._process.communicate()
        found = re.search(r"requests: .* (\d+) done, (\d+) succeeded, (\d+) failed", told)
        if not found:
            raise Problem(f"h2load did not run as it should: {told} {complaint}")
        done, *_ = map(int, found.groups())
        refused = re.search(r"status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", told)
        require(not any(map(int, refused.groups())), f"requests over HTTP/2 were refused: {refused[0]}")
        require(done, f"nothing was sent over HTTP/2: {told}")
        return done


def requests(kinds):
    """Requests of those kinds, mixed; the same in every run."""
    bulk = Bulk(6)
    made = [getattr(bulk, kind)() for kind, count in kinds.items() for _ in range(count)]
    bulk.rng.shuffle(made)
    return made


def run(binary, seconds, *, say=lambda line: None):
    """Sends requests for so long; the report, once everything was as it should be."""
    whole = max(1, round(seconds))
    listeners = {
        "bulk": Listener(CONFIG, answer="ok", filters=[{"name": "buffer", "typed_config": BUFFER}]),
        "odd": Listener(CONFIG, access_log=False),
    }
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(Upstream())
        envoy = stack.enter_context(Envoy(binary, listeners, upstream.port))
        kept, port = Memory(envoy.pid()), envoy.ports["bulk"]
        bulk = {
            name: Wrk(name, port, requests(kinds), whole, connections=CONNECTIONS[name], network=network)
            for name, kinds, network in (("harmless", HARMLESS, 10), ("attacks", ATTACKS, 11))
        }  # fmt: skip
        h2load = H2load(port, whole)
        began = time.monotonic()
        for each in (*bulk.values(), h2load):
            stack.enter_context(each)
        with Visitors(envoy.ports["odd"]) as visitors:
            while time.monotonic() < began + whole:
                time.sleep(max(0.2, seconds / 300))
                kept.take()
                say(f"{time.monotonic() - began:.0f} s, {counted(envoy)} requests, {kept.last()}")
        outcomes = {name: each.outcome() for name, each in bulk.items()}
        sent = {**{name: outcome.answered for name, outcome in outcomes.items()}, "h2load": h2load.answered(), **visitors.sent}
        seconds = time.monotonic() - began
        idle = eventually(lambda: not open_streams(envoy), 10, 0.2)
        require(idle, f"{open_streams(envoy)} streams are left open")
        kept.take()
        by_backstop = ends(envoy)
        report = Report(seconds, sent, by_backstop, counted(envoy), kept)
        require(all(visitors.sent[kind.__name__] for kind in KINDS), f"not every kind was sent: {sent}")
        require(not visitors.wrong, f"{len(visitors.wrong)} odd requests went wrong: {visitors.wrong[:5]}")
        require(not outcomes["harmless"].refused and not outcomes["harmless"].lost, f"harmless requests were refused or lost: {outcomes}")
        require(outcomes["attacks"].refused == outcomes["attacks"].answered, f"attacks passed: {outcomes}")
        require_sums(report)
        require(max(kept.linear) <= LIMIT_BYTES, f"linear memory: {max(kept.linear)} bytes")
        require(not envoy.vm_failures(), f"the VM trapped: {envoy.vm_failures()[:1]}")
        return report


def require_sums(report):
    """Requires that nothing was counted twice or not at all. What the load tools had under way when their time was over
    was sent and not answered; of such a request Envoy may have seen a part that is no head yet."""
    under_way = CONNECTIONS["harmless"] + CONNECTIONS["attacks"] + CONNECTIONS["h2load"] * STREAMS
    sent, by_backstop = sum(report.sent.values()), sum(report.counted.values())
    require(sent <= report.requests <= sent + under_way, f"{report.sent} were sent, {sent} in all, and Envoy counted {report.requests}")
    require(report.requests - under_way <= by_backstop <= report.requests, f"Envoy counted {report.requests}, and backstop {by_backstop}")
    require(report.sent["attacks"] <= report.counted["denied"], "more attacks were answered than denied")


def counted(envoy):
    """How many requests Envoy has counted."""
    return sum(envoy.stats(f"http.{name}.downstream_rq_total")[f"http.{name}.downstream_rq_total"] for name in ("bulk", "odd"))


def open_streams(envoy):
    """How many streams Envoy and backstop hold."""
    active = sum(envoy.stats(f"http.{name}.downstream_rq_active")[f"http.{name}.downstream_rq_active"] for name in ("bulk", "odd"))
    return active + envoy.stats("wasmcustom.backstop_streams_open")["wasmcustom.backstop_streams_open"]


def ends(envoy):
    """How the requests ended that backstop has seen."""
    stats = envoy.stats("wasmcustom.backstop_requests_")
    return {end: stats[f"wasmcustom.backstop_requests_{end}"] for end in ENDS}
