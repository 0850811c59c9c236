"""Mixed requests of many clients for some seconds: a short form of `make soak`."""

import unittest

from e2e.case import Case
from soak.mixture import run


class Soak(unittest.TestCase):
    def test_streams_end_memory_is_bounded_and_counters_add_up(self):
        report = run(Case.binary, 6)
        self.assertGreater(report.requests, 500)
        self.assertGreater(report.counted["abandoned"], 0)
