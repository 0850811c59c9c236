"""The origin check: one right secret, seen by no one behind it; paths that are exempt, and nothing else that is."""

import hashlib

from e2e.attacks import ATTACKS
from e2e.case import Case, config
from harness.bootstrap import Listener

OLD, NEW = "old-secret-of-cloudfront", "new-secret-of-cloudfront"
NAME = "X-Origin-Verify"


def digest(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


EXEMPT = [{"exact": "/healthz"}, {"prefix": "/public/"}]


class Origin(Case):
    listeners = {
        "main": Listener(config(origin={"sha256": [digest(OLD), digest(NEW)], "exempt": EXEMPT})),
        "named": Listener(config(origin={"header": "x-from-the-edge", "sha256": [digest(NEW)]})),
    }

    def test_right_secret_passes_and_is_stripped(self):
        for secret in (OLD, NEW):
            self.assert_passes(self.send("GET", "/", [(NAME, secret), ("X-Other", "stays")]))
            (seen,) = self.upstream.take()
            self.assertEqual((seen.values(NAME.lower()), seen.values("x-other")), ([], ["stays"]))

    def test_right_secret_with_a_body(self):
        self.assert_passes(self.send("POST", "/", [(NAME, NEW)], "plain words"))
        (seen,) = self.upstream.take()
        self.assertEqual((seen.values(NAME.lower()), seen.body_bytes), ([], 11))

    def test_header_of_another_name(self):
        self.assert_passes(self.send("GET", "/", [("X-From-The-Edge", NEW)], on="named"))
        self.assert_refused(self.send("GET", "/", [(NAME, NEW)], on="named"), "origin:missing", on="named")

    def test_refusals(self):
        for name, headers, outcome in (
            ("no header", [], "missing"),
            ("wrong", [(NAME, "guess")], "wrong"),
            ("empty", [(NAME, "")], "(wrong|missing)"),
            ("the digest instead of the secret", [(NAME, digest(NEW))], "wrong"),
            ("longer than the secret", [(NAME, NEW + "x")], "wrong"),
            ("other case", [(NAME, NEW.upper())], "wrong"),
            ("twice, both right", [(NAME, NEW), (NAME, NEW)], "repeated"),
            ("right and then wrong", [(NAME, NEW), (NAME, "guess")], "repeated"),
            ("wrong and then right", [(NAME, "guess"), (NAME, NEW)], "repeated"),
            ("bytes that are no text", [(NAME, b"\xff\xfe")], "wrong"),
        ):
            with self.subTest(name):
                self.assert_refused(self.send("GET", "/", headers), f"origin:{outcome}")
                self.assertEqual(self.upstream.take(), [])

    def test_exempt_paths_are_matched_normalised_and_never_on_the_query(self):
        """And one about which applications may disagree is exempt from nothing."""
        for target in ("/healthz", "/healthz?deep=1", "//healthz", "/./healthz", "/%68ealthz", "/public/a"):
            with self.subTest(target):
                self.assert_passes(self.send("GET", target))
        for target in (
            "/?x=/healthz", "/admin?/healthz", "/healthz/../admin", "/healthz/%2e%2e/admin", "/healthzz", "/healthz/x",
            "/x/../healthz", "/public/../admin", "/public/%2e%2e/admin", "/public/..%2fadmin", "/admin#/healthz", "/admin/public/",
        ):  # fmt: skip
            with self.subTest(target):
                response = self.send("GET", target)
                if response.status != 400:  # Envoy's own opinion of `#`
                    self.assert_refused(response, "origin:missing")

    def test_secret_is_stripped_on_exempt_paths_too(self):
        self.assert_passes(self.send("GET", "/healthz", [(NAME, "guess")]))
        (seen,) = self.upstream.take()
        self.assertEqual(seen.values(NAME.lower()), [])

    def test_rules_still_apply_behind_the_check(self):
        self.assert_refused(self.send("GET", "/", [(NAME, NEW), ("X-Note", ATTACKS["log4shell"])]), "log4shell")

    def test_secret_is_in_no_log(self):
        self.send("GET", "/", [(NAME, NEW), ("X-Note", ATTACKS["log4shell"])])
        self.send("GET", "/", [(NAME, "a-guess-worth-hiding")])
        said = "\n".join(self.envoy.log_lines())
        for secret in (OLD, NEW, "a-guess-worth-hiding"):
            self.assertNotIn(secret, said)

    def test_counters(self):
        before = self.envoy.stats("wasmcustom.backstop_origin_")
        self.send("GET", "/")
        self.send("GET", "/", [(NAME, NEW)])
        after = self.envoy.stats("wasmcustom.backstop_origin_")
        for outcome in ("missing", "passed"):
            name = f"wasmcustom.backstop_origin_{outcome}"
            self.assertEqual(after.get(name, 0) - before.get(name, 0), 1, name)
