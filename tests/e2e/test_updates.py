"""Config updates and a module upgrade while wrk sends requests: a short form of `make updates`."""

import unittest

from e2e.case import Case
from soak.updates import run


class Updates(unittest.TestCase):
    def test_no_request_is_lost_or_judged_by_old_rules(self):
        report = run(Case.binary, 50, upgrade_every=25)
        self.assertGreaterEqual(report.updates["good"], 30)
        self.assertGreaterEqual(report.updates["wrong"], 15)
        self.assertGreaterEqual(report.updates["upgrades"], 1)
        self.assertLessEqual(max(report.memory.linear), 8 << 20)
