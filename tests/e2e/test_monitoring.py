"""What istio/monitoring reads: each metric that it names is exported, and each field that it asks the logs for is there."""

import json
import re
import time

from e2e.attacks import ATTACKS, PLACES
from e2e.case import ALL_EVENTS, Case, config
from harness import ROOT
from harness.bootstrap import Listener
from harness.envoy import TOLD_AFTER_S, eventually

FOLDER = ROOT / "istio" / "monitoring"


class Monitoring(Case):
    listeners = {
        "main": Listener(config(telemetry={**ALL_EVENTS, "timeEvery": 1}, limits=[{"name": "all", "key": [], "rate": "9/s", "burst": 99}])),
        "detect": Listener(config(rules={"families": {"sqli": "detect"}})),
    }

    def exported(self):
        """Every metric by its name in Prometheus' format, labels and all."""
        time.sleep(TOLD_AFTER_S)
        lines = [line.rsplit(" ", 1) for line in self.envoy.get("/stats/prometheus").splitlines() if not line.startswith("#")]
        return {name.removesuffix("{}"): float(value) for name, value in lines if name}

    def test_metrics_that_rules_and_dashboard_name_are_exported(self):
        text = (FOLDER / "rules.yaml").read_text() + (FOLDER / "dashboard.json").read_text()
        named = set(re.findall(r"(?<![:\w])backstop_[a-z0-9_]+(?![:\w])", text))
        exported = {name.split("{")[0] for name in self.exported()}
        named = {name for name in named if not name.endswith("_")}
        self.assertGreater(len(named), 10)
        self.assertEqual(sorted(named - exported), [])
        for family in ("requests", "findings", "denials", "limited", "origin", "bodies"):
            self.assertTrue(any(name.startswith(f"backstop_{family}_") for name in exported), family)

    def test_gauges(self):
        exported = self.exported()
        self.assertGreater(exported["backstop_rules_detecting"], 0)  # of the listener that was configured last
        self.assertGreater(exported["backstop_rules_blocking"], exported["backstop_rules_detecting"])
        self.assertTrue(1 << 20 < exported["backstop_memory_bytes"] < 16 << 20, exported["backstop_memory_bytes"])

    def test_histograms_take_scores_and_times(self):
        before = self.exported()
        for _ in range(3):
            self.assert_refused(self.send(**PLACES["query value"](ATTACKS["xss"])), "xss")
        self.assert_passes(self.send("POST", "/orders", body="plain words"))

        def grown(name):
            return self.exported()[name] - before[name]

        # Envoy merges the histograms of its workers every five seconds.
        eventually(lambda: grown("backstop_inspection_microseconds_count") >= 4, 8, 0.2)
        self.assertEqual(grown("backstop_score_count"), 3)
        self.assertGreaterEqual(grown("backstop_inspection_microseconds_count"), 4)
        self.assertGreater(grown("backstop_inspection_microseconds_sum"), 4)

    def test_log_queries_find_their_fields(self):
        self.assert_refused(self.send(**PLACES["query value"](ATTACKS["sqli"])), "sqli")
        raw = eventually(lambda: [line for line in self.envoy.log_lines() if '"event":"backstop"' in line])[-1]
        queries = re.findall(r"```logql\n(.*?)\n```", (FOLDER / "logs.md").read_text(), re.S)
        self.assertGreater(len(queries), 5)
        for query in queries:
            with self.subTest(query):
                if "| json" not in query:
                    continue
                self.assertIn('|= `"event":"backstop"`', query)
                cut = re.search(re.search(r"regexp `(.*?)`", query)[1], raw)
                event = json.loads(cut["json"])
                asked = query.split("| json", 1)[1]
                fields = set(re.findall(r"\{\{\.(\w+)\}\}|\| (\w+)\s*(?:=|!=)", asked))
                grouped = re.findall(r"by \(([\w, ]+)\)", query)
                names = {name for pair in fields for name in pair if name} | {n.strip() for group in grouped for n in group.split(",")}
                self.assertTrue(names)
                self.assertEqual(names - set(event), set())
