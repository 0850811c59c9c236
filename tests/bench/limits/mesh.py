"""What two Envoys and the rate limit service admit together, also while Redis is gone."""

import threading
import time

from bench.limits.load import Load
from harness.bootstrap import Listener
from harness.envoy import Envoy
from harness.ratelimit import RateLimitService, Redis, cluster, http_filter, limits

RATE, OFFERED = 100, 200  # hits a second for one client; requests a second to each of the two proxies
LOCAL = 75  # a second in each proxy: 1.5 x its even share
CONNECTIONS = 100  # to each, since a request may take the whole time-out of 0.25 s
HANDOVER = {"groups": [{"name": "shop"}]}
CLIENT = {"from": [{"forwardedFor": {"trustedHops": 1}}]}


def config(**sections):
    return {"client": CLIENT, "handover": HANDOVER, "telemetry": {"log": {"perSecond": 0}}, **sections}


LISTENERS = {
    "passes": Listener(config(), filters=[http_filter()]),
    "passes, with a local limit": Listener(
        config(limits=[{"name": "floor", "key": ["client"], "rate": f"{LOCAL}/s", "burst": LOCAL}]), filters=[http_filter()]
    ),
    "refuses": Listener(config(), filters=[http_filter(deny_on_failure=True)]),
}


def measure(binary, seconds, say):
    """The section of the report, as lines."""
    with (
        Envoy(binary, {"main": Listener(None, answer="ok")}, 9) as application,
        Redis() as redis,
        RateLimitService(redis, limits(shop=(RATE, "second"))) as service,
    ):
        def proxy():
            return Envoy(binary, LISTENERS, application.ports["main"], more_clusters=[cluster(service.port)], concurrency=1)

        with proxy() as first, proxy() as second:
            say("global limit: Redis runs all the time")
            steady = run((first, second), seconds, None)
            say("global limit: Redis is killed for the middle third")
            broken = run((first, second), seconds, redis)
    rows = []
    for name in LISTENERS:
        at, phases = steady[name], broken[name]
        rows.append(f"| {name} | {at[0]:,.0f} | {at[1]:+.1%} | " + " | ".join(f"{rate:,.0f}" for rate in phases[2]) + " |")
        say(f"global limit: {rows[-1]}")
    return [
        f"Two Envoys, {RATE} hits a second for a client in the rate limit service, {OFFERED} requests a second of that client to each",
        f"Envoy, {seconds} s; then the same with Redis killed for the middle third. The local limit is {LOCAL} a second in each proxy.",
        "Admitted by both together; promised is one budget for each second of the clock that was begun.",
        "",
        "| without an answer, Envoy | admitted in all | of promised | a second: before | Redis gone | after |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]


def run(proxies, seconds, redis):
    """For each listener: admitted in all, off by, and admitted a second in each third of the time."""
    loads = {
        name: [Load(proxy.ports[name], OFFERED, seconds, [("X-Forwarded-For", f"192.0.2.{i}")], connections=CONNECTIONS) for proxy in proxies]
        for i, name in enumerate(LISTENERS)
    }
    began = time.time()
    if redis:
        timers = [threading.Timer(seconds / 3, redis.kill), threading.Timer(seconds * 2 / 3, redis.start)]
        for timer in timers:
            timer.start()
    result = {}
    for name, pair in loads.items():
        answers = sorted(answer for load in pair for answer in load.answers())
        admitted = [at for at, status in answers if status == 200]
        windows = int(answers[-1][0]) - int(answers[0][0]) + 1
        thirds = [sum(int((at - began) * 3 / seconds) == third for at in admitted) / (seconds / 3) for third in range(3)]
        result[name] = len(admitted), len(admitted) / (RATE * windows) - 1, thirds
    if redis:
        for timer in timers:
            timer.join()
    return result
