"""What two Envoys and the rate limit service admit together, also while Redis is gone."""

import time

from bench.limits.steady import Load
from harness.bootstrap import Listener
from harness.envoy import Envoy
from harness.ratelimit import RateLimitService, Redis, cluster, http_filter, limits

RATE, OFFERED = 50, 100  # hits a second for one client; requests a second to each of the two proxies
LOCAL = 40  # a second in each proxy: more than its even share of 25
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
            steady = run((first, second), seconds)
            calls, unanswered = asked(first, second)
            say("global limit: Redis is killed for the middle third")
            broken = run((first, second), seconds, redis)
    rows = []
    for name in LISTENERS:
        admitted, off, _, _ = steady[name]
        _, _, thirds, back = broken[name]
        rows.append(f"| {name} | {admitted:,} | {off:+.1%} | " + " | ".join(f"{rate:,.0f}" for rate in thirds) + f" | {back} |")
        say(f"global limit: {rows[-1]}")
    return [
        f"Two Envoys, {RATE} hits a second for each client in the rate limit service, {OFFERED} requests a second of one client to each Envoy,",
        f"for {seconds} s; then the same with Redis killed for the middle third. The local limit is {LOCAL} a second in each proxy.",
        "Admitted is by both together; promised is one budget for each second of the clock that was begun. In the first run",
        f"{unanswered:,} of {calls:,} calls to the service were not answered within 0.25 s, which its failure mode then decides.",
        "",
        "| without an answer, Envoy | admitted | of promised | a second: before | Redis gone | after | next limited by it |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
    ]


def asked(*proxies):
    """Calls to the service so far, and those without an answer in time."""
    counts = [proxy.stats("cluster.application.ratelimit.") for proxy in proxies]
    total = {name: sum(each.get(f"cluster.application.ratelimit.{name}", 0) for each in counts) for name in ("ok", "over_limit", "error")}
    return sum(total.values()), total["error"]


def run(proxies, seconds, redis=None):
    """For each listener: admitted in all, off by, admitted a second in each third of the time, and how long after Redis
    was back the service refused a request again."""
    loads = {
        name: [Load(proxy.ports[name], OFFERED, seconds, [("X-Forwarded-For", f"192.0.2.{i}")], connections=CONNECTIONS) for proxy in proxies]
        for i, name in enumerate(LISTENERS)
    }
    began = time.time()
    if redis:
        time.sleep(seconds / 3)
        redis.kill()
        time.sleep(seconds / 3)
        redis.start()
    restarted = time.time()
    result = {}
    for name, pair in loads.items():
        answers = sorted(answer for load in pair for answer in load.answers())
        admitted = [at for at, status in answers if status == 200]
        windows = int(answers[-1][0]) - int(answers[0][0]) + 1
        thirds = [sum(int((at - began) * 3 / seconds) == third for at in admitted) / (seconds / 3) for third in range(3)]
        limited = [at - restarted for at, status in answers if status == 429 and at > restarted]
        by_service = limited and "limits" not in LISTENERS[name].config  # else it may have been the local limit
        back = f"{limited[0]:.1f} s" if by_service else ""
        result[name] = len(admitted), len(admitted) / (RATE * windows) - 1, thirds, back
    return result
