"""`make run-global`: two Envoys with backstop, Envoy's rate limit service and Redis; one budget for both proxies."""

import pathlib
import signal
import sys
import threading

from harness import HOST, MODULE, Problem, client
from harness.binaries import one_to_run
from harness.bootstrap import Listener
from harness.demo import read_config, require_free
from harness.envoy import Envoy, StartFailed, require_module
from harness.ratelimit import RateLimitService, Redis, cluster, http_filter, limits
from harness.upstream import Upstream

PORTS, ADMIN_PORTS = (10000, 10010), (9901, 9911)
CONFIG = pathlib.Path(__file__).parent / "demo-global.yaml"
BUDGET = 10


def main():
    require_module(MODULE)
    for port in (*PORTS, *ADMIN_PORTS):
        require_free(port)
    binary = one_to_run()
    over = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: over.set())

    def envoy(port, admin_port):
        listener = Listener(read_config(CONFIG), port=port, filters=[http_filter()])
        return Envoy(binary, {"main": listener}, upstream.port, more_clusters=[cluster(service.port)], admin_port=admin_port)

    with Upstream() as upstream, Redis() as redis, RateLimitService(redis, limits(tickets=(BUDGET, "minute"))) as service:
        with envoy(PORTS[0], ADMIN_PORTS[0]) as first, envoy(PORTS[1], ADMIN_PORTS[1]) as second:
            print_welcome(binary, redis, service)
            print_shared_budget()
            while not over.wait(0.2):
                if not (first.is_running() and second.is_running()):
                    raise Problem("an Envoy ended by itself")
    print("\nstopped; nothing is left running")


def print_welcome(binary, redis, service):
    first, second = (f"http://{HOST}:{port}" for port in PORTS)
    stats = f"curl -s 'http://{HOST}:{ADMIN_PORTS[0]}/stats?filter=application.ratelimit'"
    suggestions = [
        (f"{BUDGET} a minute for one client, whichever proxy it asks: 200, then 429",
         f"for i in 1 2 3 4 5 6; do for proxy in {first} {second}; do curl -s -o /dev/null -w '%{{http_code}} %header{{x-ratelimit-remaining}}\\n' $proxy/tickets -H 'X-Forwarded-For: 203.0.113.7'; done; done"),
        ("a suspicious request counts as four: 200 200 429",
         f"for i in 1 2 3; do curl -s -o /dev/null -w '%{{http_code}}\\n' '{second}/tickets?q=select+a+seat+from+the+plan' -H 'X-Forwarded-For: 203.0.113.8'; done"),
        ("who names a price is not believed: the remaining count falls all the same",
         f"curl -si {first}/tickets -H 'X-Forwarded-For: 203.0.113.9' -H 'X-Backstop-Cost: 0' | grep x-ratelimit"),
        ("paths of no group are not counted: 200", f"curl -si {first}/elsewhere -H 'X-Forwarded-For: 203.0.113.7'"),
        ("what the first proxy asked and was told", stats),
        ("Redis hangs: requests pass after 0.25 s, and Envoy counts failure_mode_allowed",
         f"kill -STOP {redis.pid()}; curl -s -o /dev/null -w '%{{http_code}}\\n' {first}/tickets -H 'X-Forwarded-For: 203.0.113.7'; {stats}; kill -CONT {redis.pid()}"),
    ]  # fmt: skip
    print(f"\nready: {binary.label}, twice, with backstop and Envoy's rate limit filter: {first} and {second}")
    print(f"rate limit service on port {service.port} (gRPC), Redis on port {redis.port}\n")
    for expectation, command in suggestions:
        print(f"  # {expectation}\n  {command}\n")


def print_shared_budget():
    """Asks both proxies in turns, and shows what they answered."""
    pieces = client.request("GET", "/tickets", [("X-Forwarded-For", "203.0.113.1")])
    statuses = {port: [] for port in PORTS}
    for i in range(2 * BUDGET):
        port = PORTS[i % 2]
        statuses[port].append(client.send(port, pieces).status)
    print(f"{2 * BUDGET} requests of the client 203.0.113.1, sent to both in turns:")
    for port, answers in statuses.items():
        print(f"  port {port}: {' '.join(map(str, answers))}")
    admitted = sum(answers.count(200) for answers in statuses.values())
    print(f"  admitted together: {admitted} (budget: {BUDGET} in each minute of the clock). Ctrl-C ends all.\n", flush=True)


if __name__ == "__main__":
    try:
        main()
    except (Problem, StartFailed) as problem:
        sys.exit(f"run-global: {problem}")
