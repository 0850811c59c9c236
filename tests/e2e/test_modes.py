"""Block, detect, off; families and paths that are treated otherwise."""

from e2e.attacks import ATTACKS, PLACES
from e2e.case import Case, config
from harness.bootstrap import Listener

XSS, SQLI = ATTACKS["xss"], ATTACKS["sqli"]
EXEMPT = [{"exact": "/healthz"}, {"prefix": "/hooks/"}]


class Modes(Case):
    listeners = {
        "main": Listener(config()),
        "empty": Listener({}),
        "detect": Listener(config(mode="detect")),
        "off": Listener(config(mode="off")),
        "family": Listener(config(rules={"families": {"sqli": "detect", "xss": "off"}})),
        "exempt": Listener(config(exempt=EXEMPT)),
        "lenient": Listener(config(threshold=1000)),
        "status": Listener(config(response={"status": 451})),
        "disabled": Listener(config(rules={"disable": ["sqli-*", "bot-scanner-*"]})),
    }

    def ask(self, place, attack, on):
        return self.send(**PLACES[place](attack), on=on)

    def test_an_empty_config_blocks_every_family(self):
        for family, attack in ATTACKS.items():
            place = {"bot-scanner": "user agent", "xxe": "XML itself"}.get(family, "query value")
            with self.subTest(family):
                self.assert_refused(self.ask(place, attack, "empty"), family, on="empty")

    def test_detect_lets_through_and_tells(self):
        for place in ("query value", "JSON value"):
            with self.subTest(place):
                before = len(self.envoy.events())
                response = self.assert_passes(self.ask(place, XSS, "detect"))
                entry = self.envoy.access(response, "detect")
                self.assertEqual((entry["details"], entry["family"]), ("via_upstream", "xss"))
                told = self.envoy.events()[before:]
                self.assertTrue(told, "no event")
                self.assertEqual({(e["mode"], e["blocked"]) for e in told}, {("detect", False)})

    def test_off_lets_through_and_is_silent(self):
        before = len(self.envoy.events())
        for place in ("query value", "JSON value"):
            self.assert_passes(self.ask(place, XSS, "off"))
        self.assertEqual(self.envoy.events()[before:], [])

    def test_one_family_in_detect_and_one_off(self):
        for place in ("query value", "JSON value"):
            with self.subTest(place):
                before = len(self.envoy.events())
                self.assert_passes(self.ask(place, SQLI, "family"))
                self.assertIn("sqli", [event.get("family") for event in self.envoy.events()[before:]])
                before = len(self.envoy.events())
                self.assert_passes(self.ask(place, XSS, "family"))
                self.assertEqual(self.envoy.events()[before:], [])
                self.assert_refused(self.ask(place, ATTACKS["log4shell"], "family"), "log4shell", on="family")

    def test_exempt_paths(self):
        query = "?q=%3Cscript%3Ealert(1)%3C/script%3E"
        for path in ("/healthz", "/hooks/a", "//healthz", "/./healthz", "/hooks/%61"):
            with self.subTest(path):
                self.assert_passes(self.send("GET", path + query, on="exempt"))
        self.assert_passes(self.send("POST", "/hooks/a", [("Content-Type", "text/plain")], XSS, on="exempt"))
        for path in ("/", "/healthzz", "/healthz/x"):
            with self.subTest(path):
                self.assert_refused(self.send("GET", path + query, on="exempt"), "xss", on="exempt")
        for path in ("/hooks/../admin", "/hooks/%2e%2e/admin", "/x/../healthz"):
            with self.subTest(path):
                self.assert_refused(self.send("GET", path + query, on="exempt"), "(xss|path-traversal):[a-z-]+", on="exempt")
        self.assert_refused(self.send("GET", "/" + query + "&x=/healthz", on="exempt"), "xss", on="exempt")

    def test_below_the_threshold_it_is_a_finding_and_no_refusal(self):
        before = len(self.envoy.events())
        self.assert_passes(self.ask("query value", XSS, "lenient"))
        self.assertIn(("xss", False), [(e.get("family"), e["blocked"]) for e in self.envoy.events()[before:]])

    def test_status_of_the_config(self):
        self.assert_refused(self.ask("query value", XSS, "status"), "xss", status=451, on="status")

    def test_disabled_rules(self):
        self.assert_passes(self.ask("user agent", ATTACKS["bot-scanner"], "disabled"))
        self.assert_passes(self.ask("JSON value", SQLI, "disabled"))
        self.assert_refused(self.ask("query value", XSS, "disabled"), "xss", on="disabled")
