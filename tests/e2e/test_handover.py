"""Hand-over headers: what later filters and the application see of a request, and that no client can forge it."""

from e2e.attacks import ATTACKS
from e2e.case import FORWARDED, Case, config
from harness.bootstrap import TYPE, Listener, cluster
from harness.upstream import Upstream

HANDOVER = {
    "groups": [{"name": "auth", "paths": [{"prefix": "/auth/"}]}],
    "critical": [{"name": "payment", "methods": ["POST"], "paths": [{"prefix": "/pay/"}]}],
    "cost": {"score": 5, "hits": 10},
}
FORGED = [
    ("X-Backstop-Client", "192.0.2.66"),
    ("x-backstop-client", "192.0.2.67"),
    ("X-BACKSTOP-COST", "0"),
    ("x-backstop-group", "vip"),
    ("x-backstop-critical", "no"),
    ("x_backstop_client", "192.0.2.68"),
    ("x-backstop-score", "-5"),
]
SECTIONS = {"client": {**FORWARDED, "allow": ["192.0.2.0/24"]}, "exempt": [{"exact": "/healthz"}], "handover": HANDOVER}


def rbac_denying(header, value):
    """Envoy's own RBAC filter as a later filter that reads a hand-over header."""
    matcher = {"header": {"name": header, "string_match": {"exact": value}}}
    policy = {"permissions": [matcher], "principals": [{"any": True}]}
    rules = {"action": "DENY", "policies": {"marked": policy}}
    return {"name": "rbac", "typed_config": {"@type": TYPE + "envoy.extensions.filters.http.rbac.v3.RBAC", "rules": rules}}


def ext_authz_on(header):
    """Envoy's ext_authz filter for requests that carry a header, in the way in which istiod builds a CUSTOM
    AuthorizationPolicy: an RBAC filter's shadow rules mark the request, and the mark switches ext_authz on."""
    matcher = {"header": {"name": header, "present_match": True}}
    policy = {"permissions": [matcher], "principals": [{"any": True}]}
    rbac = {
        "@type": TYPE + "envoy.extensions.filters.http.rbac.v3.RBAC",
        "shadow_rules": {"action": "DENY", "policies": {"istio-ext-authz-critical": policy}},
        "shadow_rules_stat_prefix": "istio_ext_authz_",
    }
    authz = {
        "@type": TYPE + "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "http_service": {"server_uri": {"uri": "http://authz.example", "cluster": "authz", "timeout": "1s"}},
        "allowed_headers": {"patterns": [{"prefix": "x-backstop-"}]},
        "filter_enabled_metadata": {
            "filter": "envoy.filters.http.rbac",
            "path": [{"key": "istio_ext_authz_shadow_effective_policy_id"}],
            "value": {"string_match": {"prefix": "istio-ext-authz"}},
        },
    }
    return [{"name": "envoy.filters.http.rbac", "typed_config": rbac}, {"name": "ext_authz", "typed_config": authz}]


class Handover(Case):
    listeners = {
        "main": Listener(config(**SECTIONS)),
        "detect": Listener(config(mode="detect", **SECTIONS)),
        "off": Listener(config(mode="off", **SECTIONS)),
        "absent": Listener(config()),
        "rbac": Listener(config(**SECTIONS), filters=[rbac_denying("x-backstop-critical", "payment")]),
        "authz": Listener(config(**SECTIONS), filters=ext_authz_on("x-backstop-critical")),
        "rbac-client": Listener(config(**SECTIONS), filters=[rbac_denying("x-backstop-client", "203.0.113.66")]),
    }

    @classmethod
    def setUpClass(cls):
        cls.authz = Upstream()
        cls.authz.__enter__()
        cls.addClassCleanup(cls.authz.__exit__)
        cls.clusters = [cluster("authz", cls.authz.port)]
        super().setUpClass()

    def told(self, method, target, *, client="203.0.113.9", on="main"):
        """What the application gets of our headers when the client forges all of them."""
        response = self.send(method, target, [*FORGED, ("X-Forwarded-For", client)], on=on)
        self.assert_passes(response, f"{method} {target}")
        (received,) = self.upstream.take()
        names = [name for name, _ in received.headers if name.replace("_", "-").startswith("x-backstop-")]
        self.assertEqual(len(names), len(set(names)), "a header came twice")
        return {name.removeprefix("x-backstop-"): received.values(name)[0] for name in names}

    def test_forged_headers_are_replaced(self):
        plain = {"client": "203.0.113.9", "score": "0", "cost": "1"}
        self.assertEqual(self.told("GET", "/"), plain)
        self.assertEqual(self.told("GET", "/auth/x"), {**plain, "group": "auth"})
        self.assertEqual(self.told("POST", "/pay/x"), {**plain, "critical": "payment"})
        self.assertEqual(self.told("GET", "/", client="2001:db8::1:2:3:4")["client"], "2001:db8::/64")

    def test_suspicious_requests_cost_more(self):
        attack = "/auth/x?q=" + ATTACKS["log4shell"].replace("$", "%24").replace("{", "%7B").replace("}", "%7D")
        told = self.told("GET", attack, on="detect")
        self.assertGreaterEqual(int(told["score"]), 5)
        self.assertEqual(told["cost"], "10")

    def test_exempt_allowed_and_off_get_only_the_mark_of_critical_requests(self):
        self.assertEqual(self.told("GET", "/healthz"), {})
        self.assertEqual(self.told("GET", "/auth/x", client="192.0.2.1"), {})
        self.assertEqual(self.told("POST", "/pay/x", client="192.0.2.1"), {"critical": "payment"})
        self.assertEqual(self.told("GET", "/auth/x", on="off"), {})
        self.assertEqual(self.told("POST", "/pay/x", on="off"), {"critical": "payment"})

    def test_without_the_section_nothing_is_touched(self):
        response = self.assert_passes(self.send("GET", "/", FORGED, on="absent"))
        (received,) = self.upstream.take()
        self.assertEqual(received.values("x-backstop-group"), ["vip"])
        self.assertEqual(response.status, 200)

    def test_a_later_filter_sees_the_mark(self):
        headers = [*FORGED, ("X-Forwarded-For", "203.0.113.9")]
        for target in ("/pay/x", "//pay/x", "/pay;a=b/x", "/pay%2fx"):
            response = self.send("POST", target, headers, body="q=1", on="rbac")
            self.assertEqual(response.status, 403, target)
            self.assertIn("rbac_access_denied", self.envoy.access(response, "rbac")["details"])
        self.assert_passes(self.send("GET", "/pay/x", headers, on="rbac"))
        self.assert_passes(self.send("POST", "/free/x", headers, body="q=1", on="rbac"))

    def test_an_authorization_service_is_asked_about_critical_requests_only(self):
        headers = [*FORGED, ("X-Forwarded-For", "203.0.113.9")]
        for method, target, asked in (("POST", "/pay/x", True), ("POST", "/pay;a=b/x", True), ("GET", "/pay/x", False)):
            self.authz.take()
            self.assert_passes(self.send(method, target, headers, on="authz"))
            questions = self.authz.take()
            self.assertEqual(len(questions), asked, f"{method} {target}")
            for question in questions:
                self.assertEqual((question.method, question.target), (method, target))
                self.assertEqual(question.values("x-backstop-critical"), ["payment"])
                self.assertEqual(question.values("x-backstop-client"), ["203.0.113.9"])

    def test_a_later_filter_sees_the_client(self):
        for client, status in (("203.0.113.66", 403), ("203.0.113.9, 203.0.113.66", 403), ("203.0.113.66, 203.0.113.9", 200)):
            response = self.send("GET", "/", [*FORGED, ("X-Forwarded-For", client)], on="rbac-client")
            self.assertEqual(response.status, status, client)
