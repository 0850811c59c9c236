"""`make drill`: every alert that one machine can provoke, in real Envoys watched by a real Prometheus.

The rules are those of istio/monitoring/rules.yaml with every duration sixty times shorter; what else is different is in
CHANGED. First nothing must fire, then each alert must.
"""

import sys
import time

import yaml

from harness import MODULE, Problem
from harness.binaries import one_to_run
from harness.envoy import require_module
from monitoring.prometheus import RULES, Prometheus, hurried
from monitoring.scene import Scene

FACTOR = 60
QUIET_S, PATIENCE_S = 25, 120
# Thresholds that a drill cannot wait for or would have to break the machine for.
CHANGED = {"> 30 * 24 * 3600": "> 20", "> 32 * 1024 * 1024": "> 4 * 1024 * 1024"}
# They need istio-agent, which is what fetches modules; thousands of clients at once; and a receiver of reports that is
# down. promtool's tests have all three.
LEFT_OUT = {"BackstopModuleNotLoaded", "BackstopLimitTableFull", "BackstopReportsFail"}


def main():
    require_module(MODULE)
    shipped = text = RULES.read_text()
    for old, new in CHANGED.items():
        if old not in text:
            raise Problem(f"rules.yaml no longer says {old!r}: correct CHANGED in tests/monitoring/drill.py")
        text = text.replace(old, new)
    names = [rule["alert"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"] if "alert" in rule]
    wanted = set(names) - LEFT_OUT
    binary = one_to_run()
    print(f"{binary.label}; durations / {FACTOR}, and {CHANGED}; left out: {', '.join(sorted(LEFT_OUT))}\n", flush=True)
    with Scene(binary) as scene:
        with Prometheus(scene.targets(), hurried(shipped, FACTOR)) as prometheus:
            fired = watch(prometheus, set(), QUIET_S)
            print(f"  quiet for {QUIET_S} s: {', '.join(sorted(fired)) or 'nothing fires'}", flush=True)
            failed = bool(fired)
        scene.add_broken()
        with Prometheus(scene.targets(), hurried(text, FACTOR)) as prometheus:
            watch(prometheus, set(), 15)
            scene.provoke()
            fired = watch(prometheus, wanted, PATIENCE_S)
            errors = prometheus.rule_errors()
    for name in names:
        seconds, alert = fired.get(name, (None, None))
        if alert:
            print(f"  {name:<28} after {seconds:>5.1f} s  {alert['annotations']['summary']}")
        elif name in wanted:
            print(f"  {name:<28} did NOT fire within {PATIENCE_S} s")
    for name, why in errors.items():
        print(f"  rule {name}: {why}")
    missing = wanted - set(fired)
    failed = failed or bool(missing) or bool(errors)
    print(f"\n{len(wanted) - len(missing)} passed, {len(missing) + len(errors)} failed")
    return 1 if failed else 0


def watch(prometheus, wanted, seconds):
    """What fires within so many seconds, each with when; ends early once all that is wanted has."""
    began, fired = time.monotonic(), {}
    while time.monotonic() - began < seconds and not (wanted and wanted <= set(fired)):
        for name, alert in prometheus.alerts().items():
            fired.setdefault(name, (time.monotonic() - began, alert))
        time.sleep(0.5)
    return fired


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Problem as problem:
        sys.exit(f"drill: {problem}")
