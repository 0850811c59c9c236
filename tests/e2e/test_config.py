"""Config: refused whole when it is wrong, with every mistake named; the one that runs goes on running."""

import json
import unittest

from e2e.attacks import ATTACKS, PLACES
from e2e.case import Case, config
from harness import client
from harness.bootstrap import Listener
from harness.envoy import Envoy, StartFailed, eventually

# A document, and the key paths that its refusal must name.
WRONG = [
    ({"mod": "block"}, ["mod"]),
    ({"mode": "blok", "threshold": "x", "onFailure": 3}, ["mode", "threshold", "onFailure"]),
    (
        {"limits": [{"name": "a", "key": ["client"], "rate": "fast", "burst": 5}, {"name": "b", "rate": "1/s", "burts": 5}]},
        ["limits[0].rate", "limits[1].burts"],
    ),
    ({"origin": {"sha256": ["abc"], "exempt": [{"glob": "/x"}]}}, ["origin.sha256[0]", "origin.exempt[0]"]),
    ({"rules": {"families": {"sqly": "detect"}}, "body": {"inspect": -1}}, ["rules.families.sqly", "body.inspect"]),
]
NO_CONFIG = ['{"mode": "block"', '{"mode": "block", "mode": "off"}', "[]", '"block"']


class Replaced(Case):
    """The config comes from a file, as istiod's comes over the wire, and is replaced while requests flow."""

    listeners = {
        "main": Listener(config(), dynamic=True),
        "wrong": Listener({"mod": "block"}, dynamic=True),
    }

    def ask(self):
        return self.send(**PLACES["query value"](ATTACKS["xss"]))

    def refused_for(self, document):
        """The log lines of the refusal of a document."""
        before = len(self.envoy.log_lines())
        self.assertEqual(self.envoy.replace_config(document), "rejected")
        return self.envoy.log_lines()[before:]

    def test_wrong_configs_change_nothing_and_name_every_mistake(self):
        for document, paths in WRONG:
            with self.subTest(json.dumps(document)):
                said = "\n".join(self.refused_for(document))
                for path in paths:
                    self.assertIn(path, said)
                self.assert_refused(self.ask(), "xss")
                self.assert_vm_alive(rounds=2)

    def test_what_is_no_document_changes_nothing(self):
        for text in NO_CONFIG:
            with self.subTest(text):
                self.refused_for(text)
                self.assert_refused(self.ask(), "xss")

    def test_good_update_takes_effect_after_a_wrong_one(self):
        self.refused_for({"mode": "blok"})
        self.assertEqual(self.envoy.replace_config(config(mode="detect")), "accepted")
        self.assertTrue(eventually(lambda: all(self.ask().status == 200 for _ in range(6))), "detect has no effect")
        self.assertEqual(self.envoy.replace_config(config()), "accepted")
        self.assertTrue(eventually(lambda: all(self.ask().status == 403 for _ in range(6))), "block has no effect")

    def test_update_during_a_request(self):
        body = json.dumps({"note": ATTACKS["sqli"]}).encode()
        head = client.request("POST", "/n", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])[0]
        with client.connect(self.port()) as link:
            link.sendall(head + body[:20])
            self.assertEqual(self.envoy.replace_config(config(limitHeaders="off")), "accepted")
            link.sendall(body[20:])
            response = client.read_response(link)
        self.assert_refused(response, "sqli")
        self.assert_vm_alive()

    def test_both_outcomes_are_counted_by_envoy_and_by_backstop(self):
        def counts():
            own = self.envoy.stats("wasmcustom.backstop_config_loads_")
            return self.envoy.updates(), {name.rsplit("_", 1)[1]: value for name, value in own.items()}

        before = counts()
        self.refused_for({"mode": "blok"})
        self.assertEqual(self.envoy.replace_config(config(threshold=5)), "accepted")
        after = eventually(lambda: (now := counts())[1]["accepted"] > before[1]["accepted"] and now)
        self.assertEqual({name: after[0][name] - before[0][name] for name in after[0]}, {"accepted": 1, "rejected": 1})
        self.assertGreaterEqual(after[1]["rejected"] - before[1]["rejected"], 1)

    def test_wrong_from_the_start_answers_500(self):
        for _ in range(4):
            self.assertEqual(self.send("GET", "/", on="wrong").status, 500)
        self.assertEqual(self.upstream.take(), [])


class AtStart(unittest.TestCase):
    """A config that is wrong in the bootstrap itself."""

    def test_envoy_does_not_start_and_the_log_names_every_mistake(self):
        document = {"mod": "block", "threshold": "x", "limits": [{"name": "a", "rate": "fast", "burts": 1}]}
        with self.assertRaises(StartFailed) as failed, Envoy(Case.binary, {"main": Listener(document)}, 9):
            pass
        said = "\n".join(failed.exception.log)
        for path in ("mod", "threshold", "limits[0].rate", "limits[0].burts"):
            self.assertIn(path, said)
