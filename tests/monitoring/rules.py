"""`make monitoring`: writes istio/monitoring/prometheusrule.yaml from rules.yaml. `make test-monitoring` holds everything
in istio/monitoring against promtool, and against each other."""

import json
import re
import subprocess
import sys

import yaml

from harness import ROOT, Problem
from monitoring.prometheus import RULES, program, scrape_job

FOLDER = RULES.parent
RESOURCE = FOLDER / "prometheusrule.yaml"
HEAD = """# Made by `make monitoring` from rules.yaml: change that one.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: backstop
spec:
"""


def resource():
    """The same groups as a resource of the Prometheus operator (monitoring.coreos.com/v1)."""
    text = RULES.read_text()
    groups = text[text.index("groups:") :]
    return HEAD + "".join(f"  {line}" if line.strip() else line for line in groups.splitlines(keepends=True))


def mistakes():
    """What does not fit together, a sentence each."""
    for words in (
        ["check", "rules", RULES.name],
        ["test", "rules", "rules_test.yaml"],
        ["test", "rules", "rules_month_test.yaml"],
    ):
        run = subprocess.run([program("promtool"), *words], cwd=FOLDER, capture_output=True, text=True)
        if run.returncode:
            yield f"promtool {' '.join(words)}: {run.stdout} {run.stderr}"
    yield from scrape_mistakes()
    if RESOURCE.read_text() != resource():
        yield "prometheusrule.yaml is not what rules.yaml makes: run 'make monitoring'"
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    alerts = {rule["alert"]: rule for rule in rules if "alert" in rule}
    pages = {page.stem for page in (FOLDER / "runbook").glob("*.md")}
    yield from (f"{name} has no page in runbook/" for name in alerts.keys() - pages)
    yield from (f"runbook/{name}.md is about no alert" for name in pages - alerts.keys())
    readme = (FOLDER / "README.md").read_text()
    tests = "".join((FOLDER / name).read_text() for name in ("rules_test.yaml", "rules_month_test.yaml"))
    for name, rule in alerts.items():
        if f"(runbook/{name}.md)" not in readme:
            yield f"README.md does not name {name} with its page"
        if rule["annotations"]["runbook"] != f"istio/monitoring/runbook/{name}.md":
            yield f"{name} names another page than its own"
        if not re.search(rf"alertname: {name}\n\s+exp_alerts:", tests):
            yield f"no test sees {name} fire"
        if not re.search(rf"alertname: {name}(}}|\n(?!\s+exp_alerts))", tests):
            yield f"no test sees {name} silent"
    recorded = {rule["record"] for rule in rules if "record" in rule}
    queries = RULES.read_text() + (FOLDER / "dashboard.json").read_text()
    yield from (f"nothing records {name}" for name in set(re.findall(r"\b\w+:(?:backstop|proxy)_\w+:\w+", queries)) - recorded)
    panels = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
    for panel in panels:
        if panel["type"] != "row" and not (panel["description"] and all(target["expr"] for target in panel["targets"])):
            yield f"the panel {panel['title']} has no description or an empty query"


def scrape_mistakes():
    """What is wrong with scrape.yaml (the drill scrapes by it), and where podmonitor.yaml says something else."""
    relabelings = [rule for rule in scrape_job()["relabel_configs"] if rule.get("regex") != ".*-envoy-prom"]  # its `port`
    words = {"source_labels": "sourceLabels", "target_label": "targetLabel"}
    expected = [{words.get(key, key): value for key, value in rule.items()} for rule in relabelings]
    monitor = yaml.safe_load((FOLDER / "podmonitor.yaml").read_text())
    if monitor["spec"]["podMetricsEndpoints"][0]["relabelings"] != expected:
        yield "podmonitor.yaml and scrape.yaml do not say the same"
    workload = next(rule["regex"] for rule in relabelings if rule.get("target_label") == "workload")
    for pod, name in {"edge-0": "edge", "cart-service-12": "cart-service", "shop-api-7d9c5b8f6d-x2x4z": "shop-api"}.items():
        if (found := re.fullmatch(workload, pod)) is None or found[1] != name:
            yield f"scrape.yaml takes {pod} for the workload {found and found[1]}, not {name}"


def main(words):
    if words == ["write"]:
        RESOURCE.write_text(resource())
        return 0
    found = list(mistakes())
    for text in found:
        print(f"  {text}")
    count = len(re.findall(r"alertname:", (FOLDER / "rules_test.yaml").read_text()))
    print(f"test-monitoring: {max(0, count - len(found))} passed, {len(found)} failed")
    return 1 if found else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Problem as problem:
        sys.exit(f"test-monitoring: {problem}")
