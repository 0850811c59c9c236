"""One budget for two proxies: Envoy's own rate limit filter behind backstop, the real service, the real Redis."""

import itertools
import time

from e2e.case import FORWARDED, Case, config
from harness.bootstrap import Listener
from harness.envoy import Envoy, eventually
from harness.ratelimit import RateLimitService, Redis, cluster, http_filter, limits

BUDGET, HITS = 10, 4
# A day is the service's window, so that none ends while a test runs (but at midnight, UTC).
LIMITS = limits(shop=(BUDGET, "day"))
CONFIG = config(
    client=FORWARDED,
    level=2,  # where rules stand that score below the threshold
    handover={"groups": [{"name": "shop", "paths": [{"prefix": "/shop/"}]}], "cost": {"score": 3, "hits": HITS}},
)
SUSPICIOUS = "/shop/search?q=select+a+seat+from+the+plan"
STATS = "cluster.application.ratelimit."
_clients = itertools.count(1)


def new_client():
    """An address that no test has used before."""
    return f"192.0.2.{next(_clients)}"


class GlobalLimit(Case):
    listeners = {
        "open": Listener(CONFIG, filters=[http_filter()]),
        "closed": Listener(CONFIG, filters=[http_filter(deny_on_failure=True)]),
    }

    @classmethod
    def setUpClass(cls):
        cls.redis = cls.enter(Redis())
        cls.service = cls.enter(RateLimitService(cls.redis, LIMITS))
        cls.clusters = [cluster(cls.service.port)]
        super().setUpClass()
        cls.other = cls.enter(Envoy(cls.binary, cls.listeners, cls.upstream.port, more_clusters=cls.clusters))

    @classmethod
    def enter(cls, context):
        """What `context` gives, until the tests of the class are over."""
        cls.addClassCleanup(context.__exit__, None, None, None)
        return context.__enter__()

    def ask(self, client, target="/shop/x", *, of=None, on="open", headers=()):
        envoy = of or self.envoy
        return self.send("GET", target, [("X-Forwarded-For", client), *headers], port=envoy.ports[on])

    def counted(self, name):
        return self.envoy.stats(STATS + name).get(STATS + name, 0)

    def assert_counts(self):
        """The service answers again: it counts, in both failure modes."""

        def remaining(on):
            return self.ask(new_client(), on=on).value("x-ratelimit-remaining")

        for on in self.listeners:
            self.assertEqual(eventually(lambda on=on: remaining(on), 10, 0.05), str(BUDGET - 1), f"{on} has not recovered")

    def assert_failure_modes(self):
        """Without an answer from the service, one listener lets pass and the other refuses, and both are counted."""
        before = {name: self.counted(name) for name in ("error", "failure_mode_allowed")}
        began = time.monotonic()
        client = new_client()
        for _ in range(3):
            self.assert_passes(self.ask(client, on="open"), "failure mode open")
            refused = self.ask(client, on="closed")
            self.assertEqual(refused.status, 503)
        self.assertLess(time.monotonic() - began, 6 * 1.0, "the time-out of 0.25 s does not hold")
        self.assertEqual(self.envoy.access(refused, "closed")["details"], "rate_limiter_error")
        self.assertGreaterEqual(self.counted("error") - before["error"], 6)
        self.assertEqual(self.counted("failure_mode_allowed") - before["failure_mode_allowed"], 3)

    def test_two_proxies_share_one_budget(self):
        client = new_client()
        answers = [self.ask(client, of=(self.envoy, self.other)[i % 2]) for i in range(2 * BUDGET)]
        self.assertEqual([a.status for a in answers], [200] * BUDGET + [429] * BUDGET)
        self.assertEqual(answers[1].value("x-ratelimit-remaining"), str(BUDGET - 2))
        self.assertEqual(self.ask(new_client(), of=self.other).status, 200, "another client is limited too")
        self.assertEqual(self.ask(client, "/elsewhere").status, 200, "another group is limited too")

    def test_suspicious_requests_cost_more(self):
        client = new_client()
        statuses = [self.ask(client, SUSPICIOUS, of=(self.envoy, self.other)[i % 2]).status for i in range(4)]
        self.assertEqual(statuses, [200, 200, 429, 429], f"{HITS} hits each of {BUDGET}")

    def test_forged_marks_count_for_nothing(self):
        """Neither a price, nor another group, nor another client, nor both spellings of their names."""
        client = new_client()
        forged = [
            [("X-Backstop-Cost", "0")],
            [("x_backstop_cost", "0")],
            [("X-Backstop-Group", "other")],
            [("X-Backstop-Client", "198.51.100.1")],
            [("X-Backstop-Client", "198.51.100.1"), ("X-Backstop-Client", "198.51.100.2")],
        ]
        statuses = [self.ask(client, headers=forged[i % len(forged)]).status for i in range(BUDGET + 5)]
        self.assertEqual(statuses, [200] * BUDGET + [429] * 5)

    def test_service_down_and_back(self):
        self.service.kill()
        try:
            self.assert_failure_modes()
        finally:
            self.service.start()
        self.assert_counts()

    def test_redis_killed_and_back(self):
        self.redis.kill()
        try:
            self.assert_failure_modes()
        finally:
            self.redis.start()
        self.assert_counts()

    def test_redis_hangs_and_goes_on(self):
        self.redis.pause()
        try:
            self.assert_failure_modes()
        finally:
            self.redis.resume()
        self.assert_counts()
