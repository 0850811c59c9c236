"""A refusal: what the client reads, and what is left in access log, log and statistics."""

import json

from e2e.attacks import ATTACKS, PLACES
from e2e.case import FORWARDED, Case, config
from harness.bootstrap import Listener

LOG4SHELL = ATTACKS["log4shell"]


class Denials(Case):
    listeners = {
        "main": Listener(config(client=FORWARDED)),
        "few": Listener({"telemetry": {"log": {"perSecond": 2}}}),
        "limited": Listener(config(limits=[{"name": "one", "key": [], "rate": "1/s", "burst": 1}])),
    }

    def refuse(self, *headers, **how):
        return self.send("GET", "/a?b=secret-of-the-query", [("X-Note", LOG4SHELL), *headers], **how)

    def test_body_by_accept(self):
        for accept, kind in (
            ("application/json", "application/json"),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
            ("text/plain", "text/plain"),
            ("*/*", "application/json"),
            (None, "application/json"),
        ):
            with self.subTest(accept):
                response = self.refuse(*([("Accept", accept)] if accept else []))
                entry = self.assert_refused(response, "log4shell")
                self.assertEqual(response.value("content-type").split(";")[0], kind)
                text = response.body.decode()
                self.assertIn(entry["request_id"], text)
                self.assertNotIn("log4shell", text, "the client is told the rule")
                if kind == "application/json":
                    self.assertEqual(json.loads(text)["status"], 403)
                self.assertEqual("<html" in text, kind == "text/html")

    def test_refusals_are_not_cached(self):
        self.assertEqual(self.refuse().value("cache-control"), "no-store")

    def test_request_id_of_an_attacker_does_not_get_into_the_page(self):
        response = self.refuse(("Accept", "text/html"), ("X-Request-Id", "\"><script>alert('id')</script>"))
        self.assert_refused(response, "[a-z0-9-]+:[a-z0-9-]+")
        self.assertNotIn(b"<script", response.body)

    def test_access_log(self):
        entry = self.assert_refused(self.refuse(), "log4shell")
        self.assertEqual(entry["family"], "log4shell")
        self.assertEqual(entry["details"], f"backstop{{log4shell:{entry['rule']}}}")
        self.assertGreaterEqual(int(entry["score"]), 5)
        self.assertTrue(entry["verdict"])

    def test_access_log_of_a_body(self):
        entry = self.assert_refused(self.send(**PLACES["JSON value"](ATTACKS["sqli"])), "sqli")
        self.assertEqual(entry["details"], f"backstop{{sqli:{entry['rule']}}}")

    def test_access_log_of_a_harmless_request(self):
        entry = self.envoy.access(self.assert_passes(self.send("GET", "/")))
        self.assertEqual((entry["details"], entry["rule"], entry["family"]), ("via_upstream", None, None))

    def test_event(self):
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        before = len(self.envoy.events())
        response = self.refuse(("Traceparent", f"00-{trace}-00f067aa0ba902b7-01"), ("X-Forwarded-For", "203.0.113.77"))
        entry = self.assert_refused(response, "log4shell")
        told = self.envoy.events()[before:]
        event = next(each for each in told if each.get("rule") == entry["rule"])
        for name, value in {
            "event": "backstop", "mode": "block", "blocked": True, "family": "log4shell", "target": "header:x-note",
            "method": "GET", "path": "/a", "host": "shop.example", "client": "203.0.113.77", "trace_id": trace,
            "request_id": entry["request_id"], "details": entry["details"], "score": int(entry["score"]),
        }.items():  # fmt: skip
            self.assertEqual(event.get(name), value, name)
        self.assertIn("jndi", event["snippet"])
        self.assertNotIn("secret-of-the-query", json.dumps(told), "the query may hold secrets")

    def test_event_hides_secrets(self):
        before = len(self.envoy.events())
        for headers in ([("Authorization", f"Bearer hush-hush-{LOG4SHELL}")], [("X-Api-Key", f"hush-hush-{LOG4SHELL}")]):
            self.assert_refused(self.send("GET", "/", headers), "log4shell")
        self.assertNotIn("hush-hush", json.dumps(self.envoy.events()[before:]))

    def test_events_are_rationed_and_refusals_are_not(self):
        before = len(self.envoy.events())
        for _ in range(40):
            self.assertEqual(self.refuse(on="few").status, 403)
        told = len(self.envoy.events()) - before
        self.assertTrue(1 <= told <= 20, f"{told} events of 40 refusals")

    def test_counters(self):
        names = ["requests_denied", "requests_passed", "findings_log4shell", "denials_log4shell"]
        before = self.envoy.stats("wasmcustom.backstop_")
        self.refuse()
        self.send("GET", "/")
        after = self.envoy.stats("wasmcustom.backstop_")
        for name in names:
            name = "wasmcustom.backstop_" + name
            self.assertGreaterEqual(after.get(name, 0) - before.get(name, 0), 1, name)

    def test_counters_without_labels_read_well_in_prometheus(self):
        self.refuse()
        self.assertRegex(self.envoy.get("/stats/prometheus?usedonly"), r"(?m)^backstop_denials_log4shell(\{\})? \d+$")

    def test_limit_has_retry_after_and_its_name(self):
        self.send("GET", "/", on="limited")
        response = self.send("GET", "/", on="limited")
        entry = self.assert_refused(response, "limit:one", status=429, on="limited")
        self.assertEqual((entry["limit"], response.value("retry-after")), ("one", "1"))
