"""Least privilege: the module has and calls what a written list says, and every feature works with nothing more."""

import hashlib
import json
import re

import yaml
from e2e.attacks import ATTACKS
from e2e.case import FORWARDED, Case, config
from harness import MODULE, ROOT
from harness.bootstrap import Listener, cluster
from harness.envoy import eventually
from harness.module import functions
from harness.upstream import Upstream

LIST = ROOT / "istio" / "components" / "hold-headers" / "envoyfilter.yaml"
SECRET = "secret-of-the-edge"
MISSING = "proxy_get_shared_data"
LIMITS = [{"name": "few", "paths": [{"prefix": "/few"}], "key": ["client"], "rate": "1/m", "burst": 2}]
# A line of the list: a name, and why.
LINE = re.compile(r"^ +(\w+): \{\} # \S.*$", re.MULTILINE)


def allowed():
    """The names on the list, as Envoy would read it."""
    (extension,) = [p for p in yaml.safe_load(LIST.read_text())["spec"]["configPatches"] if p["applyTo"] == "EXTENSION_CONFIG"]
    restriction = extension["patch"]["value"]["typed_config"]["config"]["capability_restriction_config"]
    return restriction["allowed_capabilities"]


EVERYTHING = config(
    origin={"sha256": [hashlib.sha256(SECRET.encode()).hexdigest()]},
    client=FORWARDED,
    limits=LIMITS,
    limitHeaders="draft11",
    penalty={
        "denials": 1,
        "window": "1m",
        "for": "10m",
        "report": {"cluster": "blocklist", "authority": "blocklist.example", "path": "/v1/offenders"},
    },
    handover={"groups": [{"name": "all", "paths": [{"prefix": "/"}]}], "critical": [{"name": "pay", "paths": [{"prefix": "/pay"}]}]},
)


def restricted(envoy):
    """Lines of the log about calls that the list does not have."""
    return [line for line in envoy.log_lines() if "restricted" in line.lower()]


class Privileges(Case):
    listeners = {"main": Listener(EVERYTHING, capabilities=tuple(allowed()))}

    @classmethod
    def setUpClass(cls):
        cls.blocklist = Upstream()
        cls.blocklist.__enter__()
        cls.addClassCleanup(cls.blocklist.__exit__)
        cls.clusters = [cluster("blocklist", cls.blocklist.port)]
        super().setUpClass()

    def ask(self, target, client, method="GET", headers=(), body=None, on="main"):
        headers = [("X-Origin-Verify", SECRET), ("X-Forwarded-For", client), *headers]
        return self.send(method, target, headers, body, on=on)

    def test_the_list_is_what_the_module_calls_and_has(self):
        imports, exports = functions(MODULE)
        self.assertEqual(sorted(imports | exports), sorted(allowed()))
        self.assertEqual(sorted(LINE.findall(LIST.read_text())), sorted(allowed()), "each with its reason")

    def test_every_feature_works_within_it(self):
        self.assert_refused(self.send("GET", "/"), "origin:missing")
        response = self.assert_passes(self.ask("/pay/1", "203.0.113.1", headers=[("x-backstop-group", "vip")]))
        (seen,) = self.upstream.take()
        marks = {name: seen.values(f"x-backstop-{name}") for name in ("client", "group", "critical")}
        self.assertEqual(marks, {"client": ["203.0.113.1"], "group": ["all"], "critical": ["pay"]})
        self.assertEqual(seen.values("x-origin-verify"), [])
        for _ in range(2):
            response = self.assert_passes(self.ask("/few", "203.0.113.2"))
        self.assertIn('"few"', response.value("ratelimit"))
        self.assert_refused(self.ask("/few", "203.0.113.2"), "limit:few", status=429)
        self.assert_passes(self.ask("/", "203.0.113.3", "POST", body="plain words"))
        self.assert_refused(self.ask("/", "203.0.113.4", "POST", body=ATTACKS["xss"]), "xss")
        entry = self.assert_refused(self.ask("/", "203.0.113.5", headers=[("X-Note", ATTACKS["log4shell"])]), "log4shell")
        self.assertEqual((entry["verdict"], entry["family"]), ("denied", "log4shell"))
        self.assert_refused(self.ask("/", "203.0.113.5"), "penalty:log4shell")
        told = []
        self.assertTrue(eventually(lambda: told.extend(self.blocklist.take()) or len(told) == 2), "no report arrived")
        self.assertEqual({json.loads(report.body)["client"] for report in told}, {"203.0.113.4", "203.0.113.5"})
        stats = self.envoy.stats("wasmcustom.backstop_")
        for name in ("requests_passed", "requests_denied", "limited_few", "penalties_begun", "bodies_inspected", "memory_bytes"):
            self.assertGreater(stats.get(f"wasmcustom.backstop_{name}", 0), 0, name)
        self.assertTrue(eventually(lambda: self.envoy.stats("wasmcustom.backstop_reports_sent")), "no answer was counted")
        self.assertIn("log4shell-jndi", {event.get("rule") for event in self.envoy.events()})
        self.assertEqual(restricted(self.envoy), [])


class Less(Case):
    """Without one name of the list, to see that Envoy goes by it. In an Envoy of its own: VMs of one module are shared."""

    listeners = {"main": Listener({"limits": LIMITS}, capabilities=tuple(name for name in allowed() if name != MISSING))}

    def test_what_is_not_on_the_list_is_refused(self):
        self.assert_passes(self.send("GET", "/"))
        self.assert_refused(self.send("GET", "/few"), "failure:get-shared-data", status=503)
        self.assertIn(MISSING, " ".join(restricted(self.envoy)))
