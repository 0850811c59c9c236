"""`make updates`: config updates (good, wrong, and back) and module upgrades while wrk sends requests.

Each good update is asked for its effect over open connections to every worker: from the first answer by the new rules on,
none may come by the old ones. A wrong one must leave the rules as they are. Meanwhile wrk sends harmless requests, of
which each must be answered with 200, and attacks that every config blocks, of which none may pass. A limit that all
configs have counts on through all of it.
"""

import contextlib
import dataclasses
import re
import statistics
import sys
import time

from e2e.attacks import ATTACKS, PLACES
from harness import MODULE, Problem, client
from harness.binaries import one_to_run
from harness.bootstrap import Listener
from harness.envoy import Envoy, StartFailed, eventually, require_module
from soak import MIB, SCRATCH, sayer
from soak.memory import Memory
from soak.wrk import Wrk

PROBES = 6  # connections that updates are judged by, at least
BURST, REFILL_S = 100_000, 18
LIMIT = {"name": "probes", "paths": [{"prefix": "/find"}], "key": ["header:x-probe"], "rate": "200/h", "burst": BURST}
# What one of them blocks, the other only reports.
GOOD = {
    "sqli": {"rules": {"families": {"xss": "detect"}}, "limits": [LIMIT]},
    "xss": {"rules": {"families": {"sqli": "detect"}}, "limits": [LIMIT]},
}
OTHER = {"sqli": "xss", "xss": "sqli"}
WRONG = [{"mod": "block"}, '{"mode": "block"', {"threshold": "x"}, {**GOOD["xss"], "limits": [{**LIMIT, "burst": 0}]}]
UPGRADE_EVERY = 50
WORKERS = 2
HARMLESS = [b"GET /tickets?n=7 HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"]
ATTACK = [b"GET /a HTTP/1.1\r\nHost: shop.example\r\nX-Note: " + ATTACKS["log4shell"].encode() + b"\r\n\r\n"]


@dataclasses.dataclass
class Report:
    """What a run showed."""

    updates: dict = dataclasses.field(default_factory=lambda: {"good": 0, "wrong": 0, "upgrades": 0})
    effect_ms: list = dataclasses.field(default_factory=list)  # from the file's move to the new rules' answer everywhere
    memory: object = None
    probes: int = 0
    harmless: object = None
    attacks: object = None

    def text(self):
        """The figures in a few lines."""
        slow = sorted(self.effect_ms)[int(len(self.effect_ms) * 0.99)]
        return (
            f"{sum(self.updates.values())} updates: {self.updates}\n"
            f"in effect on all workers after {statistics.median(self.effect_ms):.0f} ms (99 %: {slow:.0f} ms)\n"
            f"harmless: {self.harmless}\nattacks: {self.attacks}\nprobes: {self.probes}, all as they should be\n{self.memory.text()}"
        )


class Wrong(AssertionError):
    """Something happened that must not."""


class Updates:
    """One Envoy, whose config is replaced."""

    def __init__(self, envoy, stack):
        self.envoy, self.report, self.running = envoy, Report(memory=Memory(envoy.pid())), "sqli"
        self.links = []
        while len(self.links) < PROBES or not self.is_everywhere():
            self.links.append(stack.enter_context(client.connect(envoy.ports["main"])))
        self.left, self.began = BURST, time.monotonic()

    def is_everywhere(self):
        """Whether each worker has one of the connections."""
        counts = self.envoy.stats("listener.main.worker_")
        return all(counts[f"listener.main.worker_{worker}.downstream_cx_total"] for worker in range(WORKERS))

    def cycle(self, number):
        """A good update, a wrong one, and back."""
        other = OTHER[self.running]
        self.good(other)
        self.wrong(WRONG[number % len(WRONG)])
        self.good(OTHER[other])

    def good(self, name, *, upgrade=None):
        """Replaces the config by the one that blocks `name`, and the module too if there is an `upgrade`."""
        if upgrade:
            self.envoy.listeners["main"].module = upgrade
        began = time.monotonic()
        self.require(self.envoy.replace_config(GOOD[name]) == "accepted", f"the config for {name} was refused")
        for link in self.links:
            # The limit is charged for each of these, too.
            in_effect = eventually(lambda: self.ask(link, name) == 403, 20, 0.002)
            self.require(in_effect, f"the config for {name} has no effect")
        self.report.effect_ms.append((time.monotonic() - began) * 1000)
        self.running = name
        self.report.updates["upgrades" if upgrade else "good"] += 1
        self.hold()

    def wrong(self, document):
        """Tries a config with mistakes."""
        self.require(self.envoy.replace_config(document) == "rejected", f"{document} was accepted")
        self.report.updates["wrong"] += 1
        self.hold()

    def hold(self):
        """Requires that every worker answers by the running rules, and by no others."""
        for link in self.links:
            self.require(self.ask(link, OTHER[self.running]) == 200, "the old rules answer once the new ones have")
            self.require(self.ask(link, self.running) == 403, "the new rules let pass once they had answered")
        self.report.memory.take()

    def ask(self, link, family):
        """The status of an attack of that family; what is left of the limit must be one less than before."""
        wanted = PLACES["query value"](ATTACKS[family])
        link.sendall(client.request("GET", wanted["target"], [("X-Probe", "1")])[0])
        response = client.read_response(link)
        self.report.probes += 1
        self.left -= 1
        told = int(re.search(r";r=(\d+)", response.value("ratelimit") or ";r=0")[1])
        refilled = int((time.monotonic() - self.began) / REFILL_S) + 1
        self.require(self.left <= told <= self.left + refilled, f"the limit has {told} left, not {self.left}")
        return response.status

    @staticmethod
    def require(is_right, otherwise):
        if not is_right:
            raise Wrong(otherwise)


def stamped(number):
    """The module as another build of it: the same code with a custom section of its own (WebAssembly 2.0, 5.5.3), so
    that Envoy makes new VMs for it."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    file = SCRATCH / f"build-{number % 2}.wasm"
    content = b"\x05build" + b"%08d" % number
    file.with_suffix(".new").write_bytes(MODULE.read_bytes() + b"\x00" + bytes([len(content)]) + content)
    file.with_suffix(".new").rename(file)
    return file


def run(binary, count, *, upgrade_every=UPGRADE_EVERY, say=lambda line: None):
    """Makes that many updates; the report, once everything was as it should be."""
    listener = Listener(GOOD["sqli"], dynamic=True, answer="ok")
    with contextlib.ExitStack() as stack:
        envoy = stack.enter_context(Envoy(binary, {"main": listener}, 9, concurrency=WORKERS))
        updates = Updates(envoy, stack)
        port, forever = envoy.ports["main"], 24 * 3600
        harmless = stack.enter_context(Wrk("harmless", port, HARMLESS, forever))
        attacks = stack.enter_context(Wrk("attacks", port, ATTACK, forever, connections=2))
        report, done, vms = updates.report, 0, virtual_machines(envoy)
        while done < count:
            updates.cycle(done)
            upgrade = stamped(done) if done // upgrade_every != (done + 4) // upgrade_every else None
            if upgrade:
                updates.good(OTHER[updates.running], upgrade=upgrade)
            done = sum(report.updates.values())
            say(f"{done} of {count} updates, {report.memory.last()}")
        report.harmless, report.attacks = harmless.outcome(now=True), attacks.outcome(now=True)
        updates.require(not report.harmless.lost and not report.attacks.lost, f"requests were lost: {report.harmless} {report.attacks}")
        updates.require(not report.harmless.refused, f"harmless requests were refused: {report.harmless}")
        updates.require(report.attacks.refused == report.attacks.answered, f"attacks passed: {report.attacks}")
        updates.require(report.harmless.answered > count and report.attacks.answered > count, "there was no load to speak of")
        left = eventually(lambda: virtual_machines(envoy)["active"] == vms["active"], 10, 0.2)
        updates.require(left, f"there were {vms} VMs, and now {virtual_machines(envoy)}")
        created = virtual_machines(envoy)["created"] - vms["created"]
        updates.require(created >= report.updates["upgrades"] * WORKERS, f"only {created} VMs were made")
        updates.require(not envoy.vm_failures(), f"the VM trapped: {envoy.vm_failures()[:1]}")
        return report


def virtual_machines(envoy):
    """How many VMs Envoy has, and has made."""
    prefix = "wasm.envoy.wasm.runtime.v8."
    return {name.removeprefix(prefix): count for name, count in envoy.stats(prefix).items()}


def main(words):
    require_module(MODULE)
    count, binary = int(words[0]) if words else 1000, one_to_run()
    print(f"{binary.label}, two workers: {count} updates", flush=True)
    report = run(binary, count, say=sayer(10))
    print(report.text())
    report.memory.require_flat(Updates.require, linear=MIB, resident=16 * MIB)
    print("flat: yes")


if __name__ == "__main__":
    began = time.monotonic()
    try:
        main(sys.argv[1:])
    except (Problem, StartFailed, Wrong) as problem:
        sys.exit(f"updates: {problem}")
    print(f"{time.monotonic() - began:.0f} s")
